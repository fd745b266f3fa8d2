from dataclasses import replace

import pytest

from core.i18n import Catalogues
from ussd_menus import lint
from ussd_menus.outcome import CATALOGUES, Screen
from ussd_menus.samples import CALLER, World
from ussd_menus.session import Session
from ussd_menus.walk import Seen

ENGLISH = {key: CATALOGUES.template(key, "en") for key in CATALOGUES.keys("en")}
SMALL = {"new phone": World()}


def test_the_menu_has_no_problem_in_any_language():
    assert lint.run() == []


def _seen(text, state="debt", options=(), keys=(), name=None, *, is_end=False):
    session = Session(msisdn=CALLER, state=state, options=options)
    return Seen("w", keys, session, Screen(name or state, text, is_end))


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (_seen("x" * 154 + "\n0 Back"), "1"),
        (_seen("ŵ\n0 Back"), "1"),
        (_seen("To  pay\n0 Back"), "1"),
        (_seen("To pay \n0 Back"), "1"),
        (_seen("Hello\n1 A\n1 B\n0 Back", options=("a", "b")), "2"),
        (_seen("Hello\n1 A\n3 B\n0 Back", options=("a", "b")), "2"),
        (_seen("Hello\n0 Back\n1 A", options=("a",)), "2"),
        (_seen("Hello\n1 A\n98 More\n0 Back", options=("a",)), "2"),
        (_seen("Hello\n1 A\n0 Back", options=("a", "b")), "2"),
        (_seen("\n".join(["Hi", *(f"{n} A" for n in range(1, 8)), "0 Back"]), options=("a",) * 7), "2"),
        (_seen("Hello\n1 This label is too long for a key\n0 Back", options=("a",)), "2"),
        (_seen("7is no option\n0 Back"), "2"),
        (_seen("Bye, dial *384*1234#\n0 Back", is_end=True), "2"),
        (_seen("Hello\n1 A", options=("a",)), "2"),
        (_seen("Hello", state="waiting"), "2"),
        (_seen("Please wait\n0 Back"), "3"),
        (_seen("Invalid key\n0 Back"), "3"),
        (_seen("See madzi.example or www.x\n0 Back"), "4"),
        (_seen("Dial *123#\n0 Back"), "4"),
        (_seen("Call 0977000000\n0 Back"), "4"),
        (_seen("Type your PIN\n0 Back"), "5"),
        (_seen("You typed 7391.\n0 Back", keys=("1", "7391")), "5"),
        (_seen("Bye", is_end=True), "7"),
        (_seen("Nothing was taken\n0 Back"), "8"),
        (_seen("Waiting\n1 A", state="waiting", options=("a",)), "8"),
        (_seen(". ".join(["a b c"] * 11) + "\n0 Back"), "12"),
        (_seen(" ".join(["a"] * 15) + "\n0 Back"), "12"),
        (_seen("Understandably\n0 Back"), "12"),
    ],
)
def test_a_bad_screen_is_found(seen, rule):
    assert rule in {problem.rule for problem in lint.check(seen)}


@pytest.mark.parametrize(
    ("language", "text", "rule"),
    [
        ("ny", "Ndalama zanu sizinachoke\n0 Bwelelani", "8"),
        ("ny", "Tikali kuyembekeza\n1 Onaninso", "8"),
        ("ny", "Kuba manzi\n0 Bwelelani", "3"),
        ("bem", "Tucili tulelolela\n1 Moneni nakabili", "8"),
        ("bem", "Ukwiba amenshi\n0 Bweleleni", "3"),
    ],
)
def test_a_bad_screen_is_found_by_the_words_of_its_language(language, text, rule):
    waiting = _seen(text, state="waiting", options=("check",) * text.count("1 "))
    assert rule in {problem.rule for problem in lint.check(waiting, language)}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ny", "Tikali kuyembekeza MTN MoMo. Musalipilenso.\n1 Onaninso"),
        ("bem", "Tucili tulelolela ba MTN MoMo. Mwilipila nakabili.\n1 Moneni nakabili"),
        ("xx", "Nobody has said yet what this language promises, or how long its words are\n1 Go"),
    ],
)
def test_a_good_screen_of_a_language_is_not(language, text):
    assert list(lint.check(_seen(text, state="waiting", options=("check",)), language)) == []


def test_a_good_screen_is_not():
    text = "KNY-0417-1 (241703), Nov\nWater K20.00\nTo pay: K7391.00\n1 Pay all\n2 Pay part\n0 Back"
    assert list(lint.check(_seen(text, options=("all", "part"), keys=("7391",)))) == []


def test_a_screen_too_long_in_another_language_is_found_there():
    longer = ENGLISH | {"main": "Madzi " * 20}
    problems = lint.lint(Catalogues({"en": ENGLISH, "xx": longer}), SMALL)
    assert {(problem.language, problem.rule) for problem in problems} >= {("xx", "1")}
    assert {problem.language for problem in problems} == {"xx"}


def test_missing_strange_and_differing_texts_are_found():
    other = {**ENGLISH, "tap.wrong": "Xyz {number}", "no.such": "x"}
    del other["taps"]
    problems = lint.lint(Catalogues({"en": ENGLISH, "xx": other}), {})
    found = {(problem.where, problem.detail.split(" ")[0]) for problem in problems}
    assert ("main", "left") in found
    assert {(where, detail) for where, detail in found if detail != "left"} == {
        ("tap.wrong", "placeholders"),
        ("no.such", "English"),
        ("taps", "not"),
    }


def test_a_text_that_no_screen_says_is_found():
    problems = lint.lint(Catalogues({"en": ENGLISH | {"lonely": "Nobody says this"}}))
    assert [(problem.where, problem.rule) for problem in problems] == [("lonely", "reach")]


def test_a_problem_reads_as_one_line():
    problem = lint.Problem("en", "main", "1", "too long", "1*2")
    assert str(problem) == "en main: rule 1, too long, keys 1*2"
    assert str(replace(problem, how="")) == "en main: rule 1, too long"
