from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import bulk
from core.ids import derived
from taps import flags, recoveries, tables
from taps.flags_detection import detect
from taps.flags_model import FlagKind, FlagState, Report, Rule, Source
from taps.occupancy import Recovery, Sales

KNY, EMPTY, NRB = "KNY-0417-1", "KNY-0533-5", "NRB-0001-7"
MARY, JOHN, KEEPER = "+260960000001", "+260970000002", "+260960000009"
DECEMBER = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def look(city, ids):
    """Runs detection at a moment; returns what it opened, as (tap, rule, words)."""

    async def look_(now):
        async with city.write() as connection:
            found = await detect(connection, ids=ids, now=now)
        return [(flag.tap_id, flag.rule.value, flag.words) for flag in found]

    return look_


async def put(city, **rows):
    async with city.write() as connection:
        for table, given in rows.items():
            await bulk.insert(connection, getattr(tables, table), given)


def count(occupants, at, tap_id=KNY):
    return {"tap_id": tap_id, "counted_at": at, "occupants": occupants, "counted_by": KEEPER}


async def end(city, ids, number, state, now):
    async with city.write() as connection:
        await flags.resolve(connection, number, state, actor="office", ids=ids, now=now)


# Crowded: eight people are registered at KNY, four at NRB, nobody at EMPTY.


async def test_a_third_more_people_than_registered_open_one_flag(city, look):
    now = DECEMBER
    await put(city, tap_counts=[count(11, now), count(5, now, NRB), count(30, now, EMPTY)])
    assert await look(now + DAY) == [(KNY, "crowded", "Counted 11 people, registered 8")]
    assert await look(now + DAY) == []
    assert await look(now + 2 * DAY) == []


async def test_only_the_latest_count_counts(city, look):
    await put(city, tap_counts=[count(20, DECEMBER), count(8, DECEMBER + DAY)])
    assert await look(DECEMBER + 2 * DAY) == []


async def test_a_cleared_flag_comes_back_for_a_new_count_only(city, look, ids):
    await put(city, tap_counts=[count(20, DECEMBER)])
    assert len(await look(DECEMBER + DAY)) == 1
    await end(city, ids, 1, FlagState.CLEARED, DECEMBER + 2 * DAY)
    assert await look(DECEMBER + 3 * DAY) == []
    await put(city, tap_counts=[count(21, DECEMBER + 3 * DAY)])
    assert await look(DECEMBER + 4 * DAY) == [(KNY, "crowded", "Counted 21 people, registered 8")]


async def test_a_tenant_who_left_is_not_registered(city, look):
    await put(city, tap_counts=[count(6, DECEMBER)])
    assert await look(DECEMBER) == []
    async with city.write() as connection:
        gone = sa.update(tables.tenants).where(tables.tenants.c.msisdn == JOHN).values(removed_at=DECEMBER)
        await connection.execute(gone)
    assert await look(DECEMBER) == [(KNY, "crowded", "Counted 6 people, registered 4")]


# Two reports


async def told(city, ids, now, *phones, kind=FlagKind.UNREGISTERED):
    async with city.write() as connection:
        reports = [Report(kind, KNY, "", msisdn, Source.RESIDENT) for msisdn in phones]
        return await flags.report(connection, reports, ids=ids, now=now)


async def rules(city):
    async with city.read() as connection:
        return [flag.rule for flag in await flags.find(connection) if flag.rule]


async def test_two_phones_in_one_batch_are_two_reports(city, look, ids):
    await told(city, ids, DECEMBER, MARY, JOHN)
    assert await rules(city) == [Rule.TWO_REPORTS]
    assert await look(DECEMBER + DAY) == []


async def test_a_third_phone_adds_nothing_while_the_first_flag_is_unresolved(city, ids):
    await told(city, ids, DECEMBER, MARY, JOHN)
    await told(city, ids, DECEMBER + DAY, KEEPER)
    assert await rules(city) == [Rule.TWO_REPORTS]


async def test_one_phone_or_another_kind_is_not_enough(city, ids):
    await told(city, ids, DECEMBER, MARY, MARY)
    await told(city, ids, DECEMBER, JOHN, KEEPER, kind=FlagKind.BURST)
    assert await rules(city) == []


async def test_reports_that_were_cleared_do_not_count(city, ids):
    await told(city, ids, DECEMBER, MARY)
    await end(city, ids, 1, FlagState.CLEARED, DECEMBER)
    await told(city, ids, DECEMBER + DAY, JOHN)
    assert await rules(city) == []


async def test_reports_further_apart_than_thirty_days_do_not_meet(city, look, ids):
    await told(city, ids, DECEMBER, MARY)
    await told(city, ids, DECEMBER + 31 * DAY, JOHN)
    assert await rules(city) == []
    assert await look(DECEMBER + 31 * DAY) == []


# Oversold: the example of T3 (5 households at K10, K25 and K28 paid) with containers sold beside.


@pytest.fixture
async def underpaid(city):
    async with city.write() as connection:
        await connection.execute(sa.delete(tables.tenants).where(tables.tenants.c.tap_id == KNY))
        await connection.execute(sa.delete(tables.tariffs).where(tables.tariffs.c.zone == "KNY"))
        changed = sa.update(tables.taps).values(created_at=OCTOBER)
        await connection.execute(changed)
        await connection.execute(changed.where(tables.taps.c.tap_id == KNY).values(households=5))
    await put(
        city,
        tariffs=[price("water", "TRUST", "tenant_month", 1000), price("water", "CBE", "container_20l", 40)],
    )
    return city


def price(component, seller, basis, amount_minor):
    known = {"zone": "KNY", "component": component, "seller": seller, "basis": basis, "currency": "ZMW"}
    return {**known, "amount_minor": amount_minor, "valid_from": date(2026, 1, 1)}


async def billed(city, period, amount_minor, paid_minor, tap_id=KNY, zone="KNY"):
    debt_id = derived(tap_id, period)
    debt = {"debt_id": debt_id, "tap_id": tap_id, "tenant_id": None, "owner": tap_id, "zone": zone}
    part = {"part_id": derived(debt_id), "debt_id": debt_id, "component": "water", "seller": "TRUST"}
    await put(
        city,
        debts=[{**debt, "period": period, "currency": "ZMW", "created_at": OCTOBER}],
        debt_parts=[{**part, "amount_minor": amount_minor, "paid_minor": paid_minor}],
    )


def sold(period, quantity, tap_id=KNY):
    known = {"tap_id": tap_id, "tenant_msisdn": "", "component": "water", "period": period}
    return {**known, "quantity": quantity}


async def test_the_example_of_households_is_half_and_little_more(underpaid):
    async with underpaid.write() as connection:
        one_price = tables.tariffs.c.basis == "container_20l"
        await connection.execute(sa.delete(tables.tariffs).where(one_price))
    await billed(underpaid, "2026-10", 5000, 2500)
    await billed(underpaid, "2026-11", 5000, 2800)
    async with underpaid.read() as connection:
        known = await recoveries.of_zones(connection, ["KNY"], DECEMBER)
    assert known[KNY].recoveries == (Recovery("2026-10", 5000, 2500), Recovery("2026-11", 5000, 2800))
    assert known[KNY].sales == (Sales("2026-10", 0, 5000), Sales("2026-11", 0, 5000))
    # Nobody is registered at the other tap and nothing was billed: it is measured by the zone's median.
    assert known[EMPTY].recoveries == (Recovery("2026-10", 5000, 0), Recovery("2026-11", 5000, 0))


async def test_an_underpaid_tap_that_sold_more_than_billed_is_found_once_a_month(underpaid, look, ids):
    await billed(underpaid, "2026-10", 5000, 2500)
    await billed(underpaid, "2026-11", 5000, 2800)
    await put(underpaid, usage=[sold("2026-10", 10), sold("2026-11", 200)])
    words = "2026-11: paid 21 %, water sold for K80.00, billed K50.00"
    assert await look(DECEMBER - DAY) == []
    assert await look(DECEMBER) == [(KNY, "oversold", words)]
    assert await look(DECEMBER) == []
    await end(underpaid, ids, 1, FlagState.CLEARED, DECEMBER)
    assert await look(DECEMBER + 20 * DAY) == []


async def test_a_tap_that_paid_is_not_looked_at(underpaid, look):
    await billed(underpaid, "2026-10", 5000, 2500)
    await billed(underpaid, "2026-11", 13000, 13000)
    await put(underpaid, usage=[sold("2026-11", 200)])
    assert await look(DECEMBER) == []


async def test_a_period_that_was_not_billed_or_came_before_the_tap_does_not_count(city, clock):
    async with city.read() as connection:
        assert (await recoveries.of_zones(connection, ["KNY"], DECEMBER))[KNY].recoveries == ()
    await billed(city, "2026-10", 3000, 0)
    async with city.read() as connection:
        known = await recoveries.of_zones(connection, ["KNY", "NRB"], DECEMBER)
    assert known[KNY].recoveries == (Recovery("2026-10", 3000, 0),)
    assert known[EMPTY].recoveries == known[NRB].recoveries == ()
