"""Reports, owners and ends of flags: what is wrong at a tap, kept with its history (requirement T4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import BadInput, Conflict, NotFound, Refused
from core.ids import Ids
from taps import flags_store, users
from taps.flags_detection import detect_reports
from taps.flags_model import (
    EVENT_TO,
    FLAG,
    Flag,
    FlagKind,
    FlagState,
    Report,
    Step,
    clean_words,
    first_told,
    reference,
)
from taps.tables import flags, taps

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """The flag of a report; `is_new` is false where the same phone has told the same before."""

    flag: Flag
    is_new: bool


async def report(
    connection: AsyncConnection, reports: Sequence[Report], *, ids: Ids, now: datetime
) -> list[Opened]:
    """Open a flag for each report, or find the one that it repeats; answers stand in the order of reports.

    Words are cleaned. Where a second phone has reported people or a connection without registration, the
    rule of two reports opens its own flag in the same transaction. Raises NotFound (no_such_tap).
    """
    zones = await _zones_of(connection, [told.tap_id for told in reports if told.tap_id])
    number = await flags_store.next_number(connection)
    known = await flags_store.by_phones(connection, [told.msisdn for told in reports])
    answers: list[Opened] = []
    for told in reports:
        mine = known.setdefault(told.msisdn, [])
        flag = first_told(mine, told, now)
        answers.append(Opened(flag or _new(told, zones, number, ids=ids, now=now), flag is None))
        if flag is None:
            mine.append(answers[-1].flag)
            number += 1
    fresh = [answer.flag for answer in answers if answer.is_new]
    await flags_store.write_new(connection, fresh, ids=ids)
    seen = [flag.tap_id for flag in fresh if flag.kind is FlagKind.UNREGISTERED and flag.tap_id]
    if seen:
        await detect_reports(connection, seen, ids=ids, now=now)
    return answers


async def by_numbers(connection: AsyncConnection, numbers: Iterable[int]) -> dict[int, Flag]:
    """Return the flags that exist, by the number of their reference."""
    found = await flags_store.fetch(connection, flags.c.number, numbers)
    return {flag.number: flag for flag in found}


async def unresolved_of(connection: AsyncConnection, tap_ids: Sequence[str]) -> dict[str, list[Flag]]:
    """Return what is open or visited at each tap, newest first."""
    found: dict[str, list[Flag]] = {tap_id: [] for tap_id in tap_ids}
    for flag in reversed(await flags_store.unresolved(connection, flags.c.tap_id, tap_ids)):
        found[str(flag.tap_id)].append(flag)
    return found


async def find(
    connection: AsyncConnection,
    *,
    zones: Sequence[str] = (),
    state: FlagState | None = None,
    limit: int = MOST_LISTED,
) -> list[Flag]:
    """Return flags, newest first: of every zone and in every state where none is named."""
    conditions: list[sa.ColumnElement[bool]] = [taps.c.zone.in_(zones)] if zones else []
    if state:
        conditions.append(flags.c.state == state.value)
    query = flags_store.FLAGS.where(*conditions).order_by(flags.c.number.desc()).limit(limit)
    return [flags_store.flag_of(row) for row in await connection.execute(query)]


async def history(connection: AsyncConnection, flag_id: str) -> list[Step]:
    """Return all that happened to a flag, oldest first."""
    return await flags_store.steps(connection, flag_id)


async def assign(
    connection: AsyncConnection, number: int, name: str, *, actor: str, ids: Ids, now: datetime
) -> Flag:
    """Give an unresolved flag to a user; to the same one again changes nothing.

    Raises NotFound (unknown_flag, unknown_user), Refused (other_zone) where the user's zones leave out the
    tap's, Conflict (flag_resolved).
    """
    flag = await _locked(connection, number)
    user = (await users.by_names(connection, [name])).get(name)
    if user is None:
        raise NotFound(f"there is no user {name[:60]!r}", code="unknown_user")
    if flag.is_resolved:
        raise Conflict(f"{flag.reference} is {flag.state} already", code="flag_resolved")
    if flag.zone and not user.covers(flag.zone):
        raise Refused(f"{flag.tap_id} lies in {flag.zone}, where {name} has no role", code="other_zone")
    if flag.owner == name:
        return flag
    owned = replace(flag, owner=name, version=flag.version + 1)
    step = Step(now, "assign", flag.state, flag.state, actor, name)
    await flags_store.write_change(connection, owned, step, ids=ids)
    return owned


async def resolve(
    connection: AsyncConnection,
    number: int,
    state: FlagState,
    *,
    actor: str,
    ids: Ids,
    now: datetime,
    note: str = "",
) -> Flag:
    """Move a flag to visited, confirmed or cleared, with a note that is cleaned like words.

    Raises NotFound (unknown_flag), BadInput (bad_state) for `open`, Conflict (bad_transition) where the
    lifecycle has no such way: a resolved flag stays so.
    """
    if state not in EVENT_TO:
        raise BadInput("a flag becomes visited, confirmed or cleared", code="bad_state")
    flag = await _locked(connection, number)
    event = EVENT_TO[state]
    moved = replace(flag, state=FlagState(FLAG.after(event, flag.state)), version=flag.version + 1)
    step = Step(now, event, flag.state, moved.state, actor, clean_words(note))
    await flags_store.write_change(connection, moved, step, ids=ids)
    return moved


async def _locked(connection: AsyncConnection, number: int) -> Flag:
    query = flags_store.FLAGS.where(flags.c.number == number).with_for_update(of=flags)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(f"there is no flag {reference(number)}", code="unknown_flag")
    return flags_store.flag_of(row)


async def _zones_of(connection: AsyncConnection, tap_ids: Sequence[str]) -> dict[str, str]:
    zones = await flags_store.zones_of(connection, tap_ids)
    missing = sorted(set(tap_ids) - zones.keys())
    if missing:
        raise NotFound(f"there is no tap {missing[0][:20]!r}", code="no_such_tap")
    return zones


def _new(told: Report, zones: Mapping[str, str], number: int, *, ids: Ids, now: datetime) -> Flag:
    return Flag(
        flag_id=ids.new(),
        number=number,
        kind=told.kind,
        tap_id=told.tap_id,
        zone=zones[told.tap_id] if told.tap_id else None,
        words=clean_words(told.words),
        reported_by=told.msisdn,
        source=told.source,
        rule=None,
        owner=None,
        state=FlagState.OPEN,
        created_at=now,
        version=0,
    )
