"""Sends money out, asks what became of it, and judges what rails tell about it by themselves.

A rail's notice that nobody signed is a hint. At the secret address of one payout, with the right amount, "it
was sent" is taken at its word: believed wrongly it moves no new money, and a person will ask for theirs. "It
was not sent" is never believed so: a forged one would send the money a second time. The rail is asked, and
where it cannot be asked a person looks at the provider's own pages and says so (`madzi payouts resolve`).
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from core import bulk, outbox
from core.clock import Clock
from core.db import Database, UtcDateTime
from core.errors import BadInput
from core.ids import is_uuid
from gateway.callbacks import Finding, StoredCallback
from payments import store as payments_store
from payments.payouts import store, tables
from payments.payouts.commands import Again, PayoutAnswered, PayoutReported, StartPayout
from payments.payouts.desk import PayoutRail
from payments.payouts.records import MARK, Payout
from payments.payouts.service import PayoutService
from payments.providers import base
from payments.providers.base import Outcome, PaysOut, Provider, Report, SignsNotices, Vouch
from payments.records import Payment
from payments.tables import credits_

KIND = "payout"  # of outbox rows
NOTICES = frozenset({"b2c_result", "b2c_timeout", "reversal_result", "reversal_timeout"})
_log = structlog.get_logger()
# A check claimed by a process that died is made by another within 10 s of a restart (contract, Time).
_LEASE_S = 7.0
_MOST_ASKED = 100
_LOOK_AGAIN_S = 2.0
_FAILED = (Outcome.NOT_PAID, Outcome.EXPIRED)

# Rows that another worker or a decision holds are left for the next look, so that nobody waits in a circle.
_STILL_DUE = (
    sa.select(tables.payouts.c.payout_id)
    .where(tables.payouts.c.next_check_at <= sa.bindparam("now", type_=UtcDateTime))
    .order_by(tables.payouts.c.payout_id)
    .with_for_update(skip_locked=True)
)
# Where a payout's outcome, and that the rail gave up waiting, are to be told.
Addresses = Callable[[Payout], tuple[str, str]]


class Rails(Mapping[str, PayoutRail]):
    """The accounts that can send money out, by their id, as decisions see them: those that there are now."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers

    def __getitem__(self, account_id: str) -> PayoutRail:
        provider = self._providers[account_id]
        if not isinstance(provider, PaysOut) or not provider.payout_traits.kinds:
            raise KeyError(account_id)
        currencies = provider.traits.currencies
        return PayoutRail(provider.name, account_id, currencies, provider.payout_traits)

    def __iter__(self) -> Iterator[str]:
        return (account_id for account_id in self._providers if account_id in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Payouts:
    """Takes payouts to their rails, and their rails' words back."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        service: PayoutService,
        providers: Mapping[str, Provider],
        addresses: Addresses,
    ) -> None:
        self.service = service
        self._db = db
        self._clock = clock
        self._providers = providers  # by account_id
        self._addresses = addresses
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Stop asking; what is not answered yet is asked again when its lease has ended."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def handle(self, message: outbox.Message) -> dict[str, Any]:
        """Handle one outbox row of kind `payout`; return the change that finishes or postpones it."""
        payout_id = message.body["payout_id"]
        provider = self._paying(await self._payout(payout_id))
        if provider is None:
            # Nothing is sent before its settings are back; who waits is seen in `madzi payouts list`.
            _log.error("no_provider", payout_id=payout_id)
            at = self._clock.now() + timedelta(minutes=1)
            return outbox.again(message, at=at, error="no provider", counts=False)
        step = await self.service.submit(StartPayout(payout_id))
        if step.action == "send" and isinstance(answer := await self._send(provider, payout_id), Again):
            return outbox.again(message, at=answer.at, error="not taken")
        return outbox.done(message.outbox_id, now=self._clock.now())

    async def _send(self, provider: PaysOut, payout_id: str) -> Payout | Again:
        payout = await self._payout(payout_id)
        reply = await provider.pay_out(await self._order(payout))
        log = _log.error if reply.is_config_fault else _log.info
        log(
            "payout_answered",
            correlation_id=payout.correlation_id,
            payout_id=payout_id,
            provider=payout.provider,
            taken=reply.taken,
            code=reply.code,
            is_config_fault=reply.is_config_fault,
        )
        answer: Payout | Again = await self.service.submit(PayoutAnswered(payout_id, reply))
        return answer

    def _paying(self, payout: Payout) -> PaysOut | None:
        found: object = self._providers.get(payout.account_id)
        return found if isinstance(found, PaysOut) else None

    async def _payout(self, payout_id: str) -> Payout:
        async with self._db.read() as connection:
            return (await store.by_ids(connection, [payout_id]))[payout_id]

    async def _order(self, payout: Payout) -> base.Payout:
        """Return what the rail is told; what is of the payment only where this rail got it."""
        payment = await self._payment(payout)
        result_url, timeout_url = self._addresses(payout)
        named: dict[str, Any] = {}
        if payment:
            named = {
                "original_reference": payment.reference,
                "original_provider_reference": payment.provider_reference,
                "original_receipt": payment.receipt,
                "original_amount_minor": await self._brought(payment),
            }
        return base.Payout(
            kind=base.PayoutKind(payout.kind),
            reference=payout.reference,
            payout_id=payout.payout_id,
            msisdn=payout.msisdn,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            remarks=f"Madzi {payment.tap_id}" if payment else "Madzi",
            result_url=result_url,
            timeout_url=timeout_url,
            **named,
        )

    async def _payment(self, payout: Payout) -> Payment | None:
        if payout.payment_id is None:
            return None
        async with self._db.read() as connection:
            found = (await payments_store.by_ids(connection, [payout.payment_id])).get(payout.payment_id)
        return found if found and found.account_id == payout.account_id else None

    async def _brought(self, payment: Payment) -> int:
        """Return what a payment brought, which may be more than it was to pay."""
        c = credits_.c
        async with self._db.read() as connection:
            found = await connection.scalar(
                sa.select(c.amount_minor).where(c.payment_id == payment.payment_id)
            )
        return payment.amount_minor if found is None else int(found)

    async def check_due(self, limit: int = 50) -> int:
        """Begin to ask about payouts whose time has come; return how many there were."""
        now, room = self._clock.now(), min(limit, _MOST_ASKED - len(self._asking))
        if room <= 0:
            return 0
        async with self._db.read() as connection:
            due = await store.due(connection, now, room)
        for payout in await self._lease(due, now) if due else ():
            if payout.payout_id not in self._asking:
                self._asking[payout.payout_id] = asyncio.create_task(self._guarded_check(payout))
        return len(due)

    async def _lease(self, due: Sequence[Payout], now: datetime) -> list[Payout]:
        """Push the next check ahead, so that no other worker asks at the same time."""
        until = now + timedelta(seconds=_LEASE_S * (1 + random.random() / 4))  # noqa: S311 - spreads, hides nothing
        async with self._db.write() as connection:
            rows = await bulk.fetch(
                connection, _STILL_DUE, tables.payouts.c.payout_id, [p.payout_id for p in due], {"now": now}
            )
            mine = {row.payout_id for row in rows}
            leases = [{"payout_id": payout_id, "next_check_at": until} for payout_id in sorted(mine)]
            await bulk.update(connection, tables.payouts, leases)
        return [payout for payout in due if payout.payout_id in mine]

    async def _guarded_check(self, payout: Payout) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=payout.correlation_id)
        try:
            await self.ask(payout, cause="poll")
        except Exception:
            # The lease ends and the payout is asked about again.
            _log.exception("payout_check_failed", payout_id=payout.payout_id)
        finally:
            self._asking.pop(payout.payout_id, None)

    async def ask(self, payout: Payout, *, cause: str, raw_id: str | None = None) -> Report:
        """Ask the rail about a payout and let it move by the answer; return the answer."""
        provider = self._paying(payout)
        if provider is None:
            _log.error("no_provider", account_id=payout.account_id, payout_id=payout.payout_id)
            report = Report(Outcome.UNKNOWN)
        else:
            report = await provider.query_payout(await self._order(payout), payout.provider_reference)
        await self.service.submit(PayoutReported(payout.payout_id, report, cause, raw_id=raw_id))
        return report

    async def noticed(self, raw: StoredCallback, provider: Provider) -> Finding | None:
        """Judge a stored notice; None where it is not about a payout.

        It is one by its kind or its key, else by our reference or the rail's name for a payout.
        """
        is_ours = raw.kind in NOTICES or raw.key.startswith(MARK)
        if not isinstance(provider, PaysOut) or (raw.key and not is_ours):
            return Finding("unmatched") if is_ours else None
        vouch = _vouch(provider, raw)
        try:
            word = provider.read_payout_notice(raw.kind, raw.body)
        except BadInput as unreadable:
            if not is_ours:
                return None
            _log.warning("payout_notice_unreadable", raw_id=raw.raw_id, code=unreadable.reason)
            return Finding("unreadable")
        payout = await self._find(raw, word)
        if payout is None:
            return self._nobodys(raw) if is_ours else None
        if vouch in (Vouch.FORGED, Vouch.UNSIGNED, Vouch.STALE):
            _log.error("payout_notice_not_genuine", raw_id=raw.raw_id, vouch=vouch)
            return Finding(vouch, payout.payment_id)
        structlog.contextvars.bind_contextvars(correlation_id=payout.correlation_id)
        has_query = provider.payout_traits.has_query
        verdict = await self._judge(raw, payout, word, has_query=has_query, is_proof=vouch is Vouch.GENUINE)
        again_after_s = _LOOK_AGAIN_S if verdict == "unconfirmed" and has_query else None
        return Finding(verdict, payout.payment_id, again_after_s)

    def _nobodys(self, raw: StoredCallback) -> Finding:
        # Faster than the reply that names it, perhaps; by its key it would have been found.
        return Finding("unmatched", again_after_s=None if raw.key else _LOOK_AGAIN_S)

    async def _find(self, raw: StoredCallback, word: Report) -> Payout | None:
        named = next((name for name in (word.reference, word.external_id) if name and is_uuid(name)), None)
        async with self._db.read() as connection:
            return await store.of_notice(
                connection,
                raw.account_id,
                key=raw.key,
                reference=named,
                provider_reference=word.provider_reference,
            )

    async def _judge(
        self, raw: StoredCallback, payout: Payout, word: Report, *, has_query: bool, is_proof: bool
    ) -> str:
        if not payout.is_holding:
            await self._take(raw, payout, word, is_proof=is_proof)
            return "repeated"
        if is_proof:
            await self._take(raw, payout, word, is_proof=True)
            return "confirmed"
        is_claim = (
            bool(raw.key) and not has_query
        )  # at an address that only the rail knows; nothing more comes
        if is_claim and word.outcome is Outcome.PAID and _fits(payout, word):
            await self._take(raw, payout, word, is_proof=False)
            return "confirmed"
        report = await self.ask(payout, cause="callback", raw_id=raw.raw_id)
        if report.outcome in (Outcome.PAID, *_FAILED):
            return "confirmed" if report.outcome is word.outcome else "forged"
        if is_claim and word.outcome in _FAILED:
            await self._take(raw, payout, word, is_proof=False)
        return "unconfirmed"

    async def _take(self, raw: StoredCallback, payout: Payout, word: Report, *, is_proof: bool) -> None:
        if word.outcome not in (Outcome.PAID, *_FAILED):
            return
        if not is_proof and not (raw.key and _names(payout, word)):
            return  # nobody can make items by notices about what has ended
        command = PayoutReported(payout.payout_id, word, "callback", is_proof=is_proof, raw_id=raw.raw_id)
        await self.service.submit(command)


def _names(payout: Payout, word: Report) -> bool:
    """Say whether a notice at a payout's own address speaks of no other one."""
    return word.reference in (None, payout.reference)


def _fits(payout: Payout, word: Report) -> bool:
    """Say whether a notice at a payout's own address tells of what was asked.

    M-PESA may leave values out (reference daraja §13, trap 7): without the amount it must name the request.
    """
    if not _names(payout, word) or word.currency not in (None, payout.currency):
        return False
    if word.amount_minor is None:
        names = (payout.reference, payout.provider_reference)
        return word.provider_reference is not None and word.provider_reference in names
    return word.amount_minor == payout.amount_minor


def _vouch(provider: Provider, raw: StoredCallback) -> Vouch:
    if not isinstance(provider, SignsNotices):
        return Vouch.NONE
    return provider.vouch(raw.body, raw.signature or "", raw.received_at)
