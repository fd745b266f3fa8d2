import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gsm import fits
from core.i18n import Catalogues, Text
from ussd_menus.outcome import CATALOGUES
from ussd_menus.render import Renderer
from ussd_menus.view import Name, Option, Shown

ENGLISH = Renderer(CATALOGUES, "en", 160)
WIDE = Renderer(CATALOGUES, "en", 182)


def _plain(text):
    return Text("as_is", {"words": text})


def _options(*labels):
    return tuple(Option(f"do:{label}", _plain(label)) for label in labels)


def test_options_are_numbered_and_back_stands_last():
    rendered = ENGLISH.render(Shown((_plain("Which?"),), _options("A", "B")))
    assert rendered.text == "Which?\n1 A\n2 B\n0 Back"
    assert (rendered.options, rendered.more) == (("do:A", "do:B"), 0)


def test_an_error_stands_above_the_head_where_both_fit():
    shown = Shown((_plain("Which?"),), _options("A"))
    assert ENGLISH.render(shown, error=_plain("No.")).text == "No.\nWhich?\n1 A\n0 Back"


def test_an_error_stands_alone_where_they_do_not():
    shown = Shown((_plain("W" * 156),), _options("A"), has_back=False)
    assert ENGLISH.render(shown, error=_plain("No.")).text == "No.\n1 A"


def test_a_long_name_is_cut_and_the_amount_is_not():
    words = {"amount": "K9999.99", "tap": "KNY-0417-1", "provider": Name("N" * 90), "wallet": "0977123456"}
    text = ENGLISH.render(Shown((Text("confirm", words),), _options("A", "B"))).text
    assert fits(text)
    assert text.startswith("Pay K9999.99 for KNY-0417-1 with NNNNN")


def test_a_name_is_folded():
    assert Name("Mu\u0175ale\u2019s \U0001f4a7") == "Muwale's ?"


def test_a_wider_network_gets_more():
    shown = Shown((_plain("W" * 170),), is_end=True)
    assert len(WIDE.render(shown).text) == 170
    assert len(ENGLISH.render(shown).text) == 160


def test_pages_hold_every_line_once():
    lines = tuple(_plain(f"KNY-{n:04d}-1 K9999.99") for n in range(23))
    seen, page = [], 0
    for _ in range(24):
        rendered = ENGLISH.render(Shown((_plain("To pay:"),), _options("Pay"), lines), page)
        assert fits(rendered.text)
        assert ("9 More" in rendered.text) == bool(rendered.more)
        seen += [line for line in rendered.text.split("\n") if line.startswith("KNY")]
        page = rendered.more
        if not page:
            break
    assert seen == [f"KNY-{n:04d}-1 K9999.99" for n in range(23)]


def test_a_page_that_is_no_more_shows_the_first():
    shown = Shown((_plain("Which?"),), _options("A", "B"))
    assert ENGLISH.render(shown, page=7).text == ENGLISH.render(shown).text


def test_a_language_without_a_catalogue_speaks_english():
    assert Renderer(CATALOGUES, "bem", 160).say(Text("lang")) == "Madzi"


def test_a_language_outside_gsm7_has_70_letters():
    wide = Catalogues({"en": {"key.back": "0 Back"}, "am": {"long": "\u1230" * 71, "key.back": "0"}})
    text = Renderer(wide, "am", 160).render(Shown((Text("long"),))).text
    assert fits(text)


@pytest.mark.parametrize("septets", [70, 160, 182])
@given(
    head=st.text(max_size=300),
    labels=st.lists(st.text(max_size=30), max_size=20),
    lines=st.lists(st.text(max_size=60), max_size=20),
    page=st.integers(0, 25),
)
def test_any_data_fits_and_nothing_raises(septets, head, labels, lines, page):
    shown = Shown((_plain(Name(head)),), _options(*labels), tuple(_plain(Name(line)) for line in lines))
    rendered = Renderer(CATALOGUES, "en", septets).render(shown, page, error=_plain("No."))
    assert fits(rendered.text, septets)
