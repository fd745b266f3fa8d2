"""What providers send by themselves: stored raw and answered first, believed only when the provider confirms.

Storing, reading and confirming are three steps. `Inbox` stores and answers; the worker's `Confirmer` finds
the payment that a callback speaks of, asks the provider itself, and hands its word to the payments. A notice
that the provider has signed is its word already; a rail that cannot be asked is proved by nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk, outbox
from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.errors import BadInput
from core.ids import Ids, is_uuid
from core.lookup import Lookup
from payments import tables as t
from payments.commands import Arrive, OpenItem, Reported
from payments.providers.account_reference import account_reference, tap_of
from payments.providers.accounts import Account
from payments.providers.base import (
    Arrival,
    FindsProviders,
    Outcome,
    Provider,
    Report,
    SignsNotices,
    TellsUnasked,
    Vouch,
)
from payments.records import Payment
from payments.service import PaymentService

_log = structlog.get_logger()
StoredCallback = sa.Row[Any]

_LOOK_AGAIN_S = 2.0
_MOST_OF_A_TAP = 500  # payments looked through for a reference


@dataclass(frozen=True, slots=True)
class Raw:
    """A callback as it came."""

    account: Account
    kind: str
    key: str
    body: bytes
    source: str
    signature: str = ""


class Inbox:
    """Stores callbacks, many in one commit; returns once they are safe."""

    def __init__(self, db: Database, clock: Clock, ids: Ids) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._batcher: Batcher[Raw, str] = Batcher(self._store, pause_s=0.001 if db.is_sqlite else 0.0)

    async def store(self, raw: Raw) -> str:
        """Return the raw id of a stored callback."""
        return await self._batcher.submit(raw)

    async def close(self) -> None:
        """Store what waits."""
        await self._batcher.close()

    async def _store(self, raws: Sequence[Raw]) -> list[str | Exception]:
        now = self._clock.now()
        ids = [self._ids.new() for _ in raws]
        rows = [
            {
                "raw_id": raw_id,
                "account_id": raw.account.account_id,
                "kind": raw.kind,
                "key": raw.key,
                "body": raw.body,
                "source": raw.source,
                "signature": raw.signature,
                "received_at": now,
                "verdict": "new",
            }
            for raw_id, raw in zip(ids, raws, strict=True)
        ]
        told = [
            outbox.row(
                self._ids.new(), "callback", raw_id, now=now, correlation_id=raw_id, body={"raw_id": raw_id}
            )
            for raw_id in ids
        ]
        async with self._db.write() as connection:
            await bulk.insert(connection, t.callbacks, rows)
            await bulk.insert(connection, outbox.outbox, told)
        return list(ids)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a callback: its verdict, the payment, and whether to look again later."""

    verdict: str
    payment_id: str | None = None
    again_after_s: float | None = None
    tries: int = 8  # how often it is looked at, at most


# Hands proven money to the payments: `gateway.arrivals.Arrivals.take`.
Take = Callable[..., Awaitable[Finding]]


class Confirmer:
    """Finds out whether callbacks are true."""

    def __init__(
        self, db: Database, payments: PaymentService, providers: FindsProviders, take: Take | None = None
    ) -> None:
        self._db = db
        self._payments = payments
        self._providers = providers
        self._take_arrival = take
        self._raws = Lookup(db, sa.select(t.callbacks), t.callbacks.c.raw_id)
        self._keyed = Lookup(db, sa.select(t.payments), t.payments.c.callback_key)
        self._verdicts: Batcher[dict[str, Any], None] = Batcher(
            self._write, pause_s=0.001 if db.is_sqlite else 0.0
        )

    async def close(self) -> None:
        """Write what waits."""
        await self._verdicts.close()
        await self._raws.close()
        await self._keyed.close()

    async def stored(self, raw_id: str) -> StoredCallback:
        """Return a callback as it came."""
        found: StoredCallback = await self._raws.get(raw_id)
        return found

    async def judge(self, raw_id: str, finding: "Finding") -> None:
        """Note what a callback turned out to be."""
        await self._verdicts.submit(
            {"raw_id": raw_id, "verdict": finding.verdict, "payment_id": finding.payment_id}
        )

    async def _write(self, changes: Sequence[dict[str, Any]]) -> list[Exception | None]:
        # The same callback may be judged twice in a batch; a row may be changed only once in a statement.
        by_id = {change["raw_id"]: change for change in changes}
        async with self._db.write() as connection:
            await bulk.update(connection, t.callbacks, [by_id[raw_id] for raw_id in sorted(by_id)])
        return [None] * len(changes)

    async def confirm(self, raw: StoredCallback) -> Finding:
        """Read one stored callback, ask the provider, and let the payment move by the provider's word."""
        provider = await self._providers.find_provider(raw.account_id)
        if provider is None:
            return Finding("no_provider")
        vouch = _vouch(provider, raw)
        if vouch in (Vouch.FORGED, Vouch.UNSIGNED):
            _log.error("callback_not_genuine", raw_id=raw.raw_id, vouch=vouch, account_id=raw.account_id)
            return Finding(vouch)
        try:
            hint = provider.read_callback(raw.body)
        except BadInput as unreadable:
            _log.warning("callback_unreadable", raw_id=raw.raw_id, code=unreadable.reason)
            return Finding("unreadable")
        return await self._judged(raw, hint, provider, vouch)

    async def _judged(self, raw: StoredCallback, hint: Report, provider: Provider, vouch: Vouch) -> Finding:
        payment = await self._find(raw, hint)
        if payment is None and vouch is Vouch.NONE and (left := await self._find_left(raw)):
            return await self._of_left_rail(raw, *left, hint, provider)
        if vouch is Vouch.STALE:
            return await self._stale(raw, payment, hint)
        if payment is None:
            return await self._unmatched(raw, hint, provider, vouch)
        structlog.contextvars.bind_contextvars(correlation_id=payment.correlation_id)
        if vouch is Vouch.GENUINE:
            return await self._take(raw, payment, hint)
        return await self._hinted(raw, payment, hint, provider)

    async def _hinted(
        self, raw: StoredCallback, payment: Payment, hint: Report, provider: Provider
    ) -> Finding:
        """It may be anybody's: whoever can be asked is asked."""
        if payment.status == "success" and (payment.receipt or not hint.receipt):
            return Finding("repeated", payment.payment_id)
        if _other_amount(payment, hint, provider):
            return await self._other_amount(raw, payment, hint)
        if not provider.traits.has_query:
            return await self._hear(raw, payment, hint)
        return await self._ask(raw, payment, hint, provider)

    async def _find(self, raw: StoredCallback, hint: Report) -> Payment | None:
        """Match by our own key, else by our reference or external id, or the provider's: of this account."""
        if raw.key:
            found = await self._keyed.get(raw.key)
            is_ours = found is not None and found.account_id == raw.account_id
            return Payment.of(found) if is_ours and _agrees(Payment.of(found), hint) else None
        p = t.payments.c
        query = sa.select(t.payments).where(p.account_id == raw.account_id)
        async with self._db.read() as connection:
            if hint.reference and _looks_like_id(hint.reference):
                found = (await connection.execute(query.where(p.reference == hint.reference))).first()
            elif hint.external_id and _looks_like_id(hint.external_id):
                found = (await connection.execute(query.where(p.payment_id == hint.external_id))).first()
            elif hint.account_reference:
                found = await _by_account_reference(connection, query, hint.account_reference)
            elif hint.provider_reference:
                by_name = query.where(p.provider_reference == hint.provider_reference)
                found = (await connection.execute(by_name)).first()
            else:
                found = None
        return Payment.of(found) if found else None

    async def _find_left(self, raw: StoredCallback) -> tuple[Payment, str] | None:
        """Match by our own key a payment that has left this account, with the reference that it had here."""
        if not raw.key:
            return None
        p, r = t.payments.c, t.payment_routes.c
        query = (
            sa.select(t.payments, r.reference.label("reference_here"))
            .join(t.payment_routes, r.payment_id == p.payment_id)
            .where(p.callback_key == raw.key, r.account_id == raw.account_id, p.account_id != raw.account_id)
        )
        async with self._db.read() as connection:
            found = (await connection.execute(query.order_by(r.seq).limit(1))).first()
        return (Payment.of(found), found.reference_here) if found else None

    async def _of_left_rail(
        self, raw: StoredCallback, payment: Payment, reference: str, hint: Report, provider: Provider
    ) -> Finding:
        """A payment goes by another rail only where this one took nothing: if it did, a person must see it.

        What it took is other money than what the other rail collects: it pays the same tap, or is kept.
        """
        if hint.outcome is not Outcome.PAID:
            return Finding("left_rail", payment.payment_id)
        detail = f"it claims {hint.amount_minor} minor units, receipt {hint.receipt}; another rail was asked"
        key = f"left_rail:{payment.payment_id}:{raw.account_id}"
        await self._open(raw, key, "left_rail", hint, detail, payment.payment_id)
        is_plain = bool(hint.receipt) and not _other_amount(payment, hint, provider)
        if self._take_arrival is None or not is_plain or not provider.traits.has_query:
            return Finding("left_rail", payment.payment_id)
        word = await provider.query(reference, hint.provider_reference)
        if word.outcome is Outcome.PAID:
            command = _other_money(raw, payment, hint, word, provider)
            return await self._take_arrival(command, told_at=raw.received_at)
        if word.outcome in (Outcome.NOT_PAID, Outcome.EXPIRED):
            return Finding("forged", payment.payment_id)
        return Finding("unconfirmed", payment.payment_id, word.retry_after_s or _LOOK_AGAIN_S)

    async def _unmatched(
        self, raw: StoredCallback, hint: Report, provider: Provider, vouch: Vouch
    ) -> Finding:
        if vouch is Vouch.NONE and not provider.traits.has_query:
            # Faster than the reply that names it, perhaps; of money the signed notice will tell.
            return Finding("unmatched", again_after_s=_LOOK_AGAIN_S)
        is_ours = vouch is Vouch.GENUINE and isinstance(provider, TellsUnasked)
        if is_ours and self._take_arrival and (command := _arrival(raw, hint, provider)):
            return await self._take_arrival(command, told_at=raw.received_at)
        if hint.outcome is Outcome.PAID:
            detail = f"claims {hint.amount_minor} minor units, receipt {hint.receipt}, for no request of ours"
            await self._payments.submit(
                OpenItem(
                    f"unmatched:{raw.raw_id}", "unmatched_callback", raw.account_id,
                    hint.currency or "ZMW", detail, raw_id=raw.raw_id,
                )
            )  # fmt: skip
        return Finding("unmatched")

    async def _other_amount(self, raw: StoredCallback, payment: Payment, hint: Report) -> Finding:
        """The rail cannot be asked for amounts: a claim of another one credits nothing (design §8)."""
        detail = f"the callback claims {hint.amount_minor} minor units, asked were {payment.amount_minor}"
        await self._payments.submit(
            OpenItem(
                f"amount:{payment.payment_id}:{hint.amount_minor}", "amount_differs", payment.account_id,
                payment.currency, detail, payment.payment_id, raw.raw_id,
            )
        )  # fmt: skip
        return Finding("amount_differs", payment.payment_id)

    async def _stale(self, raw: StoredCallback, payment: Payment | None, hint: Report) -> Finding:
        """Genuine once, but old: nothing moves by itself, and a person sees what it says."""
        payment_id = payment.payment_id if payment else None
        if payment and payment.receipt == hint.receipt:
            return Finding("repeated", payment_id)
        if hint.outcome is not Outcome.PAID:
            return Finding("stale", payment_id)  # it tells of no money
        detail = f"an old notice of {hint.amount_minor} minor units, receipt {hint.receipt}"
        key = f"stale:{raw.account_id}:{hint.receipt or raw.raw_id}"
        await self._open(raw, key, "stale_notice", hint, detail, payment_id)
        return Finding("stale", payment_id)

    async def _take(self, raw: StoredCallback, payment: Payment, word: Report) -> Finding:
        """The provider's signature is on it: the payment moves by it, without asking."""
        if word.outcome is Outcome.PAID and payment.has_brought and payment.receipt != word.receipt:
            detail = f"a notice of {word.amount_minor} minor units, receipt {word.receipt}, for what is paid"
            key = f"second:{raw.account_id}:{word.receipt or raw.raw_id}"
            await self._open(raw, key, "second_receipt", word, detail, payment.payment_id)
            return Finding("second_receipt", payment.payment_id)
        noted = await self._payments.submit(Reported(payment.payment_id, word, "callback", raw.raw_id))
        return Finding(noted.verdict, payment.payment_id)

    async def _hear(self, raw: StoredCallback, payment: Payment, hint: Report) -> Finding:
        """Nobody can be asked about this callback, which nobody has signed.

        A refusal moves no money, and came to an address that only the provider knows, under the name that it
        gave the request: it is taken at its word, and a signed notice would still be counted after it. A
        success waits for that notice.
        """
        is_refusal = hint.outcome in (Outcome.NOT_PAID, Outcome.EXPIRED)
        report, claim = (hint, None) if is_refusal else (Report(Outcome.UNKNOWN), hint)
        noted = await self._payments.submit(
            Reported(payment.payment_id, report, "callback", raw.raw_id, claim)
        )
        return Finding(noted.verdict, payment.payment_id)

    async def _open(
        self,
        raw: StoredCallback,
        key: str,
        kind: str,
        told: Report,
        detail: str,
        payment_id: str | None,
    ) -> None:
        currency = told.currency or "ZMW"
        await self._payments.submit(
            OpenItem(key, kind, raw.account_id, currency, detail, payment_id, raw.raw_id)
        )

    async def _ask(self, raw: StoredCallback, payment: Payment, hint: Report, provider: Provider) -> Finding:
        reference = payment.provider_reference or hint.provider_reference
        report = await provider.query(payment.reference, reference)
        noted = await self._payments.submit(
            Reported(payment.payment_id, _named(report, reference), "callback", raw.raw_id, hint)
        )
        if noted.verdict == "unconfirmed":
            return Finding("unconfirmed", payment.payment_id, report.retry_after_s or 2.0)
        return Finding(noted.verdict, payment.payment_id)


def _arrival(raw: StoredCallback, word: Report, provider: Provider) -> Arrive | None:
    """Return the money that a signed notice tells of; None where it tells of none, or not how much."""
    if word.outcome is not Outcome.PAID or not word.receipt or word.amount_minor is None or not word.currency:
        return None
    arrival = Arrival(
        word.receipt,
        word.amount_minor,
        word.currency,
        word.account_reference or "",
        msisdn=word.msisdn,
        second_reference=word.provider_reference,
    )
    return Arrive(
        account_id=raw.account_id, provider=provider.name, arrival=arrival, cause="ipn", raw_id=raw.raw_id
    )


def _other_money(
    raw: StoredCallback, payment: Payment, hint: Report, word: Report, provider: Provider
) -> Arrive:
    """Return what a rail that a payment has left took all the same, as money for its tap."""
    arrival = Arrival(
        word.receipt or hint.receipt or "",
        payment.amount_minor if word.amount_minor is None else word.amount_minor,
        word.currency or payment.currency,
        payment.tap_id,
        msisdn=payment.msisdn,
    )
    return Arrive(
        account_id=raw.account_id,
        provider=provider.name,
        arrival=arrival,
        cause="callback",
        raw_id=raw.raw_id,
    )


def _vouch(provider: Provider, raw: StoredCallback) -> Vouch:
    if not isinstance(provider, SignsNotices):
        return Vouch.NONE
    return provider.vouch(raw.body, raw.signature or "", raw.received_at)


async def _by_account_reference(connection: AsyncConnection, query: sa.Select[Any], reference: str) -> Any:
    """Find the payment that a bank's notice is about by the reference that was made from it."""
    tap_id = tap_of(reference)
    if tap_id is None:
        return None
    p = t.payments.c
    newest = query.where(p.tap_id == tap_id).order_by(p.created_at.desc()).limit(_MOST_OF_A_TAP)
    rows = (await connection.execute(newest)).all()
    return next((row for row in rows if account_reference(row.tap_id, row.payment_id) == reference), None)


def _named(report: Report, reference: str | None) -> Report:
    """Keep the provider's own name of the request, which a callback may be the first to tell."""
    if report.outcome in (Outcome.UNKNOWN, Outcome.NOT_FOUND) or report.provider_reference or not reference:
        return report
    return replace(report, provider_reference=reference)


def _agrees(payment: Payment, hint: Report) -> bool:
    """A callback at our own key must not name another request of the provider."""
    names = (payment.provider_reference, hint.provider_reference)
    return None in names or names[0] == names[1]


def _other_amount(payment: Payment, hint: Report, provider: Provider) -> bool:
    return (
        not provider.traits.query_gives_amount
        and hint.outcome is Outcome.PAID
        and hint.amount_minor is not None
        and hint.amount_minor != payment.amount_minor
    )


def _looks_like_id(text: str) -> bool:
    return is_uuid(text)
