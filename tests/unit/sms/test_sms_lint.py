import pytest

from core.i18n import Catalogues
from sms import templates
from sms.lint import lint
from sms.lint_words import OUTCOMES

GOOD = templates.catalogues()
ENGLISH = {key: GOOD.template(key, "en") for key in GOOD.keys()}  # noqa: SIM118 - no mapping: its keys of English


def problems(**changed):
    texts = ENGLISH | {key.replace("__", "."): text for key, text in changed.items()}
    return {(problem.key, problem.check) for problem in lint(Catalogues({"en": texts}))}


def test_the_texts_that_ship_have_no_problem():
    assert [str(problem) for problem in lint(GOOD)] == []


def test_every_event_has_an_outcome_word():
    assert set(OUTCOMES) == {key for key in ENGLISH if not key.startswith("part.")}


@pytest.mark.parametrize(
    ("key", "text", "check"),
    [
        ("paid", ENGLISH["paid"].replace("All paid", "All paid and " + "very " * 25), 1),
        ("paid", ENGLISH["paid"].replace("All paid", "All\u2019s paid"), 1),
        ("paid", ENGLISH["paid"].replace("All paid", "[All] paid"), 1),
        ("paid", ENGLISH["paid"].replace("All paid", "All  paid"), 1),
        ("expired", ENGLISH["expired"] + " ", 1),
        ("expired", ENGLISH["expired"].replace("To pay", "Please"), 3),
        ("expired", ENGLISH["expired"].replace("If money", "See madzi.org. If money"), 4),
        ("expired", ENGLISH["expired"].replace("If money", "Call 0966123456. If money"), 4),
        ("expired", ENGLISH["expired"].replace("{code}", "*384*7#"), 4),
        ("fail.balance", ENGLISH["fail.balance"].replace("Add money", "Keep your PIN"), 5),
        ("paid", ENGLISH["paid"].replace("Madzi: ", "Hello: "), 6),
        ("paid", ENGLISH["paid"].replace("Madzi: Paid", "Madzi: Done,"), 6),
        ("expired", ENGLISH["expired"].replace("Not paid in time: {amount}", "{amount} not paid in time"), 6),
        ("fail.balance", ENGLISH["fail.balance"].replace(", then dial {code}", ""), 7),
        ("expired", ENGLISH["expired"].replace("To pay", "Nothing was taken. To pay"), 8),
        ("wait.sms", ENGLISH["wait.sms"].replace(" Do not pay again.", ""), 8),
        ("wait.long", ENGLISH["wait.long"].replace("by {until}", "in an hour, at {until}"), 9),
        ("paid", ENGLISH["paid"].replace("{receipt}", "") + "{receipt} Keep it.", 10),
        ("fail.balance", ENGLISH["fail.balance"] + "{receipt}", 10),
        ("paid", ENGLISH["paid"] + " {name}", 11),
        ("expired", ENGLISH["expired"].replace("money", "remuneration"), 12),
        ("paid", "Madzi: Paid {amount} for {tap}{period}{when} " + "a b " * 8 + ".{receipt}", 12),
    ],
)
def test_a_text_that_breaks_a_rule_is_named_with_the_rule(key, text, check):
    assert (key, check) in problems(**{key: text})


def test_another_language_needs_every_key_and_every_placeholder():
    bemba = {"paid": "Madzi: Mwalipila {amount} {tap}{period}.{when}{receipt}", "expired": ENGLISH["expired"]}
    found = {
        (p.key, p.detail) for p in lint(Catalogues({"en": ENGLISH, "bem": bemba})) if p.language == "bem"
    }
    assert ("wait.sms", "not translated") in found
    assert ("expired", "left over in English") in found
    assert not any(key == "paid" and "placeholders" in detail for key, detail in found)


def test_a_lost_placeholder_is_found():
    bemba = {"paid": "Madzi: Mwalipila {amount}{period}.{when}{receipt}"}
    found = {
        (p.key, p.detail) for p in lint(Catalogues({"en": ENGLISH, "bem": bemba})) if p.language == "bem"
    }
    assert any(key == "paid" and detail.startswith("placeholders") for key, detail in found)


def test_a_text_that_nothing_says_is_found():
    assert ("new.event", 1) in problems(new__event="Madzi: Paid {amount} for {tap}. Nothing to do.")
