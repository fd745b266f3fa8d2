"""Checks every screen that can be met, with the longest data, in every language (reference texts §5).

Rules are numbered as there; those about SMS are checked by the SMS room.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from core import wording
from core.gsm import fits, measure
from core.i18n import ENGLISH, Catalogues
from ussd_menus.machine import TABLE, mermaid
from ussd_menus.outcome import CATALOGUES
from ussd_menus.samples import SETTINGS, World, worlds
from ussd_menus.screens import SPECS
from ussd_menus.session import END, START
from ussd_menus.typed import may_be_pin
from ussd_menus.walk import Seen, walk

_LINK = re.compile(r"http|www\.|\b[a-z]{2,}\.[a-z]{2,}\b", re.IGNORECASE)
_NUMBER = re.compile(r"\b0\d{9}\b")
_CODE = re.compile(r"\*\d[\d*]*#")
_KEY_LINE = re.compile(r"(\d+) (.*)")
_WITHOUT_BACK = frozenset({"language", "main", "resume", "waiting", "checked"})
_FREE = frozenset(
    {
        *("tap_ask", "neighbour", "part_ask", "number", "status_ask", "cash_part"),
        *("count", "people", "add_phone", "add_name", "add_people"),
    }
)
_WITH_PIN = frozenset({"pin.next", "pin.other", "pin.queue", "help"})
# Payers' own numbers, and those of tenants that a caretaker typed or keeps.
_WITH_NUMBER = frozenset(
    {
        *(
            "confirm",
            "confirm.part",
            "confirm.wait",
            "pin.later",
            "pin.other",
            "cash_sure",
            "tenant",
            "remove_sure",
            "add_sure",
            "tenant.notthere",
        ),
        *("tenant.same", "done.added", "done.updated", "done.moved", "done.removed"),
        *("undone.added", "undone.updated", "undone.moved", "undone.removed"),
    }
)
_WAITING = ("waiting", "checked", "wait.mine", "last.pending")
_MOST_OPTIONS, _MOST_STAFF, _LONGEST_LABEL = 6, 8, 24


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong in a language: `where` is a screen or a key, `how` the keys that lead there."""

    language: str
    where: str
    rule: str
    detail: str
    how: str = ""

    def __str__(self) -> str:
        way = f", keys {self.how}" if self.how else ""
        return f"{self.language} {self.where}: rule {self.rule}, {self.detail}{way}"


def run() -> list[Problem]:
    """Check the catalogues that Madzi speaks with."""
    return lint(CATALOGUES)


def lint(catalogues: Catalogues, samples: Mapping[str, World] | None = None) -> list[Problem]:
    """Return every problem of the menu; an empty list is a good menu."""
    found = {*_table(), *_catalogues(catalogues)}
    for language in catalogues.languages:
        heard = _Recorder(catalogues, language)
        for name, world in (worlds() if samples is None else samples).items():
            for seen in walk(name, world, replace(SETTINGS, catalogues=heard)):
                found |= set(check(seen, language))
        if samples is None:
            silent = catalogues.keys() - heard.used
            found |= {Problem(language, key, "reach", "no screen ever says this text") for key in silent}
    return sorted(found)


def graph() -> str:
    """Return the menu as a Mermaid state diagram."""
    return mermaid()


class _Recorder(Catalogues):
    """Speaks one language whatever the phone chose, and remembers which texts were used."""

    def __init__(self, catalogues: Catalogues, language: str) -> None:
        # All that is not translated is said in English, so that its length is looked at too.
        forms = {key: catalogues.forms(key, language) for key in catalogues.keys()}  # noqa: SIM118 - no mapping
        super().__init__({ENGLISH: {key: one[0] if len(one) == 1 else one for key, one in forms.items()}})
        self.used: set[str] = set()

    def template(self, key: str, language: str, count: object = None) -> str:
        """Return the template, and remember it."""
        self.used.add(key)
        return super().template(key, language, count)


def check(seen: Seen, language: str = ENGLISH) -> Iterator[Problem]:
    """Yield what is wrong with one screen in a language."""
    own = wording.of(language)
    rules = (*_fits(seen), *_keys(seen), *_words(seen, own), *_secrets(seen), *_guides(seen, own))
    for rule, detail in rules:
        yield Problem(
            language, seen.screen.name, rule, f"{detail}: {seen.screen.text!r}", "*".join(seen.keys)
        )


def _fits(seen: Seen) -> Iterator[tuple[str, str]]:
    text = seen.screen.text
    if not fits(text, SETTINGS.septets):
        yield "1", f"{measure(text).units} units do not fit"
    if measure(text).encoding != "gsm7":
        yield "1", "a letter outside GSM-7"
    if re.search(r"\t|  |[ \n]$| \n", text):
        yield "1", "tab, double space or space at the end of a line"


def _keys(seen: Seen) -> Iterator[tuple[str, str]]:
    screen = seen.screen
    found = [(int(m[1]), m[2]) for line in screen.text.split("\n") if (m := _KEY_LINE.fullmatch(line))]
    keys = [key for key, _ in found]
    numbered = [key for key in keys if key not in (0, 9)]
    tail = [key for key in keys if key in (0, 9)]
    if (
        numbered != list(range(1, len(numbered) + 1))
        or keys != numbered + tail
        or tail not in ([], [0], [9, 0])
    ):
        yield "2", f"keys stand as {keys}"
    if len(numbered) > (_MOST_STAFF if screen.name == "main.staff" else _MOST_OPTIONS):
        yield "2", "too many options"
    if len(numbered) != len(seen.session.options):
        yield "2", "keys shown are not the keys understood"
    if any(measure(label).units > _LONGEST_LABEL for _, label in found):
        yield "2", "an option is too long"
    if any(line[:1].isdigit() and not _KEY_LINE.fullmatch(line) for line in screen.text.split("\n")):
        yield "2", "a line that is no option starts with a digit"
    if screen.is_end and keys:
        yield "2", "an END has options"
    if not screen.is_end and 0 not in keys and seen.session.state not in _WITHOUT_BACK:
        yield "2", "no way back"
    if not screen.is_end and not keys and seen.session.state not in _FREE:
        yield "2", "a dead end"


def _words(seen: Seen, own: wording.Language) -> Iterator[tuple[str, str]]:
    text = _without_data(seen.screen.text)
    words = re.findall(r"[A-Za-z]+", text)
    for banned in sorted({word.lower() for word in words} & own.banned):
        yield "3", f"the word {banned}"
    lines = [re.sub(r"^\d ", "", line) for line in text.split("\n")]
    # After a wrong key the rest of the screen has been read before.
    if own.most_words and len(" ".join(lines).split()) > own.most_words and not seen.session.errors:
        yield "12", "too many words"
    sentences = re.split(r"[.?!:](?:\s|$)|\n", text)
    if own.most_in_sentence and any(len(one.split()) > own.most_in_sentence for one in sentences):
        yield "12", "a long sentence"
    if own.longest_word and (long := [word for word in words if len(word) > own.longest_word]):
        yield "12", f"long words {long}"


def _without_data(text: str) -> str:
    """Take out codes, amounts, TapIDs and capitals (names): they are not words of ours."""
    return re.sub(r"\*\d[\d*]*#|\b[A-Z]{2,}[\w.-]*\b", "X", text)


def _secrets(seen: Seen) -> Iterator[tuple[str, str]]:
    screen = seen.screen
    if _LINK.search(re.sub(r"MP\d{6}[\w.]*", "", screen.text)):
        yield "4", "a link"
    if any(code != SETTINGS.service_code for code in _CODE.findall(screen.text)):
        yield "4", "a code that is not ours"
    strange = [n for n in _NUMBER.findall(screen.text) if n not in (SETTINGS.support_phone, "0961234567")]
    if strange and screen.name not in _WITH_NUMBER and not any(n in seen.keys for n in strange):
        yield "4", "a phone number"
    if "PIN" in screen.text and screen.name not in _WITH_PIN:
        yield "5", "PIN is named"
    typed = seen.keys[-1] if seen.keys else ""
    # As an amount of money (7391.00) it may stand.
    if may_be_pin(typed) and re.search(rf"(?<!\d){typed}(?!\.?\d)", screen.text):
        yield "5", "what may be a PIN is shown"


def _guides(seen: Seen, own: wording.Language) -> Iterator[tuple[str, str]]:
    screen = seen.screen

    def promised(promise: str) -> bool:
        return any(words in screen.text for words in own.promises.get(promise, ()))

    has_step = SETTINGS.service_code in screen.text or SETTINGS.support_phone in screen.text
    if screen.is_end and not has_step and not promised(wording.NOTHING_TO_DO):
        yield "7", "an END without a next step"
    if promised(wording.NOTHING_TAKEN):
        yield "8", "a screen can not know that nothing was taken"
    asks = screen.name in _WAITING and wording.NOT_AGAIN in own.promises and seen.session.errors == 0
    if asks and not promised(wording.NOT_AGAIN):
        yield "8", "waiting without Do not pay again"


def _catalogues(catalogues: Catalogues) -> Iterator[Problem]:
    for fault in wording.faults(catalogues):
        yield Problem(fault.language, fault.key, str(fault.check), fault.detail)


def _table() -> Iterator[Problem]:
    for event, source, target in TABLE:
        if target not in SPECS:
            yield Problem("", source, "table", f"{event} leads to {target}, which is no screen")
    for name in sorted(SPECS.keys() - reachable()):
        yield Problem("", name, "table", "no way leads to this screen")


def reachable(start: str = START, arcs: Iterable[tuple[str, str, str]] = TABLE) -> set[str]:
    """Return the screens that some chain of events leads to."""
    arcs = list(arcs)
    met, edge = {start}, {start}
    while edge:  # bounded: `met` grows by at least one screen a round
        edge = {target for _, source, target in arcs if source in edge} - met
        met |= edge
    return met


def dead_ends() -> set[str]:
    """Return screens other than the end from which no chain of events reaches the end."""
    return {name for name in SPECS if name != END and END not in reachable(name)}
