"""Who is reminded, of what, and how often."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sms import optouts
from taps.tables import customers

TAP, OTHER = "KNY-0417-1", "KNY-0533-5"
MARY, JOHN, KEEPER, PAYER = "+260961234567", "+260971234567", "+260955555555", "+260966666666"


async def test_a_tenant_is_told_their_own_part_in_their_own_language(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, MARY))
    await street.owes(TAP, 1250, tenant=await street.tenant(TAP, JOHN))
    row = {"msisdn": JOHN, "language": "bem", "created_at": street.clock.now()}
    await street.add(customers, row)
    assert await street.remind() == 2
    mary, john = await street.messages()
    assert (mary.msisdn, john.msisdn) == (MARY, JOHN)
    assert mary.text == (
        "Madzi: To pay: K10.00 for KNY-0417-1, Nov, by 30 Nov. Dial *384*7#. No more reminders? Send STOP"
    )
    assert (john.language, "K12.50" in john.text) == ("bem", True)
    assert {(row.purpose, row.country, row.sender, row.payment_id) for row in (mary, john)} == {
        ("reminder", "ZM", None, None)
    }


async def test_older_months_are_counted_in(street):
    await street.tap(TAP)
    tenant = await street.tenant(TAP, MARY)
    await street.owes(TAP, 1000, tenant=tenant, period="2026-10", paid=400)
    await street.owes(TAP, 1000, tenant=tenant)
    await street.owes(TAP, 1000, tenant=tenant, period="2026-12")
    await street.remind()
    [(_, text)] = await street.told()
    assert "To pay: K16.00 for KNY-0417-1, Oct-Nov, by 30 Nov." in text


@pytest.mark.parametrize(
    ("payers", "caretaker", "expected"),
    [
        ([], KEEPER, [KEEPER]),
        ([], None, []),
        ([(PAYER, 40, "mtn"), (JOHN, 60, "mtn")], KEEPER, [PAYER]),
        ([(JOHN, 100, "mtn")], KEEPER, [KEEPER]),
        ([(JOHN, 10, "cash")], KEEPER, [KEEPER]),
    ],
    ids=["caretaker", "nobody", "last payer", "paid long ago", "cash"],
)
async def test_one_person_is_told_of_a_shared_taps_bill(street, payers, caretaker, expected):
    await street.tap(TAP, caretaker=caretaker)
    await street.tenant(TAP, MARY)
    await street.owes(TAP)
    for msisdn, days_ago, provider in payers:
        at = street.clock.now() - timedelta(days=days_ago)
        await street.payment(TAP, msisdn, at=at, provider=provider)
    await street.remind()
    assert [msisdn for msisdn, _ in await street.told()] == expected


async def test_nobody_is_told_of_what_is_paid_being_paid_or_of_a_tap_they_left(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, MARY), paid=1000)
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, JOHN, removed=True))
    await street.tap(OTHER, caretaker=KEEPER)
    part = await street.owes(OTHER)
    await street.payment(OTHER, PAYER, status="pending", claims=part)
    assert await street.remind() == 0


async def test_a_phone_hears_once_of_a_period_its_own_part_first_then_the_largest_bill(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.tap(OTHER, caretaker=KEEPER)
    await street.owes(TAP, 3000)
    await street.owes(OTHER, 9000)
    await street.owes(TAP, 500, tenant=await street.tenant(TAP, MARY))
    await street.payment(OTHER, MARY)
    await street.tap("KNY-0600-1", caretaker=KEEPER)
    await street.owes("KNY-0600-1", 4000)
    await street.remind()
    assert [(m, text[15:40]) for m, text in await street.told()] == [
        (KEEPER, "K40.00 for KNY-0600-1, No"),
        (MARY, "K5.00 for KNY-0417-1, Nov"),
    ]


async def test_again_the_same_day_or_after_a_restart_or_by_two_clocks_tells_nothing_twice(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP)
    first = street.reminders()
    assert await first.run() == 1
    assert await first.run() == 0
    street.clock.advance(86_400)
    assert await first.run() == 0
    assert await street.remind() == 0
    await asyncio.gather(street.remind(), street.remind())
    assert len(await street.told()) == 1


async def test_before_and_after_the_last_day_are_two_facts(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP)
    days = {}
    for _ in range(20):  # 27 November to 16 December
        if await street.remind():
            days[f"{street.clock.now():%m-%d}"] = (await street.messages())[-1].template
        street.clock.advance(86_400)
    rows = await street.messages()
    assert {row.fact_key: row.template for row in rows} == {
        f"remind:before:2026-11:{KEEPER}": "remind",
        f"remind:after:2026-11:{KEEPER}": "remind.late",
    }
    assert list(days) == ["11-27", "12-03"]
    assert "The last day was 30 Nov." in rows[0].text


async def test_a_phone_gets_at_most_so_many_a_month(street):
    await street.tap(TAP)
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, MARY))
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, JOHN), period="2026-10")
    street.clock.advance(-24 * 86_400)  # 3 November: October's last day is over
    assert await street.remind(most_a_month=1) == 1  # John
    street.clock.advance(24 * 86_400)
    tenant = (await street.messages())[0].correlation_id.partition(":")[0]
    await street.owes(TAP, 1000, tenant=tenant)
    assert await street.remind(most_a_month=1) == 1  # Mary; John had his one
    assert await street.remind(most_a_month=2) == 1


async def test_a_kind_may_be_left_out(street):
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP)
    assert await street.remind(before_days=0) == 0
    street.clock.advance(6 * 86_400)  # 3 December
    assert await street.remind(after_days=0) == 0
    assert await street.remind() == 1


async def test_stop_holds_and_start_ends_it_whoever_stopped(street):
    await street.tap(TAP)
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, MARY))
    await street.owes(TAP, 1000, tenant=await street.tenant(TAP, JOHN))
    now = street.clock.now()
    async with street.db.write() as connection:
        await optouts.stop(connection, [MARY, JOHN, MARY], now)
        await optouts.stop(connection, [MARY], now)
        await optouts.stop(connection, [MARY], now, sender="MADZI")
    assert await street.remind() == 0
    async with street.db.write() as connection:
        await optouts.start(connection, [MARY])
        await optouts.start(connection, [])
        assert await optouts.stopped(connection, [MARY, JOHN, PAYER]) == {JOHN}
    assert await street.remind() == 1
    assert [msisdn for msisdn, _ in await street.told()] == [MARY]


async def test_each_zone_waits_for_its_own_morning(street):
    await street.zone("NRB", "KE", "KES")
    await street.tap(TAP, caretaker=KEEPER)
    await street.owes(TAP)
    await street.tap("NRB-0012-5", zone="NRB", caretaker="+254708374149")
    await street.owes("NRB-0012-5", 30000, zone="NRB")
    street.clock.advance(-95 * 60)  # 07:25 in Lusaka, 08:25 in Nairobi
    runs = street.reminders()
    assert await runs.run() == 1
    assert (await street.told())[0][1].startswith("Madzi: To pay: KES 300.00 for NRB-0012-5")
    street.clock.advance(3600)
    assert await runs.run() == 1
    assert len(await street.told()) == 2


async def test_many_are_told_in_pieces(street, monkeypatch):
    monkeypatch.setattr("gateway.reminders._TOGETHER", 2)
    await street.tap(TAP)
    for n in range(5):
        await street.owes(TAP, 1000, tenant=await street.tenant(TAP, f"+26096123450{n}"))
    assert await street.remind() == 5
    async with street.db.read() as connection:
        kinds = await connection.execute(sa.text("SELECT DISTINCT kind FROM outbox"))
        assert [row.kind for row in kinds] == ["reminder"]
