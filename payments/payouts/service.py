"""Load, decide, write: the one way in which payouts change."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from payments.desk import Desk, Rules
from payments.payouts import store
from payments.payouts.commands import (
    Act,
    Approve,
    Command,
    RefundPayment,
    RefundSuspense,
    RefundWallet,
    Reject,
    Resolve,
)
from payments.payouts.decide import decide
from payments.payouts.desk import PayoutDesk, PayoutRules
from payments.payouts.events import Event

# Called inside the transaction that makes the events true: enqueues what must be told.
Announce = Callable[[AsyncConnection, Sequence[Event]], Awaitable[None]]
_log = structlog.get_logger()
_ACTIONS = {
    RefundPayment: "refund.payment",
    RefundWallet: "refund.wallet",
    RefundSuspense: "refund.suspense",
    Approve: "refund.approve",
    Reject: "refund.reject",
    Resolve: "refund.resolve",
}


class PayoutService:
    """Executes commands in batches, each in one transaction; every act of a person is in the audit log."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        rules: PayoutRules,
        payment_rules: Rules,
        announce: Announce,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self.rules = rules
        self._payment_rules = payment_rules
        self._announce = announce
        self._batcher: Batcher[Command, Any] = Batcher(
            self._handle, max_batch=100, pause_s=0.001 if db.is_sqlite else 0.0
        )

    def use(self, payment_rules: Rules) -> None:
        """Decide by these rules of payments from the next batch on."""
        self._payment_rules = payment_rules

    async def submit(self, command: Command) -> Any:
        """Return the command's answer once it is committed; raises MadziError where it is refused."""
        return await self._batcher.submit(command)

    async def close(self) -> None:
        """Finish what waits."""
        await self._batcher.close()

    async def _handle(self, commands: Sequence[Command]) -> list[Any]:
        async with self._db.write() as connection:
            return await self.execute(connection, commands)

    async def execute(self, connection: AsyncConnection, commands: Sequence[Command]) -> list[Any]:
        """Decide commands inside the caller's transaction; a refused one is answered by its error alone."""
        books = Desk(self._clock.now(), self._ids, self._payment_rules)
        desk = PayoutDesk(books, self.rules)
        await store.load(connection, desk, commands)
        results = [_decided(desk, command) for command in commands]
        await store.write(connection, desk)
        if desk.events:
            await self._announce(connection, desk.events)
        return results


def _decided(desk: PayoutDesk, command: Command) -> Any:
    steps = desk.books.steps
    try:
        result = decide(desk, command)
    except MadziError as refusal:
        if desk.books.steps != steps:
            raise  # half of it is on the desk: the batch is split, and this one is rolled back by itself
        _log.info("payout_command_refused", command=type(command).__name__, code=refusal.reason)
        _note_refusal(desk, command, refusal)
        return refusal
    if isinstance(command, Act):
        _audit(desk, command, audit.DONE, result.payout_id)
    return result


def _note_refusal(desk: PayoutDesk, command: Command, refusal: MadziError) -> None:
    if isinstance(command, Act):
        _audit(desk, command, refusal.reason, None)
    if refusal.reason == "no_way_out" and isinstance(command, RefundPayment):
        payment = desk.books.payments[command.payment_id]
        desk.books.keep(
            f"no_way_out:{payment.payment_id}",
            "no_way_out",
            account_id=payment.account_id,
            currency=payment.currency,
            detail="it is to be given back, and nothing that is set up can: see the provider's own pages",
            payment_id=payment.payment_id,
        )


def _audit(desk: PayoutDesk, command: Act, result: str, payout_id: str | None) -> None:
    detail: dict[str, Any] = {
        name: getattr(command, name)
        for name in ("amount_minor", "way", "note", "was_sent", "receipt")
        if getattr(command, name, None) is not None
    }
    if payout_id:
        payout = desk.payouts[payout_id]
        detail |= {
            "payout_id": payout_id,
            "amount_minor": payout.amount_minor,
            "currency": payout.currency,
            "msisdn": payout.msisdn,
            "status": payout.status,
        }
    desk.books.rows["audit_log"].append(
        audit.row(
            ids=desk.books.ids,
            at=desk.now,
            actor=command.by.name,
            channel=command.by.channel,
            source=command.by.source,
            action=_ACTIONS[type(command)],
            subject=_subject(command),
            detail=detail,
            result=result,
        )
    )


def _subject(command: Act) -> str:
    for name in ("payout_id", "payment_id", "item_id", "msisdn"):
        found = getattr(command, name, None)
        if found:
            return str(found)
    return ""
