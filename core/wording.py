"""What every catalogue keeps to, whatever it speaks of: the checks that the rooms' lints share.

Numbers are those of reference texts §5. Words, spellings and loans of Nyanja and Bemba follow the glossary in
`docs/languages.md`; a language that is not listed here is checked all the same, with no words of its own.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter

from core.i18n import ENGLISH, Catalogues

_FIELD = re.compile(r"{\w+}")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SHORTEST_ENGLISH = 3  # shorter words look alike in too many languages: a, no, to
# English words that people in Lusaka say in Nyanja and Bemba too, and our own name.
LOANS = frozenset(
    {
        *("agent", "bill", "call", "card", "caretaker", "cash", "cents", "dial"),
        *("kwacha", "limit", "link", "list", "madzi"),
        *(
            "connection",
            "illegal",
            "menu",
            "minute",
            "neba",
            "plate",
            "receipt",
            "share",
            "tap",
            "tenant",
            "zone",
        ),
        *("english", "nyanja", "bemba"),
    }
)
# Promises that rules 7 and 8 look for; one wording each.
NOTHING_TAKEN, NOT_AGAIN, NOTHING_TO_DO = "nothing taken", "not again", "nothing to do"


@dataclass(frozen=True, slots=True)
class Language:
    """What a language may not say, how it is not spelt, and how it words a promise."""

    banned: frozenset[str] = frozenset()
    misspelt: re.Pattern[str] | None = None  # found in no word of this language, loans apart
    promises: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most_words: int | None = None  # None: its reviewers have not said yet
    most_in_sentence: int | None = None
    longest_word: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A text that breaks a rule of all catalogues; `check` is its number in the reference."""

    language: str
    key: str
    check: int
    detail: str


LANGUAGES = {
    ENGLISH: Language(
        banned=frozenset(
            {
                *("invalid", "error", "failed", "failure", "please", "sorry", "oops", "dear", "customer"),
                *(
                    "kindly",
                    "transaction",
                    "session",
                    "request",
                    "time-out",
                    "timeout",
                    "successful",
                    "pending",
                ),
                *("processing", "insufficient", "confirm", "select", "option", "enter", "credit", "account"),
                *("service", "msisdn", "ussd", "stk"),
            }
        ),
        promises={
            NOTHING_TAKEN: ("Nothing was taken",),
            NOT_AGAIN: ("Do not pay again",),
            NOTHING_TO_DO: ("Nothing to do", "Do nothing"),
        },
        most_words=30,
        most_in_sentence=14,
        longest_word=10,
    ),
    # Court case, steal, fine, tax, singular you; then school or Malawian for what has a Lusaka word, and
    # `ni`, `ndi` (is, and), where town and school part: written around.
    "ny": Language(
        banned=frozenset(
            {
                *("mlandu", "milandu", "umulandu", "kuba", "kulipilitsa", "msonkho", "musonkho", "iwe"),
                *("lowetsani", "tsimikizani", "dikilani", "kanizani", "mpopi", "mawa", "lamya", "ndi", "ni"),
            }
        ),
        misspelt=re.compile(r"[rqx]|c(?!h)"),
        promises={
            NOTHING_TAKEN: ("Ndalama zanu sizinachoke",),
            NOT_AGAIN: ("Musalipilenso",),
            NOTHING_TO_DO: ("Musachite kanthu",),
        },
    ),
    # The same, and evicted for removed, in the middle for balance, dirtiness for refuse, Nyanja's or.
    "bem": Language(
        banned=frozenset(
            {
                *("umulandu", "imilandu", "ukwiba", "ukulipilisha", "umusonko", "imisonko", "iwe"),
                *("mwafumishiwa", "pakati", "ubusali", "kapena", "lamya"),
            }
        ),
        misspelt=re.compile(r"[qrvxz]|ch|(?<!n)[dgj]"),
        promises={
            NOTHING_TAKEN: ("Indalama shenu tashifumine",),
            NOT_AGAIN: ("Mwilipila nakabili",),
            NOTHING_TO_DO: ("Mwicita nangu cimo",),
        },
    ),
}


def of(language: str) -> Language:
    """Return the rules of a language; none of its own where nobody has written them down."""
    return LANGUAGES.get(language, Language())


def faults(catalogues: Catalogues) -> Iterator[Fault]:
    """Yield what is wrong with the catalogues of a room, before any data is filled in."""
    vocabulary = _vocabulary(catalogues)
    for language in catalogues.languages:
        for key in sorted(catalogues.keys() - catalogues.keys(language)):
            yield Fault(language, key, 11, "not translated")
        for key in sorted(catalogues.keys(language) - catalogues.keys()):
            yield Fault(language, key, 11, "English has no such key")
        for key in sorted(catalogues.keys(language) & catalogues.keys()):
            for check, detail in _of_key(catalogues, key, language, vocabulary):
                yield Fault(language, key, check, detail)


def spoken(template: str) -> list[str]:
    """Return the words of a template: no placeholders, no keywords in capitals, in lower case."""
    words = _WORD.findall(_FIELD.sub(" ", template))
    return [word.lower() for word in words if len(word) == 1 or not word.isupper()]


Found = Iterator[tuple[int, str]]


def _of_key(catalogues: Catalogues, key: str, language: str, vocabulary: frozenset[str]) -> Found:
    forms = catalogues.forms(key, language)
    english = catalogues.template(key, ENGLISH)
    yield from _plural(catalogues, key, language)
    for form in forms:
        if fields(form) != fields(english):
            yield 11, f"placeholders {fields(form)} are not {fields(english)}"
        yield from _letters(form)
        yield from ((3, f"the word {word!r}") for word in sorted({*spoken(form)} & of(language).banned))
        if language != ENGLISH:
            yield from _left_over(form, english, vocabulary)
            yield from _spelling(form, of(language).misspelt)


def fields(template: str) -> list[str]:
    """Return the placeholders of a template, sorted."""
    return sorted(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def _plural(catalogues: Catalogues, key: str, language: str) -> Found:
    forms, wanted = catalogues.forms(key, language), 1
    if len(catalogues.forms(key, ENGLISH)) > 1:
        wanted = catalogues.plural_forms(language)
    if len(forms) != wanted or not all(forms):
        yield 11, f"{sum(map(bool, forms))} plural forms instead of {wanted}"


def _letters(text: str) -> Found:
    """Yield letters that are not what they look like, or would turn the text into UCS-2."""
    for strange in sorted({char for char in text if not char.isascii()}):
        yield 1, f"the letter U+{ord(strange):04X} {unicodedata.name(strange, '')}".rstrip()


def _left_over(text: str, english: str, vocabulary: frozenset[str]) -> Found:
    words = {word for word in spoken(text) if len(word) >= _SHORTEST_ENGLISH} - LOANS
    if text == english and words:
        yield 11, "left over in English"
    elif words & vocabulary:
        yield 11, f"English left over: {', '.join(sorted(words & vocabulary))}"


def _spelling(text: str, misspelt: re.Pattern[str] | None) -> Found:
    if misspelt:
        wrong = sorted(word for word in {*spoken(text)} - LOANS if misspelt.search(word))
        yield from ((3, f"{word!r} is not spelt so in this language") for word in wrong)


def _vocabulary(catalogues: Catalogues) -> frozenset[str]:
    forms = (form for key in catalogues.keys() for form in catalogues.forms(key, ENGLISH))  # noqa: SIM118 - no mapping
    return frozenset(word for form in forms for word in spoken(form) if len(word) >= _SHORTEST_ENGLISH)
