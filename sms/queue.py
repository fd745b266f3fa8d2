"""What waits, what is lost, and how a dead letter is put out again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.outbox import outbox, row
from sms.lifecycle import SMS, SmsStatus
from sms.outbound import KINDS, Purpose
from sms.reasons import Reason
from sms.tables import sms_messages

_m, _o = sms_messages.c, outbox.c
_MOST_TOGETHER = 500
# Dead letters: what was given up, and what its worker broke on so often that its outbox row was given up.
_IS_DEAD = sa.or_(
    _m.status == SmsStatus.DEAD,
    sa.and_(_m.status.in_((SmsStatus.QUEUED, SmsStatus.SENDING)), _o.status == "dead"),
)
_DEAD = sa.select(
    sms_messages, _o.last_error, _o.attempts.label("tries")
).outerjoin(outbox, _o.outbox_id == _m.sms_id)  # fmt: skip
_DEAD_BY_ID = _DEAD.where(_IS_DEAD).order_by(_m.sms_id)
_LOCK = sa.select(_m.sms_id).order_by(_m.sms_id).with_for_update()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of dead letters: put out again; left alone: may have arrived, or not dead."""

    again: tuple[str, ...] = ()
    may_have_arrived: tuple[str, ...] = ()
    not_dead: tuple[str, ...] = ()


async def dead(connection: AsyncConnection, *, since: datetime | None = None) -> list[sa.Row[Any]]:
    """Return dead letters, oldest first: rows of `sms_messages` with the outbox's `last_error`."""
    query = _DEAD.where(_IS_DEAD).order_by(_m.created_at, _m.sms_id)
    if since:
        query = query.where(_m.created_at >= since)
    return list((await connection.execute(query)).all())


async def replay(
    connection: AsyncConnection, sms_ids: Sequence[str], *, now: datetime, unknown_too: bool = False
) -> Replayed:
    """Put dead letters out again, all their tries before them; in the caller's transaction.

    What may have reached the phone (a hand-over without an answer) is left alone, unless `unknown_too`: an
    operator who asks for it knows that the person may read it twice. An SMS that is not dead, because another
    replay was first or it was handed over, is left alone always.
    """
    again, unknown, found = [], [], set()
    for start in range(0, len(sms_ids), _MOST_TOGETHER):
        rows = await _locked(connection, sms_ids[start : start + _MOST_TOGETHER])
        found |= {sms.sms_id for sms in rows}
        safe = [sms for sms in rows if unknown_too or not may_have_arrived(sms)]
        unknown += [sms.sms_id for sms in rows if not unknown_too and may_have_arrived(sms)]
        await _put_out(connection, safe, now)
        again += [sms.sms_id for sms in safe]
    return Replayed(tuple(again), tuple(unknown), tuple(i for i in sms_ids if i not in found))


def may_have_arrived(sms: sa.Row[Any]) -> bool:
    """Say whether a dead letter may be on the phone all the same: nobody answered, or it is held."""
    return bool(sms.unknowns) or sms.status == SmsStatus.SENDING or sms.reason == Reason.RISK_HOLD


async def _locked(connection: AsyncConnection, sms_ids: Sequence[str]) -> list[sa.Row[Any]]:
    """Lock first and look then: a row that was waited for is looked at with its outbox row of before."""
    await bulk.fetch(connection, _LOCK, _m.sms_id, sms_ids)
    return await bulk.fetch(connection, _DEAD_BY_ID, _m.sms_id, sms_ids)


async def _put_out(connection: AsyncConnection, rows: Sequence[sa.Row[Any]], now: datetime) -> None:
    changes = [
        {
            "sms_id": sms.sms_id,
            "status": SMS.after("replay", sms.status) if sms.status == SmsStatus.DEAD else sms.status,
            "attempts": 0,
            "unknowns": 0,
            "updated_at": now,
            "version": sms.version + 1,
        }
        for sms in rows
    ]
    await bulk.update(connection, sms_messages, changes)
    fresh = [
        row(
            sms.sms_id,
            KINDS[Purpose(sms.purpose)],
            sms.sms_id,
            now=now,
            correlation_id=sms.correlation_id,
        )
        for sms in rows
    ]
    cleared = {"claimed_by": None, "claimed_until": None, "last_error": None, "finished_at": None}
    await bulk.upsert(connection, outbox, [one | cleared for one in fresh], keep=frozenset({"created_at"}))


async def lost(connection: AsyncConnection) -> list[tuple[str, str, int]]:
    """Return (status, reason, how many) of what is dead or failed."""
    # Written out as in the index, so that it is used.
    query = (
        sa.select(_m.status, _m.reason, sa.func.count())
        .where(sa.text("sms_messages.status IN ('dead', 'failed')"))
        .group_by(_m.status, _m.reason)
    )
    rows = (await connection.execute(query)).all()
    return [(status, reason or Reason.OTHER.value, count) for status, reason, count in rows]


async def age_s(connection: AsyncConnection, now: datetime) -> float:
    """Return the seconds that the SMS which has waited longest could have been gone; 0 where none waits.

    One that was tried waits since it was made, another since it was due: a reminder of the night is not late.
    """
    waiting = (_o.kind.in_(KINDS.values()), _o.status == "waiting")
    tried = sa.select(sa.func.min(_o.created_at)).where(*waiting, _o.attempts > 0)
    untried = sa.select(sa.func.min(_o.available_at)).where(
        *waiting, _o.attempts == 0, _o.available_at <= now
    )
    firsts = [(await connection.execute(query)).scalar() for query in (tried, untried)]
    return max([(now - first).total_seconds() for first in firsts if first], default=0.0)
