"""What reminders need to know, for many debts at once: what is open, who is paying it, who would be told."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments.tables import claims, payments
from sms.outbound import Purpose
from sms.tables import sms_messages
from taps import store as taps_store
from taps.tables import debt_parts, debts

_d, _part, _p, _m = debts.c, debt_parts.c, payments.c, sms_messages.c

_OPEN = (
    sa.select(
        _d.owner,
        _d.period,
        _d.tap_id,
        _d.tenant_id,
        _d.currency,
        sa.func.sum(_part.amount_minor - _part.paid_minor).label("open_minor"),
    )
    .join(debt_parts, _part.debt_id == _d.debt_id)
    .where(_part.paid_minor < _part.amount_minor, _d.period <= sa.bindparam("period", type_=sa.String))
    .group_by(_d.owner, _d.period, _d.tap_id, _d.tenant_id, _d.currency)
    .order_by(_d.period)
)
_WITH_OPEN = (
    sa.select(_d.owner)
    .distinct()
    .join(debt_parts, _part.debt_id == _d.debt_id)
    .where(_part.paid_minor < _part.amount_minor)
)
_BEING_PAID = (
    sa.select(_d.owner)
    .distinct()
    .join(debt_parts, _part.debt_id == _d.debt_id)
    .join(claims, claims.c.part_id == _part.part_id)
    .where(claims.c.is_open)
)
_PAYERS = (
    sa.select(_p.tap_id, _p.contact_msisdn)
    .where(
        _p.status == "success",
        _p.tenant_id.is_(None),
        _p.provider != "cash",  # whom the agent wrote down need not be who pays
        _p.created_at >= sa.bindparam("since", type_=_p.created_at.type),
    )
    .order_by(_p.created_at)
)
_TOLD = sa.select(_m.msisdn, _m.fact_key).where(
    _m.purpose == Purpose.REMINDER.value,
    _m.status != "dropped",
    _m.created_at >= sa.bindparam("since", type_=_m.created_at.type),
)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a tap, or one tenant of it, has open up to a period; `periods` oldest first."""

    owner: str
    tap_id: str
    tenant_id: str | None
    open_minor: int
    currency: str
    periods: tuple[str, ...]


async def owed_in(connection: AsyncConnection, zone: str, period: str) -> list[Owed]:
    """Return what is owed by everybody in a zone who has something open of this period."""
    query = _WITH_OPEN.where(_d.zone == zone, _d.period == period)
    owners = [row.owner for row in await connection.execute(query)]
    return list((await owed_by(connection, owners, period)).values())


async def owed_by(connection: AsyncConnection, owners: Collection[str], period: str) -> dict[str, Owed]:
    """Return what these owners have open of this period and those before, where it is anything."""
    found: dict[str, Owed] = {}
    for row in await bulk.fetch(connection, _OPEN, _d.owner, owners, {"period": period}):
        before = found.get(row.owner)
        found[row.owner] = Owed(
            row.owner,
            row.tap_id,
            row.tenant_id,
            int(row.open_minor) + (before.open_minor if before else 0),
            row.currency,
            (*(before.periods if before else ()), row.period),
        )
    return found


async def being_paid(connection: AsyncConnection, owners: Iterable[str]) -> set[str]:
    """Return those of these owners for whom a payment is under way."""
    return {row.owner for row in await bulk.fetch(connection, _BEING_PAID, _d.owner, owners)}


async def phones_of(connection: AsyncConnection, owed: Sequence[Owed], *, since: datetime) -> dict[str, str]:
    """Return whom to tell, by owner: the tenant; of a shared tap its last payer, or its caretaker."""
    tenants = await taps_store.tenants_by_ids(connection, {one.tenant_id for one in owed if one.tenant_id})
    tap_ids = {one.tap_id for one in owed if not one.tenant_id}
    found = {tenant.tenant_id: tenant.msisdn for tenant in tenants.values() if tenant.active}
    for tap in (await taps_store.taps_by_ids(connection, tap_ids)).values():
        if tap.caretaker_msisdn:
            found[tap.tap_id] = tap.caretaker_msisdn
    for row in await bulk.fetch(connection, _PAYERS, _p.tap_id, tap_ids, {"since": since}):
        found[row.tap_id] = row.contact_msisdn  # oldest first: the last one stays
    return found


async def told(
    connection: AsyncConnection, msisdns: Iterable[str], *, since: datetime
) -> tuple[Counter[str], set[str]]:
    """Return how many reminders each phone was sent since then, and of which facts."""
    rows = await bulk.fetch(connection, _TOLD, _m.msisdn, msisdns, {"since": since})
    return Counter(row.msisdn for row in rows), {row.fact_key for row in rows}
