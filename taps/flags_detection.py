"""Flags that rules open by themselves: crowded, reported twice, oversold (requirement T4).

Detection may run at any time and any number of times: a rule has one unresolved flag on a tap, and a flag
that people have resolved comes back only for evidence that is newer than the flag.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime
from core.ids import Ids
from taps import flags_store, recoveries
from taps.flags_model import WITHIN, Flag, FlagKind, FlagState, Source
from taps.occupancy import Count, Finding, Witness, crowded, oversold, twice_reported
from taps.tables import flags, tap_counts, taps, tenants

_REPORTS = sa.select(flags.c.tap_id, flags.c.reported_by, flags.c.created_at).where(
    flags.c.kind == FlagKind.UNREGISTERED.value,
    flags.c.source != Source.DETECTED.value,
    flags.c.state != FlagState.CLEARED.value,
    flags.c.created_at >= sa.bindparam("since", type_=UtcDateTime),
)
_LATER = tap_counts.alias()
_LAST = sa.select(sa.func.max(_LATER.c.counted_at)).where(_LATER.c.tap_id == tap_counts.c.tap_id)
_REGISTERED = (
    sa.select(sa.func.coalesce(sa.func.sum(tenants.c.occupants), 0))
    .where(tenants.c.tap_id == tap_counts.c.tap_id, tenants.c.removed_at.is_(None))
    .scalar_subquery()
)
_COUNTS = sa.select(
    tap_counts.c.tap_id, tap_counts.c.occupants, tap_counts.c.counted_at, _REGISTERED.label("registered")
).where(tap_counts.c.counted_at == _LAST.scalar_subquery())


async def detect(connection: AsyncConnection, *, ids: Ids, now: datetime) -> list[Flag]:
    """Look at every tap and open what the rules find; again opens nothing."""
    return await open_found(connection, await look(connection, now), ids=ids, now=now)


async def look(connection: AsyncConnection, now: datetime) -> list[Finding]:
    """Return what the rules find, known or not; reads only, so a long look keeps no writer waiting."""
    reported = await connection.execute(_REPORTS.where(flags.c.tap_id.is_not(None)), {"since": now - WITHIN})
    return [
        *_crowded(await connection.execute(_COUNTS)),
        *_twice_reported(reported),
        *await _oversold(connection, now),
    ]


async def detect_reports(
    connection: AsyncConnection, tap_ids: Sequence[str], *, ids: Ids, now: datetime
) -> list[Flag]:
    """Look at the reports of some taps only: what a new report may bring about."""
    found = await bulk.fetch(connection, _REPORTS, flags.c.tap_id, tap_ids, {"since": now - WITHIN})
    return await open_found(connection, _twice_reported(found), ids=ids, now=now)


async def open_found(
    connection: AsyncConnection, findings: Sequence[Finding], *, ids: Ids, now: datetime
) -> list[Flag]:
    """Open a flag for each finding that is new."""
    if not findings:
        return []
    tap_ids = [finding.tap_id for finding in findings]
    zones = await flags_store.zones_of(connection, tap_ids)
    number = await flags_store.next_number(connection)
    past = await flags_store.fetch(connection, flags.c.tap_id, tap_ids)
    fresh = [
        _flag(finding, zones[finding.tap_id], number + i, ids=ids, now=now)
        for i, finding in enumerate(new_findings(findings, past))
    ]
    await flags_store.write_new(connection, fresh, ids=ids)
    return fresh


def new_findings(findings: Iterable[Finding], past: Iterable[Flag]) -> list[Finding]:
    """Return the findings whose evidence is newer than every flag of that rule on that tap: pure.

    An unresolved flag stands for all evidence. Of two findings of one rule on one tap the first counts.
    """
    known = [flag for flag in past if flag.rule]
    unresolved = {(flag.tap_id, flag.rule) for flag in known if not flag.is_resolved}
    fresh: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = finding.tap_id, finding.rule
        looked_into = any((f.tap_id, f.rule) == key and f.created_at >= finding.seen_at for f in known)
        if key not in unresolved and not looked_into:
            fresh.setdefault(key, finding)
    return list(fresh.values())


def _crowded(rows: Iterable[Any]) -> list[Finding]:
    found = (crowded(r.tap_id, Count(r.occupants, r.counted_at), r.registered) for r in rows)
    return [finding for finding in found if finding]


def _twice_reported(rows: Iterable[Any]) -> list[Finding]:
    reports: dict[str, list[Witness]] = {}
    for row in rows:
        reports.setdefault(row.tap_id, []).append(Witness(row.reported_by, row.created_at))
    found = (twice_reported(tap_id, told) for tap_id, told in sorted(reports.items()))
    return [finding for finding in found if finding]


async def _oversold(connection: AsyncConnection, now: datetime) -> list[Finding]:
    known = await recoveries.of_zones(connection, await _all_zones(connection), now)
    found = (oversold(tap_id, r.recoveries, r.sales, r.currency, now) for tap_id, r in known.items())
    return [finding for finding in found if finding]


async def _all_zones(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(sa.select(taps.c.zone).distinct())).scalars())


def _flag(finding: Finding, zone: str, number: int, *, ids: Ids, now: datetime) -> Flag:
    return Flag(
        flag_id=ids.new(),
        number=number,
        kind=FlagKind.UNREGISTERED,
        tap_id=finding.tap_id,
        zone=zone,
        words=finding.words,
        reported_by=None,
        source=Source.DETECTED,
        rule=finding.rule,
        owner=None,
        state=FlagState.OPEN,
        created_at=now,
        version=0,
    )
