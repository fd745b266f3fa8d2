"""Fills a desk for a batch of commands with a few set-based queries, and writes it back with a few more.

On PostgreSQL the taps of the batch's caretakers are locked first, by TapID, then tenants of these taps alone:
two batches of one caretaker come one after the other, batches of several wait in no circle, and a tap cannot
get another caretaker meanwhile. The locks leave room for debts, which only refer to taps and tenants. SQLite
has one writer and needs none.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime
from taps import store as taps_store
from taps import tap_id as tap_ids
from taps.model import Tap
from taps.tables import customers, debt_parts, debts, tap_counts, taps, tenants
from taps.tenancies import reading
from taps.tenancies.commands import Command, Count, ListTenants, Move, Remove, Undo
from taps.tenancies.desk import Desk
from taps.tenancies.records import UNDO_WITHIN, Change, Key, Kind, Tally, Tenancy
from taps.tenancies.tables import tenancy_changes

_c = tenancy_changes.c
_TAPS_LOCKED = sa.select(taps.c.tap_id).order_by(taps.c.tap_id).with_for_update(key_share=True)
_TENANTS_LOCKED = sa.select(tenants).order_by(tenants.c.tenant_id).with_for_update(key_share=True)
_WHERE = sa.select(tenants.c.tap_id)
_CHANGES = sa.select(tenancy_changes)
_RECENT = _CHANGES.where(
    _c.undone_at.is_(None), _c.kind != Kind.UNDONE.value, _c.at > sa.bindparam("since", type_=UtcDateTime)
).order_by(_c.by_msisdn, _c.seq)
_LAST_SEQS = sa.select(_c.by_msisdn, sa.func.max(_c.seq).label("seq")).group_by(_c.by_msisdn)
_OWED = (
    sa.select(debts.c.owner, sa.func.sum(debt_parts.c.amount_minor - debt_parts.c.paid_minor).label("minor"))
    .join(debt_parts, debt_parts.c.debt_id == debts.c.debt_id)
    .where(debt_parts.c.paid_minor < debt_parts.c.amount_minor)
    .group_by(debts.c.owner)
)
_ANOTHER = tap_counts.alias()
_LAST_AT = (
    sa.select(sa.func.max(_ANOTHER.c.counted_at))
    .where(_ANOTHER.c.tap_id == tap_counts.c.tap_id)
    .scalar_subquery()
)
_LAST_COUNTS = sa.select(tap_counts).where(tap_counts.c.counted_at == _LAST_AT)
_UNCOUNT = sa.delete(tap_counts).where(
    tap_counts.c.tap_id == sa.bindparam("of_tap"),
    tap_counts.c.counted_at == sa.bindparam("was_at", type_=UtcDateTime),
)


async def load(connection: AsyncConnection, desk: Desk, commands: Sequence[Command]) -> None:
    """Put on the desk everything that deciding these commands can need."""
    await _taps(connection, desk, commands)
    # Read under the locks above: what another process has just done counts.
    await _history(connection, desk, commands)
    wanted = _named_taps(desk, commands) | _undone_taps(desk)
    wanted |= await _taps_of_phones(connection, desk, commands)
    await _tenants(connection, desk, wanted)
    if any(isinstance(command, Count | ListTenants | Undo) for command in commands):
        await _counts(connection, desk, wanted)
    if any(isinstance(command, Move | Remove | Undo) for command in commands):
        await _owed(connection, desk)


async def write(connection: AsyncConnection, desk: Desk) -> None:
    """Write what was decided."""
    await _write_tenants(connection, desk)
    await _write_counts(connection, desk)
    changes = [desk.changes[change_id] for change_id in desk.changes if change_id in desk.created]
    await bulk.insert(connection, tenancy_changes, [change.row() for change in changes])
    undone = [
        {"change_id": change_id, "undone_at": desk.now} for change_id in sorted(desk.undone - desk.created)
    ]
    await bulk.update(connection, tenancy_changes, undone)
    known = [{"msisdn": m, "language": None, "created_at": desk.now} for m in sorted(desk.newcomers)]
    await bulk.insert_new(connection, customers, known)


async def _taps(connection: AsyncConnection, desk: Desk, commands: Sequence[Command]) -> None:
    caretakers = {command.by_msisdn for command in commands}
    locked = await bulk.fetch(connection, _TAPS_LOCKED, taps.c.caretaker_msisdn, caretakers)
    found = await taps_store.taps_by_ids(connection, {row.tap_id for row in locked})
    for tap_id in sorted(found):
        desk.keep(found[tap_id])
    named = [meant for command in commands for text in _typed(command) if (meant := reading.tap(text))]
    ids = {meant.value for meant in named if isinstance(meant, tap_ids.TapId)} - found.keys()
    numbers = {meant.value for meant in named if isinstance(meant, tap_ids.TapNumber)}
    numbers -= {tap.tap_number for tap in found.values()}
    desk.others |= (await taps_store.taps_by_ids(connection, ids)).keys() if ids else set()
    desk.others |= (await taps_store.taps_by_numbers(connection, numbers)).keys() if numbers else set()
    # Of one batch, another caretaker's tap is on the desk as well.
    desk.others |= found.keys() | {tap.tap_number for tap in found.values()}


async def _history(connection: AsyncConnection, desk: Desk, commands: Sequence[Command]) -> None:
    rows = await bulk.fetch(connection, _CHANGES, _c.command_id, {c.command_id for c in commands})
    repeated = [Change.of(row) for row in rows]
    for change in repeated:
        desk.changes[change.change_id] = change
        desk.by_command[change.by_msisdn, change.command_id] = change
    undoers = {command.by_msisdn for command in commands if isinstance(command, Undo)}
    if undoers:
        since = {"since": desk.now - UNDO_WITHIN}
        for row in await bulk.fetch(connection, _RECENT, _c.by_msisdn, undoers, since):
            desk.changes[row.change_id] = Change.of(row)
            desk.undoable[row.by_msisdn].append(row.change_id)
    originals = {change.undoes for change in repeated if change.undoes} - desk.changes.keys()
    if originals:
        for row in await bulk.fetch(connection, _CHANGES, _c.change_id, originals):
            desk.changes[row.change_id] = Change.of(row)
    caretakers = {command.by_msisdn for command in commands}
    for row in await bulk.fetch(connection, _LAST_SEQS, _c.by_msisdn, caretakers):
        desk.seqs[row.by_msisdn] = row.seq


async def _tenants(connection: AsyncConnection, desk: Desk, tap_ids_wanted: Iterable[str]) -> None:
    for row in await bulk.fetch(connection, _TENANTS_LOCKED, tenants.c.tap_id, tap_ids_wanted):
        tenancy = _tenancy(row)
        desk.put(tenancy)
        desk.loaded.add(tenancy.key)


async def _taps_of_phones(connection: AsyncConnection, desk: Desk, commands: Sequence[Command]) -> set[str]:
    """Return the caretakers' taps where phones are that commands name without a tap."""
    phones = {msisdn for command in commands for msisdn in _phones_anywhere(desk, command)}
    if not phones:
        return set()
    rows = await bulk.fetch(connection, _WHERE, tenants.c.msisdn, phones)
    return {row.tap_id for row in rows} & desk.taps.keys()


async def _counts(connection: AsyncConnection, desk: Desk, tap_ids_wanted: Iterable[str]) -> None:
    for row in await bulk.fetch(connection, _LAST_COUNTS, tap_counts.c.tap_id, tap_ids_wanted):
        desk.put(Tally(row.tap_id, row.counted_at, row.occupants, row.counted_by))


async def _owed(connection: AsyncConnection, desk: Desk) -> None:
    owners = [
        state.tenant_id
        for places in desk.places.values()
        for state in places.values()
        if isinstance(state, Tenancy) and state.is_active
    ]
    for row in await bulk.fetch(connection, _OWED, debts.c.owner, owners):
        desk.owed_minor[row.owner] = int(row.minor)


def _typed(command: Command) -> list[str]:
    """Return what a command calls taps."""
    match command:
        case Undo():
            return []
        case Move():
            return [command.to_tap_id, *([command.from_tap_id] if command.from_tap_id else [])]
        case _:
            return [command.tap_id] if command.tap_id else []


def _named_taps(desk: Desk, commands: Iterable[Command]) -> set[str]:
    """Return the caretakers' own taps that commands name; all of them where a list of taps is wanted."""
    found: set[str] = set()
    for command in commands:
        mine = desk.kept[command.by_msisdn]
        if isinstance(command, ListTenants) and command.tap_id is None:
            found |= {tap.tap_id for tap in mine}
        else:
            found |= {tap.tap_id for text in _typed(command) for tap in mine if _is_called(tap, text)}
    return found


def _is_called(tap: Tap, text: str) -> bool:
    meant = reading.tap(text)
    return meant is not None and meant.value in (tap.tap_id, tap.tap_number)


def _undone_taps(desk: Desk) -> set[str]:
    """Return the taps of changes that may be taken back, where they are on the desk at all."""
    ids = [change_id for change_ids in desk.undoable.values() for change_id in change_ids]
    return {tap_id for change_id in ids for tap_id in desk.changes[change_id].tap_ids} & desk.taps.keys()


def _phones_anywhere(desk: Desk, command: Command) -> set[str]:
    """Return the phones that a command speaks of without saying on which tap they are."""
    if isinstance(command, Move) or (isinstance(command, Remove) and command.tap_id is None):
        countries = {tap.country for tap in desk.kept[command.by_msisdn]}
        return reading.readings(command.msisdn, countries)
    return set()


def _tenancy(row: Any) -> Tenancy:
    return Tenancy(
        row.tenant_id, row.tap_id, row.msisdn, row.name, row.occupants, row.removed_at, row.created_at
    )


def _tenant_row(tenancy: Tenancy) -> dict[str, Any]:
    return {
        "tenant_id": tenancy.tenant_id,
        "tap_id": tenancy.tap_id,
        "msisdn": tenancy.msisdn,
        "name": tenancy.name,
        "occupants": tenancy.occupants,
        "removed_at": tenancy.removed_at,
        "created_at": tenancy.created_at,
    }


async def _write_tenants(connection: AsyncConnection, desk: Desk) -> None:
    def rows(keys: set[Key]) -> list[dict[str, Any]]:
        found = (desk.tenancy(*key) for key in sorted(keys))
        return [_tenant_row(tenancy) for tenancy in found if tenancy]

    await bulk.insert(connection, tenants, rows(desk.touched - desk.loaded))
    await bulk.update(connection, tenants, rows(desk.touched & desk.loaded))


async def _write_counts(connection: AsyncConnection, desk: Desk) -> None:
    gone = [{"of_tap": tap, "was_at": at} for (tap, at), tally in desk.tallies.items() if tally is None]
    if gone:
        await connection.execute(_UNCOUNT, gone)
    fresh = [
        {
            "tap_id": tally.tap_id,
            "counted_at": tally.counted_at,
            "occupants": tally.occupants,
            "counted_by": tally.counted_by,
        }
        for tally in desk.tallies.values()
        if tally is not None
    ]
    await bulk.insert(connection, tap_counts, fresh)
