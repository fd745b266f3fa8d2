"""Reads and remembers taps and the people on them: every function takes many keys and makes one query."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from taps.debts import Part, oldest_first
from taps.model import Customer, KnownTap, Tap, Tenant, Zone
from taps.tables import (
    customer_taps,
    debt_parts,
    debts,
    tap_billings,
    taps,
    tenants,
    zones,
)
from taps.tables import (
    customers as customers_table,
)

_MOST_KNOWN_TAPS = 9

_HISTORY = (
    sa.select(
        sa.func.aggregate_strings(tap_billings.c.from_period.concat("=").concat(tap_billings.c.billing), ",")
    )
    .where(tap_billings.c.tap_id == taps.c.tap_id)
    .correlate(taps)
    .scalar_subquery()
)
_TAPS = sa.select(
    taps, zones.c.name.label("zone_name"), zones.c.country, zones.c.currency, _HISTORY.label("history")
).join(zones, zones.c.zone == taps.c.zone)
_PARTS = (
    sa.select(debt_parts, debts.c.tap_id, debts.c.tenant_id, debts.c.zone, debts.c.period, debts.c.currency)
    .join(debts, debts.c.debt_id == debt_parts.c.debt_id)
    .order_by(debt_parts.c.part_id)
)
_PARTS_LOCKED = _PARTS.with_for_update(of=debt_parts)

# What is open, and every part of the tap's latest period, so that a screen can say that all is paid.
_LATEST = debts.alias()
_LAST_PERIOD = (
    sa.select(sa.func.max(_LATEST.c.period)).where(_LATEST.c.tap_id == debts.c.tap_id).scalar_subquery()
)
_WANTED = sa.or_(debt_parts.c.paid_minor < debt_parts.c.amount_minor, debts.c.period == _LAST_PERIOD)
_OPEN_PARTS = _PARTS.where(_WANTED)
_OPEN_PARTS_LOCKED = _PARTS_LOCKED.where(_WANTED)

_ACTIVE_TENANTS = sa.select(tenants).where(tenants.c.removed_at.is_(None))
_CUSTOMERS = sa.select(customers_table.c.msisdn, customers_table.c.language, customers_table.c.chosen_in)

# Where a phone is an active tenant's, and what it has paid for.
_TENANCIES = (
    sa.select(
        tenants.c.msisdn,
        tenants.c.tap_id,
        taps.c.tap_number,
        tenants.c.tenant_id,
        tenants.c.created_at.label("last_used_at"),
    )
    .join(taps, taps.c.tap_id == tenants.c.tap_id)
    .where(tenants.c.removed_at.is_(None))
)
_USED_TAPS = sa.select(
    customer_taps.c.msisdn,
    customer_taps.c.tap_id,
    taps.c.tap_number,
    sa.null().label("tenant_id"),
    customer_taps.c.last_used_at,
).join(taps, taps.c.tap_id == customer_taps.c.tap_id)
_KNOWN_TAPS = ((_TENANCIES, tenants.c.msisdn), (_USED_TAPS, customer_taps.c.msisdn))


async def all_zones(connection: AsyncConnection) -> list[Zone]:
    """Return every zone, by code."""
    found = await connection.execute(sa.select(zones).order_by(zones.c.zone))
    return [_zone(row) for row in found]


async def zones_by_ids(connection: AsyncConnection, codes: Iterable[str]) -> dict[str, Zone]:
    """Return the zones that exist, by code."""
    rows = await bulk.fetch(connection, sa.select(zones), zones.c.zone, codes)
    return {row.zone: _zone(row) for row in rows}


async def all_taps(connection: AsyncConnection) -> list[Tap]:
    """Return every tap, in no order."""
    return [_tap(row) for row in await connection.execute(_TAPS)]


async def taps_by_ids(connection: AsyncConnection, tap_ids: Iterable[str]) -> dict[str, Tap]:
    """Return the taps that exist, by TapID."""
    return {row.tap_id: _tap(row) for row in await bulk.fetch(connection, _TAPS, taps.c.tap_id, tap_ids)}


async def taps_by_numbers(connection: AsyncConnection, tap_numbers: Iterable[str]) -> dict[str, Tap]:
    """Return the taps that exist, by tap number."""
    rows = await bulk.fetch(connection, _TAPS, taps.c.tap_number, tap_numbers)
    return {row.tap_number: _tap(row) for row in rows}


async def customers(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, Customer]:
    """Return the phones that Madzi has met."""
    return _customers(await bulk.fetch_any(connection, CUSTOMERS.parts, msisdns))


def _customers(rows: Iterable[Any]) -> dict[str, Customer]:
    return {row.msisdn: Customer(row.msisdn, row.language, row.chosen_in) for row in rows}


# As `customers`, to be asked together with other questions.
CUSTOMERS = bulk.Asked(((_CUSTOMERS, customers_table.c.msisdn),), _customers)


async def tenants_of(connection: AsyncConnection, tap_ids: Sequence[str]) -> dict[str, list[Tenant]]:
    """Return the active tenants of each tap, by name."""
    rows = await bulk.fetch(connection, _ACTIVE_TENANTS, tenants.c.tap_id, tap_ids)
    found = sorted((_tenant(row) for row in rows), key=_by_name)
    return _grouped(tap_ids, [(tenant.tap_id, tenant) for tenant in found])


async def tenancies_by_msisdn(connection: AsyncConnection, msisdns: Sequence[str]) -> dict[str, list[Tenant]]:
    """Return where each phone's owner is a tenant or was one: what they owed when they left stays theirs."""
    rows = await bulk.fetch(connection, sa.select(tenants), tenants.c.msisdn, msisdns)
    return _grouped(msisdns, [(row.msisdn, _tenant(row)) for row in rows])


async def tenants_by_ids(connection: AsyncConnection, tenant_ids: Iterable[str]) -> dict[str, Tenant]:
    """Return tenants by id, those who left as well."""
    rows = await bulk.fetch(connection, sa.select(tenants), tenants.c.tenant_id, tenant_ids)
    return {row.tenant_id: _tenant(row) for row in rows}


async def known_taps(connection: AsyncConnection, msisdns: Sequence[str]) -> dict[str, list[KnownTap]]:
    """Return the taps of each phone, at most nine: where it is a tenant's or has paid, last used first."""
    known = _known_taps(await bulk.fetch_any(connection, _KNOWN_TAPS, msisdns))
    return {msisdn: known.get(msisdn, []) for msisdn in msisdns}


def _known_taps(rows: Iterable[Any]) -> dict[str, list[KnownTap]]:
    found: dict[tuple[str, str], KnownTap] = {}
    for row in rows:
        key, known = (
            (row.msisdn, row.tap_id),
            KnownTap(row.tap_id, row.tap_number, row.tenant_id, row.last_used_at),
        )
        found[key] = _joined(found[key], known) if key in found else known
    ordered = sorted(found.items(), key=lambda item: (-item[1].last_used_at.timestamp(), item[1].tap_id))
    grouped: dict[str, list[KnownTap]] = {}
    for (msisdn, _), known in ordered:
        grouped.setdefault(msisdn, []).append(known)
    return {msisdn: known[:_MOST_KNOWN_TAPS] for msisdn, known in grouped.items()}


# As `known_taps`, but without the phones that know none.
KNOWN_TAPS = bulk.Asked(_KNOWN_TAPS, _known_taps)


async def open_parts(
    connection: AsyncConnection, tap_ids: Sequence[str], *, lock: bool = False
) -> dict[str, list[Part]]:
    """Return what each tap and its tenants owe, oldest first, and every part of the tap's latest period.

    The latter lets a screen say that all is paid. `lock` keeps the parts from other writers, in key order.
    """
    query = _OPEN_PARTS_LOCKED if lock else _OPEN_PARTS
    rows = await bulk.fetch(connection, query, debts.c.tap_id, tap_ids)
    grouped = _grouped(tap_ids, [(row.tap_id, _part(row)) for row in rows])
    return {tap_id: oldest_first(parts) for tap_id, parts in grouped.items()}


async def parts_by_ids(
    connection: AsyncConnection, part_ids: Iterable[str], *, lock: bool = False
) -> dict[str, Part]:
    """Return parts by id; `lock` keeps them from other writers, in key order."""
    query = _PARTS_LOCKED if lock else _PARTS
    rows = await bulk.fetch(connection, query, debt_parts.c.part_id, part_ids)
    return {row.part_id: _part(row) for row in rows}


async def credit_parts(connection: AsyncConnection, shares: Iterable[tuple[Part, int]]) -> None:
    """Count money as paid on parts that were read with `lock`; each part once, never above its amount.

    The table itself refuses more than is owed (IntegrityError): the caller has allocated before.
    """
    rows = [{"part_id": part.part_id, "paid_minor": part.paid_minor + n} for part, n in shares]
    await bulk.update(connection, debt_parts, rows)


async def last_periods(connection: AsyncConnection, tap_ids: Iterable[str]) -> dict[str, str]:
    """Return the latest period with a debt, of the taps that have one."""
    query = sa.select(debts.c.tap_id, sa.func.max(debts.c.period).label("period")).group_by(debts.c.tap_id)
    return {row.tap_id: row.period for row in await bulk.fetch(connection, query, debts.c.tap_id, tap_ids)}


async def remember_language(
    connection: AsyncConnection, languages: Mapping[str, tuple[str, str | None]], now: datetime
) -> None:
    """Keep the language that each phone's owner chose, and in which USSD call, if it was in one."""
    rows = [
        {"msisdn": msisdn, "language": language, "chosen_in": call, "created_at": now}
        for msisdn, (language, call) in sorted(languages.items())
    ]
    await bulk.upsert(connection, customers_table, rows, keep=frozenset({"created_at"}))


async def remember_taps(connection: AsyncConnection, pairs: Iterable[tuple[str, str]], now: datetime) -> None:
    """Keep that phones used taps `now`: pairs of (msisdn, tap_id)."""
    rows = [
        {"msisdn": msisdn, "tap_id": tap_id, "last_used_at": now} for msisdn, tap_id in sorted(set(pairs))
    ]
    await bulk.upsert(connection, customer_taps, rows)


def _joined(one: KnownTap, other: KnownTap) -> KnownTap:
    at = max(one.last_used_at, other.last_used_at)
    return KnownTap(one.tap_id, one.tap_number, one.tenant_id or other.tenant_id, at)


def _grouped(keys: Iterable[str], pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {key: [] for key in keys}
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _by_name(tenant: Tenant) -> tuple[str, str]:
    # Not left to the database: its order of names differs between dialects and machines.
    return tenant.name.casefold(), tenant.tenant_id


def _zone(row: Any) -> Zone:
    return Zone(row.zone, row.name, row.country, row.currency, row.latitude, row.longitude)


def _tap(row: Any) -> Tap:
    history = tuple(tuple(entry.split("=")) for entry in (row.history or "").split(",") if entry)
    return Tap(
        tap_id=row.tap_id,
        tap_number=row.tap_number,
        zone=row.zone,
        zone_name=row.zone_name,
        country=row.country,
        currency=row.currency,
        caretaker_msisdn=row.caretaker_msisdn,
        households=row.households,
        latitude=row.latitude,
        longitude=row.longitude,
        billings=history,
    )


def _tenant(row: Any) -> Tenant:
    return Tenant(row.tenant_id, row.tap_id, row.msisdn, row.name, row.occupants, row.removed_at is None)


def _part(row: Any) -> Part:
    return Part(
        part_id=row.part_id,
        debt_id=row.debt_id,
        period=row.period,
        component=row.component,
        seller=row.seller,
        amount_minor=row.amount_minor,
        paid_minor=row.paid_minor,
        tap_id=row.tap_id,
        tenant_id=row.tenant_id,
        zone=row.zone,
        currency=row.currency,
    )
