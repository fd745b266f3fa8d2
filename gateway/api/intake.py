"""Requests to pay: many at once, in one transaction.

The payment, its orders and the answer are committed together, so that a repeat finds either nothing or the
whole first answer. Refusals are not stored: the same key may try again once the reason is gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from gateway.api import answers, finding
from gateway.api.plans import Ask, Known, plan
from gateway.api.tables import api_replies
from payments import results as r
from payments.commands import Pay
from payments.service import PaymentService
from taps import store as taps_store

_log = structlog.get_logger()
_REPLIES = sa.select(api_replies)
_Plan = Pay | web.Response | Exception
_MAX_BATCH = 256
_MAX_WAITING = 1000


class Intake:
    """Answers requests to pay; build it inside a running loop."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, payments: PaymentService) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._payments = payments
        self._in_work: dict[str, str] = {}  # key -> request hash; as many as wait
        self._batcher: Batcher[Ask, web.Response] = Batcher(
            self._handle,
            max_batch=_MAX_BATCH,
            max_waiting=_MAX_WAITING,
            pause_s=0.001 if db.is_sqlite else 0.0,
        )

    async def answer(self, asked: Ask) -> web.Response:
        """Return the answer once it is committed; raises MadziError for what cannot be, Busy among them."""
        request_hash = asked.request_hash
        if asked.key in self._in_work:
            is_same = self._in_work[asked.key] == request_hash
            return answers.in_progress() if is_same else answers.mismatch()
        work = self._batcher.submit(asked)
        self._in_work[asked.key] = request_hash
        work.add_done_callback(lambda _: self._in_work.pop(asked.key, None))
        # A client that hangs up does not free its key before the batch is written.
        return await asyncio.shield(work)

    async def close(self) -> None:
        """Answer who waits, then stop."""
        await self._batcher.close()

    async def _handle(self, batch: Sequence[Ask]) -> list[web.Response | Exception]:
        """Answer requests, each with a key of its own, in one transaction."""
        async with self._db.write() as connection:
            given = await _given(connection, [asked.key for asked in batch])
            fresh = [asked for asked in batch if asked.key not in given]
            known = await _known(connection, fresh)
            plans = {asked.key: self._plan(asked, known) for asked in fresh}
            replies = await self._decide(connection, fresh, plans)
        repeats = {asked.key: _repeat(asked, given[asked.key]) for asked in batch if asked.key in given}
        return [{**replies, **repeats}[asked.key] for asked in batch]

    def _plan(self, asked: Ask, known: Known) -> _Plan:
        try:
            return plan(asked, known, self._ids.new())
        except MadziError as refusal:
            return refusal

    async def _decide(
        self, connection: AsyncConnection, asks: Sequence[Ask], plans: Mapping[str, _Plan]
    ) -> dict[str, web.Response | Exception]:
        """Return the answers by key; what is accepted is written with its answer."""
        pays = {key: made for key, made in plans.items() if isinstance(made, Pay)}
        replies = {key: made for key, made in plans.items() if not isinstance(made, Pay)}
        if not pays:
            return replies
        results = dict(zip(pays, await self._payments.execute(connection, list(pays.values())), strict=True))
        replies |= {key: _answer(result, pays[key]) for key, result in results.items()}
        accepted = {key for key, result in results.items() if isinstance(result, r.Accepted)}
        # Another process may have answered the same request while this one waited for its locks.
        given = await _given(connection, [key for key in accepted if results[key].is_repeat])
        replies |= {asked.key: _repeat(asked, given[asked.key]) for asked in asks if asked.key in given}
        new = [asked for asked in asks if asked.key in accepted and asked.key not in given]
        now = self._clock.now()
        await bulk.insert_new(
            connection, api_replies, [_row(asked, replies[asked.key], now) for asked in new]
        )
        used = {(pays[asked.key].contact_msisdn, pays[asked.key].tap_id) for asked in new}
        await taps_store.remember_taps(connection, used, now)
        return replies


def _row(asked: Ask, reply: Any, now: datetime) -> dict[str, Any]:
    return {
        "idempotency_key": asked.key,
        "request_hash": asked.request_hash,
        "status": reply.status,
        "body": reply.text,
        "user_name": asked.user.name,
        "created_at": now,
    }


async def _given(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Any]:
    """Return the answers that were given before, by key."""
    rows = await bulk.fetch(connection, _REPLIES, api_replies.c.idempotency_key, keys)
    return {row.idempotency_key: row for row in rows}


async def _known(connection: AsyncConnection, batch: Sequence[Ask]) -> Known:
    taps = await finding.taps(connection, {asked.tap for asked in batch})
    tenants = {asked.body.tenant_id.lower() for asked in batch if asked.body.tenant_id}
    return Known(taps, await taps_store.tenants_by_ids(connection, tenants) if tenants else {})


def _repeat(asked: Ask, given: Any) -> web.Response:
    if given.request_hash != asked.request_hash:
        return answers.mismatch()
    return answers.stored(given.status, given.body)


def _answer(result: Any, pay: Pay) -> web.Response | Exception:
    try:
        reply = answers.of(result, pay)
    except MadziError as refusal:
        return refusal
    if isinstance(result, r.Accepted) and not result.is_repeat:
        payment = result.payment
        _log.info(
            "payment_accepted",
            correlation_id=payment.correlation_id,
            payment_id=payment.payment_id,
            tap_id=payment.tap_id,
            amount_minor=payment.amount_minor,
            provider=payment.provider,
            status=payment.status,
        )
    return reply
