import asyncio

import pytest
import sqlalchemy as sa

from core import bulk
from core.errors import BadInput, NotFound
from core.ids import derived
from taps.raising import Raised, raise_debts
from taps.store import open_parts
from taps.tables import tap_billings, tenants, usage

KNY, NRB, EMPTY = "KNY-0417-1", "NRB-0001-7", "KNY-0533-5"
MARY, JOHN = "+260960000001", "+260970000002"


async def bill(db, ids, clock, period="2026-11", zone=None):
    async with db.write() as connection:
        return await raise_debts(connection, period, ids=ids, clock=clock, zone=zone)


async def owed(db, tap_id):
    async with db.read() as connection:
        parts = (await open_parts(connection, [tap_id]))[tap_id]
    return [(p.period, p.tenant_id, p.component, p.amount_minor, p.currency) for p in parts]


async def test_every_tap_owes_its_month(city, ids, clock):
    assert await bill(city, ids, clock) == Raised(debts=3, parts=5, taps_done_before=0)
    assert await owed(city, KNY) == [
        ("2026-11", None, "water", 2000, "ZMW"),
        ("2026-11", None, "refuse", 1000, "ZMW"),
    ]
    assert await owed(city, NRB) == [("2026-11", None, "water", 5000, "KES")]


async def test_again_changes_nothing(city, ids, clock):
    await bill(city, ids, clock)
    before = await owed(city, KNY)
    assert await bill(city, ids, clock) == Raised(debts=0, parts=0, taps_done_before=3)
    assert await owed(city, KNY) == before


async def test_one_zone_alone(city, ids, clock):
    assert await bill(city, ids, clock, zone="NRB") == Raised(debts=1, parts=1, taps_done_before=0)
    assert await bill(city, ids, clock) == Raised(debts=2, parts=4, taps_done_before=1)


async def test_a_period_without_prices_raises_nothing(city, ids, clock):
    assert (await bill(city, ids, clock, period="2025-12")).debts == 0


async def test_tenants_of_an_individualized_tap_share(city, ids, clock):
    async with city.write() as connection:
        await bulk.insert(
            connection,
            tap_billings,
            [{"tap_id": KNY, "from_period": "2026-11", "billing": "individualized"}],
        )
    await bill(city, ids, clock, period="2026-10")
    await bill(city, ids, clock, period="2026-11")
    assert [(p, t is None, c, n) for p, t, c, n, _ in await owed(city, KNY)] == [
        ("2026-10", True, "water", 2000),
        ("2026-10", True, "refuse", 1000),
        ("2026-11", False, "water", 1000),
        ("2026-11", False, "water", 1000),
        ("2026-11", False, "refuse", 500),
        ("2026-11", False, "refuse", 500),
    ]


async def test_who_left_owes_only_what_was_bought(city, ids, clock):
    prices = sa.text("UPDATE tariffs SET basis = 'sack' WHERE component = 'refuse'")
    sold = [
        {"tap_id": KNY, "tenant_msisdn": who, "component": "refuse", "period": "2026-11", "quantity": n}
        for who, n in ((MARY, 2), ("", 1))
    ]
    async with city.write() as connection:
        await connection.execute(prices)
        await connection.execute(sa.update(tap_billings).values(billing="individualized"))
        await connection.execute(
            sa.update(tenants).where(tenants.c.msisdn == MARY).values(removed_at=clock.now())
        )
        await bulk.insert(connection, usage, sold)
    await bill(city, ids, clock)
    assert {(tenant, component, n) for _, tenant, component, n, _ in await owed(city, KNY)} == {
        (derived(JOHN), "water", 2000),
        (derived(JOHN), "refuse", 1000),
        (derived(MARY), "refuse", 2000),
    }


@pytest.mark.parametrize("period", ["2026-13", "", "next"])
async def test_what_is_no_month_is_refused(city, ids, clock, period):
    with pytest.raises(BadInput, match="bad_period"):
        await bill(city, ids, clock, period=period)


async def test_an_unknown_zone_is_refused(city, ids, clock):
    with pytest.raises(NotFound, match="unknown_zone"):
        await bill(city, ids, clock, zone="XYZ")


async def test_two_who_bill_at_once_raise_each_debt_once(city, ids, clock):
    first, second = await asyncio.gather(bill(city, ids, clock), bill(city, ids, clock))
    assert sorted([first.debts, second.debts]) == [0, 3]
    assert len(await owed(city, KNY)) == 2
