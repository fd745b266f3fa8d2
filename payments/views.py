"""What people and screens ask about payments: set-based, reading only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments import tables as t
from payments.records import Payment

_NEWEST = 10


@dataclass(frozen=True, slots=True)
class LastPaid:
    """The latest success for a tap or tenant; minor units, UTC."""

    amount_minor: int
    at: datetime


async def under_way_by_phone(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, Payment]:
    """Return the oldest open payment that each phone asked for."""
    query = (
        sa.select(t.payments)
        .where(t.payments.c.status.in_(("initiated", "pending")))
        .order_by(t.payments.c.created_at.desc())
    )
    rows = await bulk.fetch(connection, query, t.payments.c.contact_msisdn, msisdns)
    return {row.contact_msisdn: Payment.of(row) for row in rows}


async def under_way_by_part(connection: AsyncConnection, part_ids: Iterable[str]) -> dict[str, Payment]:
    """Return the payment that has claimed each debt part."""
    query = (
        sa.select(t.claims.c.part_id, t.payments)
        .join(t.payments, t.payments.c.payment_id == t.claims.c.payment_id)
        .where(t.claims.c.is_open)
    )
    rows = await bulk.fetch(connection, query, t.claims.c.part_id, part_ids)
    return {row.part_id: Payment.of(row) for row in rows}


async def last_paid(
    connection: AsyncConnection, tap_ids: Iterable[str]
) -> dict[tuple[str, str | None], LastPaid]:
    """Return the latest success by (tap, tenant), and by (tap, None) over all of its payments."""
    p = t.payments.c
    newest = sa.func.row_number().over(partition_by=(p.tap_id, p.tenant_id), order_by=p.updated_at.desc())
    ranked = (
        sa.select(p.tap_id, p.tenant_id, p.amount_minor, p.updated_at, newest.label("rank"))
        .where(p.status == "success")
        .subquery()
    )
    query = sa.select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.updated_at)
    found: dict[tuple[str, str | None], LastPaid] = {}
    for row in await bulk.fetch(connection, query, ranked.c.tap_id, tap_ids):
        paid = LastPaid(row.amount_minor, row.updated_at)
        found[row.tap_id, row.tenant_id] = found[row.tap_id, None] = paid
    return found


async def latest_by_phone(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, list[Payment]]:
    """Return each phone's newest payments, whether it asked for them or its wallet paid."""
    wanted = set(msisdns)
    p = t.payments.c
    query = sa.select(t.payments).order_by(p.created_at.desc())
    found: dict[str, dict[str, Payment]] = {msisdn: {} for msisdn in wanted}
    for column in (p.contact_msisdn, p.msisdn):
        for row in await bulk.fetch(connection, query, column, wanted):
            found[getattr(row, column.name)][row.payment_id] = Payment.of(row)
    newest = {
        m: sorted(by_id.values(), key=lambda p: p.created_at, reverse=True) for m, by_id in found.items()
    }
    return {msisdn: payments[:_NEWEST] for msisdn, payments in newest.items()}
