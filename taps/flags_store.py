"""Rows of flags: every function takes many keys and makes one query."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.ids import Ids
from taps.flags_model import UNRESOLVED, Flag, FlagKind, FlagState, Rule, Source, Step
from taps.tables import flag_transitions, flags, taps

FLAGS = sa.select(flags, taps.c.zone).join(taps, taps.c.tap_id == flags.c.tap_id, isouter=True)
_ORDERED = FLAGS.order_by(flags.c.number)
_UNRESOLVED = _ORDERED.where(flags.c.state.in_([state.value for state in UNRESOLVED]))
# Flags refer to taps, which locks those; it is done here, in key order, before the lock on numbers is taken:
# whoever changes a tap and then reports something goes the same way round.
_ZONES = (
    sa.select(taps.c.tap_id, taps.c.zone)
    .order_by(taps.c.tap_id)
    .with_for_update(read=True, key_share=True, of=taps)
)
# Whoever opens flags on PostgreSQL holds this lock until the commit; SQLite has one writer at a time anyway.
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(0x666C6167))
_LAST = sa.select(sa.func.coalesce(sa.func.max(flags.c.number), 0))


async def next_number(connection: AsyncConnection) -> int:
    """Return the number of the next new flag; nobody else opens one until this transaction ends.

    Hence numbers have no gaps, and a report sees what was reported a moment before it.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(_LOCK)
    return int((await connection.execute(_LAST)).scalar_one()) + 1


async def fetch(
    connection: AsyncConnection, column: sa.ColumnElement[Any], keys: Iterable[Any]
) -> list[Flag]:
    """Return the flags whose `column` is one of `keys`, by number."""
    return [flag_of(row) for row in await bulk.fetch(connection, _ORDERED, column, keys)]


async def unresolved(
    connection: AsyncConnection, column: sa.ColumnElement[Any], keys: Iterable[Any]
) -> list[Flag]:
    """Return the same, without those that are resolved."""
    return [flag_of(row) for row in await bulk.fetch(connection, _UNRESOLVED, column, keys)]


async def by_phones(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, list[Flag]]:
    """Return what each phone has reported and nobody has resolved, by number."""
    found: dict[str, list[Flag]] = {}
    for flag in await unresolved(connection, flags.c.reported_by, msisdns):
        found.setdefault(str(flag.reported_by), []).append(flag)
    return found


async def zones_of(connection: AsyncConnection, tap_ids: Iterable[str]) -> dict[str, str]:
    """Return the zone of each tap that exists, to be asked before `next_number`."""
    return {row.tap_id: row.zone for row in await bulk.fetch(connection, _ZONES, taps.c.tap_id, tap_ids)}


async def write_new(connection: AsyncConnection, fresh: Sequence[Flag], *, ids: Ids) -> None:
    """Write new flags with the first entry of their history."""
    await bulk.insert(connection, flags, [_row(flag) for flag in fresh])
    first = [_step_row(flag, _opening(flag), ids) for flag in fresh]
    await bulk.insert(connection, flag_transitions, first)


async def write_change(connection: AsyncConnection, flag: Flag, step: Step, *, ids: Ids) -> None:
    """Write a flag as it is now, its version one above what is stored, and what moved it."""
    changed = {
        "flag_id": flag.flag_id,
        "state": flag.state.value,
        "owner": flag.owner,
        "version": flag.version,
    }
    await bulk.update(connection, flags, [changed])
    await bulk.insert(connection, flag_transitions, [_step_row(flag, step, ids)])


async def steps(connection: AsyncConnection, flag_id: str) -> list[Step]:
    """Return a flag's history, oldest first."""
    t = flag_transitions.c
    query = sa.select(flag_transitions).where(t.flag_id == flag_id).order_by(t.at, t.transition_id)
    rows = await connection.execute(query)
    return [Step(r.at, r.event, r.from_state, r.to_state, r.actor, r.note) for r in rows]


def flag_of(row: Any) -> Flag:
    """Return the flag of a row of `FLAGS`."""
    return Flag(
        flag_id=row.flag_id,
        number=row.number,
        kind=FlagKind(row.kind),
        tap_id=row.tap_id,
        zone=row.zone,
        words=row.words,
        reported_by=row.reported_by,
        source=Source(row.source),
        rule=Rule(row.rule) if row.rule else None,
        owner=row.owner,
        state=FlagState(row.state),
        created_at=row.created_at,
        version=row.version,
    )


def _row(flag: Flag) -> dict[str, Any]:
    row = {name: value for name, value in asdict(flag).items() if name != "zone"}
    texts = {"kind": flag.kind.value, "source": flag.source.value, "state": flag.state.value}
    return {**row, **texts, "rule": flag.rule.value if flag.rule else None}


def _opening(flag: Flag) -> Step:
    actor = flag.reported_by or flag.rule or ""
    return Step(flag.created_at, "open", None, flag.state, actor, "")


def _step_row(flag: Flag, step: Step, ids: Ids) -> dict[str, Any]:
    return {
        "transition_id": ids.new(),
        "flag_id": flag.flag_id,
        "at": step.at,
        "event": step.event,
        "from_state": str(step.from_state) if step.from_state else None,
        "to_state": str(step.to_state),
        "actor": str(step.actor),
        "note": step.note,
    }
