"""What an agent sees of a tap: who owes how much since when, and what is being paid. Nobody's name."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import rfc3339
from payments import views
from payments.records import Payment
from payments.stories import money
from taps import store
from taps.debts import Part, total_open_minor
from taps.model import Tap
from taps.periods import period_of


async def of(connection: AsyncConnection, tap: Tap, now: datetime) -> dict[str, Any]:
    """Return the status of a tap at a moment."""
    parts = (await store.open_parts(connection, [tap.tap_id]))[tap.tap_id]
    paying = await views.under_way_by_part(connection, [part.part_id for part in parts if part.open_minor])
    by_id = {payment.payment_id: payment for payment in paying.values()}
    return {
        "tap_id": tap.tap_id,
        "tap_number": tap.tap_number,
        "zone": tap.zone,
        "zone_name": tap.zone_name,
        "billing": tap.billing_in(period_of(now)).value,
        "open": money(total_open_minor(parts), tap.currency),
        "debts": debts(parts),
        "under_way": [_under_way(by_id[payment_id]) for payment_id in sorted(by_id)],
    }


def debts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return what each owner owes for each period, oldest first, the tap's own before its tenants'."""
    ordered = sorted(parts, key=_owner)
    return [_debt(list(of_one)) for _, of_one in groupby(ordered, key=_owner)]


def _owner(part: Part) -> tuple[str, str]:
    return part.period, part.tenant_id or ""


def _debt(parts: list[Part]) -> dict[str, Any]:
    first = parts[0]
    return {
        "period": first.period,
        "tenant_id": first.tenant_id,
        "billed": money(sum(part.amount_minor for part in parts), first.currency),
        "paid": money(sum(part.paid_minor for part in parts), first.currency),
        "open": money(total_open_minor(parts), first.currency),
    }


def _under_way(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "tenant_id": payment.tenant_id,
        "status": payment.status,
        "amount": money(payment.amount_minor, payment.currency),
        "provider": payment.provider,
        "since": rfc3339(payment.created_at),
    }
