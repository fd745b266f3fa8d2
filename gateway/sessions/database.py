"""Calls in the database, in the transaction of what their hops cause, with this process's memory in front.

One process may trust its memory, which spares a query for each hop; where several web processes share the
callers, a hop of the same call may have been answered elsewhere, so the database is always asked.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime
from gateway.channels.hop import Hop, Reply
from gateway.sessions.calls import RESUME_WITHIN, Call, Key, Question
from gateway.sessions.tables import ussd_hops, ussd_sessions
from ussd_menus.facts import Dropped
from ussd_menus.session import loads

_s, _h = ussd_sessions.c, ussd_hops.c
_JOINED = sa.join(ussd_sessions, ussd_hops, _h.session_id == _s.session_id)
_HOPS = (
    sa.select(
        _s.session_id, _s.channel, _s.external_id, _s.turn, _s.msisdn,
        _h.hop_no, _h.text, _h.reply, _h.state, _h.screen, _h.is_end, _h.at,
    )
    .select_from(_JOINED)
    .order_by(_s.turn, _h.hop_no)
)  # fmt: skip
_other, _later = ussd_sessions.alias("other"), ussd_hops.alias("later")


def _recent(msisdn: Any) -> sa.Select[Any]:
    """Return the last hop of a phone's latest call, found by index however many calls a phone makes."""
    last_call = (
        sa.select(_other.c.session_id)
        .where(_other.c.msisdn == msisdn, _other.c.started_at > sa.bindparam("started", type_=UtcDateTime))
        .order_by(_other.c.started_at.desc())
        .limit(1)
        .correlate(msisdn.table)
        .scalar_subquery()
    )
    last_hop = (
        sa.select(sa.func.max(_later.c.hop_no))
        .where(_later.c.session_id == _s.session_id)
        .correlate(ussd_sessions)
        .scalar_subquery()
    )
    return (
        sa.select(_s.msisdn, _h.state, _h.at)
        .select_from(msisdn.table, _JOINED)
        .where(
            _s.session_id == last_call,
            _h.hop_no == last_hop,
            _h.at > sa.bindparam("since", type_=UtcDateTime),
            ~_h.is_end,
        )
    )


def _dropped(rows: Iterable[Any]) -> dict[str, Dropped]:
    return {row.msisdn: Dropped(loads(row.state), row.at) for row in rows}


_DROPPED = bulk.Asked(((_recent, _s.msisdn),), _dropped)


class DatabaseCalls:
    """Finds calls by the aggregator's session id."""

    is_transactional = True

    def __init__(self, *, trust_memory: bool, capacity: int = 10_000) -> None:
        self._trusts_memory = trust_memory
        self._capacity = capacity
        self._memory: OrderedDict[Key, Call] = OrderedDict()

    async def load(self, connection: AsyncConnection | None, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the calls that exist, from memory where it may be trusted."""
        found: dict[Key, Call] = {}
        missing: set[Key] = set()
        for key in keys:
            if self._trusts_memory and (call := self._memory.get(key)):
                found[key] = call
            else:
                missing.add(key)
        if missing:
            found |= await _load(_must(connection), missing)
        return found

    def asks_dropped(self, now: datetime) -> Question:
        """Return how the database is asked."""
        return Question(_DROPPED, {"since": now - RESUME_WITHIN, "started": now - 2 * RESUME_WITHIN})

    async def dropped(
        self, connection: AsyncConnection | None, msisdns: Iterable[str], now: datetime
    ) -> dict[str, Dropped]:
        """Return each phone's latest call, where it stopped without an END within the last ten minutes."""
        asked, params = self.asks_dropped(now)
        found: dict[str, Dropped]
        (found,) = await bulk.fetch_together(_must(connection), [asked], msisdns, params)
        return found

    async def save(
        self, connection: AsyncConnection | None, written: Sequence[tuple[Call, Hop]]
    ) -> frozenset[Key]:
        """Write a row for each hop, and one for each call that begins; a hop written elsewhere raises."""
        new = [_session_row(call, hop) for call, hop in written if call.hop_no == 1]
        hops = [_hop_row(call) for call, _ in written]
        await bulk.insert_together(_must(connection), [(ussd_sessions, new), (ussd_hops, hops)])
        return frozenset()

    def remember(self, calls: Mapping[Key, Call]) -> None:
        """Keep calls in memory, after their hops are committed."""
        if not self._trusts_memory:
            return
        memory = self._memory
        for key, call in calls.items():
            memory[key] = call
            memory.move_to_end(key)
        while len(memory) > self._capacity:
            memory.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory; the database still knows."""
        self._memory.clear()

    async def close(self) -> None:
        """Nothing is held."""


def _must(connection: AsyncConnection | None) -> AsyncConnection:
    if connection is None:
        raise ValueError("calls in the database are read and written in a transaction")
    return connection


async def _load(connection: AsyncConnection, keys: set[Key]) -> dict[Key, Call]:
    rows = await bulk.fetch(connection, _HOPS, _s.external_id, {key[1] for key in keys})
    by_key: dict[Key, list[Any]] = {}
    for row in rows:
        key = (row.channel, row.external_id)
        if key in keys:
            by_key.setdefault(key, []).append(row)
    return {key: _call(key, hops) for key, hops in by_key.items()}


def _call(key: Key, rows: Sequence[Any]) -> Call:
    last = rows[-1]
    replies = {row.text: _reply(row) for row in rows if row.session_id == last.session_id}
    return Call(
        session_id=last.session_id,
        key=key,
        msisdn=last.msisdn,
        session=loads(last.state),
        mark=last.text,
        reply=replies[last.text],
        at=last.at,
        hop_no=last.hop_no,
        turn=last.turn,
        replies=replies,
    )


def _reply(row: Any) -> Reply:
    return Reply(row.reply, row.is_end, row.screen)


class _SessionRow(Struct, gc=False):
    session_id: str
    channel: str
    external_id: str
    turn: int
    msisdn: str
    network_code: str
    started_at: datetime


class _HopRow(Struct, gc=False):
    session_id: str
    hop_no: int
    text: str
    reply: str
    screen: str
    is_end: bool
    state: str
    at: datetime


def _session_row(call: Call, hop: Hop) -> _SessionRow:
    return _SessionRow(
        call.session_id, hop.channel, hop.external_id, call.turn, hop.msisdn, hop.network_code, call.at
    )


def _hop_row(call: Call) -> _HopRow:
    reply = call.reply
    return _HopRow(
        call.session_id,
        call.hop_no,
        call.mark,
        reply.text,
        reply.screen,
        reply.is_end,
        call.session.dumps(),
        call.at,
    )
