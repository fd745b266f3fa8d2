"""What is kept for a phone is spent once, whoever asks at the same time, and the books add up."""

import asyncio

import pytest
import sqlalchemy as sa
from payments_city import accepted, paid, pay, phone, settle

from payments import stories
from payments import tables as t
from payments.commands import StartPush
from payments.results import Accepted, UnderWay
from payments.validation import Limits
from payments.verify import INVARIANTS, verify
from payments.wallet import views


async def _together(services, commands):
    return await asyncio.gather(
        *(services[n % len(services)].submit(command) for n, command in enumerate(commands)),
        return_exceptions=True,
    )


async def _keep(service, who, amount_minor, tap=11):
    """Have a phone pay too much for a tap."""
    payment_id = (await service.submit(pay(tap, who, key=f"keep{who}", amount_minor=100))).payment.payment_id
    await service.submit(StartPush(payment_id))
    await service.submit(accepted(payment_id))
    await service.submit(paid(payment_id, amount_minor=amount_minor + 100))


async def _kept(db, who):
    async with db.read() as connection:
        return (await views.kept(connection, [phone(who)])).get(phone(who), {}).get("ZMW", 0)


async def _broken(db):
    async with db.read() as connection:
        return {v.name: v.rows for v in await verify(connection, INVARIANTS) if not v.holds}


async def test_surplus_is_kept_and_pays_first_the_next_time(city, open_service):
    one = open_service()
    await _keep(one, 1, 1200)
    assert await _kept(city, 1) == 1200
    answer = await one.submit(pay(0, 1))
    assert (answer.from_wallet.amount_minor, answer.payment.amount_minor) == (1200, 1800)
    assert (await _kept(city, 1), await _broken(city)) == (0, {})
    await one.submit(StartPush(answer.payment.payment_id))
    await one.submit(paid(answer.payment.payment_id))
    assert await _broken(city) == {}


async def test_a_second_success_pays_for_the_next_tap_without_a_prompt(city, open_service):
    one = open_service()
    late = (await one.submit(pay(0, 1))).payment.payment_id
    await one.submit(StartPush(late))
    answer = await one.submit(pay(0, 2))
    assert isinstance(answer, UnderWay)
    await one.submit(paid(late, amount_minor=6000))
    answer = await one.submit(pay(1, 1))
    assert (answer.payment.status, answer.payment.provider) == ("success", "wallet")
    assert (await _kept(city, 1), await _broken(city)) == (0, {})


@pytest.mark.parametrize("n_services", [1, 2])
async def test_what_is_kept_is_never_spent_twice(city, open_service, n_services):
    services = [open_service(seed) for seed in range(1, n_services + 1)]
    await _keep(services[0], 7, 4000)
    answers = await _together(services, [pay(n, 7) for n in range(11)])
    assert {type(answer) for answer in answers} == {Accepted}
    used = [a.payment if a.payment.provider == "wallet" else a.from_wallet for a in answers]
    assert sorted(payment.amount_minor for payment in used if payment) == [1000, 3000]
    assert sum(a.payment.amount_minor for a in answers if a.payment.provider != "wallet") == 33_000 - 4000
    assert (await _kept(city, 7), await _broken(city)) == (0, {})


async def test_surplus_that_comes_while_its_owner_pays_is_not_lost(city, open_service):
    services = [open_service(1), open_service(2)]
    late = []
    for n in range(6):
        payment_id = (await services[0].submit(pay(n, 7, key=f"late{n}"))).payment.payment_id
        late.append(payment_id)
    await _keep(services[0], 7, 500)
    commands = [paid(payment_id, amount_minor=3100) for payment_id in late]
    answers = await _together(
        services, [c for pair in zip(commands, map(_next, range(6)), strict=True) for c in pair]
    )
    assert not [a for a in answers if isinstance(a, Exception)]
    spent = [
        a.payment if a.payment.provider == "wallet" else a.from_wallet
        for a in answers
        if isinstance(a, Accepted)
    ]
    assert await _kept(city, 7) == 500 + 600 - sum(payment.amount_minor for payment in spent if payment)
    assert await _broken(city) == {}


def _next(n):
    return pay(6 + n % 5, 7, key=f"next{n}", amount_minor=200)


@pytest.mark.parametrize("n_services", [1, 2])
async def test_the_same_key_at_once_spends_once(city, open_service, n_services):
    services = [open_service(seed) for seed in range(1, n_services + 1)]
    await _keep(services[0], 7, 1200)
    answers = await _together(services, [pay(0, 7, key="same")] * 20)
    assert {type(answer) for answer in answers} == {Accepted}
    assert len({a.payment.payment_id for a in answers}) == 1
    assert {a.from_wallet.amount_minor for a in answers} == {1200}
    assert await _kept(city, 7) == 0


async def test_a_repeat_of_another_process_has_the_same_answer(city, open_service):
    one, other = open_service(1), open_service(2)
    await _keep(one, 7, 1200)
    first = await one.submit(pay(0, 7, key="same"))
    again = await other.submit(pay(0, 7, key="same"))
    assert (again.payment, again.from_wallet) == (first.payment, first.from_wallet)
    assert again.is_repeat


async def test_the_limit_of_a_day_counts_no_wallet(city, open_service):
    one = open_service(limits=Limits(daily_minor={"ZMW": 3100}))
    await _keep(one, 7, 3000)
    assert (await one.submit(pay(0, 7))).payment.provider == "wallet"
    assert (await one.submit(pay(1, 7))).payment.validation == "proceed"


async def test_a_story_names_what_went_before_and_what_followed(city, open_service):
    one = open_service()
    await _keep(one, 1, 1200)
    answer = await one.submit(pay(0, 1))
    async with city.read() as connection:
        story = await stories.full(connection, answer.payment)
        before = await stories.full(connection, answer.from_wallet)
    amount = {"amount_minor": 1200, "currency": "ZMW"}
    assert story["from_credit"] == {"payment_id": answer.from_wallet.payment_id, "amount": amount}
    assert [other["provider"] for other in story["same_checkout"]] == ["wallet"]
    assert before["from_credit"] is None
    assert [other["payment_id"] for other in before["same_checkout"]] == [answer.payment.payment_id]
    assert {"ledger_account": f"wallet:{phone(1)}", "currency": "ZMW", "amount_minor": 1200} in before[
        "postings"
    ]


async def test_reading_wallets_is_one_query_whoever_is_asked_about(city, open_service):
    one = open_service()
    await _keep(one, 1, 1200)
    await settle(one, pay(0, 2))
    async with city.read() as connection:
        found = await views.kept(connection, [phone(1), phone(2), "+260999999999"])
    assert found == {phone(1): {"ZMW": 1200}}


async def test_an_item_says_in_whose_wallet_surplus_is_and_holds_nothing(city, open_service):
    await _keep(open_service(), 1, 1200)
    async with city.read() as connection:
        (item,) = (await connection.execute(sa.select(t.suspense_items))).all()
    assert (item.kind, item.status, item.held_minor) == ("over_payment", "open", 0)
    assert item.detail.endswith(f"in wallet:{phone(1)}")
