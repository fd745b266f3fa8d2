import pytest

from core.errors import BadInput, NotFound
from taps import store
from taps.debts import allocate, total_open_minor
from taps.model import Billing
from taps.raising import raise_debts
from taps.switching import switch_billing

KNY = "KNY-0417-1"
SHARED, INDIVIDUALIZED = Billing.SHARED, Billing.INDIVIDUALIZED


async def parts_of(connection):
    return (await store.open_parts(connection, [KNY], lock=True))[KNY]


async def test_a_switch_keeps_what_was_paid_and_what_is_owed(city, ids, clock):
    async with city.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock)
        await store.credit_parts(connection, allocate(await parts_of(connection), 1800))
        switched = await switch_billing(connection, KNY, INDIVIDUALIZED, clock=clock)
        assert (switched.from_period, switched.billed) == ("2026-12", False)
        assert total_open_minor(await parts_of(connection)) == 1200
        await raise_debts(connection, "2026-12", ids=ids, clock=clock)
        parts = await parts_of(connection)
    assert sum(part.paid_minor for part in parts) == 1800
    assert {part.period for part in parts if part.tenant_id is None} == {"2026-11"}
    assert [part.open_minor for part in parts if part.tenant_id] == [1000, 1000, 500, 500]


async def test_a_switch_of_a_billed_period_makes_no_second_debt(city, ids, clock):
    async with city.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock)
        switched = await switch_billing(connection, KNY, INDIVIDUALIZED, clock=clock, from_period="2026-11")
        assert switched.billed is True
        before = await parts_of(connection)
        await raise_debts(connection, "2026-11", ids=ids, clock=clock)
        assert await parts_of(connection) == before


async def test_the_last_decision_holds_for_what_follows(city, clock):
    async with city.write() as connection:
        await switch_billing(connection, KNY, INDIVIDUALIZED, clock=clock, from_period="2027-03")
        await switch_billing(connection, KNY, INDIVIDUALIZED, clock=clock)
        await switch_billing(connection, KNY, SHARED, clock=clock, from_period="2027-01")
        tap = (await store.taps_by_ids(connection, [KNY]))[KNY]
    periods = ["2026-11", "2026-12", "2027-01", "2027-03"]
    assert [tap.billing_in(period) for period in periods] == [SHARED, INDIVIDUALIZED, SHARED, SHARED]


async def test_unknown_taps_and_months_are_refused(city, clock):
    async with city.write() as connection:
        with pytest.raises(NotFound, match="unknown_tap"):
            await switch_billing(connection, "KNY-0001-1", SHARED, clock=clock)
        with pytest.raises(BadInput, match="bad_period"):
            await switch_billing(connection, KNY, SHARED, clock=clock, from_period="soon")
