"""What `tap show` and `payment show` tell, as data."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import SystemClock, rfc3339
from core.errors import NotFound
from payments import stories as payment_stories
from payments.payouts import stories as payout_stories
from payments.records import Payment
from payments.tables import payments
from sms.tables import sms_messages
from taps import store as taps_store
from taps import tap_id as tap_ids
from taps.periods import period_of
from taps.tables import debt_parts, debts

_NEWEST = 20


async def tap(connection: AsyncConnection, text: str) -> dict[str, Any]:
    """Return all about a tap; raises BadTapId or NotFound."""
    read = tap_ids.read(text)
    if isinstance(read, tap_ids.TapId):
        found = (await taps_store.taps_by_ids(connection, [read.value])).get(read.value)
    else:
        found = (await taps_store.taps_by_numbers(connection, [read.value])).get(read.value)
    if found is None:
        raise NotFound(f"no tap has the number {read.value}", code="no_such_tap")
    tenants = (await taps_store.tenants_of(connection, [found.tap_id]))[found.tap_id]
    return {
        "tap_id": found.tap_id,
        "tap_number": found.tap_number,
        "zone": found.zone,
        "zone_name": found.zone_name,
        "currency": found.currency,
        "billing": found.billing_in(period_of(SystemClock().now())).value,
        "billings": [{"from_period": start, "billing": billing} for start, billing in found.billings],
        "caretaker_msisdn": found.caretaker_msisdn,
        "households": found.households,
        "tenants": [
            {"tenant_id": t.tenant_id, "name": t.name, "msisdn": t.msisdn, "occupants": t.occupants}
            for t in tenants
        ],
        "debts": await _debts(connection, found.tap_id),
        "payments": await _payments(connection, found.tap_id),
    }


async def _debts(connection: AsyncConnection, tap_id: str) -> list[dict[str, Any]]:
    query = (
        sa.select(debts, debt_parts)
        .join(debt_parts, debt_parts.c.debt_id == debts.c.debt_id)
        .where(debts.c.tap_id == tap_id)
        .order_by(debts.c.period, debts.c.owner, debt_parts.c.component.desc())
    )
    return [
        {
            "period": row.period,
            "tenant_id": row.tenant_id,
            "component": row.component,
            "seller": row.seller,
            "amount": payment_stories.money(row.amount_minor, row.currency),
            "paid": payment_stories.money(row.paid_minor, row.currency),
        }
        for row in await connection.execute(query)
    ]


async def _payments(connection: AsyncConnection, tap_id: str) -> list[dict[str, Any]]:
    p = payments.c
    query = sa.select(payments).where(p.tap_id == tap_id).order_by(p.created_at.desc()).limit(_NEWEST)
    found = [Payment.of(row) for row in await connection.execute(query)]
    orders = await payment_stories.orders_of(connection, [payment.payment_id for payment in found])
    before = await payment_stories.before(connection, found)
    return [
        payment_stories.payment_json(payment, orders[payment.payment_id], before.get(payment.payment_id))
        for payment in found
    ]


async def payment(connection: AsyncConnection, name: str) -> dict[str, Any]:
    """Return the story of a payment with its SMS; raises NotFound."""
    found = await payment_stories.find(connection, name)
    story = await payment_stories.full(connection, found)
    story["payouts"] = await payout_stories.of_payment(connection, found.payment_id)
    m = sms_messages.c
    query = (
        sa.select(m.template, m.status, m.text, m.segments, m.created_at)
        .where(m.payment_id == found.payment_id)
        .order_by(m.created_at)
    )
    rows = (row._mapping for row in await connection.execute(query))  # noqa: SLF001 - public name
    story["sms"] = [{**row, "created_at": rfc3339(row["created_at"])} for row in rows]
    return story
