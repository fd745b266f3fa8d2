import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core import bulk
from core.ids import derived
from taps import store
from taps.debts import allocate, total_open_minor
from taps.model import Billing, Customer, KnownTap, Tenant
from taps.raising import raise_debts
from taps.tables import customer_taps, taps, tenants
from taps.tap_id import make

KNY, NRB, EMPTY = "KNY-0417-1", "NRB-0001-7", "KNY-0533-5"
MARY, JOHN, NOBODY = "+260960000001", "+260970000002", "+260961230000"


async def test_a_tap_comes_with_its_zone_and_history(city):
    async with city.read() as connection:
        by_id = await store.taps_by_ids(connection, [KNY, NRB, "KNY-9999-9"])
        by_number = await store.taps_by_numbers(connection, ["241703", "999999"])
    assert set(by_id) == {KNY, NRB}
    assert by_number == {"241703": by_id[KNY]}
    tap = by_id[KNY]
    assert (tap.zone_name, tap.currency, tap.country) == ("Kanyama", "ZMW", "ZM")
    assert tap.billings == (("0000-00", "shared"),)
    assert tap.latest_billing is tap.billing_in("2026-11") is Billing.SHARED


async def test_tenants_are_found_by_tap_phone_and_id(city, clock):
    mary = Tenant(derived(MARY), KNY, MARY, "Mary Banda", 4, active=True)
    async with city.read() as connection:
        of_taps = await store.tenants_of(connection, [KNY, EMPTY])
        by_phone = await store.tenancies_by_msisdn(connection, [MARY, NOBODY])
    assert [tenant.name for tenant in of_taps[KNY]] == ["John Phiri", "Mary Banda"]
    assert of_taps[EMPTY] == []
    assert by_phone == {MARY: [mary], NOBODY: []}


async def test_who_left_is_found_by_id_and_phone_only(city, clock):
    async with city.write() as connection:
        left = sa.update(tenants).where(tenants.c.msisdn == MARY).values(removed_at=clock.now())
        await connection.execute(left)
        (there,) = (await store.tenancies_by_msisdn(connection, [MARY]))[MARY]
        assert (there.tap_id, there.active) == (KNY, False)
        assert [t.name for t in (await store.tenants_of(connection, [KNY]))[KNY]] == ["John Phiri"]
        assert (await store.tenants_by_ids(connection, [derived(MARY)]))[derived(MARY)].active is False
        assert (await store.known_taps(connection, [MARY]))[MARY] == []


async def test_a_phone_knows_its_own_tap_and_those_it_paid_for_last_used_first(city, clock):
    later = clock.now() + timedelta(minutes=5)
    async with city.write() as connection:
        await store.remember_taps(connection, [(MARY, NRB), (JOHN, KNY)], later)
        known = await store.known_taps(connection, [MARY, JOHN, NOBODY])
    assert known[MARY] == [
        KnownTap(NRB, "200006", None, later),
        KnownTap(KNY, "241703", derived(MARY), clock.now()),
    ]
    assert known[JOHN] == [KnownTap(KNY, "241703", derived(JOHN), later)]
    assert known[NOBODY] == []


async def test_remembering_a_tap_again_moves_it_forward(city, clock):
    async with city.write() as connection:
        await store.remember_taps(connection, [(MARY, NRB), (MARY, NRB)], clock.now())
        await store.remember_taps(connection, [(MARY, NRB)], clock.now() + timedelta(days=1))
        rows = (await connection.execute(sa.select(customer_taps))).all()
    assert [row.last_used_at - clock.now() for row in rows] == [timedelta(days=1)]


async def test_no_more_than_nine_taps_are_offered(city, clock):
    new = [make("NGB", n) for n in range(12)]
    rows = [
        {"tap_id": tap_id, "tap_number": f"3000{n:02d}", "zone": "KNY", "created_at": clock.now()}
        for n, tap_id in enumerate(new)
    ]
    async with city.write() as connection:
        await bulk.insert(connection, taps, rows)
        await store.remember_taps(connection, [(MARY, tap_id) for tap_id in new], clock.now())
        known = await store.known_taps(connection, [MARY])
    assert len(known[MARY]) == 9


async def test_a_language_is_remembered_and_changed(city, clock):
    async with city.write() as connection:
        await store.remember_language(connection, {MARY: ("ny", "a call")}, clock.now())
        await store.remember_language(connection, {MARY: ("bem", None), JOHN: ("en", None)}, clock.now())
        await store.remember_language(connection, {}, clock.now())
        found = await store.customers(connection, [MARY, JOHN, NOBODY])
    assert found == {MARY: Customer(MARY, "bem"), JOHN: Customer(JOHN, "en")}


async def test_what_is_paid_shows_only_in_the_latest_period(city, ids, clock):
    async with city.write() as connection:
        for period in ("2026-10", "2026-11"):
            await raise_debts(connection, period, ids=ids, clock=clock)
        await pay(connection, 3000)
        assert [p.period for p in await parts_of(connection)] == ["2026-11", "2026-11"]
        await pay(connection, 3000)
        parts = await parts_of(connection)
        assert [(p.component, p.open_minor) for p in parts] == [("water", 0), ("refuse", 0)]
        assert await store.last_periods(connection, [KNY, EMPTY, NRB]) == dict.fromkeys(
            [KNY, EMPTY, NRB], "2026-11"
        )


async def parts_of(connection, *, lock=False):
    return (await store.open_parts(connection, [KNY], lock=lock))[KNY]


async def pay(connection, amount_minor):
    await store.credit_parts(connection, allocate(await parts_of(connection, lock=True), amount_minor))


async def test_a_tap_never_billed_owes_nothing(city):
    async with city.read() as connection:
        assert await store.open_parts(connection, [KNY, EMPTY]) == {KNY: [], EMPTY: []}
        assert await store.last_periods(connection, [KNY]) == {}


async def test_a_part_is_never_paid_above_its_amount(city, ids, clock):
    async with city.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock)
        part = (await parts_of(connection))[0]
    with pytest.raises(sa.exc.IntegrityError):
        async with city.write() as connection:
            await store.credit_parts(connection, [(part, part.amount_minor + 1)])
    async with city.read() as connection:
        assert (await store.parts_by_ids(connection, [part.part_id])) == {part.part_id: part}


async def test_two_who_pay_at_once_do_not_lose_each_others_money(city, ids, clock):
    async with city.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock)

    async def payer():
        async with city.write() as connection:
            await pay(connection, 500)

    await asyncio.gather(*(payer() for _ in range(4)))
    async with city.read() as connection:
        assert total_open_minor(await parts_of(connection)) == 1000


async def test_zones(city):
    async with city.read() as connection:
        every = await store.all_zones(connection)
        assert [zone.zone for zone in every] == ["KNY", "NRB"]
        assert await store.zones_by_ids(connection, ["NRB", "XYZ"]) == {"NRB": every[1]}
