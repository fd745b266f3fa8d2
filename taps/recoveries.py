"""Loads what taps should have brought in for the two newest overdue periods, and what they did."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from taps.billing import Usage
from taps.occupancy import Heads, Recovery, Sales, expected_minor, last_overdue, medians, sold_minor
from taps.periods import period_of
from taps.tables import debt_parts, debts, taps, tariffs, tenants, usage, zones
from taps.tariffs import Basis, Component, Tariff, valid_in

_ON_TAP = sa.and_(tenants.c.tap_id == taps.c.tap_id, tenants.c.removed_at.is_(None))
_HEADS = (
    sa.select(
        taps.c.tap_id,
        taps.c.zone,
        zones.c.currency,
        taps.c.households,
        taps.c.created_at,
        sa.func.count(tenants.c.tenant_id).label("tenants"),
        sa.func.coalesce(sa.func.sum(tenants.c.occupants), 0).label("occupants"),
    )
    .join(zones, zones.c.zone == taps.c.zone)
    .join(tenants, _ON_TAP, isouter=True)
    .group_by(taps.c.tap_id, taps.c.zone, zones.c.currency, taps.c.households, taps.c.created_at)
)
_WATER = sa.case((debt_parts.c.component == Component.WATER.value, debt_parts.c.amount_minor), else_=0)


def _sum(amount: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    # PostgreSQL sums big integers as decimal numbers.
    return sa.cast(sa.func.sum(amount), sa.BigInteger)


def _of_either(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.or_(
        column == sa.bindparam("older", type_=sa.String), column == sa.bindparam("newer", type_=sa.String)
    )


_MONEY = (
    sa.select(
        debts.c.tap_id,
        debts.c.zone,
        debts.c.period,
        _sum(debt_parts.c.paid_minor).label("paid_minor"),
        _sum(_WATER).label("water_minor"),
    )
    .join(debt_parts, debt_parts.c.debt_id == debts.c.debt_id)
    .where(_of_either(debts.c.period))
    .group_by(debts.c.tap_id, debts.c.zone, debts.c.period)
)
_SOLD = sa.select(usage).join(taps, taps.c.tap_id == usage.c.tap_id).where(_of_either(usage.c.period))


@dataclass(frozen=True, slots=True)
class Known:
    """A tap's two newest overdue periods, as far as its zone was billed for them; older first."""

    currency: str
    recoveries: tuple[Recovery, ...]
    sales: tuple[Sales, ...]


@dataclass(frozen=True, slots=True)
class _Zone:
    """What a whole zone has in common in one period."""

    tariffs: Sequence[Tariff]
    usual: Heads
    usual_sold: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Rows of the zones asked for."""

    heads: Sequence[Any]
    money: Mapping[tuple[str, str], Any]
    usage: Mapping[tuple[str, str], Usage]
    tariffs: Sequence[Tariff]
    billed: frozenset[tuple[str, str]]


async def of_zones(connection: AsyncConnection, codes: Iterable[str], now: datetime) -> dict[str, Known]:
    """Return what is known of every tap of the zones, by TapID.

    A period counts for a tap where its zone was billed for it, and the tap was there before it ended: a tap
    where nobody is registered is billed nothing and is expected to bring in what others of the zone do.
    """
    periods = last_overdue(now)
    loaded = await _load(connection, list(codes), periods)
    of_zone: dict[str, list[Any]] = defaultdict(list)
    for row in loaded.heads:
        of_zone[row.zone].append(row)
    common = {
        (zone, period): _common(zone, period, rows, loaded)
        for zone, rows in of_zone.items()
        for period in periods
        if (zone, period) in loaded.billed
    }
    return {row.tap_id: _known(row, common, periods, loaded) for row in loaded.heads}


def _common(zone: str, period: str, rows: Sequence[Any], loaded: _Loaded) -> _Zone:
    prices = valid_in([tariff for tariff in loaded.tariffs if tariff.zone == zone], period)
    sold = [_water(loaded.usage.get((row.tap_id, period), {})) for row in rows]
    return _Zone(prices, medians(_heads(row) for row in rows), sold)


def _known(
    row: Any, common: Mapping[tuple[str, str], _Zone], periods: Iterable[str], loaded: _Loaded
) -> Known:
    recoveries, sales = [], []
    for period in periods:
        zone = common.get((row.zone, period))
        money = loaded.money.get((row.tap_id, period))
        if zone is None or (money is None and period_of(row.created_at) > period):
            continue
        used = loaded.usage.get((row.tap_id, period), {})
        expected = expected_minor(zone.tariffs, _heads(row), zone.usual, used, zone.usual_sold)
        recoveries.append(Recovery(period, expected, money.paid_minor if money else 0))
        sales.append(Sales(period, sold_minor(zone.tariffs, used), money.water_minor if money else 0))
    return Known(row.currency, tuple(recoveries), tuple(sales))


def _heads(row: Any) -> Heads:
    return Heads(row.occupants, row.tenants, row.households or 0)


def _water(used: Usage) -> int:
    return sum(n for (_, component), n in used.items() if component == Component.WATER)


async def _load(connection: AsyncConnection, codes: Sequence[str], periods: tuple[str, str]) -> _Loaded:
    either = {"older": periods[0], "newer": periods[1]}
    money = await bulk.fetch(connection, _MONEY, debts.c.zone, codes, either)
    sold: dict[tuple[str, str], dict[tuple[str | None, str], int]] = defaultdict(dict)
    for row in await bulk.fetch(connection, _SOLD, taps.c.zone, codes, either):
        sold[row.tap_id, row.period][row.tenant_msisdn or None, row.component] = row.quantity
    prices = await bulk.fetch(connection, sa.select(tariffs), tariffs.c.zone, codes)
    return _Loaded(
        heads=await bulk.fetch(connection, _HEADS, taps.c.zone, codes),
        money={(row.tap_id, row.period): row for row in money},
        usage=sold,
        tariffs=[
            Tariff(r.zone, r.component, r.seller, Basis(r.basis), r.amount_minor, r.currency, r.valid_from)
            for r in prices
        ],
        billed=frozenset((row.zone, row.period) for row in money),
    )
