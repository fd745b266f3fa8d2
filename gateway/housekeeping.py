"""What is due by the calendar.

Every hour rows that have served their time go, so that the database stays small, and the month's bills are
raised if their day has come; once a day the rules look for what is wrong at taps.
"""

import asyncio
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock, local
from core.db import Database
from core.ids import Ids
from core.outbox import outbox
from gateway import monthly
from gateway.api.tables import api_replies
from gateway.reminders import Reminders
from gateway.sessions.tables import ussd_end_events, ussd_hops, ussd_sessions
from taps import flags_detection

EVERY_S = 3600
KEEP_CALLS = timedelta(days=30)
KEEP_REPLIES = timedelta(days=30)
KEEP_DONE = timedelta(days=7)
_log = structlog.get_logger()


async def tick(db: Database, clock: Clock) -> dict[str, int]:
    """Delete finished outbox rows after a week, calls and answers of the API after a month; return how many.

    A request to pay that is repeated later than that is answered by its payment, which keeps key and hash.
    """
    now = clock.now()
    old = sa.select(ussd_sessions.c.session_id).where(ussd_sessions.c.started_at < now - KEEP_CALLS)
    deletions = {
        "outbox": sa.delete(outbox).where(outbox.c.status == "done", outbox.c.finished_at < now - KEEP_DONE),
        "hops": sa.delete(ussd_hops).where(ussd_hops.c.session_id.in_(old)),
        "calls": sa.delete(ussd_sessions).where(ussd_sessions.c.started_at < now - KEEP_CALLS),
        "api_replies": sa.delete(api_replies).where(api_replies.c.created_at < now - KEEP_REPLIES),
        "end_events": sa.delete(ussd_end_events).where(ussd_end_events.c.received_at < now - KEEP_CALLS),
    }
    async with db.write() as connection:
        return {name: await _count(connection, deletion) for name, deletion in deletions.items()}


async def look_for_trouble(db: Database, clock: Clock, ids: Ids) -> int:
    """Open the flags that the rules of requirement T4 find, again none; return how many."""
    now = clock.now()
    async with db.scan() as connection:
        found = await flags_detection.look(connection, now)
    async with db.write() as connection:
        return len(await flags_detection.open_found(connection, found, ids=ids, now=now))


async def _count(connection: AsyncConnection, deletion: sa.Delete) -> int:
    result: Any = await connection.execute(deletion)
    return int(result.rowcount)


async def tick_forever(
    db: Database, clock: Clock, reminders: Reminders | None = None, *, bill_day: int = 0
) -> None:
    """Tick every hour, look for trouble and remind once a day; after an error the next hour tries again."""
    ids = Ids(clock)
    looked_on: date | None = None
    while True:
        try:
            _log.info("housekeeping", **await tick(db, clock))
        except Exception:
            _log.exception("housekeeping_failed")
        await _bill(db, clock, ids, bill_day)
        today = local(clock.now()).date()
        if today != looked_on and await _look(db, clock, ids):
            looked_on = today
        if reminders:
            await _remind(reminders)
        await asyncio.sleep(EVERY_S)


async def _bill(db: Database, clock: Clock, ids: Ids, day: int) -> None:
    try:
        if debts := await monthly.bill(db, clock, ids, day=day):
            _log.info("bills_raised", debts=debts, period=monthly.due_period(clock.now(), day))
    except Exception:
        _log.exception("billing_failed")


async def _look(db: Database, clock: Clock, ids: Ids) -> bool:
    try:
        _log.info("flags_detected", flags=await look_for_trouble(db, clock, ids))
    except Exception:
        _log.exception("flags_not_detected")
        return False
    return True


async def _remind(reminders: Reminders) -> None:
    try:
        _log.info("reminders", sms=await reminders.run())
    except Exception:
        _log.exception("reminders_failed")


class Housekeeper:
    """Ticks in the background of another process."""

    def __init__(
        self, db: Database, clock: Clock, reminders: Reminders | None = None, *, bill_day: int = 0
    ) -> None:
        self._work = partial(tick_forever, db, clock, reminders, bill_day=bill_day)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
