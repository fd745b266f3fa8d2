"""The office: gives money back while people pay, approves, sees to suspense; and a network that goes down."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from core.errors import MadziError
from payments.commands import Actor, AssignItem
from payments.payouts import tables as out
from payments.payouts.commands import Approve, By, RefundPayment, RefundSuspense, RefundWallet
from payments.tables import ledger_balances, payments, suspense_items
from payments.wallet import accounts as wallets
from taps import raising
from tools.chaos.city import FINANCE, City
from tools.chaos.plan import Plan
from tools.towns import NEXT_PERIOD

_FIRST, _SECOND = (By(name, channel="chaos") for name in FINANCE)
_LOOK_EVERY_S = 1.0


@dataclass(slots=True)
class Office:
    """Whoever gives money back; `acts` counts what was answered."""

    city: City
    plan: Plan
    acts: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)

    async def work(self) -> None:
        """Give back a share of what succeeds, and let a second person approve; until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.give_back()
            await self.approve()

    async def give_back(self) -> None:
        """Refund a share of the successes that were not looked at yet."""
        p = payments.c
        rows = await self._rows(sa.select(p.payment_id, p.amount_minor).where(p.status == "success"))
        for row in rows:
            if row.payment_id in self.seen:
                continue
            self.seen.add(row.payment_id)
            rng = random.Random(f"{self.plan.seed}|{row.payment_id}")
            if rng.random() < self.plan.refund_share:
                half = row.amount_minor // 200 * 100 if rng.random() < 0.5 else 0  # noqa: PLR2004 - half of them
                await self._act(
                    RefundPayment(payment_id=row.payment_id, by=_FIRST, amount_minor=half or None)
                )

    async def approve(self) -> None:
        """Say yes to what waits for a second person."""
        y = out.payouts.c
        for row in await self._rows(sa.select(y.payout_id).where(y.status == "requested")):
            await self._act(Approve(row.payout_id, _SECOND))

    async def tidy(self) -> None:
        """In the evening: give back some wallets, and assign or give back some of what waits in suspense."""
        b, s = ledger_balances.c, suspense_items.c
        kept = sa.select(ledger_balances).where(b.ledger_account.startswith("wallet:"), b.balance_minor < 0)
        for i, row in enumerate(await self._rows(kept.order_by(b.ledger_account))):
            owner = wallets.owner(row.ledger_account)
            if owner and i % 3 == 0:
                await self._act(RefundWallet(msisdn=owner, by=_FIRST, currency=row.currency))
        held = sa.select(suspense_items).where(s.status == "open", s.held_minor > 0).order_by(s.created_at)
        for i, row in enumerate(await self._rows(held)):
            if i % 3 == 0:
                await self._act(RefundSuspense(item_id=row.item_id, by=_FIRST))
            elif i % 3 == 1:
                await self._assign(row.item_id, row.currency, i)
        await self.approve()

    async def _assign(self, item_id: str, currency: str, i: int) -> None:
        taps = [person.tap for person in self.city.people if (person.tap[:3] == "NRB") == (currency == "KES")]
        actor = Actor(FINANCE[0], "chaos", "chaos", "finance")
        command = AssignItem(item_id=item_id, tap_id=taps[i % len(taps)], actor=actor, note="asked the payer")
        await self._counted("AssignItem", self.city.runtime.payments.submit(command))

    async def _act(self, command: Any) -> None:
        await self._counted(type(command).__name__, self.city.runtime.payouts.service.submit(command))

    async def _counted(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except MadziError as refusal:
            self.acts[f"{name}: {refusal.reason}"] += 1
        else:
            self.acts[f"{name}: done"] += 1

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        async with self.city.runtime.db.read() as connection:
            rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
            return rows


async def next_month(city: City) -> None:
    """Bill everybody once more."""
    runtime = city.runtime
    async with runtime.db.write() as connection:
        await raising.raise_debts(connection, NEXT_PERIOD, ids=runtime.ids, clock=runtime.clock)


async def outage(city: City, plan: Plan, after_s: float) -> None:
    """Let MTN answer nothing at all for a while: its breaker opens, and closes again."""
    await asyncio.sleep(after_s)
    faults = city.networks["default"].faults
    usual = faults.settings
    down = {"mtn.push.close_before": 1.0, "mtn.token.close_before": 1.0, "mtn.query.close_before": 1.0}
    faults.settings = replace(usual, rates={**down, **usual.rates})
    try:
        await asyncio.sleep(plan.outage_s)
    finally:
        faults.settings = usual
