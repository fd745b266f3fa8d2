"""Cash in real databases: one credit whoever records it, receipts that count on, the ledger."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from payments_city import accepted, cash, paid, pay, phone, service, tap_id

from core.audit import audit_log
from core.errors import Conflict
from core.ids import derived
from payments import service as service_module
from payments import stories, views
from payments import tables as t
from payments.commands import StartPush
from payments.results import (
    Accepted,
    Mismatch,
    MoreThanOwed,
    NoSuch,
    NothingOwed,
    Recorded,
    SeveralOwe,
    UnderWay,
)
from payments.validation import Limits
from payments.verify import INVARIANTS, verify
from taps.tables import debt_parts, debts, tenants


async def _broken(db):
    async with db.read() as connection:
        return {v.name: v.rows for v in await verify(connection, INVARIANTS) if not v.holds}


async def _rows(db, query):
    async with db.read() as connection:
        return (await connection.execute(query)).all()


async def _held(db, *agents):
    async with db.read() as connection:
        return await views.cash_held(connection, agents)


async def _together(services, commands):
    tasks = [services[i % len(services)].submit(command) for i, command in enumerate(commands)]
    return await asyncio.gather(*tasks, return_exceptions=True)


async def _tenant(db, n, who, now):
    """Make a phone a tenant of a tap, owing all of it."""
    tenant_id = derived("tenant", str(n), str(who))
    row = {
        "occupants": 1,
        "tenant_id": tenant_id,
        "tap_id": tap_id(n),
        "msisdn": phone(who),
        "name": "Mary",
        "created_at": now,
    }
    async with db.write() as connection:
        await connection.execute(sa.insert(tenants).values(row))
        mine = debts.c.debt_id == derived("debt", str(n))
        await connection.execute(sa.update(debts).where(mine).values(tenant_id=tenant_id))
    return tenant_id


async def test_cash_is_in_the_books_with_a_receipt_and_a_trail(city, open_service):
    one = open_service()
    answer = await one.submit(cash(payer=phone(1)))
    assert isinstance(answer, Recorded)
    (row,) = await _rows(city, sa.select(t.payments))
    assert (row.provider, row.status, row.receipt) == ("cash", "success", "C-000001")
    assert (row.msisdn, row.contact_msisdn, row.next_check_at) == (phone(1), phone(1), None)
    trail = await _rows(city, sa.select(t.payment_transitions).order_by(t.payment_transitions.c.seq))
    assert [(m.to_status, m.cause, m.actor) for m in trail] == [
        ("initiated", "agent", "joseph"),
        ("success", "agent", "joseph"),
    ]
    (receipt,) = await _rows(city, sa.select(t.cash_receipts))
    assert (receipt.number, receipt.agent, receipt.payer_msisdn, receipt.left_minor) == (
        1, "joseph", phone(1), 0,
    )  # fmt: skip
    assert [type(event).__name__ for event in one.told] == ["Succeeded"]
    assert one.told[0].agent.name == "joseph"
    assert await _broken(city) == {}


async def test_the_ledger_states_what_each_agent_holds(city, open_service):
    one = open_service()
    await _together([one], [cash(0), cash(1, amount_minor=100), cash(2, "grace", amount_minor=50), pay(3)])
    assert await _held(city, "joseph", "grace", "nobody") == {
        "joseph": {"ZMW": 3100},
        "grace": {"ZMW": 50},
        "nobody": {},
    }
    e = t.ledger_entries.c
    statement = sa.select(e.amount_minor).where(e.ledger_account == "cash:joseph").order_by(e.amount_minor)
    assert [row.amount_minor for row in await _rows(city, statement)] == [100, 3000]
    assert await _broken(city) == {}


async def test_receipts_count_on_without_gaps_and_refusals_use_none_up(city, open_service):
    one = open_service()
    await _together([one], [cash(0), cash(0, "grace"), cash(1, amount_minor=9999), cash(1)])
    await one.submit(cash(2))
    rows = await _rows(city, sa.select(t.payments.c.receipt).order_by(t.payments.c.receipt))
    assert [row.receipt for row in rows] == ["C-000001", "C-000002", "C-000003"]


async def test_two_agents_record_the_same_debt_at_once_one_is_credited_the_other_told(city, open_service):
    services = [open_service(1), open_service(2)]
    answers = await _together(services, [cash(0, "joseph"), cash(0, "grace")])
    assert {type(answer) for answer in answers} == {Recorded, NothingOwed}
    held = await _held(city, "joseph", "grace")
    assert sorted(sum(of.values()) for of in held.values()) == [0, 3000]
    assert await _broken(city) == {}


async def test_cash_and_a_push_at_once_are_one_of_both(city, open_service):
    services = [open_service(1), open_service(2)]
    commands = [command for n in range(12) for command in (cash(n), pay(n))]
    answers = await _together(services, commands)
    for taken, asked in zip(answers[::2], answers[1::2], strict=True):
        assert (type(taken), type(asked)) in {(Recorded, NothingOwed), (UnderWay, Accepted)}
    assert await _broken(city) == {}


@pytest.mark.parametrize("is_pushed", [False, True])
async def test_cash_while_a_push_is_in_flight_is_refused_and_told_since_when(
    city, clock, open_service, is_pushed
):
    one = open_service()
    payment = (await one.submit(pay(0, amount_minor=1000))).payment
    if is_pushed:
        await one.submit(StartPush(payment.payment_id))
        await one.submit(accepted(payment.payment_id))
    since = clock.now()
    clock.advance(30)
    answer = await one.submit(cash(0, amount_minor=500))
    assert isinstance(answer, UnderWay)
    assert (answer.payment.payment_id, answer.payment.created_at) == (payment.payment_id, since)
    await one.submit(paid(payment.payment_id, receipt="R1"))
    assert isinstance(await one.submit(cash(0)), Recorded)
    assert await _held(city, "joseph") == {"joseph": {"ZMW": 2000}}
    assert await _broken(city) == {}


async def test_the_same_key_is_one_credit_and_one_answer(city, clock, open_service):
    services = [open_service(1), open_service(2)]
    answers = await _together(services, [cash(0, amount_minor=700)] * 20)
    clock.advance(60)
    answers.append(await open_service(3).submit(cash(0, amount_minor=700)))
    assert {type(answer) for answer in answers} == {Recorded}
    assert len({answer.receipt for answer in answers}) == 1
    assert sum(not answer.is_repeat for answer in answers) == 1
    assert {answer.receipt.left_minor for answer in answers} == {2300}
    assert {len(answer.orders) for answer in answers} == {2}
    assert await _held(city, "joseph") == {"joseph": {"ZMW": 700}}
    assert len(await _rows(city, sa.select(audit_log))) == 1
    assert await _broken(city) == {}


async def test_the_same_key_for_another_tap_is_refused(city, open_service):
    one = open_service()
    await one.submit(cash(0, key="same"))
    assert await one.submit(cash(1, key="same")) == Mismatch()


async def test_many_agents_on_many_taps_make_no_circle(city, open_service):
    services = [open_service(1), open_service(2)]
    commands = [
        cash(n, agent, key=f"{turn}{n}{agent}", amount_minor=100)
        for turn in range(3)
        for n in (*range(12), *range(11, -1, -1))
        for agent in ("joseph", "grace")
    ]
    answers = await _together(services, [c for c in commands for c in (c, pay(11, 3, amount_minor=1))])
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    numbers = [a.receipt.number for a in answers if isinstance(a, Recorded) and not a.is_repeat]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert await _broken(city) == {}


async def test_a_tenants_phone_pays_the_tenants_part_in_a_real_database(city, clock, open_service):
    tenant_id = await _tenant(city, 5, 5, clock.now())
    answer = await open_service().submit(cash(5, amount_minor=900, payer=phone(5)))
    assert (answer.payment.tenant_id, answer.receipt.left_minor) == (tenant_id, 2100)
    assert await _broken(city) == {}


async def test_every_try_is_in_the_audit_log_refusals_as_well(city, open_service):
    one = open_service()
    await one.submit(pay(2))
    tries = [cash(0), cash(0, "grace"), cash(1, amount_minor=9999), cash(1, key="0", amount_minor=0), cash(2)]
    answers = await _together([one], tries)
    assert [type(a) for a in answers[:3]] == [Recorded, NothingOwed, MoreThanOwed]
    rows = await _rows(city, sa.select(audit_log))
    assert {(row.actor, row.action, row.subject, row.result) for row in rows} == {
        ("joseph", "cash.record", tap_id(0), "done"),
        ("grace", "cash.record", tap_id(0), "nothing_owed"),
        ("joseph", "cash.record", tap_id(1), "more_than_owed"),
        ("joseph", "cash.record", tap_id(1), "bad_amount"),
        ("joseph", "cash.record", tap_id(2), "under_way"),
    }
    (done,) = [json.loads(row.detail) for row in rows if row.result == "done"]
    assert done["receipt"] == "C-000001"


async def test_a_tap_that_is_not_there_is_noted_too(city, open_service):
    assert await open_service().submit(cash(99)) == NoSuch("tap")
    (row,) = await _rows(city, sa.select(audit_log.c.result))
    assert row.result == "no_such_tap"


async def test_a_rolled_back_batch_leaves_neither_cash_nor_a_receipt(city, open_service, monkeypatch):
    def decide_then_break(desk, command):
        decide(desk, command)
        raise Conflict("in the middle of it")

    decide = service_module.decide
    monkeypatch.setattr(service_module, "decide", decide_then_break)
    answers = await _together([open_service()], [cash(0), cash(1)])
    assert {type(a) for a in answers} == {Conflict}
    for table in (t.payments, t.cash_receipts, t.ledger_entries, audit_log):
        assert not await _rows(city, sa.select(table))
    monkeypatch.undo()
    assert (await open_service(2).submit(cash(0))).payment.receipt == "C-000001"


async def test_cash_is_not_counted_against_the_limit_of_a_wallet(city, clock):
    one = service(city, clock, limits=Limits(daily_minor={"ZMW": 3000}))
    await one.submit(cash(0, payer=phone(1)))
    answer = await one.submit(pay(1, 1))
    assert answer.payment.status == "initiated"
    await one.close()


async def test_the_story_of_a_payment_names_the_agent_and_is_found_by_the_receipt(city, open_service):
    await open_service().submit(cash(0, payer=phone(1)))
    async with city.read() as connection:
        found = await stories.find(connection, "C-000001")
        story = await stories.full(connection, found)
    assert (story["provider"], story["receipt"], story["status"]) == ("cash", "C-000001", "success")
    assert (story["cash"]["agent"], story["cash"]["payer_msisdn"]) == ("joseph", phone(1))
    assert {move["actor"] for move in story["transitions"]} == {"joseph"}
    assert ("cash:joseph", 3000) in {(p["ledger_account"], p["amount_minor"]) for p in story["postings"]}


async def test_the_story_of_another_payment_knows_no_agent(city, open_service):
    payment_id = (await open_service().submit(pay(0))).payment.payment_id
    async with city.read() as connection:
        story = await stories.full(connection, await stories.find(connection, payment_id))
    assert story["cash"] is None


async def test_several_tenants_and_no_name_is_refused(city, clock, open_service):
    await _tenant(city, 5, 5, clock.now())
    one = open_service()
    async with city.write() as connection:
        own = {
            "debt_id": derived("more"),
            "tap_id": tap_id(5),
            "owner": "o",
            "zone": "KNY",
            "currency": "ZMW",
        }
        await connection.execute(sa.insert(debts).values(**own, period="2026-10", created_at=clock.now()))
        await connection.execute(
            sa.insert(debt_parts).values(
                part_id=derived("more part"), debt_id=derived("more"), component="water", seller="TRUST",
                amount_minor=400, paid_minor=0,
            )
        )  # fmt: skip
    assert await one.submit(cash(5, amount_minor=500)) == SeveralOwe(3400, "ZMW")
    assert isinstance(await one.submit(cash(5, key="all")), Recorded)
    assert await _broken(city) == {}
