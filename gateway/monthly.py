"""The month's bills, raised by the clock on a day of the month, by the calendar of Lusaka."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock, local
from core.db import Database
from core.ids import Ids
from taps import raising
from taps.periods import period_of
from taps.tables import debts, zones

_billed = debts.c.zone == zones.c.zone


def due_period(now: datetime, day: int) -> str:
    """Return the newest month whose `day` has come."""
    today = local(now)
    if today.day >= day:
        return period_of(now)
    return period_of(today.replace(day=1) - timedelta(days=1))


async def bill(db: Database, clock: Clock, ids: Ids, *, day: int) -> int:
    """Raise the bills of zones that have none yet for the newest month due; return how many debts.

    A zone that was billed for that month, here or by hand, is left alone: what came into it since is billed
    with the next month, or by hand. A `day` of 0 is never.
    """
    if not day:
        return 0
    now = clock.now()
    period = due_period(now, day)
    async with db.scan() as connection:
        codes = await _unbilled(connection, period, is_current=period == period_of(now))
    raised = 0
    for zone in codes:  # one at a time, so that a large city keeps nobody waiting for long
        async with db.write() as connection:
            done = await raising.raise_debts(connection, period, ids=ids, clock=clock, zone=zone)
            raised += done.debts
    return raised


async def _unbilled(connection: AsyncConnection, period: str, *, is_current: bool) -> list[str]:
    """Return zones without a bill since `period`.

    A month that is over is billed only where one before it was: otherwise the zone is new, not late.
    """
    query = sa.select(zones.c.zone).where(~sa.exists().where(_billed, debts.c.period >= period))
    if not is_current:
        query = query.where(sa.exists().where(_billed, debts.c.period < period))
    return list((await connection.execute(query.order_by(zones.c.zone))).scalars())
