"""Money back in real databases: two people at once, two processes at once, and what verify says all along."""

import asyncio
import json
import random

import payments_city
import pytest
import sqlalchemy as sa
from payments_city import cash, paid, pay, settle

from core.audit import audit_log
from core.errors import MadziError
from core.ids import Ids
from gateway.verify import ALL
from payments import tables as t
from payments.desk import Rules
from payments.payouts import store, stories, tables
from payments.payouts.commands import (
    Again,
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
from payments.providers.base import Outcome, PayoutKind, PayoutTraits, PushReply, Report, Taken
from payments.results import HandedIn
from payments.verify import INVARIANTS, verify
from taps import users
from taps.model import Role, User

ANN, GRACE = By("Ann Zulu"), By("Grace Phiri")
TRAITS = PayoutTraits(
    frozenset({PayoutKind.TRANSFER, PayoutKind.REFUND}),
    has_query=True,
    is_repeatable=True,
    is_partial=True,
)


@pytest.fixture
async def staff(city, clock):
    async with city.write() as connection:
        for name, role in (("Ann Zulu", Role.FINANCE), ("Grace Phiri", Role.ADMIN)):
            await users.add_user(connection, User(name, role, (), None), clock.now())
    return city


@pytest.fixture
async def open_payouts(staff, clock):
    """Make payout services over one database, as several processes have them."""
    made = []

    def open_one(seed=7, limit_minor=10_000):
        async def announce(_connection, events):
            service.told.extend(events)

        rails = {name: PayoutRail("mtn", name, frozenset(), TRAITS) for name in ("mtn:acc", "mtn:default")}
        rules = PayoutRules(rails=rails, limit_minor={"ZMW": limit_minor})
        ids = Ids.seeded(seed, clock)
        service = PayoutService(staff, clock, ids, rules, Rules(rails={}), announce)
        service.told = []
        made.append(service)
        return service

    yield open_one
    for service in made:
        await service.close()


async def broken(db, invariants=(*INVARIANTS, *OF_PAYOUTS)):
    async with db.read() as connection:
        return {v.name: v.rows for v in await verify(connection, invariants) if not v.holds}


async def tried(service, command):
    try:
        return await service.submit(command)
    except MadziError as refusal:
        return refusal.reason


async def sent(service, payout_id):
    await service.submit(StartPayout(payout_id))
    reply = PushReply(Taken.ACCEPTED, provider_reference=f"P{payout_id[-8:]}")
    return await service.submit(PayoutAnswered(payout_id, reply))


async def test_a_refund_from_asking_to_arrival_with_verify_clean_at_every_step(
    city, open_service, open_payouts
):
    payment_id = await settle(open_service(), pay(0))
    service = open_payouts(limit_minor=1000)
    payout = await service.submit(RefundPayment(payment_id=payment_id, by=ANN, note="wrong tap"))
    assert (payout.status, await broken(city)) == ("requested", {})
    payout = await service.submit(Approve(payout.payout_id, GRACE))
    assert (payout.status, await broken(city, ALL)) == ("initiated", _unsaid(await broken(city, ALL)))
    payout = await sent(service, payout.payout_id)
    assert (payout.status, await broken(city)) == ("processing", {})
    payout = await service.submit(
        PayoutReported(payout.payout_id, Report(Outcome.PAID, receipt="B1", amount_minor=3000), "poll")
    )
    assert (payout.status, await broken(city)) == ("completed", {})
    async with city.read() as connection:
        status = (await connection.execute(sa.select(t.payments.c.status))).scalar_one()
        story = (await stories.of_payment(connection, payment_id))[0]
    assert status == "refunded"
    assert [move["to"] for move in story["transitions"]] == [
        "requested",
        "initiated",
        "processing",
        "completed",
    ]
    assert sum(source["amount_minor"] for source in story["sources"]) == 3000
    assert [type(event).__name__ for event in service.told] == ["OnItsWay", "GivenBack"]


def _unsaid(found):
    """What only the gateway can make true: this test sends no SMS for successes."""
    return {name: rows for name, rows in found.items() if name == "success_is_told"}


async def test_two_people_who_ask_at_once_give_back_once(city, open_service, open_payouts):
    payment_id = await settle(open_service(), pay(0))
    one, other = open_payouts(7), open_payouts(8)
    answers = await asyncio.gather(
        *(tried(s, RefundPayment(payment_id=payment_id, by=by)) for s, by in ((one, ANN), (other, GRACE)))
    )
    assert sorted(type(a).__name__ for a in answers) == ["Payout", "str"]
    assert [a for a in answers if isinstance(a, str)] == ["nothing_left"]
    assert await broken(city) == {}


async def test_parts_that_race_never_add_up_to_more_than_came(city, open_service, open_payouts):
    payment_id = await settle(open_service(), pay(0))
    services = [open_payouts(seed) for seed in (7, 8, 9)]
    commands = [RefundPayment(payment_id=payment_id, by=ANN, amount_minor=700) for _ in range(9)]
    answers = await asyncio.gather(*(tried(services[i % 3], command) for i, command in enumerate(commands)))
    assert sum(isinstance(a, Payout) for a in answers) == 4
    assert {a for a in answers if isinstance(a, str)} == {"more_than_left"}
    assert await broken(city) == {}


async def test_two_who_approve_at_once_let_it_go_once(city, open_service, open_payouts):
    payment_id = await settle(open_service(), pay(0))
    one, other = open_payouts(7, limit_minor=0), open_payouts(8, limit_minor=0)
    payout = await one.submit(RefundPayment(payment_id=payment_id, by=By("root", is_named=False)))
    answers = await asyncio.gather(
        tried(one, Approve(payout.payout_id, ANN)),
        tried(other, Approve(payout.payout_id, GRACE)),
        tried(other, Reject(payout.payout_id, GRACE)),
    )
    assert sum(isinstance(a, Payout) for a in answers) == 1
    assert {a for a in answers if isinstance(a, str)} == {"not_waiting"}
    assert await broken(city) == {}


async def test_a_wallet_that_two_empty_at_once_is_not_below_zero(city, open_service, open_payouts):
    one = open_service()
    await settle_over(one, 3500)
    services = [open_payouts(seed) for seed in (7, 8)]
    wallet = payments_city.phone(1)
    answers = await asyncio.gather(
        *(tried(s, RefundWallet(msisdn=wallet, by=ANN, amount_minor=400)) for s in services)
    )
    assert sum(isinstance(a, Payout) for a in answers) == 1
    assert await broken(city) == {}


async def settle_over(service, minor, n=0, **said):
    answer = await service.submit(pay(n, 1))
    payment_id = answer.payment.payment_id
    await service.submit(paid(payment_id, amount_minor=minor, receipt=f"O{n}", **said))
    return payment_id


async def test_cash_goes_back_from_the_agent_and_all_holds(city, open_service, open_payouts):
    recorded = await open_service().submit(cash(3, payer=payments_city.phone(5)))
    payout = await open_payouts().submit(RefundPayment(payment_id=recorded.payment.payment_id, by=ANN))
    assert (payout.status, payout.agent) == ("completed", "joseph")
    assert await broken(city) == {}
    async with city.read() as connection:
        held = sa.select(t.ledger_balances.c.balance_minor).where(
            t.ledger_balances.c.ledger_account == "cash:joseph"
        )
        assert (await connection.execute(held)).scalar_one() == 0


async def test_an_agent_never_gives_more_cash_than_is_in_hand(city, open_service, open_payouts):
    made, services = open_service(), [open_payouts(seed) for seed in (7, 8)]
    for n in range(0, 8, 2):
        first, second = [(await made.submit(cash(m))).payment.payment_id for m in (n, n + 1)]
        await made.submit(payments_city.hand_in(3000))  # K30.00 of these K60.00 stay in hand
        answers = await asyncio.gather(
            tried(services[0], RefundPayment(payment_id=first, by=ANN)),
            tried(services[1], RefundPayment(payment_id=second, by=GRACE)),
            made.submit(payments_city.hand_in(3000)),
        )
        assert sum(isinstance(answer, Payout | HandedIn) for answer in answers) == 1, answers
        assert await broken(city) == {}


async def test_an_item_a_part_of_it_and_what_is_left(city, open_service, open_payouts):
    payment_id = await settle_over(open_service(), 3000, currency="USD")
    service = open_payouts()
    service.rules.limit_minor["USD"] = 10_000
    part = await service.submit(RefundPayment(payment_id=payment_id, by=ANN, amount_minor=1000))
    assert await broken(city) == {}
    async with city.read() as connection:
        items = sa.select(t.suspense_items).where(t.suspense_items.c.status == "open")
        rest = (await connection.execute(items)).one()
    assert rest.held_minor == 2000
    whole = await service.submit(RefundSuspense(item_id=rest.item_id, by=ANN))
    for payout in (part, whole):
        await sent(service, payout.payout_id)
    await service.submit(PayoutReported(part.payout_id, Report(Outcome.NOT_PAID), "poll"))
    await service.submit(PayoutReported(whole.payout_id, Report(Outcome.PAID), "poll"))
    assert await broken(city) == {}


async def test_every_act_is_in_the_audit_log_refused_ones_too(city, open_service, open_payouts):
    payment_id = await settle(open_service(), pay(0))
    service = open_payouts(limit_minor=0)
    payout = await service.submit(RefundPayment(payment_id=payment_id, by=ANN, note="twice"))
    await tried(service, Approve(payout.payout_id, By("ann ZULU")))
    await tried(service, RefundPayment(payment_id=payment_id, by=By("mallory")))
    await service.submit(Reject(payout.payout_id, GRACE))
    async with city.read() as connection:
        query = sa.select(audit_log).where(audit_log.c.action.like("refund.%"))
        rows = (await connection.execute(query)).all()
    assert sorted((row.action, row.actor, row.result) for row in rows) == [
        ("refund.approve", "ann ZULU", "same_person"),
        ("refund.payment", "Ann Zulu", "done"),
        ("refund.payment", "mallory", "not_allowed"),
        ("refund.reject", "Grace Phiri", "done"),
    ]
    done = next(row for row in rows if row.actor == "Ann Zulu")
    assert json.loads(done.detail)["amount_minor"] == 3000


async def test_nothing_to_send_it_by_is_refused_and_an_item_of_staff(city, open_service, open_payouts):
    payment_id = await settle(open_service(), pay(0))
    service = open_payouts()
    service.rules.rails.clear()
    for _ in range(2):
        assert await tried(service, RefundPayment(payment_id=payment_id, by=ANN)) == "no_way_out"
    async with city.read() as connection:
        kinds = (await connection.execute(sa.select(t.suspense_items.c.kind))).scalars().all()
    assert kinds == ["no_way_out"]
    assert await broken(city) == {}


class RandomDay:
    """Seeded staff, workers and rails over payments that were made before."""

    def __init__(self, seed, payment_ids):
        self.random = random.Random(seed)
        self.payment_ids, self.payouts = payment_ids, []

    def command(self):
        pick, chance = self.random.choice, self.random.random()
        if chance < 0.3 or not self.payouts:
            minor = pick([None, 100, 700, 1500])
            return RefundPayment(payment_id=pick(self.payment_ids), by=pick([ANN, GRACE]), amount_minor=minor)
        if chance < 0.35:
            return RefundWallet(
                msisdn=payments_city.phone(pick([1, 2, 3])), by=ANN, amount_minor=pick([None, 50])
            )
        payout_id = pick(self.payouts)
        if chance < 0.5:
            return pick([Approve, Approve, Reject])(payout_id, pick([ANN, GRACE]))
        if chance < 0.65:
            return StartPayout(payout_id)
        if chance < 0.8:
            return PayoutAnswered(payout_id, PushReply(pick(list(Taken)), code="x"))
        report = Report(pick([*Outcome, Outcome.PAID, Outcome.NOT_PAID]), amount_minor=pick([None, None, 3]))
        return PayoutReported(payout_id, report, "poll", is_proof=pick([True, True, False]))

    def learn(self, answers):
        known = set(self.payouts)
        self.payouts += [
            a.payout_id
            for a in answers
            if isinstance(a, Payout) and not (a.payout_id in known or known.add(a.payout_id))
        ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_processes_on_a_random_day_break_no_invariant(city, open_service, open_payouts, seed):
    made = open_service()
    payment_ids = [await settle(made, pay(n, n % 3 + 1)) for n in range(6)]
    payment_ids += [await settle_over(made, 3700, n) for n in (6, 7)]
    payment_ids.append((await made.submit(cash(8))).payment.payment_id)
    services = [open_payouts(s, limit_minor=1000) for s in (7, 8)]
    day = RandomDay(seed, payment_ids)
    for _ in range(25):
        commands = [day.command() for _ in range(8)]
        answers = await asyncio.gather(*(tried(services[i % 2], c) for i, c in enumerate(commands)))
        assert not [a for a in answers if isinstance(a, Exception)]
        day.learn([a for a in answers if not isinstance(a, Again | str)])
        assert await broken(city) == {}
    async with city.read() as connection:
        states = (await connection.execute(sa.select(tables.payouts.c.status))).scalars().all()
    assert {"completed", "failed", "rejected"} <= set(states)


# (invariant, what a hand in the database did); one payout is completed, one is processing.
TAMPERED = [
    ("payouts_are_held", "UPDATE ledger_balances SET balance_minor = 0 WHERE ledger_account LIKE 'payout:%'"),
    ("payouts_have_sources", "UPDATE payout_sources SET amount_minor = amount_minor + 1"),
    ("payouts_have_sources", "DELETE FROM payout_sources"),
    ("payouts_leave_once", "UPDATE ledger_transactions SET kind = 'x' WHERE kind = 'payout_done'"),
    ("payouts_leave_once", "UPDATE payouts SET status = 'failed' WHERE status = 'completed'"),
    (
        "nothing_refunded_twice",
        "UPDATE payouts SET amount_minor = amount_minor + 1 WHERE status = 'completed'",
    ),
    ("refunded_is_given_back", "UPDATE payments SET status = 'success'"),
    ("payouts_looked_at", "UPDATE payouts SET next_check_at = NULL"),
    ("payout_trail_complete", "DELETE FROM payout_transitions WHERE seq = 2"),
    ("payout_trail_complete", "UPDATE payouts SET moves = 9"),
    ("payout_trail_legal", "UPDATE payout_transitions SET to_status = 'failed' WHERE seq = 2"),
    ("orders_add_up", "UPDATE payouts SET status = 'failed' WHERE status = 'completed'"),
    ("sellers_get_theirs", "UPDATE payouts SET status = 'requested' WHERE status = 'processing'"),
]


@pytest.fixture
async def two(city, open_service, open_payouts):
    made, service = open_service(), open_payouts()
    for n in (0, 1):
        payout = await service.submit(RefundPayment(payment_id=await settle(made, pay(n, n + 1)), by=ANN))
        payout = await sent(service, payout.payout_id)
        if not n:
            await service.submit(PayoutReported(payout.payout_id, Report(Outcome.PAID), "poll"))
    assert await broken(city) == {}


@pytest.mark.parametrize(("name", "statement"), TAMPERED)
async def test_an_invariant_sees_what_was_tampered_with(city, two, name, statement):
    async with city.write() as connection:
        await connection.execute(sa.text(statement))
    assert name in await broken(city)


def test_every_invariant_of_payouts_is_shown_to_fail():
    assert {i.name for i in OF_PAYOUTS} <= {name for name, _ in TAMPERED}


async def test_a_notice_is_found_by_each_name_of_its_payout_and_of_its_account_only(
    city, open_service, open_payouts
):
    service = open_payouts()
    asked = await service.submit(RefundPayment(payment_id=await settle(open_service(), pay(0)), by=ANN))
    payout = await sent(service, asked.payout_id)
    names = [
        {"key": payout.callback_key},
        {"reference": payout.reference},
        {"reference": payout.payout_id},  # Stripe repeats this one
        {"provider_reference": payout.provider_reference},
    ]
    async with city.read() as connection:
        for name in names:
            found = await store.of_notice(connection, payout.account_id, **name)
            assert found.payout_id == payout.payout_id
            assert await store.of_notice(connection, "another:acc", **name) is None
        assert await store.of_notice(connection, payout.account_id) is None
