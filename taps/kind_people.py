"""Files of tenants, of what they used, and of users."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import BadInput, MadziError
from core.ids import Ids
from taps import cells as cell
from taps import periods
from taps import tap_id as tap_ids
from taps.files import Record
from taps.kind_taps import named_taps
from taps.kinds import Cells, Changes, Key, Row, known
from taps.model import Role, Tap, User, Zone
from taps.store import all_zones, customers, remember_language, taps_by_ids
from taps.tables import tenants, usage, user_zones, users
from taps.tariffs import Component
from taps.users import all_users, row_of, zone_rows

_MOST_OCCUPANTS = 1000
_MOST_SOLD = 1_000_000


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """Stored tenants (also those who left), their ids, phones' languages, and the taps of the file."""

    stored: Mapping[Key, Row]
    ids: Mapping[Key, str]
    languages: Mapping[str, str | None]
    taps: Mapping[str, Tap]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a tenant; who left and is in a file again is back."""
        tap = known(self.taps, tap_ids.parse(cell.need(cells, "tap_id")), "tap")
        key = tap.tap_id, cell.phone(cells, "msisdn", tap.country)
        row = {**self.stored.get(key, {"occupants": 1}), "tap_id": key[0], "msisdn": key[1]}
        row |= {"name": cell.name(cells, "name"), "active": True}
        if cells.get("occupants"):
            row["occupants"] = cell.whole(cells, "occupants", least=1, most=_MOST_OCCUPANTS)
        row["language"] = cell.language(cells) or self.languages.get(key[1])
        return key, row

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write tenants, and the languages of their phones."""
        fresh = [{**_tenant(row), "tenant_id": ids.new(), "created_at": now} for row in changes.new]
        await bulk.insert(connection, tenants, fresh)
        known_ids = [(self.ids[row["tap_id"], row["msisdn"]], row) for row in changes.changed]
        await bulk.update(connection, tenants, [{**_tenant(row), "tenant_id": i} for i, row in known_ids])
        chosen = {row["msisdn"]: (row["language"], None) for row in changes.both if row["language"]}
        await remember_language(connection, chosen, now)


def _tenant(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("tap_id", "msisdn", "name", "occupants")} | {"removed_at": None}


async def load_tenants(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> TenantFacts:
    """Load the file's taps, everyone who is or was on them, and the languages of the file's phones."""
    del now
    found = await taps_by_ids(connection, named_taps(records))
    rows = await bulk.fetch(connection, sa.select(tenants), tenants.c.tap_id, found)
    phones = _named_phones(records, found) | {row.msisdn for row in rows}
    languages = {m: c.language for m, c in (await customers(connection, phones)).items()}
    stored: dict[Key, Row] = {
        (r.tap_id, r.msisdn): {
            "tap_id": r.tap_id,
            "msisdn": r.msisdn,
            "name": r.name,
            "occupants": r.occupants,
            "active": r.removed_at is None,
            "language": languages.get(r.msisdn),
        }
        for r in rows
    }
    return TenantFacts(stored, {(r.tap_id, r.msisdn): r.tenant_id for r in rows}, languages, found)


def _named_phones(records: Sequence[Record], found: Mapping[str, Tap]) -> set[str]:
    phones = set()
    for record in records:
        with suppress(MadziError):
            tap = known(found, tap_ids.parse(record.cells.get("tap_id", "")), "tap")
            phones.add(cell.phone(record.cells, "msisdn", tap.country))
    return phones


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """Stored quantities, the file's taps, and who is or was on them."""

    stored: Mapping[Key, Row]
    taps: Mapping[str, Tap]
    tenants: frozenset[tuple[str, str]]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a quantity; without a tenant it is the tap's."""
        tap = known(self.taps, tap_ids.parse(cell.need(cells, "tap_id")), "tap")
        who = cell.phone(cells, "tenant_msisdn", tap.country) if cells.get("tenant_msisdn") else ""
        if who and (tap.tap_id, who) not in self.tenants:
            raise BadInput(f"no tenant of {tap.tap_id} has this number", code="unknown_tenant")
        row = {"tap_id": tap.tap_id, "tenant_msisdn": who}
        row["component"] = cell.choice(cells, "component", Component).value
        row["period"] = periods.check(cell.need(cells, "period"))
        return tuple(row.values()), {**row, "quantity": cell.whole(cells, "quantity", most=_MOST_SOLD)}

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write quantities; a debt that was raised before stays as it is."""
        del ids, now
        await bulk.upsert(connection, usage, changes.both)


async def load_usage(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> UsageFacts:
    """Load the file's taps, their tenants and what they used."""
    del now
    found = await taps_by_ids(connection, named_taps(records))
    rows = await bulk.fetch(connection, sa.select(usage), usage.c.tap_id, found)
    stored: dict[Key, Row] = {
        (r.tap_id, r.tenant_msisdn, r.component, r.period): dict(r._mapping)  # noqa: SLF001 - SQLAlchemy's name
        for r in rows
    }
    people = sa.select(tenants.c.tap_id, tenants.c.msisdn)
    on_taps = await bulk.fetch(connection, people, tenants.c.tap_id, found)
    return UsageFacts(stored, found, frozenset((row.tap_id, row.msisdn) for row in on_taps))


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Stored users and the zones that they may be for, several with spaces between."""

    stored: Mapping[Key, Row]
    zones: Mapping[str, Zone]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a user; without a zone they are for every zone."""
        codes = [cell.zone({"zone": code}) for code in cells.get("zone", "").split()]
        found = [known(self.zones, code, "zone") for code in codes]
        country = found[0].country if found else "ZM"
        row = {
            "name": cell.name(cells, "name"),
            "role": cell.choice(cells, "role", Role).value,
            "zones": tuple(sorted({zone.zone for zone in found})),
            "msisdn": cell.phone(cells, "msisdn", country) if cells.get("msisdn") else None,
        }
        return (row["name"],), row

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write users; a token stays what it is."""
        del ids
        new, changed = ([_user(row) for row in rows] for rows in (changes.new, changes.changed))
        await bulk.insert(connection, users, [row_of(user, now) for user in new])
        same = [row_of(user, now) for user in changed]
        await bulk.upsert(connection, users, same, keep=frozenset({"created_at"}))
        names = [user.name for user in changed]
        await connection.execute(sa.delete(user_zones).where(user_zones.c.name.in_(names)))
        await bulk.insert(connection, user_zones, zone_rows([*new, *changed]))


def _user(row: Row) -> User:
    return User(row["name"], Role(row["role"]), row["zones"], row["msisdn"])


async def load_users(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> UserFacts:
    """Load every user: there are few."""
    del records, now
    stored: dict[Key, Row] = {
        (user.name,): {
            "name": user.name,
            "role": user.role.value,
            "zones": user.zones,
            "msisdn": user.msisdn,
        }
        for user in await all_users(connection)
    }
    return UserFacts(stored, {zone.zone: zone for zone in await all_zones(connection)})
