"""`madzi bill`: raises the debts of a period, once (contract §2)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.clock import Clock
from core.errors import NotFound
from core.ids import Ids
from taps import periods
from taps.billing import Bill, Usage, bills_for
from taps.model import Tenant, billing_in
from taps.tables import debt_parts, debts, tap_billings, taps, tariffs, tenants, usage, zones
from taps.tariffs import Basis, Tariff, valid_in


@dataclass(frozen=True, slots=True)
class Raised:
    """What a run did; `taps_done_before` had debts of the period already and were left alone."""

    debts: int
    parts: int
    taps_done_before: int


@dataclass(frozen=True, slots=True)
class _City:
    """Everything that decides who owes what in the zones to be billed."""

    taps: Mapping[str, str]
    currencies: Mapping[str, str]
    billings: Mapping[str, Sequence[tuple[str, str]]]
    tenants: Mapping[str, Sequence[Tenant]]
    tariffs: Mapping[str, Sequence[Tariff]]
    usage: Mapping[str, Usage]


async def raise_debts(
    connection: AsyncConnection, period: str, *, ids: Ids, clock: Clock, zone: str | None = None
) -> Raised:
    """Raise what every tap and tenant of a zone (or of all) owes for `period`; again changes nothing.

    A tap with any debt of the period is left alone, so that neither a later tenant nor a switch of billing
    makes a share of the same month twice. Raises BadInput (bad_period) or NotFound for an unknown zone.
    """
    period = periods.check(period)
    currencies = await _lock_zones(connection, zone)
    done = await _billed_taps(connection, period)
    city = await _load(connection, currencies, period)
    todo = [tap_id for tap_id in sorted(city.taps) if tap_id not in done]
    bills = [bill for tap_id in todo for bill in _bills(city, tap_id, period)]
    debt_rows, part_rows = _rows(city, bills, period, ids=ids, now=clock.now())
    await bulk.insert(connection, debts, debt_rows)
    await bulk.insert(connection, debt_parts, part_rows)
    return Raised(len(debt_rows), len(part_rows), len(city.taps) - len(todo))


async def _lock_zones(connection: AsyncConnection, zone: str | None) -> dict[str, str]:
    """Return the zones' currencies; the lock keeps a second run from billing the same zone meanwhile."""
    query = sa.select(zones.c.zone, zones.c.currency).order_by(zones.c.zone).with_for_update()
    found = await connection.execute(query if zone is None else query.where(zones.c.zone == zone))
    currencies: dict[str, str] = {row.zone: row.currency for row in found}
    if zone is not None and not currencies:
        raise NotFound(f"there is no zone {zone[:20]!r}", code="unknown_zone")
    return currencies


async def _billed_taps(connection: AsyncConnection, period: str) -> set[str]:
    query = sa.select(debts.c.tap_id).where(debts.c.period == period).distinct()
    return set((await connection.execute(query)).scalars())


async def _load(connection: AsyncConnection, currencies: Mapping[str, str], period: str) -> _City:
    query = sa.select(taps.c.tap_id, taps.c.zone)
    of_zone = {row.tap_id: row.zone for row in await bulk.fetch(connection, query, taps.c.zone, currencies)}
    return _City(
        taps=of_zone,
        currencies=currencies,
        billings=await _load_billings(connection, of_zone),
        tenants=await _load_tenants(connection, of_zone),
        tariffs=await _load_tariffs(connection, currencies, period),
        usage=await _load_usage(connection, of_zone, period),
    )


async def _load_billings(
    connection: AsyncConnection, tap_ids: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    history = defaultdict(list)
    for row in await bulk.fetch(connection, sa.select(tap_billings), tap_billings.c.tap_id, tap_ids):
        history[row.tap_id].append((row.from_period, row.billing))
    return history


async def _load_tenants(connection: AsyncConnection, tap_ids: Iterable[str]) -> dict[str, list[Tenant]]:
    query = sa.select(tenants).where(tenants.c.removed_at.is_(None))
    found = defaultdict(list)
    for row in await bulk.fetch(connection, query, tenants.c.tap_id, tap_ids):
        tenant = Tenant(row.tenant_id, row.tap_id, row.msisdn, row.name, row.occupants, active=True)
        found[row.tap_id].append(tenant)
    return found


async def _load_tariffs(
    connection: AsyncConnection, codes: Iterable[str], period: str
) -> dict[str, list[Tariff]]:
    rows = await bulk.fetch(connection, sa.select(tariffs), tariffs.c.zone, codes)
    every = [
        Tariff(r.zone, r.component, r.seller, Basis(r.basis), r.amount_minor, r.currency, r.valid_from)
        for r in rows
    ]
    found = defaultdict(list)
    for tariff in valid_in(every, period):
        found[tariff.zone].append(tariff)
    return found


async def _load_usage(
    connection: AsyncConnection, tap_ids: Iterable[str], period: str
) -> dict[str, dict[tuple[str | None, str], int]]:
    """Return quantities by tap, tenant (also one who left since) and component."""
    lives = sa.and_(tenants.c.tap_id == usage.c.tap_id, tenants.c.msisdn == usage.c.tenant_msisdn)
    columns = sa.select(usage.c.tap_id, usage.c.component, usage.c.quantity, tenants.c.tenant_id)
    query = columns.join(tenants, lives, isouter=True).where(usage.c.period == period)
    found: dict[str, dict[tuple[str | None, str], int]] = defaultdict(dict)
    for row in await bulk.fetch(connection, query, usage.c.tap_id, tap_ids):
        key = (row.tenant_id, row.component)
        found[row.tap_id][key] = found[row.tap_id].get(key, 0) + row.quantity
    return found


def _bills(city: _City, tap_id: str, period: str) -> list[Bill]:
    billing = billing_in(city.billings.get(tap_id, ()), period)
    prices = city.tariffs.get(city.taps[tap_id], ())
    return bills_for(tap_id, billing, city.tenants.get(tap_id, ()), prices, city.usage.get(tap_id, {}))


def _rows(
    city: _City, bills: Sequence[Bill], period: str, *, ids: Ids, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    debt_rows, part_rows = [], []
    for bill in bills:
        debt_id, zone = ids.new(), city.taps[bill.tap_id]
        debt_rows.append(
            {
                "debt_id": debt_id,
                "tap_id": bill.tap_id,
                "tenant_id": bill.tenant_id,
                "owner": bill.tenant_id or bill.tap_id,
                "zone": zone,
                "period": period,
                "currency": city.currencies[zone],
                "created_at": now,
            }
        )
        part_rows += [
            {
                "part_id": ids.new(),
                "debt_id": debt_id,
                "component": line.component,
                "seller": line.seller,
                "amount_minor": line.amount_minor,
                "paid_minor": 0,
            }
            for line in bill.lines
        ]
    return debt_rows, part_rows
