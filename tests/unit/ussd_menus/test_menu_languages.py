"""The screen of languages and the catalogues: each is offered by its own name, and speaks at once."""

import pytest

from ussd_menus.outcome import CATALOGUES, ChooseLanguage, MenuSettings
from ussd_menus.samples import CALLER, NOW, World
from ussd_menus.screens.language import LANGUAGES
from ussd_menus.session import loads
from ussd_menus.step import begin, step
from ussd_menus.walk import answered

SETTINGS = MenuSettings()
NEW = World()


def test_every_catalogue_is_offered_by_its_own_name_in_order():
    assert list(LANGUAGES.items()) == list(CATALOGUES.names.items())


@pytest.mark.parametrize(("key", "language"), [("1", "en"), ("2", "ny"), ("3", "bem")])
def test_a_new_phone_chooses_and_is_spoken_to_in_that_language(key, language):
    first = answered(NEW, lambda facts: begin(CALLER, "", facts, NOW, SETTINGS))
    assert first.screen.text == "Madzi\n1 English\n2 Nyanja\n3 Bemba"

    chosen = answered(NEW, lambda facts: step(first.session, key, facts, NOW, SETTINGS))
    assert chosen.effects == (ChooseLanguage(CALLER, language),)
    assert loads(chosen.session.dumps()).language == language
    assert chosen.screen.text.startswith(CATALOGUES.template("main", language))


@pytest.mark.parametrize("language", CATALOGUES.languages)
def test_the_screen_of_languages_is_the_same_in_each(language):
    assert CATALOGUES.template("lang", language) == "Madzi"
