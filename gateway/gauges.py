"""Gauges read from the database when somebody looks, so that every process shows the same."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from core.metrics import GATEWAY_UP, OUTBOX, OUTBOX_AGE_S, SMS, SMS_LOST, SMS_QUEUE_AGE_S, SUSPENSE
from core.outbox import outbox
from payments.breaker import State
from payments.health_tables import gateway_health
from payments.providers.tables import gateway_accounts
from payments.tables import suspense_items
from sms import queue
from sms.tables import sms_messages

_o, _i, _m = outbox.c, suspense_items.c, sms_messages.c
_OUTBOX = sa.select(_o.kind, _o.status, sa.func.count()).where(_o.status != "done")
_OPEN_ITEMS = sa.select(_i.kind, sa.func.count()).where(_i.status == "open")
_HEALTH = (
    sa.select(
        gateway_accounts.c.account_id,
        sa.case((sa.func.coalesce(gateway_health.c.state, State.CLOSED) == State.CLOSED, 1), else_=0),
    )
    .outerjoin(gateway_health, gateway_health.c.account_id == gateway_accounts.c.account_id)
    .order_by(gateway_accounts.c.account_id)
)
_SMS = sa.select(_m.status, sa.func.count())


async def look(db: Database, now: datetime) -> list[GaugeMetricFamily]:
    """Return every gauge."""
    async with db.scan() as connection:

        async def found(query: sa.Select[Any]) -> Any:
            return (await connection.execute(query)).all()

        return [
            GATEWAY_UP.of(await found(_HEALTH)),
            OUTBOX.of(await found(_OUTBOX.group_by(_o.kind, _o.status))),
            OUTBOX_AGE_S.of([(await _oldest_s(connection, now),)]),
            SMS.of(await found(_SMS.group_by(_m.status))),
            SMS_LOST.of(await queue.lost(connection)),
            SMS_QUEUE_AGE_S.of([(await queue.age_s(connection, now),)]),
            SUSPENSE.of(await found(_OPEN_ITEMS.group_by(_i.kind))),
        ]


async def _oldest_s(connection: AsyncConnection, now: datetime) -> float:
    due = sa.select(sa.func.min(_o.available_at)).where(_o.status == "waiting", _o.available_at <= now)
    first = (await connection.execute(due)).scalar()
    return (now - first).total_seconds() if first else 0.0
