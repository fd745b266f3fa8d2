"""Imports files: upserts by key, good rows kept, bad rows named by line (contract §2 and §7).

What is written lies in the caller's transaction: all good rows, or after a failure none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.errors import BadInput, MadziError
from core.ids import Ids
from taps import files, kind_people, kind_taps, kind_zones
from taps.files import BadRow, Record
from taps.kinds import Changes, Facts, Key, Kind, Row

__all__ = ["KINDS", "BadRow", "Report", "import_file"]

KINDS = {
    "zones": Kind(("zone", "name", "country", "currency"), ("latitude", "longitude"), kind_zones.load_zones),
    "taps": Kind(
        ("tap_id", "zone", "billing"),
        ("latitude", "longitude", "caretaker_msisdn", "households", "tap_number"),
        kind_taps.load_taps,
        geojson=True,
    ),
    "tenants": Kind(("tap_id", "name", "msisdn"), ("occupants", "language"), kind_people.load_tenants),
    "tariffs": Kind(
        ("zone", "component", "seller", "basis", "amount", "currency", "valid_from"),
        (),
        kind_zones.load_tariffs,
    ),
    "usage": Kind(("tap_id", "component", "quantity", "period"), ("tenant_msisdn",), kind_people.load_usage),
    "users": Kind(("name", "role"), ("zone", "msisdn"), kind_people.load_users),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or with `dry_run` would do."""

    kind: str
    added: int
    changed: int
    unchanged: int
    bad: tuple[BadRow, ...]
    ignored_columns: tuple[str, ...]
    dry_run: bool

    @property
    def good(self) -> int:
        """How many rows were good."""
        return self.added + self.changed + self.unchanged


async def import_file(
    connection: AsyncConnection, kind: str, data: bytes, *, ids: Ids, clock: Clock, dry_run: bool = False
) -> Report:
    """Import a file of a kind of `KINDS`; taps as CSV or GeoJSON.

    Raises BadInput where the file as a whole cannot be read: bad_kind, bad_header, bad_encoding, bad_json,
    too_large.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind[:20]!r} is none of {', '.join(KINDS)}", code="bad_kind")
    what, now = KINDS[kind], clock.now()
    sheet = files.read(data, what.required, what.optional, geojson=what.geojson)
    facts = await what.load(connection, sheet.records, now)
    rows, bad = _read(facts, sheet.records)
    new = [row for key, row in rows.items() if key not in facts.stored]
    changed = [row for key, row in rows.items() if key in facts.stored and facts.stored[key] != row]
    if not dry_run:
        await facts.write(connection, Changes(new, changed), ids=ids, now=now)
    unchanged = len(rows) - len(new) - len(changed)
    every_bad = tuple(sorted([*sheet.bad, *bad], key=lambda row: row.line))
    return Report(kind, len(new), len(changed), unchanged, every_bad, sheet.ignored_columns, dry_run)


def _read(facts: Facts, records: Sequence[Record]) -> tuple[dict[Key, Row], list[BadRow]]:
    rows: dict[Key, Row] = {}
    lines: dict[Key, int] = {}
    bad = []
    for record in records:
        try:
            key, row = facts.read(record.cells)
            if key in rows:
                raise BadInput(f"this repeats line {lines[key]}, which was taken", code="duplicate")
            rows[key], lines[key] = row, record.line
        except MadziError as error:
            bad.append(BadRow(record.line, error.reason, error.detail))
    return rows, bad
