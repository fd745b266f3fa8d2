"""The end of a call, as an aggregator tells it: the push of that call need not wait any longer."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from core import bulk, outbox
from core.metrics import CALLS_ENDED
from gateway.sessions import dropoff
from gateway.sessions.tables import ussd_end_events

if TYPE_CHECKING:
    from gateway.runtime import Runtime

_LONGEST_METADATA = 400
_EVENT = sa.select(ussd_end_events.c.event_id).where(
    ussd_end_events.c.channel == sa.bindparam("channel"),
    ussd_end_events.c.external_id == sa.bindparam("external_id"),
)


class Ended(msgspec.Struct, frozen=True):
    """What is known of a call that is over. That it ended says nothing about its payment."""

    channel: str
    external_id: str
    status: str = ""  # in the aggregator's words
    hops_metadata: str = ""  # screens, where the aggregator kept them
    duration_ms: int | None = None


async def let_go(runtime: "Runtime", ended: Ended, body: bytes) -> None:
    """Store an end event once, count it, and make the pushes of its call due now."""
    key, calls, now = (ended.channel, ended.external_id), runtime.calls, runtime.clock.now()
    row = _row(ended, body, event_id=runtime.ids.new(), now=now)
    # What is kept elsewhere is asked before the transaction: nobody shall wait for Redis with a lock in hand.
    found = {} if calls.is_transactional else await calls.load(None, [key])
    async with runtime.db.write() as connection:
        await bulk.insert_new(connection, ussd_end_events, [row])
        is_new = await connection.scalar(_EVENT, {"channel": ended.channel, "external_id": ended.external_id})
        if calls.is_transactional:
            found = await calls.load(connection, [key])
        await outbox.wake(connection, "push", [call.session_id for call in found.values()], now=now)
    if is_new == row["event_id"]:
        _count(ended)


def _row(ended: Ended, body: bytes, *, event_id: str, now: datetime) -> dict[str, object]:
    return {
        "event_id": event_id,
        "channel": ended.channel,
        "external_id": ended.external_id,
        "status": ended.status[:20],
        "hops_metadata": _cut(ended.hops_metadata),
        "duration_ms": ended.duration_ms,
        "body": body,
        "received_at": now,
    }


def _cut(screens: str) -> str:
    """Return the screens that there is room for: the last ones, because there callers leave."""
    if len(screens) <= _LONGEST_METADATA:
        return screens
    return screens[-_LONGEST_METADATA:].partition("|")[2]


def _count(ended: Ended) -> None:
    screens = dropoff.screens_of(ended.hops_metadata)
    CALLS_ENDED.labels(dropoff.status_of(ended.status), screens[-1] if screens else dropoff.OTHER).inc()
