"""Batches, processes side by side, and what a rolled-back command leaves: nothing."""

import asyncio

import pytest
import sqlalchemy as sa
from payments_city import RandomDay, accepted, paid, pay, settle

from core.errors import Conflict
from payments import service as service_module
from payments import tables as t
from payments.commands import OpenItem, StartPush
from payments.records import Payment
from payments.results import Accepted, Mismatch, MoreThanOwed, UnderWay
from payments.validation import Limits
from payments.verify import INVARIANTS, verify


async def _broken(db):
    async with db.read() as connection:
        return {v.name: v.rows for v in await verify(connection, INVARIANTS) if not v.holds}


async def _count(db, table, *where):
    async with db.read() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        return (await connection.execute(query)).scalar_one()


async def _payment(db, payment_id):
    async with db.read() as connection:
        row = (
            await connection.execute(sa.select(t.payments).where(t.payments.c.payment_id == payment_id))
        ).one()
    return Payment.of(row)


async def _deadlocks(db):
    if db.is_sqlite:
        return 0
    async with db.read() as connection:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return (await connection.execute(sa.text(query))).scalar_one()


async def _together(services, commands):
    """Submit commands to services in turn, all at once."""
    tasks = [services[i % len(services)].submit(command) for i, command in enumerate(commands)]
    return await asyncio.gather(*tasks, return_exceptions=True)


# One batch


async def test_a_refused_command_leaves_the_others_of_its_batch_untouched(city, open_service):
    one = open_service()
    answers = await _together([one], [pay(0, 1), pay(1, 2, amount_minor=9999), pay(2, 3)])
    assert [type(a) for a in answers] == [Accepted, MoreThanOwed, Accepted]
    assert await _count(city, t.payments) == 2
    assert await _broken(city) == {}


async def test_the_second_of_a_batch_sees_what_the_first_has_done(city, open_service):
    one = open_service()
    answers = await _together([one], [pay(0, 1), pay(0, 2)])
    assert isinstance(answers[0], Accepted)
    assert answers[1] == UnderWay(answers[0].payment)


async def test_a_command_about_an_unknown_payment_fails_alone(city, open_service):
    one = open_service()
    answers = await _together([one], [pay(0, 1), accepted("01a1fcb0-af00-7103-8386-bbc4cd613e30"), pay(1, 2)])
    assert [type(a) for a in answers] == [Accepted, KeyError, Accepted]
    assert await _broken(city) == {}


async def test_half_a_decision_is_rolled_back_and_the_others_stand(city, open_service, monkeypatch):
    def decide_then_break(desk, command):
        answer = decide(desk, command)
        if isinstance(command, StartPush):
            raise Conflict("in the middle of it")
        return answer

    decide = service_module.decide
    one = open_service()
    first = (await one.submit(pay(0, 1))).payment.payment_id
    monkeypatch.setattr(service_module, "decide", decide_then_break)
    answers = await _together([one], [pay(1, 2), StartPush(first), pay(2, 3)])
    assert [type(a) for a in answers] == [Accepted, Conflict, Accepted]
    assert (await _payment(city, first)).push_state == "none"
    assert await _count(city, t.payments) == 3


async def test_a_key_that_clashes_splits_the_batch_and_nobody_notices(city, open_service):
    # Two processes that make the same ids: the second one's batch breaks a unique key.
    one, other = open_service(seed=5), open_service(seed=5)
    await one.submit(pay(0, 1))
    answers = await _together([other], [pay(1, 2), pay(2, 3), pay(3, 4, amount_minor=9999)])
    assert [type(a) for a in answers] == [Accepted, Accepted, MoreThanOwed]
    assert await _count(city, t.payments) == 3
    assert await _broken(city) == {}


async def test_a_whole_payment_is_the_same_after_it_was_written_and_read(city, open_service):
    payment_id = await settle(open_service(), pay(0, 1))
    payment = await _payment(city, payment_id)
    assert (payment.status, payment.amount_minor, payment.moves) == ("success", 3000, 3)
    assert await _count(city, t.payment_orders, t.payment_orders.c.status == "success") == 2
    assert await _count(city, t.claims, t.claims.c.is_open) == 0
    assert await _broken(city) == {}


async def test_an_item_is_opened_once_for_a_fact(city, open_service):
    one = open_service()
    item = OpenItem("fact", "unmatched_callback", "mtn:acc", "ZMW", "money for nobody")
    await _together([one], [item, item])
    await one.submit(item)
    assert await _count(city, t.suspense_items) == 1


async def test_events_are_announced_inside_the_transaction_that_makes_them_true(city, open_service):
    one = open_service()

    async def announce(_connection, _events):
        raise RuntimeError("the SMS could not be written")

    payment_id = (await one.submit(pay(0, 1))).payment.payment_id
    one._announce = announce
    with pytest.raises(RuntimeError):
        await one.submit(paid(payment_id))
    assert (await _payment(city, payment_id)).status == "initiated"
    assert await _count(city, t.credits_) == 0


# Several processes on one database


async def test_many_at_once_claim_each_debt_once(city, open_service):
    before = await _deadlocks(city)
    services = [open_service(1), open_service(2)]
    answers = await _together(services, [pay(n % 12, who) for who in range(1, 26) for n in range(12)])
    assert {type(a) for a in answers} == {Accepted, UnderWay}
    assert sum(isinstance(a, Accepted) for a in answers) == 12
    assert await _count(city, t.claims, t.claims.c.is_open) == 24
    assert await _broken(city) == {}
    assert await _deadlocks(city) == before


@pytest.mark.parametrize("n_services", [1, 2])
async def test_the_same_key_at_once_is_one_payment_and_one_answer(city, open_service, n_services):
    services = [open_service(seed) for seed in range(n_services)]
    answers = await _together(services, [pay(0, 1, key="same")] * 40)
    assert {type(a) for a in answers} == {Accepted}
    assert len({a.payment.payment_id for a in answers}) == 1
    assert sum(not a.is_repeat for a in answers) == 1
    assert await _count(city, t.payments) == 1


@pytest.mark.parametrize("phones", [(1, 1), (1, 2)])
async def test_the_same_key_for_two_taps_at_once_is_one_payment_and_a_mismatch(city, open_service, phones):
    services = [open_service(1), open_service(2)]
    commands = [pay(n, who, key="same", body=str(n)) for n, who in enumerate(phones)]
    answers = await _together(services, commands)
    assert {type(a) for a in answers} == {Accepted, Mismatch}
    assert await _count(city, t.payments) == 1


async def test_one_handset_gets_one_prompt_whoever_starts_them(city, open_service):
    services = [open_service(1), open_service(2)]
    ids = [a.payment.payment_id for a in await _together(services, [pay(n, 7) for n in range(12)])]
    actions = [a.action for a in await _together(services, [StartPush(i) for i in ids])]
    assert sorted(actions) == ["send"] + ["wait"] * 11


async def test_the_limit_of_a_day_holds_across_processes(city, open_service):
    limits = Limits(daily_minor={"ZMW": 9000})
    services = [open_service(1, limits=limits), open_service(2, limits=limits)]
    answers = await _together(services, [pay(n, 7) for n in range(12)])
    assert sorted(a.payment.status for a in answers) == ["failed"] * 9 + ["initiated"] * 3


async def test_one_receipt_credits_once_whichever_process_hears_of_it(city, open_service):
    services = [open_service(1), open_service(2)]
    ids = [(await services[0].submit(pay(n, n + 1))).payment.payment_id for n in range(6)]
    answers = await _together(services, [paid(i, receipt="SAME") for i in ids + ids])
    assert not [a for a in answers if isinstance(a, Exception)]
    assert await _count(city, t.credits_, t.credits_.c.receipt == "SAME") == 1
    assert await _count(city, t.suspense_items, t.suspense_items.c.held_minor == 3000) == 5
    assert await _broken(city) == {}


async def test_processes_that_settle_and_accept_on_each_others_taps_make_no_circle(city, open_service):
    # A settles even taps and accepts on odd ones while B does the reverse: parts are reached through claims
    # and through taps, and must be locked in one order all the same.
    before = await _deadlocks(city)
    services = [open_service(1), open_service(2)]
    for turn in range(8):
        first = [pay(n, n + 1, key=f"{turn}:{n}", amount_minor=100) for n in range(12)]
        ids = [a.payment.payment_id for a in await _together(services, first)]
        second = [pay(n, n + 50, key=f"{turn}:{n + 50}", amount_minor=100) for n in range(12)]
        here = [paid(i) for i in ids[::2]] + second[1::2]
        there = [paid(i) for i in ids[1::2]] + second[::2]
        answers = await _together(services, [c for pair in zip(here, there, strict=True) for c in pair])
        assert not [a for a in answers if isinstance(a, Exception)]
        again = [a.payment.payment_id for a in answers if isinstance(a, Accepted)]
        await _together(services, [paid(i) for i in again])
    assert await _broken(city) == {}
    assert await _deadlocks(city) == before


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_random_day_in_two_processes_leaves_every_invariant_whole(city, clock, open_service, seed):
    before = await _deadlocks(city)
    services = [open_service(seed), open_service(seed + 100)]
    day = RandomDay(seed, taps=12, phones=8)
    for _ in range(12):
        commands = [day.command() for _ in range(40)]
        answers = await _together(services, commands)
        assert not [a for a in answers if isinstance(a, Exception)]
        day.learn(answers)
        clock.advance(day.random.choice([1, 20, 200]))
    assert await _count(city, t.credits_) > 10
    assert await _broken(city) == {}
    assert await _deadlocks(city) == before
