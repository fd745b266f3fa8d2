"""Files of taps."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import BadInput, BadTapId
from core.ids import Ids
from taps import cells as cell
from taps import periods
from taps import tap_id as tap_ids
from taps.files import Record
from taps.kinds import Cells, Changes, Key, Row, known
from taps.model import Billing, Role, Tap, User, Zone
from taps.store import all_zones, taps_by_ids
from taps.switching import write_switches
from taps.tables import tap_billings, taps, user_zones, users
from taps.users import row_of, users_by_msisdn, zone_rows

_MOST_HOUSEHOLDS = 10_000


@dataclass(frozen=True, slots=True)
class TapFacts:
    """Stored taps, the zones, and whose each tap number is."""

    stored: Mapping[Key, Row]
    zones: Mapping[str, Zone]
    # Numbers given in the file are added while it is read, so that two rows cannot share one.
    numbers: dict[str, str]

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a tap; columns that the file lacks keep what is stored, empty ones clear it.

        A tap number is kept where the cell is empty: it is printed on the plate.
        """
        tap_id = tap_ids.parse(cell.need(cells, "tap_id"))
        before = self.stored.get((tap_id,), _BLANK)
        zone = known(self.zones, cell.zone(cells), "zone")
        row = {**before, "tap_id": tap_id, "zone": zone.zone}
        row["billing"] = cell.choice(cells, "billing", Billing).value
        if "latitude" in cells or "longitude" in cells:
            row["latitude"], row["longitude"] = cell.position(cells)
        if "households" in cells:
            row["households"] = _households(cells)
        if "caretaker_msisdn" in cells:
            row["caretaker_msisdn"] = _caretaker(cells, zone.country)
        row["tap_number"] = self._number(cells, tap_id) or before["tap_number"]
        return (tap_id,), row

    def _number(self, cells: Cells, tap_id: str) -> str | None:
        if not cells.get("tap_number"):
            return None
        number = tap_ids.parse_number(cells["tap_number"])
        owner = self.numbers.setdefault(number, tap_id)
        if owner != tap_id:
            raise BadInput(f"tap number {number} is that of {owner}", code="tap_number_taken")
        return number

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write taps, their billing, and the role of caretakers who have none yet."""
        del ids
        new = self._numbered(changes.new)
        await bulk.insert(connection, taps, [{**_columns(row), "created_at": now} for row in new])
        await bulk.update(connection, taps, [_columns(row) for row in changes.changed])
        first = [{"tap_id": r["tap_id"], "from_period": periods.START, "billing": r["billing"]} for r in new]
        await bulk.insert(connection, tap_billings, first)
        switched = {r["tap_id"]: Billing(r["billing"]) for r in changes.changed if self._switches(r)}
        await write_switches(connection, switched, periods.next_period(periods.period_of(now)))
        await _give_role(connection, changes.both, now)

    def _numbered(self, rows: Iterable[Row]) -> list[Row]:
        numbered: list[Row] = []
        for row in rows:
            number = row["tap_number"] or tap_ids.tap_number_for(row["tap_id"], self.numbers)
            self.numbers[number] = row["tap_id"]
            numbered.append({**row, "tap_number": number})
        return numbered

    def _switches(self, row: Row) -> bool:
        return bool(self.stored[row["tap_id"],]["billing"] != row["billing"])


_BLANK: Row = dict.fromkeys(("tap_number", "latitude", "longitude", "caretaker_msisdn", "households"))


def _households(cells: Cells) -> int | None:
    return cell.whole(cells, "households", most=_MOST_HOUSEHOLDS) if cells["households"] else None


def _caretaker(cells: Cells, country: str) -> str | None:
    return cell.phone(cells, "caretaker_msisdn", country) if cells["caretaker_msisdn"] else None


def _columns(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "billing"}


async def _give_role(connection: AsyncConnection, rows: Iterable[Row], now: datetime) -> None:
    zones_of: dict[str, set[str]] = {}
    for row in rows:
        if row["caretaker_msisdn"]:
            zones_of.setdefault(row["caretaker_msisdn"], set()).add(row["zone"])
    have = await users_by_msisdn(connection, list(zones_of))
    without = [m for m, found in have.items() if all(user.role is not Role.CARETAKER for user in found)]
    new = [User(f"caretaker {m}", Role.CARETAKER, tuple(sorted(zones_of[m])), m) for m in without]
    await bulk.insert_new(connection, users, [row_of(user, now) for user in new])
    await bulk.insert_new(connection, user_zones, zone_rows(new))


async def load_taps(connection: AsyncConnection, records: Sequence[Record], now: datetime) -> TapFacts:
    """Load the taps that the file names, every zone, and every tap number."""
    del now
    found = await taps_by_ids(connection, named_taps(records))
    stored = {(tap.tap_id,): stored_tap(tap) for tap in found.values()}
    owners = await connection.execute(sa.select(taps.c.tap_number, taps.c.tap_id))
    numbers = {row.tap_number: row.tap_id for row in owners}
    return TapFacts(stored, {zone.zone: zone for zone in await all_zones(connection)}, numbers)


def named_taps(records: Sequence[Record]) -> set[str]:
    """Return the TapIDs that can be read; a row with another one is refused when it is read."""
    found = set()
    for record in records:
        with suppress(BadTapId):
            found.add(tap_ids.parse(record.cells.get("tap_id", "")))
    return found


def stored_tap(tap: Tap) -> dict[str, Any]:
    """Return a stored tap in the form of a row; its billing is what holds once decided switches do."""
    return {
        "tap_id": tap.tap_id,
        "zone": tap.zone,
        "latitude": tap.latitude,
        "longitude": tap.longitude,
        "billing": tap.latest_billing.value,
        "caretaker_msisdn": tap.caretaker_msisdn,
        "households": tap.households,
        "tap_number": tap.tap_number,
    }
