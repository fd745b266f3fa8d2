"""STOP and START: who wants no reminders. Payments, registrations and replies are told all the same."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from sms.tables import sms_opt_outs

_STOPPED = sa.select(sms_opt_outs.c.msisdn).distinct()


async def stop(
    connection: AsyncConnection, msisdns: Iterable[str], now: datetime, *, sender: str = ""
) -> None:
    """Store that these phones want no reminders; again changes nothing. `sender` is what they stopped."""
    rows = [{"msisdn": msisdn, "sender": sender, "at": now} for msisdn in sorted(set(msisdns))]
    await bulk.insert_new(connection, sms_opt_outs, rows)


async def start(connection: AsyncConnection, msisdns: Iterable[str]) -> None:
    """Let these phones have reminders again, whoever stopped them: the person's own newest word counts."""
    column = sms_opt_outs.c.msisdn
    await connection.execute(sa.delete(sms_opt_outs).where(column.in_(sorted(set(msisdns)))))


async def stopped(connection: AsyncConnection, msisdns: Iterable[str]) -> set[str]:
    """Return those of these phones that want no reminders."""
    rows = await bulk.fetch(connection, _STOPPED, sms_opt_outs.c.msisdn, msisdns)
    return {row.msisdn for row in rows}
