import pytest

from core import wording
from core.i18n import Catalogues

ENGLISH = {
    "back": "0 Back",
    "code": "{tap} {amount}",
    "list": "List",
    "money": "Pay {amount} for {tap}",
    "months": ("{count} month", "{count} months"),
    "stop": "Send STOP",
}
NYANJA = {
    "back": "0 Bwelelani",
    "code": "{tap} {amount}",
    "list": "List",
    "money": "Lipilani {amount} pa {tap}",
    "months": ("mwezi {count}", "miyezi {count}"),
    "stop": "Tumizani STOP",
}


def found(language="ny", **changed):
    texts = {"ny": NYANJA, "bem": {}, "en": {}}[language] | changed
    texts = {key: text for key, text in texts.items() if text is not None}
    files = {"en": ENGLISH | texts} if language == "en" else {"en": ENGLISH, language: texts}
    return {(fault.key, fault.check, fault.detail) for fault in wording.faults(Catalogues(files))}


def test_good_catalogues_have_no_fault():
    assert found() == set()


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("back", None, (11, "not translated")),
        ("new", "Zina", (11, "English has no such key")),
        ("money", "Lipilani {amount}", (11, "placeholders ['amount'] are not ['amount', 'tap']")),
        ("money", "Lipilani {amount} pa {amount} {tap}", None),
        ("months", ("mwezi", "miyezi {count}"), (11, "placeholders [] are not ['count']")),
        ("months", "miyezi {count}", (11, "1 plural forms instead of 2")),
        ("months", ("mwezi {count}", ""), (11, "1 plural forms instead of 2")),
        ("back", ("0 Bwelelani", "0 Bwelelani"), (11, "2 plural forms instead of 1")),
        ("back", "0 Back", (11, "left over in English")),
        ("money", "Lipilani {amount} for {tap}", (11, "English left over: for")),
        ("back", "0 Bwelel\u0430ni", (1, "the letter U+0430 CYRILLIC SMALL LETTER A")),
        ("back", "0 B\u0175elelani", (1, "the letter U+0175 LATIN SMALL LETTER W WITH CIRCUMFLEX")),
        ("back", "0\u00a0Bwelelani", (1, "the letter U+00A0 NO-BREAK SPACE")),
        ("back", "0 Bwelelani\u200b", (1, "the letter U+200B ZERO WIDTH SPACE")),
        ("back", "0 Bwelelani ndi mlandu", (3, "the word 'mlandu'")),
        ("back", "0 Bwererani", (3, "'bwererani' is not spelt so in this language")),
    ],
)
def test_a_fault_is_named(key, text, fault):
    faults = {(check, detail) for of, check, detail in found(**{key: text}) if of == key}
    if fault is None:
        assert all(detail.startswith("placeholders") for _, detail in faults)
        assert faults
    else:
        assert fault in faults


@pytest.mark.parametrize("text", ["Kuti muchite", "Ng'anda, pang'ono", "Caretaker wa zone", "PIN, SMS, STOP"])
def test_nyanja_loans_and_keywords_are_let_be(text):
    assert found(new=text) == {("new", 11, "English has no such key")}
    assert {of for of, *_ in found(back=text)} == set()


@pytest.mark.parametrize(
    ("word", "is_good"),
    [
        ("cila", True),
        ("chila", False),
        ("ng'anda", True),
        ("dokota", False),
        ("indalama", True),
        ("vuto", False),
    ],
)
def test_bemba_is_spelt_with_its_own_letters(word, is_good):
    details = {detail for key, check, detail in found("bem", back=word) if (key, check) == ("back", 3)}
    assert details == (set() if is_good else {f"{word!r} is not spelt so in this language"})


def test_english_has_banned_words_too():
    assert found("en", back="Please enter") == {
        ("back", 3, "the word 'enter'"),
        ("back", 3, "the word 'please'"),
    }


def test_a_language_that_nobody_has_described_has_no_words_of_its_own():
    assert wording.of("xx") == wording.Language()


def test_every_language_words_the_promises_that_rules_look_for():
    for language in wording.LANGUAGES.values():
        assert set(language.promises) == {wording.NOTHING_TAKEN, wording.NOT_AGAIN, wording.NOTHING_TO_DO}
