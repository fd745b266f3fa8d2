"""Payers, rails, agents and staff at once, in two processes: no money twice, none below zero, verify clean.

Every command is one that really comes; which of them are refused is left to chance, what holds after each
round is not.
"""

import asyncio
import random

import pytest
import sqlalchemy as sa
from payments_city import accepted, cash, hand_in, paid, pay, phone, tap_id

from core.errors import MadziError
from core.ids import Ids
from payments import tables as t
from payments.commands import Actor, Arrive, AssignItem, CloseItem, StartPush
from payments.desk import Rules
from payments.payouts import tables
from payments.payouts.commands import (
    Approve,
    By,
    PayoutAnswered,
    PayoutReported,
    RefundPayment,
    RefundSuspense,
    RefundWallet,
    Reject,
    StartPayout,
)
from payments.payouts.desk import PayoutRail, PayoutRules
from payments.payouts.records import Payout
from payments.payouts.service import PayoutService
from payments.payouts.verify import INVARIANTS as OF_PAYOUTS
from payments.providers.base import Arrival, Outcome, PayoutKind, PayoutTraits, PushReply, Report, Taken
from payments.results import Accepted
from payments.verify import INVARIANTS, verify
from taps import users
from taps.model import Role, User

ANN, GRACE = By("Ann Zulu"), By("Grace Phiri")
OFFICE = Actor("Ann Zulu", "cli", "here", "finance")
TAPS, PHONES, RECEIPTS = 12, 4, 9
TRAITS = PayoutTraits(
    frozenset({PayoutKind.TRANSFER, PayoutKind.REFUND}), has_query=True, is_repeatable=True, is_partial=True
)


@pytest.fixture
async def open_payouts(city, clock):
    made = []

    async def nobody(_connection, _events):
        pass

    def open_one(seed):
        rails = {name: PayoutRail("mtn", name, frozenset(), TRAITS) for name in ("mtn:acc", "mtn:default")}
        rules = PayoutRules(rails=rails, limit_minor={"ZMW": 1500})
        made.append(PayoutService(city, clock, Ids.seeded(seed, clock), rules, Rules(rails={}), nobody))
        return made[-1]

    async with city.write() as connection:
        for name, role in (("Ann Zulu", Role.FINANCE), ("Grace Phiri", Role.ADMIN)):
            await users.add_user(connection, User(name, role, (), None), clock.now())
    yield open_one
    for service in made:
        await service.close()


class City:
    """Draws commands for what is there; half of them go to each process."""

    def __init__(self, seed, db):
        self.random, self.db = random.Random(seed), db

    async def look(self):
        """See what there is to be acted on."""
        async with self.db.read() as connection:
            self.payments = (await connection.execute(sa.select(t.payments.c.payment_id))).scalars().all()
            self.items = (await connection.execute(sa.select(t.suspense_items.c.item_id))).scalars().all()
            self.payouts = (await connection.execute(sa.select(tables.payouts.c.payout_id))).scalars().all()

    def of_payments(self):
        """What payers, rails, agents and staff ask of payments."""
        pick = self.random.choice
        n, who, key = self.random.randrange(TAPS), self.random.randrange(PHONES), str(self.random.random())
        drawn = [pay(n, who, key=key, amount_minor=pick([None, 300, 1000])), self._arrive(), cash(n, key=key)]
        drawn += [hand_in(pick([300, 3000, 9000]))]
        if self.payments:
            payment_id = pick(self.payments)
            word = {"amount_minor": pick([None, 100, 3000, 5000]), "receipt": pick([None, self._receipt()])}
            drawn += [StartPush(payment_id), accepted(payment_id), paid(payment_id, **word)]
            drawn += [paid(payment_id, **word, currency="USD")] if self.random.random() < 0.2 else []
        if self.items:
            item_id = pick(self.items)
            msisdn = pick([None, phone(who)])
            drawn += [AssignItem(item_id=item_id, tap_id=tap_id(n), msisdn=msisdn, actor=OFFICE)]
            drawn += [CloseItem(item_id=item_id, note="seen", actor=OFFICE)]
        return pick(drawn)

    def of_payouts(self):
        """What staff and rails ask of payouts."""
        pick, by = self.random.choice, self.random.choice([ANN, GRACE])
        amount_minor = pick([None, None, 200, 1000])
        who = phone(self.random.randrange(PHONES))
        drawn = [RefundWallet(msisdn=who, by=by, amount_minor=amount_minor)]
        if self.payments:
            drawn += [RefundPayment(payment_id=pick(self.payments), by=by, amount_minor=amount_minor)]
        if self.items:
            drawn += [RefundSuspense(item_id=pick(self.items), by=by, msisdn=who)]
        if self.payouts:
            payout_id = pick(self.payouts)
            drawn += [Approve(payout_id, by), Approve(payout_id, by), Reject(payout_id, by)]
            drawn += [StartPayout(payout_id), PayoutAnswered(payout_id, PushReply(pick(list(Taken))))]
            report = Report(pick(list(Outcome)), is_last_word=pick([True, False]))
            drawn += [PayoutReported(payout_id, report, "poll")] * 2
        return pick(drawn)

    def _receipt(self):
        return f"R{self.random.randrange(RECEIPTS)}"

    def _arrive(self):
        told = {"msisdn": phone(self.random.randrange(PHONES))} if self.random.random() < 0.5 else {}
        typed = self.random.choice(["", "water", tap_id(self.random.randrange(TAPS))])
        arrival = Arrival(self._receipt(), self.random.choice([700, 3000, 4000]), "ZMW", typed, **told)
        return Arrive(account_id="mtn:acc", provider="mtn", arrival=arrival, cause="pull")


async def tried(service, command):
    """Submit; a refusal, or something that is not there, is an answer. Anything else breaks the test."""
    try:
        return await service.submit(command)
    except (MadziError, KeyError) as refusal:
        return refusal


async def broken(db):
    async with db.read() as connection:
        return {v.name: v.rows for v in await verify(connection, (*INVARIANTS, *OF_PAYOUTS)) if not v.holds}


async def below_zero(db):
    """Wallets and agents that owe us."""
    b = t.ledger_balances.c
    wallets = sa.select(b.ledger_account).where(b.ledger_account.like("wallet:%"), b.balance_minor > 0)
    agents = sa.select(b.ledger_account).where(b.ledger_account.like("cash:%"), b.balance_minor < 0)
    async with db.read() as connection:
        return (await connection.execute(wallets.union(agents))).scalars().all()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_two_processes_and_everybody_at_once_break_no_invariant(city, open_service, open_payouts, seed):
    made, back = [open_service(s) for s in (1, 2)], [open_payouts(s) for s in (7, 8)]
    drawn, kinds = City(seed, city), set()
    for _ in range(25):
        await drawn.look()
        first = [(made[i % 2], drawn.of_payments()) for i in range(10)]
        second = [(back[i % 2], drawn.of_payouts()) for i in range(8)]
        answers = await asyncio.gather(*(tried(service, command) for service, command in first + second))
        kinds |= {type(answer).__name__ for answer in answers}
        assert await broken(city) == {}
        assert await below_zero(city) == []
    assert {"Accepted", "Assigned", "Payout", "HandedIn"} <= kinds


async def test_a_wallet_pays_a_bill_and_goes_back_at_the_same_time_only_once(
    city, open_service, open_payouts
):
    made, back = [open_service(s) for s in (1, 2)], [open_payouts(s) for s in (7, 8)]
    for n in range(0, 8, 2):
        answer = await made[0].submit(pay(n, 1, key=f"first {n}"))
        assert isinstance(answer, Accepted)
        payment_id = answer.payment.payment_id
        await made[0].submit(paid(payment_id, amount_minor=4000, receipt=f"W{n}"))  # K10.00 too much
        answers = await asyncio.gather(
            tried(made[1], pay(n + 1, 1, key=f"second {n}", amount_minor=1000)),
            tried(back[0], RefundWallet(msisdn=phone(1), by=ANN, amount_minor=1000)),
            tried(back[1], RefundPayment(payment_id=payment_id, by=GRACE, amount_minor=1000)),
        )
        assert not [a for a in answers if isinstance(a, KeyError)]
        assert await below_zero(city) == []
        assert await broken(city) == {}
        spent = isinstance(answers[0], Accepted) and answers[0].payment.provider == "wallet"
        emptied = isinstance(answers[1], Payout)
        assert not (spent and emptied)
