"""Handing queued SMS to the aggregator: recorded before, sent together, results stored in one transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk, outbox
from core.clock import Clock
from core.db import Database
from core.metrics import SMS_ACCOUNT_FAULTS, SMS_ENDED, SMS_HANDED
from sms import attempts, reports
from sms.attempts import ALWAYS, MOST_ATTEMPTS, Change
from sms.lifecycle import SmsStatus
from sms.manners import Asking
from sms.reasons import Reason
from sms.senders.base import Handed, Outcome, Outgoing, Sender
from sms.tables import sms_messages

_log = structlog.get_logger()
_LOCKED = sa.select(sms_messages).order_by(sms_messages.c.sms_id).with_for_update()


class Delivery:
    """Handles outbox messages of kind `sms`.

    A call takes at most `len(messages) / concurrency` times the sender's own time-out, which the lease on
    the messages must outlast. `jitter` gives numbers from 0 to 1; `asking` knows when reminders may go.
    """

    def __init__(
        self,
        db: Database,
        sender: Sender,
        clock: Clock,
        jitter: Callable[[], float],
        *,
        concurrency: int = 16,
        max_attempts: int = MOST_ATTEMPTS,
        asking: Asking | None = None,
    ) -> None:
        self._db = db
        self._sender = sender
        self._clock = clock
        self._jitter = jitter
        self._most = max_attempts
        self._asking = asking or Asking()
        self._places = asyncio.Semaphore(concurrency)

    async def handle(self, messages: Sequence[outbox.Message]) -> None:
        """Hand the SMS of these messages over and finish, repeat or give up each message."""
        to_send = await self._begin(messages)
        handed = await asyncio.gather(*(self._send(sms) for sms in to_send.values()))
        attempt = {sms_id: sms.attempts + 1 for sms_id, sms in to_send.items()}
        await self._finish(messages, attempt, dict(zip(to_send, handed, strict=True)))

    async def _begin(self, messages: Sequence[outbox.Message]) -> dict[str, sa.Row[Any]]:
        """Record every attempt, and commit, before anything leaves; return the SMS to send by id."""
        now = self._clock.now()
        async with self._db.write() as connection:
            rows = await _locked(connection, (message.key for message in messages))
            manners = await self._asking.about(connection, rows.values(), now)
            changes = {
                key: attempts.begin(
                    rows.get(key), message, now=now, most=self._most, manners=manners.get(key, ALWAYS)
                )
                for key, message in ((message.key, message) for message in messages)
            }
            await _store(connection, messages, changes.values())
        _count(changes.values())
        return {key: rows[key] for key, change in changes.items() if change.outbox is None}

    async def _send(self, sms: sa.Row[Any]) -> Handed:
        async with self._places:
            try:
                handed = await self._sender.send(Outgoing(sms.sms_id, sms.msisdn, sms.text, sms.sender))
            except Exception:  # one broken hand-over must not lose the others' results
                _log.exception("sms sender broke", sms_id=sms.sms_id)
                return Handed(Outcome.UNKNOWN, code="the sender broke", reason=Reason.NO_ANSWER)
        _tell(sms, handed)
        return handed

    async def _finish(
        self, messages: Sequence[outbox.Message], attempt: dict[str, int], handed: dict[str, Handed]
    ) -> None:
        """Store the results with what becomes of their messages, in one transaction."""
        if not handed:
            return
        now = self._clock.now()
        by_key = {message.key: message for message in messages}
        async with self._db.write() as connection:
            rows = await _locked(connection, handed)
            changes = [
                attempts.finish(
                    rows[key], by_key[key], answer, now=now, most=self._most, jitter=self._jitter()
                )
                for key, answer in handed.items()
                if _is_ours(rows[key], attempt[key], answer)
            ]
            await _store(connection, messages, changes)
            ids = [one.provider_message_id for one in handed.values() if one.provider_message_id]
            settled = await reports.settle(connection, ids, now=now)
        _count(changes)
        reports.count(settled)


def _is_ours(sms: sa.Row[Any], attempt: int, handed: Handed) -> bool:
    """Say whether a result counts: one that a newer attempt overtook does only where the SMS went."""
    return sms.status == SmsStatus.SENDING and (sms.attempts == attempt or handed.outcome is Outcome.SENT)


async def _locked(connection: AsyncConnection, sms_ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    rows = await bulk.fetch(connection, _LOCKED, sms_messages.c.sms_id, sms_ids)
    return {row.sms_id: row for row in rows}


async def _store(
    connection: AsyncConnection, messages: Iterable[outbox.Message], changes: Iterable[Change]
) -> None:
    made = list(changes)
    for rows in _by_columns(change.sms for change in made):
        await bulk.update(connection, sms_messages, rows)
    await outbox.finish(connection, messages, [change.outbox for change in made if change.outbox])


def _by_columns(rows: Iterable[dict[str, Any] | None]) -> list[list[dict[str, Any]]]:
    """Group changes that name the same columns: each group is one statement."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row is not None:
            groups[tuple(row)].append(row)
    return list(groups.values())


_ENDS = frozenset({SmsStatus.SENT, SmsStatus.DEAD, SmsStatus.DROPPED})


def _count(changes: Iterable[Change]) -> None:
    """Count what has ended, once it is committed."""
    for change in changes:
        if change.sms and change.sms["status"] in _ENDS:
            SMS_ENDED.labels(change.sms["status"], change.sms.get("reason") or "").inc()


def _tell(sms: sa.Row[Any], handed: Handed) -> None:
    SMS_HANDED.labels(handed.outcome.value, handed.reason or "").inc()
    if handed.is_config_fault:
        SMS_ACCOUNT_FAULTS.labels(handed.reason or Reason.OTHER).inc()
    if handed.is_config_fault:
        _log.error("sms account needs an operator", code=handed.code, sms_id=sms.sms_id)
    elif handed.outcome is not Outcome.SENT:
        _log.warning("sms not handed over", code=handed.code, outcome=handed.outcome, sms_id=sms.sms_id)
