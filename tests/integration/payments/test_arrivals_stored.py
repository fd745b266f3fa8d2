"""Money that came by itself, in real databases: several processes hear of it at the same moment."""

import asyncio

import sqlalchemy as sa
from msgspec.structs import replace
from payments_city import accepted, cash, hand_in, paid, pay, phone, tap_id

from payments import suspense_views
from payments import tables as t
from payments.commands import Actor, Arrive, AssignItem, StartPush
from payments.providers.account_reference import account_reference
from payments.providers.base import Arrival
from payments.results import HandedIn, HoldsLess, Noted
from payments.verify import INVARIANTS, verify
from taps import tables as taps_tables

GRACE = Actor("grace", "cli", "office")


def arrive(receipt="R1", typed="KNY-0001-0", amount_minor=3000, *, cause="c2b", **told):
    arrival = Arrival(receipt, amount_minor, "ZMW", typed, **told)
    return Arrive(account_id="mtn:acc", provider="mtn", arrival=arrival, cause=cause)


async def _holds(db):
    async with db.read() as connection:
        assert {v.name: v.rows for v in await verify(connection, INVARIANTS) if not v.holds} == {}


async def _rows(db, query):
    async with db.read() as connection:
        return (await connection.execute(query)).all()


async def _good_tap(db, n, good="KNY-0417-1"):
    """Give a tap of the city a number whose last digit fits, as people type it."""
    taps, debts = taps_tables.taps, taps_tables.debts
    async with db.write() as connection:
        row = dict(
            (await connection.execute(sa.select(taps).where(taps.c.tap_id == tap_id(n)))).one()._mapping
        )
        await connection.execute(sa.insert(taps).values(**row | {"tap_id": good, "tap_number": "241703"}))
        await connection.execute(
            sa.update(debts).where(debts.c.tap_id == tap_id(n)).values(tap_id=good, owner=good)
        )
    return good


async def test_one_receipt_is_one_credit_whichever_of_two_processes_hears_of_it(city, open_service):
    good = await _good_tap(city, 1)
    services = [open_service(seed=1), open_service(seed=2)]
    ways = ["c2b", "pull", "status", "ipn"] * 3
    told = [arrive(typed=good, cause=way, msisdn=phone(7)) for way in ways]
    answers = await asyncio.gather(*(services[i % 2].submit(command) for i, command in enumerate(told)))
    assert all(isinstance(answer, Noted) for answer in answers)
    assert sorted(answer.verdict for answer in answers) == ["credited"] + ["repeated"] * 11
    assert len(await _rows(city, sa.select(t.credits_))) == 1
    await _holds(city)


async def test_money_that_nobody_can_place_waits_once(city, open_service):
    services = [open_service(seed=1), open_service(seed=2)]
    answers = await asyncio.gather(*(services[i % 2].submit(arrive(typed="water")) for i in range(6)))
    assert sorted(answer.verdict for answer in answers) == ["repeated"] * 5 + ["suspense"]
    async with city.read() as connection:
        (item,) = await suspense_views.find(connection)
    assert (item.kind, item.held_minor, item.receipt, item.account_reference) == (
        "no_match", 3000, "R1", "water",
    )  # fmt: skip
    await _holds(city)


async def test_a_push_and_its_confirmation_at_once_are_one_credit(city, open_service):
    good = await _good_tap(city, 1)
    one, other = open_service(seed=1), open_service(seed=2)
    command = replace(pay(1, 4), tap_id=good)
    payment_id = (await one.submit(command)).payment.payment_id
    await one.submit(StartPush(payment_id))
    await one.submit(accepted(payment_id))
    told = arrive(typed=account_reference(good, payment_id))
    answers = await asyncio.gather(
        one.submit(paid(payment_id, receipt="R1")), other.submit(told), one.submit(told), other.submit(told)
    )
    assert {answer.verdict for answer in answers} <= {"confirmed", "repeated"}
    (credit,) = await _rows(city, sa.select(t.credits_))
    assert (credit.payment_id, credit.receipt) == (payment_id, "R1")
    await _holds(city)


async def test_an_item_is_assigned_once_whoever_is_first(city, open_service):
    services = [open_service(seed=1), open_service(seed=2)]
    await services[0].submit(arrive(typed="water", amount_minor=4000))
    (item,) = await _rows(city, sa.select(t.suspense_items))
    command = AssignItem(item_id=item.item_id, tap_id=tap_id(2), actor=GRACE, note="she called")
    answers = await asyncio.gather(*(services[i % 2].submit(command) for i in range(4)))
    assert sorted(answer.is_repeat for answer in answers) == [False, True, True, True]
    assert len({answer.payment.payment_id for answer in answers}) == 1
    rows = await _rows(city, sa.select(t.suspense_items).order_by(t.suspense_items.c.created_at))
    assert sorted((row.kind, row.status, row.held_minor) for row in rows) == [
        ("no_match", "assigned", 4000),
        ("over_payment", "open", 1000),
    ]
    await _holds(city)


async def test_what_suspense_holds_becomes_the_payment_that_its_receipt_belongs_to(city, open_service):
    one = open_service()
    await one.submit(arrive("R9", typed="water"))
    payment_id = (await one.submit(pay(1, 4))).payment.payment_id
    await one.submit(StartPush(payment_id))
    await one.submit(accepted(payment_id))
    await one.submit(paid(payment_id, receipt="R9"))
    (credit,) = await _rows(city, sa.select(t.credits_))
    assert (credit.payment_id, credit.receipt) == (payment_id, "R9")
    await _holds(city)


async def test_a_masked_number_that_fits_one_debtor_finds_them(city, open_service):
    row = {"msisdn": phone(7), "tap_id": tap_id(3)}
    async with city.write() as connection:
        now = (await connection.execute(sa.select(taps_tables.taps.c.created_at).limit(1))).scalar_one()
        customers = taps_tables.customers
        await connection.execute(sa.insert(customers).values(msisdn=phone(7), created_at=now))
        await connection.execute(sa.insert(taps_tables.customer_taps).values(**row | {"last_used_at": now}))
    answer = await open_service().submit(arrive(typed="?", masked_msisdn="26096 **** 007"))
    assert (answer.verdict, answer.payment.tap_id, answer.payment.msisdn) == ("credited", tap_id(3), "")
    assert answer.payment.contact_msisdn == phone(7)
    await _holds(city)


async def test_an_agent_cannot_hand_in_the_same_cash_twice(city, open_service):
    services = [open_service(seed=1), open_service(seed=2)]
    await services[0].submit(cash(3))
    answers = await asyncio.gather(*(services[i % 2].submit(hand_in(2000)) for i in range(4)))
    assert sorted(type(answer).__name__ for answer in answers) == ["HandedIn"] + ["HoldsLess"] * 3
    assert HandedIn(1, 1000) in answers
    assert HoldsLess(1000, "ZMW") in answers
    assert await services[1].submit(hand_in(1000)) == HandedIn(2, 0)
    await _holds(city)
