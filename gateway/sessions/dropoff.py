"""Where callers leave: counted by screen, from what aggregators tell at the end of a call.

Africa's Talking sends back the name of every screen, joined by `|`; where calls are kept does not matter.
What comes from outside may be anything: a name that the menu does not have counts as `other`.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.i18n import ENGLISH
from gateway.sessions.tables import ussd_end_events
from ussd_menus.outcome import CATALOGUES
from ussd_menus.screens import SPECS

OTHER = "other"
FINISHED = frozenset({"success"})
_STATUSES = frozenset({"success", "incomplete", "failed", "release", "timeout"})


@dataclass(frozen=True, slots=True)
class ScreenUse:
    """How many calls came to a screen, and how many came no further."""

    screen: str
    reached: int
    ended: int  # it was the last one, and the call came to its end
    left: int  # it was the last one, and the call broke off there

    @property
    def left_percent(self) -> float:
        """Return how many of those who reached the screen left there."""
        return 100 * self.left / self.reached


def status_of(told: str) -> str:
    """Return an aggregator's word for how a call ended, as it is counted."""
    status = told.strip().lower()
    return status if status in _STATUSES else OTHER


def screens_of(told: str) -> list[str]:
    """Return the screens of a call, in their order, from what was told at its end."""
    return [_known(name) for name in told.split("|") if name]


class Tally:
    """Adds up calls, each by the screens it came to; a call counts once for a screen."""

    def __init__(self) -> None:
        self._reached: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._left: Counter[str] = Counter()

    def add(self, told: str, status: str, calls: int = 1) -> None:
        """Count calls that were told of in the same words."""
        screens = screens_of(told)
        if not screens:
            return
        for screen in set(screens):
            self._reached[screen] += calls
        last = self._ended if status_of(status) in FINISHED else self._left
        last[screens[-1]] += calls

    def uses(self) -> list[ScreenUse]:
        """Return the use of every screen, the one most left first."""
        found = [ScreenUse(name, n, self._ended[name], self._left[name]) for name, n in self._reached.items()]
        return sorted(found, key=lambda use: (-use.left, -use.reached, use.screen))


async def read(connection: AsyncConnection, since: datetime) -> list[ScreenUse]:
    """Return the use of every screen by the calls that ended since then (they are kept for 30 days)."""
    events = ussd_end_events.c
    query = (
        sa.select(events.hops_metadata, events.status, sa.func.count())
        .where(events.received_at >= since, events.hops_metadata != "")
        .group_by(events.hops_metadata, events.status)
    )
    tally = Tally()
    async for told, status, calls in await connection.stream(query):
        tally.add(told, status, calls)
    return tally.uses()


@cache
def _names() -> frozenset[str]:
    return frozenset(SPECS) | frozenset(CATALOGUES.keys(ENGLISH))


def _known(name: str) -> str:
    """Return a screen's name; one that is a variety of a screen (`last.pending`) is known with it."""
    if name in _names():
        return name
    screen = name.partition(".")[0]
    return screen if screen in SPECS else OTHER
