"""The transactional outbox: what must be told to the outside, stored by the transaction that made it true.

A worker claims rows for a few seconds at a time, sends them, and finishes them; a row whose worker died is
claimed again when its lease ends. Trying again is bounded; what cannot be sent becomes a dead letter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import Id, UtcDateTime, metadata

_log = structlog.get_logger()

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("outbox_id", Id, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False, comment="push, callback, sms …: who handles it"),
    sa.Column("key", sa.String(64), nullable=False, comment="what it is about, to wake it by"),
    sa.Column("body", sa.Text, nullable=False, comment="JSON"),
    sa.Column("correlation_id", sa.String(64), nullable=False),
    sa.Column("status", sa.String(8), nullable=False, comment="waiting, done, dead"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("available_at", UtcDateTime, nullable=False),
    sa.Column("claimed_by", sa.String(64)),
    sa.Column("claimed_until", UtcDateTime),
    sa.Column("last_error", sa.String(200)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
)
_WAITING = sa.text("status = 'waiting'")
sa.Index(
    "ix_outbox_waiting",
    outbox.c.kind,
    outbox.c.available_at,
    postgresql_where=_WAITING,
    sqlite_where=_WAITING,
)
sa.Index("ix_outbox_key", outbox.c.key)


@dataclass(frozen=True, slots=True)
class Message:
    """One row to be handled: `attempts` counts those already made; `lease` says who claimed it, and when."""

    outbox_id: str
    kind: str
    key: str
    body: dict[str, Any]
    correlation_id: str
    attempts: int
    lease: str


def row(
    outbox_id: str,
    kind: str,
    key: str,
    *,
    now: datetime,
    correlation_id: str,
    available_at: datetime | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a new outbox row, to be inserted with the facts that it tells."""
    return {
        "outbox_id": outbox_id,
        "kind": kind,
        "key": key,
        "body": msgspec.json.encode(body or {}).decode(),
        "correlation_id": correlation_id,
        "status": "waiting",
        "attempts": 0,
        "available_at": available_at or now,
        "created_at": now,
    }


async def is_due(connection: AsyncConnection, kind: str, now: datetime) -> bool:
    """Say whether anything of this kind can be claimed; a cheap look before a writing transaction."""
    return (await connection.execute(_DUE, {"kind": kind, "now": now})).first() is not None


async def claim(
    connection: AsyncConnection, kind: str, *, worker: str, now: datetime, lease_s: float, limit: int
) -> list[Message]:
    """Take up to `limit` due rows of a kind for `lease_s` seconds; no two workers get the same one.

    `worker` becomes their lease: a name of its own for each claim lets a result that comes too late be told
    from that of whoever took the row since.
    """
    due = (
        sa.select(outbox.c.outbox_id)
        .where(*_claimable(kind, now))
        .order_by(outbox.c.available_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        sa.update(outbox)
        .where(outbox.c.outbox_id.in_(due))
        .values(claimed_by=worker, claimed_until=now + timedelta(seconds=lease_s))
        .returning(
            outbox.c.outbox_id,
            outbox.c.kind,
            outbox.c.key,
            outbox.c.body,
            outbox.c.correlation_id,
            outbox.c.attempts,
            outbox.c.available_at,
        )
    )
    rows = sorted((await connection.execute(taken)).all(), key=lambda r: (r.available_at, r.outbox_id))
    return [
        Message(r.outbox_id, r.kind, r.key, msgspec.json.decode(r.body), r.correlation_id, r.attempts, worker)
        for r in rows
    ]


def _claimable(kind: Any, now: Any) -> list[sa.ColumnElement[bool]]:
    free = sa.or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < now)
    return [outbox.c.kind == kind, outbox.c.status == "waiting", outbox.c.available_at <= now, free]


_DUE = (
    sa.select(sa.literal(1))
    .where(*_claimable(sa.bindparam("kind"), sa.bindparam("now", type_=UtcDateTime)))
    .limit(1)
)


async def renew(
    connection: AsyncConnection, leases: Mapping[str, str], *, now: datetime, lease_s: float
) -> None:
    """Keep rows, by id, that are still being handled; what was finished, put off or taken is left alone."""
    mine = sa.select(outbox.c.outbox_id).where(
        outbox.c.outbox_id.in_(leases),
        outbox.c.claimed_by.in_(set(leases.values())),
        outbox.c.status == "waiting",
        outbox.c.claimed_until.is_not(None),
    )
    free = mine.with_for_update(skip_locked=True).scalar_subquery()
    until = now + timedelta(seconds=lease_s)
    await connection.execute(
        sa.update(outbox).where(outbox.c.outbox_id.in_(free)).values(claimed_until=until)
    )


async def finish(
    connection: AsyncConnection, messages: Iterable[Message], changes: Iterable[Mapping[str, Any]]
) -> None:
    """Write what becomes of messages: what `done`, `dead` and `again` return.

    A row whose lease ended and which another took since is left alone: whoever has it now tells its end.
    """
    leases = {message.outbox_id: message.lease for message in messages}
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        by_columns[tuple(change)].append({**change, "claimed_by": leases[change["outbox_id"]]})
    wanted = sum(len(rows) for rows in by_columns.values())
    held = [await bulk.update_held(connection, outbox, rows, "claimed_by") for rows in by_columns.values()]
    if sum(held) < wanted:
        _log.warning("outbox_lease_lost", rows=wanted - sum(held))


def done(outbox_id: str, *, now: datetime) -> dict[str, Any]:
    """Return the change that finishes a row."""
    return _ended(outbox_id, "done", now, None)


def dead(outbox_id: str, *, now: datetime, error: str) -> dict[str, Any]:
    """Return the change that gives a row up: an operator decides."""
    return _ended(outbox_id, "dead", now, error)


def _ended(outbox_id: str, status: str, now: datetime, error: str | None) -> dict[str, Any]:
    return {
        "outbox_id": outbox_id,
        "status": status,
        "finished_at": now,
        "claimed_until": None,
        "last_error": error[:200] if error else None,
    }


def again(message: Message, *, at: datetime, error: str, counts: bool = True) -> dict[str, Any]:
    """Return the change that tries a row again `at` a later time; waiting alone need not count."""
    return {
        "outbox_id": message.outbox_id,
        "available_at": at,
        "claimed_until": None,
        "attempts": message.attempts + int(counts),
        "last_error": error[:200],
    }


def backoff_s(attempts: int, *, jitter: float, base_s: float = 1.0, most_s: float = 300.0) -> float:
    """Return the wait after `attempts` tries: exponential; a `jitter` of 0 to 1 takes off up to half."""
    return float(min(most_s, base_s * 2 ** min(attempts, 16)) * (1 - jitter / 2))


async def wake(connection: AsyncConnection, kind: str, keys: Sequence[str], *, now: datetime) -> None:
    """Make rows of `kind` about `keys` due now, if they were to wait longer."""
    if keys:
        await connection.execute(
            sa.update(outbox)
            .where(
                outbox.c.key.in_(keys),
                outbox.c.kind == kind,
                outbox.c.status == "waiting",
                outbox.c.available_at > now,
            )
            .values(available_at=now)
        )
