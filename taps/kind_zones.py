"""Files of zones and of their tariffs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import BadInput
from core.ids import Ids
from taps import cells as cell
from taps.files import Record
from taps.kinds import Cells, Changes, Key, Row, known
from taps.model import Zone
from taps.store import all_zones
from taps.tables import sellers, taps, tariffs, zones
from taps.tariffs import Basis, Component


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """Stored zones; those `in_use` have taps or tariffs, whose money is in the zone's currency."""

    stored: Mapping[Key, Row]
    in_use: frozenset[str]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a zone; its currency stays once it has taps or tariffs."""
        code = cell.zone(cells)
        before = self.stored.get((code,), {})
        row = {**before, "zone": code, "name": cell.name(cells, "name"), "country": cell.country(cells)}
        row["currency"] = cell.currency(cells)
        if before and code in self.in_use and before["currency"] != row["currency"]:
            raise BadInput(f"zone {code} has taps or tariffs in {before['currency']}", code="currency_in_use")
        if not before or "latitude" in cells or "longitude" in cells:
            row["latitude"], row["longitude"] = cell.position(cells)
        return (code,), row

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write zones."""
        del ids, now
        await bulk.upsert(connection, zones, changes.both)


async def load_zones(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> ZoneFacts:
    """Load every zone: there are few."""
    del records, now
    stored = {(row.zone,): dict(row._mapping) for row in await connection.execute(sa.select(zones))}  # noqa: SLF001 - SQLAlchemy's own name for it
    used = sa.union(sa.select(taps.c.zone), sa.select(tariffs.c.zone))
    return ZoneFacts(stored, frozenset((await connection.execute(used)).scalars()))


@dataclass(frozen=True, slots=True)
class TariffFacts:
    """Stored tariffs, and the zones that they may be for."""

    stored: Mapping[Key, Row]
    zones: Mapping[str, Zone]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a tariff: its currency is its zone's."""
        zone = known(self.zones, cell.zone(cells), "zone")
        unit = cell.currency(cells)
        if unit != zone.currency:
            raise BadInput(f"zone {zone.zone} is billed in {zone.currency}", code="currency_differs")
        row: dict[str, Any] = {
            "zone": zone.zone,
            "component": cell.choice(cells, "component", Component).value,
            "seller": cell.name(cells, "seller"),
            "valid_from": cell.day(cells, "valid_from"),
            "basis": cell.choice(cells, "basis", Basis).value,
            "amount_minor": cell.amount_minor(cells, unit),
            "currency": unit,
        }
        return tariff_key(row), row

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write tariffs, after the sellers that were unknown."""
        del ids
        names = sorted({row["seller"] for row in changes.new})
        await bulk.insert_new(connection, sellers, [{"seller": name, "created_at": now} for name in names])
        await bulk.upsert(connection, tariffs, changes.both)


def tariff_key(row: Row) -> tuple[str, str, str, date]:
    """Return what makes a tariff unique (contract §2)."""
    return row["zone"], row["component"], row["seller"], row["valid_from"]


async def load_tariffs(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> TariffFacts:
    """Load zones and the tariffs of those that the file names."""
    del now
    codes = {record.cells.get("zone", "").upper() for record in records}
    rows = await bulk.fetch(connection, sa.select(tariffs), tariffs.c.zone, codes)
    stored = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name for it
    by_code = {zone.zone: zone for zone in await all_zones(connection)}
    return TariffFacts({tariff_key(row): row for row in stored}, by_code)
