"""Calls in memory, with the database behind them.

One process may trust its memory, which spares a query for each hop; where several web processes share the
callers, a hop of the same call may have been answered elsewhere, so the database is always asked.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime
from gateway.sessions.tables import ussd_hops, ussd_sessions
from ussd_menus.facts import Dropped
from ussd_menus.session import Session, loads

Key = tuple[str, str]  # channel, the aggregator's session id
RESUME_WITHIN = timedelta(minutes=10)

_JOINED = sa.join(ussd_sessions, ussd_hops, ussd_hops.c.session_id == ussd_sessions.c.session_id)
_HOPS = (
    sa.select(
        ussd_sessions.c.session_id,
        ussd_sessions.c.channel,
        ussd_sessions.c.external_id,
        ussd_sessions.c.msisdn,
        ussd_hops.c.hop_no,
        ussd_hops.c.text,
        ussd_hops.c.reply,
        ussd_hops.c.state,
        ussd_hops.c.screen,
        ussd_hops.c.is_end,
    )
    .select_from(_JOINED)
    .order_by(ussd_sessions.c.session_id, ussd_hops.c.hop_no)
)
# The last hop of each phone's latest call, found by index however many calls a phone makes.
_other, _later = ussd_sessions.alias("other"), ussd_hops.alias("later")
_LAST_CALL = (
    sa.select(_other.c.session_id)
    .where(_other.c.msisdn == ussd_sessions.c.msisdn)
    .order_by(_other.c.started_at.desc(), _other.c.session_id.desc())
    .limit(1)
    .correlate(ussd_sessions)
    .scalar_subquery()
)
_LAST_HOP = (
    sa.select(sa.func.max(_later.c.hop_no))
    .where(_later.c.session_id == ussd_sessions.c.session_id)
    .correlate(ussd_sessions)
    .scalar_subquery()
)
_RECENT = (
    sa.select(ussd_sessions.c.msisdn, ussd_hops.c.state, ussd_hops.c.at)
    .select_from(_JOINED)
    .where(
        ussd_sessions.c.started_at > sa.bindparam("started", type_=UtcDateTime),
        ussd_sessions.c.session_id == _LAST_CALL,
        ussd_hops.c.hop_no == _LAST_HOP,
        ussd_hops.c.at > sa.bindparam("since", type_=UtcDateTime),
        ~ussd_hops.c.is_end,
    )
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call so far: its last text, where the caller stands, and every reply given."""

    session_id: str
    msisdn: str
    session: Session
    text: str
    hop_no: int
    is_end: bool
    replies: dict[str, str] = field(default_factory=dict)  # whole text -> reply
    screen: str = ""


class Calls:
    """Finds calls by the aggregator's session id."""

    def __init__(self, *, trust_memory: bool, capacity: int = 10_000) -> None:
        self._trusts_memory = trust_memory
        self._capacity = capacity
        self._memory: OrderedDict[Key, Call] = OrderedDict()

    async def load(self, connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the calls that exist, from memory where it may be trusted."""
        found: dict[Key, Call] = {}
        if self._trusts_memory:
            found = {key: self._memory[key] for key in keys if key in self._memory}
        missing = set(keys) - found.keys()
        if missing:
            found |= await _load(connection, missing)
        return found

    def remember(self, calls: dict[Key, Call]) -> None:
        """Keep calls in memory, after their hops are committed."""
        if not self._trusts_memory:
            return
        for key, call in calls.items():
            self._memory[key] = call
            self._memory.move_to_end(key)
        while len(self._memory) > self._capacity:
            self._memory.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory; the database still knows."""
        self._memory.clear()


async def _load(connection: AsyncConnection, keys: set[Key]) -> dict[Key, Call]:
    rows = await bulk.fetch(connection, _HOPS, ussd_sessions.c.external_id, {key[1] for key in keys})
    by_key: dict[Key, list[sa.Row[Any]]] = {}
    for row in rows:
        key = (row.channel, row.external_id)
        if key in keys:
            by_key.setdefault(key, []).append(row)
    return {key: _call(hops) for key, hops in by_key.items()}


def _call(rows: Sequence[sa.Row[Any]]) -> Call:
    last = rows[-1]
    hops = [row for row in rows if row.session_id == last.session_id]
    return Call(
        session_id=last.session_id,
        msisdn=last.msisdn,
        session=loads(last.state),
        text=last.text,
        hop_no=last.hop_no,
        is_end=last.is_end,
        replies={hop.text: hop.reply for hop in hops},
        screen=last.screen,
    )


async def dropped(connection: AsyncConnection, msisdns: Iterable[str], now: datetime) -> dict[str, Dropped]:
    """Return each phone's latest call, where it stopped without an END within the last ten minutes."""
    recent = {"since": now - RESUME_WITHIN, "started": now - 2 * RESUME_WITHIN}
    rows = await bulk.fetch(connection, _RECENT, ussd_sessions.c.msisdn, msisdns, recent)
    return {row.msisdn: Dropped(loads(row.state), row.at) for row in rows}
