"""What is due by the calendar: rows that have served their time go, so that the database stays small."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.outbox import outbox
from gateway.sessions.tables import ussd_end_events, ussd_hops, ussd_sessions

EVERY_S = 3600
KEEP_CALLS = timedelta(days=30)
KEEP_DONE = timedelta(days=7)
_log = structlog.get_logger()


async def tick(db: Database, clock: Clock) -> dict[str, int]:
    """Delete finished outbox rows after a week, calls after a month; return how many of each."""
    now = clock.now()
    old = sa.select(ussd_sessions.c.session_id).where(ussd_sessions.c.started_at < now - KEEP_CALLS)
    deletions = {
        "outbox": sa.delete(outbox).where(outbox.c.status == "done", outbox.c.finished_at < now - KEEP_DONE),
        "hops": sa.delete(ussd_hops).where(ussd_hops.c.session_id.in_(old)),
        "calls": sa.delete(ussd_sessions).where(ussd_sessions.c.started_at < now - KEEP_CALLS),
        "end_events": sa.delete(ussd_end_events).where(ussd_end_events.c.received_at < now - KEEP_CALLS),
    }
    async with db.write() as connection:
        return {name: await _count(connection, deletion) for name, deletion in deletions.items()}


async def _count(connection: AsyncConnection, deletion: sa.Delete) -> int:
    result: Any = await connection.execute(deletion)
    return int(result.rowcount)


async def tick_forever(db: Database, clock: Clock) -> None:
    """Tick every hour; an error is logged and the next hour tries again."""
    while True:
        try:
            _log.info("housekeeping", **await tick(db, clock))
        except Exception:
            _log.exception("housekeeping_failed")
        await asyncio.sleep(EVERY_S)


class Housekeeper:
    """Ticks in the background of another process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(tick_forever(self._db, self._clock))

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
