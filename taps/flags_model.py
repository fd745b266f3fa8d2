"""What is wrong at a tap, as frozen values, and what may become of it: pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import BadInput
from core.lifecycle import Lifecycle

MOST_WORDS = 160
# Within this time two reports speak of the same thing: a repeat, or a second witness.
WITHIN = timedelta(days=30)


class FlagKind(StrEnum):
    """What somebody saw."""

    UNREGISTERED = "unregistered"  # a connection, or people, that nobody registered
    BURST = "burst"
    NO_WATER = "no_water"
    DIRTY_WATER = "dirty_water"
    RUBBISH = "rubbish"
    MONEY = "money"
    OTHER = "other"


class Source(StrEnum):
    """Who says so."""

    RESIDENT = "resident"
    CARETAKER = "caretaker"
    DETECTED = "detected"


class Rule(StrEnum):
    """Which rule of requirement T4 detected it."""

    CROWDED = "crowded"  # a third more people counted than registered
    TWO_REPORTS = "two_reports"  # by different phones within 30 days
    OVERSOLD = "oversold"  # underpaid, with more water sold than billed


class FlagState(StrEnum):
    """Where the work on a flag stands."""

    OPEN = "open"
    VISITED = "visited"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"


S = FlagState

# (event, from, to). What was resolved stays so: a new report opens a new flag.
FLAG_TABLE: tuple[tuple[str, S, S], ...] = (
    ("visit", S.OPEN, S.VISITED),
    ("confirm", S.OPEN, S.CONFIRMED),
    ("confirm", S.VISITED, S.CONFIRMED),
    ("clear", S.OPEN, S.CLEARED),
    ("clear", S.VISITED, S.CLEARED),
)
FLAG = Lifecycle("flag", FlagState, FLAG_TABLE)
EVENT_TO = {target: event for event, _, target in FLAG_TABLE}
UNRESOLVED = (S.OPEN, S.VISITED)


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody tells about a tap; `tap_id` None is another place, which the words then name."""

    kind: FlagKind
    tap_id: str | None
    words: str
    msisdn: str
    source: Source


@dataclass(frozen=True, slots=True)
class Flag:
    """A thing to be looked into.

    `zone` is that of its tap, None without one; `reported_by` a phone, None where a `rule` found it; `owner`
    the user who sees to it.
    """

    flag_id: str
    number: int
    kind: FlagKind
    tap_id: str | None
    zone: str | None
    words: str
    reported_by: str | None
    source: Source
    rule: Rule | None
    owner: str | None
    state: FlagState
    created_at: datetime
    version: int

    @property
    def reference(self) -> str:
        """The name that people use for it."""
        return reference(self.number)

    @property
    def is_resolved(self) -> bool:
        """Whether nobody needs to look any more."""
        return self.state not in UNRESOLVED


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a flag's history.

    `from_state` is None at its opening, and the same as `to_state` where it only got an owner.
    """

    at: datetime
    event: str
    from_state: str | None
    to_state: str
    actor: str
    note: str


def reference(number: int) -> str:
    """Return `F-0042`: flags are counted from 1 over the whole installation.

    It is dictated by phone and typed on keypads, so it is as short as it can be and its digits alone are
    enough. It has no check digit: every answer about a flag repeats its tap and kind, which shows a slip.
    """
    return f"F-{number:04d}"


_REFERENCE = re.compile(r"\s*[fF]?[\s-]*0*([1-9]\d{0,8})\s*", re.ASCII)


def read_reference(text: str) -> int:
    """Return the number of `F-0042`, `f42` or `42`; raises BadInput (bad_reference)."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        raise BadInput(f"{text[:20]!r} is not a reference like F-0042", code="bad_reference")
    return int(found[1])


def clean_words(text: str) -> str:
    """Return somebody's own words in one line of at most 160 characters that can all be shown."""
    whole = unicodedata.normalize("NFC", text[: MOST_WORDS * 4])
    spaced = "".join(" " if c.isspace() else c for c in whole)
    shown = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    return " ".join(shown.split())[:MOST_WORDS].rstrip()


def same(flag: Flag, report: Report, now: datetime) -> bool:
    """Say whether a report repeats what its phone reported before.

    It does while the flag is unresolved and younger than 30 days. Without a tap only the words tell places
    apart, so they must be the same too.
    """
    told = (report.msisdn, report.tap_id, report.kind)
    if flag.is_resolved or now - flag.created_at >= WITHIN:
        return False
    if (flag.reported_by, flag.tap_id, flag.kind) != told:
        return False
    return report.tap_id is not None or flag.words.casefold() == clean_words(report.words).casefold()


def first_told(flags: Iterable[Flag], report: Report, now: datetime) -> Flag | None:
    """Return the oldest flag that a report repeats."""
    known = [flag for flag in flags if same(flag, report, now)]
    return min(known, key=lambda flag: flag.number, default=None)
