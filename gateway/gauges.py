"""Gauges read from the database when somebody looks, so that every process shows the same."""

from datetime import datetime

import sqlalchemy as sa

from core.db import Database
from core.metrics import OUTBOX, OUTBOX_AGE_S, SMS, SMS_LOST, SMS_QUEUE_AGE_S, SUSPENSE
from core.outbox import outbox
from payments.tables import suspense_items
from sms import queue
from sms.tables import sms_messages


async def refresh(db: Database, now: datetime) -> None:
    """Set every gauge."""
    async with db.scan() as connection:
        by_kind = sa.select(outbox.c.kind, outbox.c.status, sa.func.count()).where(outbox.c.status != "done")
        OUTBOX.clear()
        for kind, status, count in await connection.execute(by_kind.group_by(outbox.c.kind, outbox.c.status)):
            OUTBOX.labels(kind, status).set(count)
        oldest = sa.select(sa.func.min(outbox.c.available_at)).where(
            outbox.c.status == "waiting", outbox.c.available_at <= now
        )
        first = (await connection.execute(oldest)).scalar()
        OUTBOX_AGE_S.set((now - first).total_seconds() if first else 0)
        SMS.clear()
        by_status = sa.select(sms_messages.c.status, sa.func.count()).group_by(sms_messages.c.status)
        for status, count in await connection.execute(by_status):
            SMS.labels(status).set(count)
        SMS_LOST.clear()
        for status, reason, count in await queue.lost(connection):
            SMS_LOST.labels(status, reason).set(count)
        SMS_QUEUE_AGE_S.set(await queue.age_s(connection, now))
        SUSPENSE.clear()
        open_items = sa.select(suspense_items.c.kind, sa.func.count()).where(
            suspense_items.c.status == "open"
        )
        for kind, count in await connection.execute(open_items.group_by(suspense_items.c.kind)):
            SUSPENSE.labels(kind).set(count)
