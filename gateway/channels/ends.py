"""The end of a call, as an aggregator tells it: the push of that call need not wait any longer."""

from typing import TYPE_CHECKING

import msgspec

from core import bulk, outbox
from gateway.sessions.tables import ussd_end_events

if TYPE_CHECKING:
    from gateway.runtime import Runtime


class Ended(msgspec.Struct, frozen=True):
    """What is known of a call that is over. That it ended says nothing about its payment."""

    channel: str
    external_id: str
    status: str = ""  # in the aggregator's words
    hops_metadata: str = ""  # screens, where the aggregator kept them
    duration_ms: int | None = None


async def let_go(runtime: "Runtime", ended: Ended, body: bytes) -> None:
    """Store an end event once, and make the pushes of its call due now."""
    now = runtime.clock.now()
    row: dict[str, object] = {
        "event_id": runtime.ids.new(),
        "channel": ended.channel,
        "external_id": ended.external_id,
        "status": ended.status[:20],
        "hops_metadata": ended.hops_metadata[:400],
        "duration_ms": ended.duration_ms,
        "body": body,
        "received_at": now,
    }
    async with runtime.db.write() as connection:
        await bulk.insert_new(connection, ussd_end_events, [row])
        found = await runtime.calls.load(connection, [(ended.channel, ended.external_id)])
        await outbox.wake(connection, "push", [call.session_id for call in found.values()], now=now)
