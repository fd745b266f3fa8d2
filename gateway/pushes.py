"""Sends prompts, and asks providers what became of them."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from core import bulk, outbox
from core.clock import Clock
from core.db import Database, UtcDateTime
from core.errors import Unavailable
from core.lookup import Lookup
from core.metrics import PUSHES, REPORTS
from gateway.health import Health
from payments import health, store
from payments.budget import Budget
from payments.commands import NextPush, PushAnswered, Reported, StartPush, TimeUp
from payments.providers.base import FindsProviders, Outcome, Push, Report
from payments.records import Payment
from payments.results import Again
from payments.service import PaymentService
from payments.tables import payments as payments_table

_log = structlog.get_logger()
# A check claimed by a process that died is made by another within 10 s of a restart (contract, Time).
_LEASE_S = 7.0
_MOST_ASKED = 500

# Rows that another worker or a decision holds are left for the next look, so that nobody waits in a circle.
_STILL_DUE = (
    sa.select(payments_table.c.payment_id)
    .where(payments_table.c.next_check_at <= sa.bindparam("now", type_=UtcDateTime))
    .order_by(payments_table.c.payment_id)
    .with_for_update(skip_locked=True)
)


class Pusher:
    """Takes accepted payments to their providers, one prompt at a time for a handset."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        payments: PaymentService,
        providers: FindsProviders,
        callback_url: Callable[[Payment], str],
        health: Health,
    ) -> None:
        self._db = db
        self._clock = clock
        self._payments = payments
        self._providers = providers
        self._callback_url = callback_url
        self._health = health
        self._budgets: dict[str, Budget] = {}  # by account, as long as this process lives
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._payments_now = Lookup(db, sa.select(payments_table), payments_table.c.payment_id)

    async def close(self) -> None:
        """Stop asking; what is not answered yet is asked again when its lease has ended."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._payments_now.close()

    async def handle(self, message: outbox.Message) -> dict[str, Any]:
        """Handle one outbox row of kind `push`; return the change that finishes or postpones it."""
        payment_id = message.body["payment_id"]
        now = self._clock.now()
        spent = frozenset(account for account, left in self._budgets.items() if left.is_spent(now))
        next_push: NextPush = await self._payments.submit(StartPush(payment_id, spent=spent))
        now = self._clock.now()
        match next_push.action:
            case "send":
                self._count(next_push, now)
                return (await self._send(message, payment_id))[0]
            case "down":
                return await self._try_or_hold(message, next_push)
            case "wait":
                return outbox.again(
                    message, at=next_push.wait_until or now, error="handset busy", counts=False
                )
            case "ask_first":
                await self.ask(next_push.ask, cause="recheck")
                at = next_push.wait_until or now
                return outbox.again(message, at=at, error="asked about an older attempt", counts=False)
            case _:
                return outbox.done(message.outbox_id, now=now)

    def _count(self, sent: NextPush, now: datetime) -> None:
        budget = self._budgets.get(sent.account_id) or Budget(now)
        self._budgets[sent.account_id] = budget.earn(now) if sent.attempt == 1 else budget.take(now)

    async def _try_or_hold(self, message: outbox.Message, held: NextPush) -> dict[str, Any]:
        """Keep a push whose rail does not work; the one that may try tries it."""
        change = self._health.held(message, held.account_id, until=held.wait_until or self._clock.now())
        probe_id = await self._health.take_place(held.account_id)
        if probe_id is None:
            return change
        works: bool | None = None
        try:
            works = await self._health.answers(held.account_id)
            if works:
                probing = StartPush(message.body["payment_id"], is_probe=True)
                next_push: NextPush = await self._payments.submit(probing)
                if next_push.action == "send":
                    change, works = await self._send(message, probing.payment_id)
        finally:
            await self._health.end_probe(held.account_id, probe_id, works=works)
        return change

    async def _send(self, message: outbox.Message, payment_id: str) -> tuple[dict[str, Any], bool]:
        """Hand a push over; return what becomes of its row, and whether the provider works."""
        payment = Payment.of(await self._payments_now.get(payment_id))
        provider = await self._providers.find_provider(payment.account_id)
        if provider is None:
            # Its settings may come back before the payment's time is up.
            raise Unavailable(f"{payment.account_id} is not set up", code="no_provider")
        reply = await provider.push(self._push(payment))
        PUSHES.labels(payment.provider, reply.taken).inc()
        log = _log.error if reply.is_config_fault else _log.info
        log(
            "push_answered",
            correlation_id=payment.correlation_id,
            payment_id=payment_id,
            provider=payment.provider,
            taken=reply.taken,
            code=reply.code,
            is_config_fault=reply.is_config_fault,
        )
        works = health.of_push(reply, provider.traits)
        self._health.hear(payment.account_id, works=works)
        jitter = random.random()  # noqa: S311 - spreads, hides nothing
        answer = await self._payments.submit(PushAnswered(payment_id, reply, payment.account_id, jitter))
        if isinstance(answer, Again):
            change = outbox.again(message, at=answer.at, error=reply.code or reply.taken)
        else:
            change = outbox.done(message.outbox_id, now=self._clock.now())
        return change, works is not False

    def _push(self, payment: Payment) -> Push:
        return Push(
            reference=payment.reference,
            external_id=payment.payment_id,
            msisdn=payment.msisdn,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            tap_id=payment.tap_id,
            period=payment.period,
            callback_url=self._callback_url(payment),
            asked_at=payment.created_at,
        )

    async def ask(self, payment_ids: Sequence[str], *, cause: str) -> None:
        """Ask the providers about payments and let them move by the answers."""
        async with self._db.read() as connection:
            payments = await store.by_ids(connection, payment_ids)
        await asyncio.gather(*(self._ask(payment, cause) for payment in payments.values()))

    async def _ask(self, payment: Payment, cause: str) -> None:
        provider = await self._providers.find_provider(payment.account_id)
        if payment.push_state in ("none", "refused"):
            return
        if provider is None:
            # Nobody can be asked until its settings are back; the payment's own times must run all the same.
            _log.error("no_provider", account_id=payment.account_id, payment_id=payment.payment_id)
            report = Report(Outcome.UNKNOWN)
        else:
            report = await provider.query(payment.reference, payment.provider_reference)
        REPORTS.labels(payment.provider, report.outcome).inc()
        await self._payments.submit(Reported(payment.payment_id, report, cause))

    async def check_due(self, limit: int = 100) -> int:
        """Begin to ask about payments whose time has come; return how many there were.

        Each is asked on its own, so that a provider that does not answer keeps nobody else waiting; one that
        is still being asked has its lease renewed and is not asked twice.
        """
        now, room = self._clock.now(), min(limit, _MOST_ASKED - len(self._asking))
        if room <= 0:
            return 0
        async with self._db.read() as connection:
            due = await store.due_checks(connection, now, room)
        if not due:
            return 0
        for payment in await self._lease(due, now):
            if payment.payment_id not in self._asking:
                self._asking[payment.payment_id] = asyncio.create_task(self._guarded_check(payment))
        return len(due)

    async def _lease(self, due: Sequence[Payment], now: datetime) -> list[Payment]:
        """Push the next check ahead, so that no other worker asks at the same time."""
        until = now + timedelta(seconds=_LEASE_S * (1 + random.random() / 4))  # noqa: S311 - spreads, hides nothing
        async with self._db.write() as connection:
            rows = await bulk.fetch(
                connection, _STILL_DUE, payments_table.c.payment_id, [p.payment_id for p in due], {"now": now}
            )
            mine = {row.payment_id for row in rows}
            leases = [{"payment_id": payment_id, "next_check_at": until} for payment_id in sorted(mine)]
            await bulk.update(connection, payments_table, leases)
        return [payment for payment in due if payment.payment_id in mine]

    async def _guarded_check(self, payment: Payment) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=payment.correlation_id)
        try:
            await self._check(payment)
        except Exception:
            # The lease ends and the payment is asked about again.
            _log.exception("check_failed", payment_id=payment.payment_id)
        finally:
            self._asking.pop(payment.payment_id, None)

    async def _check(self, payment: Payment) -> None:
        if payment.status == "initiated":
            await self._payments.submit(TimeUp(payment.payment_id))
        else:
            await self._ask(payment, "poll")
