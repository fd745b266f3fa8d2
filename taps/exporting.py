"""Exports what can be imported: CSV of every kind, GeoJSON of taps, always in the same order."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import money
from core.errors import BadInput
from taps.files import guard, write_csv
from taps.kind_taps import stored_tap
from taps.store import all_taps
from taps.tables import customers, tariffs, tenants, usage, zones
from taps.users import all_users

Row = Mapping[str, Any]

# The columns as contract §7 shows them, and those that make the order.
COLUMNS = {
    "zones": "zone,name,country,currency,latitude,longitude",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number",
    "tenants": "tap_id,name,msisdn,occupants,language",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from",
    "usage": "tap_id,tenant_msisdn,component,quantity,period",
    "users": "name,role,zone,msisdn",
}
_ORDER = {
    "zones": ("zone",),
    "taps": ("tap_id",),
    "tenants": ("tap_id", "msisdn"),
    "tariffs": ("zone", "component", "seller", "valid_from"),
    "usage": ("tap_id", "period", "tenant_msisdn", "component"),
    "users": ("name",),
}
_NAMES = {"name", "seller"}
_DEGREES = {"latitude", "longitude"}


async def export_csv(connection: AsyncConnection, kind: str) -> str:
    """Return a kind as CSV: importing it again changes nothing. Raises BadInput (bad_kind)."""
    columns = _columns(kind)
    rows = await _rows(connection, kind)
    return write_csv(columns, [[_cell(name, row[name]) for name in columns] for row in rows])


async def export_geojson(connection: AsyncConnection) -> str:
    """Return the taps as a GeoJSON FeatureCollection (RFC 7946), one feature a line."""
    features = [json.dumps(_feature(row), ensure_ascii=False) for row in await _rows(connection, "taps")]
    inside = ",\n".join(features)
    return f'{{"type": "FeatureCollection", "features": [\n{inside}\n]}}\n'


def _columns(kind: str) -> list[str]:
    if kind not in COLUMNS:
        raise BadInput(f"{kind[:20]!r} is none of {', '.join(COLUMNS)}", code="bad_kind")
    return COLUMNS[kind].split(",")


async def _rows(connection: AsyncConnection, kind: str) -> list[Row]:
    # Sorted here and not by the database, whose order of text differs between dialects and machines.
    rows = await _QUERIES[kind](connection)
    return sorted(rows, key=lambda row: [row[name] for name in _ORDER[kind]])


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in _DEGREES:
        return f"{value:.5f}"
    return guard(value) if column in _NAMES else str(value)


def _feature(row: Row) -> Row:
    place = None
    if row["latitude"] is not None:
        place = {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]}
    properties = {name: row[name] for name in _columns("taps") if name not in _DEGREES}
    return {"type": "Feature", "geometry": place, "properties": properties}


async def _taps(connection: AsyncConnection) -> list[Row]:
    return [stored_tap(tap) for tap in await all_taps(connection)]


async def _tenants(connection: AsyncConnection) -> list[Row]:
    speaks = tenants.c.msisdn == customers.c.msisdn
    query = sa.select(tenants, customers.c.language).join(customers, speaks, isouter=True)
    return await _select(connection, query.where(tenants.c.removed_at.is_(None)))


async def _tariffs(connection: AsyncConnection) -> list[Row]:
    rows = await _select(connection, sa.select(tariffs))
    return [{**row, "amount": money.plain(row["amount_minor"], row["currency"])} for row in rows]


async def _users(connection: AsyncConnection) -> list[Row]:
    return [
        {"name": user.name, "role": user.role.value, "zone": " ".join(user.zones), "msisdn": user.msisdn}
        for user in await all_users(connection)
    ]


async def _select(connection: AsyncConnection, query: sa.Select[Any]) -> list[Row]:
    return [dict(row) for row in (await connection.execute(query)).mappings()]


_QUERIES: dict[str, Callable[[AsyncConnection], Awaitable[list[Row]]]] = {
    "zones": lambda connection: _select(connection, sa.select(zones)),
    "taps": _taps,
    "tenants": _tenants,
    "tariffs": _tariffs,
    "usage": lambda connection: _select(connection, sa.select(usage)),
    "users": _users,
}
