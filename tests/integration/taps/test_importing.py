from datetime import date

import pytest
import sqlalchemy as sa

from core.errors import BadInput
from taps import store
from taps.importing import import_file
from taps.model import Billing, Role
from taps.raising import raise_debts
from taps.tables import customers, sellers, taps, tariffs, tenants, usage, zones
from taps.users import by_names, users_by_msisdn

KNY, NRB, EMPTY = "KNY-0417-1", "NRB-0001-7", "KNY-0533-5"
MARY, JOHN = "+260960000001", "+260970000002"


@pytest.fixture
def load(city, ids, clock):
    """Import a text of a kind; the answer is (added, changed, unchanged, [(line, code)])."""

    async def run(kind, text, *, dry_run=False):
        async with city.write() as connection:
            report = await import_file(connection, kind, text.encode(), ids=ids, clock=clock, dry_run=dry_run)
        assert all(bad.message for bad in report.bad)
        bad = [(bad.line, bad.code) for bad in report.bad]
        return report.added, report.changed, report.unchanged, bad

    return run


@pytest.fixture
def one(city):
    """Return the only row of a query."""

    async def run(query):
        async with city.read() as connection:
            return (await connection.execute(query)).one()

    return run


async def tap_of(city, tap_id):
    async with city.read() as connection:
        return (await store.taps_by_ids(connection, [tap_id])).get(tap_id)


HEAD = "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"


async def test_a_new_tap_is_billed_so_from_the_start(load, city):
    text = HEAD + "mtr00011,KNY,-15.4,28.25,individualized,0960000009,5,\n"
    assert await load("taps", text) == (1, 0, 0, [])
    tap = await tap_of(city, "MTR-0001-1")
    assert tap.billings == (("0000-00", "individualized"),)
    assert (tap.caretaker_msisdn, tap.households, tap.latitude) == ("+260960000009", 5, -15.4)
    assert len(tap.tap_number) == 6


async def test_a_changed_billing_holds_from_the_next_period(load, city):
    assert await load("taps", f"tap_id,zone,billing\n{KNY},KNY,individualized\n") == (0, 1, 0, [])
    tap = await tap_of(city, KNY)
    assert tap.billing_in("2026-11") is Billing.SHARED
    assert tap.billing_in("2026-12") is Billing.INDIVIDUALIZED
    assert await load("taps", f"tap_id,zone,billing\n{KNY},KNY,individualized\n") == (0, 0, 1, [])
    assert await load("taps", f"tap_id,zone,billing\n{KNY},KNY,shared\n") == (0, 1, 0, [])
    assert (await tap_of(city, KNY)).billing_in("2030-01") is Billing.SHARED


async def test_a_caretaker_gets_the_role_once(load, city):
    rows = HEAD + f"{KNY},KNY,,,shared,0960000009,,\n{EMPTY},KNY,,,shared,260960000009,,\n"
    await load("taps", rows)
    await load("taps", rows.replace(",,\n", ",7,\n"))
    async with city.read() as connection:
        found = (await users_by_msisdn(connection, ["+260960000009"]))["+260960000009"]
    assert [(user.role, user.zones) for user in found] == [(Role.CARETAKER, ("KNY",))]


async def test_a_missing_column_keeps_and_an_empty_cell_clears(load, city):
    await load("taps", HEAD + f"{KNY},KNY,-15.4,28.2,shared,0960000009,7,\n")
    await load("taps", f"tap_id,zone,billing\n{KNY},KNY,shared\n")
    assert (await tap_of(city, KNY)).households == 7
    await load("taps", HEAD + f"{KNY},KNY,,,shared,,,\n")
    tap = await tap_of(city, KNY)
    assert (tap.households, tap.latitude, tap.caretaker_msisdn) == (None, None, None)
    assert tap.tap_number == "241703"


async def test_a_tap_number_belongs_to_one_tap(load):
    new = "MTR-0001-1"
    assert await load("taps", HEAD + f"{new},KNY,,,shared,,,241703\n") == (0, 0, 0, [(2, "tap_number_taken")])
    rows = HEAD + f"{new},KNY,,,shared,,,561464\n{EMPTY},KNY,,,shared,,,561464\n"
    assert await load("taps", rows) == (1, 0, 0, [(3, "tap_number_taken")])
    assert await load("taps", HEAD + f"{EMPTY},KNY,,,shared,,,123456\n") == (0, 0, 0, [(2, "bad_tap_id")])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("KNY-0417-2,KNY,,,shared,,,", "bad_tap_id"),
        ("241703,KNY,,,shared,,,", "bad_tap_id"),
        (",KNY,,,shared,,,", "missing_tap_id"),
        ("KNY-0417-1,XYZ,,,shared,,,", "unknown_zone"),
        ("KNY-0417-1,KNY,-15,,shared,,,", "bad_coordinates"),
        ("KNY-0417-1,KNY,-95,28,shared,,,", "bad_coordinates"),
        ("KNY-0417-1,KNY,,,both,,,", "bad_billing"),
        ("KNY-0417-1,KNY,,,,,,", "missing_billing"),
        ("KNY-0417-1,KNY,,,shared,0123,,", "bad_msisdn"),
        ("KNY-0417-1,KNY,,,shared,,many,", "bad_households"),
        ("KNY-0417-1,KNY,,,shared,,,12", "bad_tap_id"),
    ],
)
async def test_bad_taps_are_named_and_good_ones_kept(load, row, code):
    rows = HEAD + f"{row}\nMTR-0001-1,KNY,,,shared,,,\n"
    assert await load("taps", rows) == (1, 0, 0, [(2, code)])


async def test_a_repeated_key_is_taken_once(load):
    rows = "tap_id,zone,billing\nKNY-0417-1,KNY,shared\nkny 0417 1,KNY,individualized\n"
    assert await load("taps", rows) == (0, 0, 1, [(3, "duplicate")])


async def test_taps_come_as_geojson_too(load, city):
    text = """{"type": "FeatureCollection", "features": [
      {"type": "Feature", "geometry": {"type": "Point", "coordinates": [28.25, -15.43]},
       "properties": {"tap_id": "MTR-0001-1", "zone": "KNY", "billing": "shared", "households": 4,
                      "tap_number": 561464}},
      {"type": "Feature", "geometry": null,
       "properties": {"tap_id": "?", "zone": "KNY", "billing": "shared"}}]}"""
    assert await load("taps", text) == (1, 0, 0, [(2, "bad_tap_id")])
    tap = await tap_of(city, "MTR-0001-1")
    assert (tap.latitude, tap.longitude, tap.households, tap.tap_number) == (-15.43, 28.25, 4, "561464")


async def test_tenants_are_added_changed_and_brought_back(load, city, one, clock):
    async with city.write() as connection:
        await connection.execute(
            sa.update(tenants).where(tenants.c.msisdn == JOHN).values(removed_at=clock.now())
        )
    rows = f"""tap_id,name,msisdn,occupants,language
{KNY},Mary Banda,0960000001,4,
{KNY},John Phiri,097 000 0002,4,ny
{KNY},Ruth Zulu,+260950000003,,
"""
    assert await load("tenants", rows) == (1, 1, 1, [])
    john = await one(sa.select(tenants).where(tenants.c.msisdn == JOHN))
    assert john.removed_at is None
    assert (await one(sa.select(tenants).where(tenants.c.msisdn == "+260950000003"))).occupants == 1
    assert (await one(sa.select(customers))).language == "ny"
    assert await load("tenants", rows) == (0, 0, 3, [])


async def test_the_country_of_the_tap_reads_its_tenants_numbers(load, one):
    await load("tenants", f"tap_id,name,msisdn\n{NRB},Otieno,0700000009\n")
    assert (await one(sa.select(tenants).where(tenants.c.name == "Otieno"))).msisdn == "+254700000009"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("KNY-9999-1,A,0960000003,1,", "bad_tap_id"),
        ("MTR-0001-1,A,0960000003,1,", "unknown_tap"),
        ("KNY-0417-1,,0960000003,1,", "missing_name"),
        ("KNY-0417-1,A,,1,", "missing_msisdn"),
        ("KNY-0417-1,A,0960000003,0,", "bad_occupants"),
        ("KNY-0417-1,A,0960000003,1,klingon", "bad_language"),
    ],
)
async def test_bad_tenants_are_named(load, row, code):
    assert await load("tenants", f"tap_id,name,msisdn,occupants,language\n{row}\n") == (0, 0, 0, [(2, code)])


TARIFF = "zone,component,seller,basis,amount,currency,valid_from\n"


async def test_tariffs_bring_their_sellers(load, one):
    rows = (
        TARIFF + "kny,Refuse,NEW CBE,sack,0.10,zmw,2026-12-01\nKNY,water,TRUST,tap_month,25,ZMW,2026-01-01\n"
    )
    assert await load("tariffs", rows) == (1, 1, 0, [])
    row = await one(sa.select(tariffs).where(tariffs.c.seller == "NEW CBE"))
    assert (row.zone, row.basis, row.amount_minor, row.valid_from) == ("KNY", "sack", 10, date(2026, 12, 1))
    assert (await one(sa.select(sellers).where(sellers.c.seller == "NEW CBE"))).seller == "NEW CBE"
    assert (await one(sa.select(tariffs).where(tariffs.c.seller == "TRUST"))).amount_minor == 2500


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("XYZ,water,S,sack,1,ZMW,2026-01-01", "unknown_zone"),
        ("KNY,gas,S,sack,1,ZMW,2026-01-01", "bad_component"),
        ("KNY,water,S,litre,1,ZMW,2026-01-01", "bad_basis"),
        ("KNY,water,S,sack,0.005,ZMW,2026-01-01", "bad_amount"),
        ("KNY,water,S,sack,-1,ZMW,2026-01-01", "bad_amount"),
        ("KNY,water,S,sack,1,KES,2026-01-01", "currency_differs"),
        ("KNY,water,S,sack,1,ABC,2026-01-01", "bad_currency"),
        ("KNY,water,S,sack,1,ZMW,1.1.2026", "bad_date"),
        ("KNY,water,,sack,1,ZMW,2026-01-01", "missing_seller"),
    ],
)
async def test_bad_tariffs_are_named(load, row, code):
    assert await load("tariffs", f"{TARIFF}{row}\n") == (0, 0, 0, [(2, code)])


async def test_zones_are_added_and_changed(load, one):
    head = "zone,name,country,currency,latitude,longitude\n"
    rows = f"{head}ngb,Ng'ombe,zm,ZMW,-15.365,28.325\nKNY,Kanyama West,ZM,ZMW,,\n"
    assert await load("zones", rows) == (1, 1, 0, [])
    assert (await one(sa.select(zones).where(zones.c.zone == "KNY"))).latitude is None
    assert (await one(sa.select(zones).where(zones.c.zone == "NGB"))).name == "Ng'ombe"


async def test_a_zone_with_money_keeps_its_currency(load):
    rows = "zone,name,country,currency\nKNY,Kanyama,ZM,USD\nNRB,Nairobi,KE,KES\n"
    assert await load("zones", rows) == (0, 0, 1, [(2, "currency_in_use")])


async def test_usage_is_counted_for_a_tap_or_a_tenant(load, one):
    head = "tap_id,tenant_msisdn,component,quantity,period\n"
    good = f"{KNY},,water,7,2026-11\n{KNY},0960000001,refuse,2,2026-11\n"
    rows = f"{head}{good}{KNY},0960000099,refuse,2,2026-11\n"
    assert await load("usage", rows) == (2, 0, 0, [(4, "unknown_tenant")])
    assert await load("usage", f"{head}{KNY},,water,8,2026-11\n") == (0, 1, 0, [])
    assert (await one(sa.select(usage).where(usage.c.tenant_msisdn == ""))).quantity == 8
    assert await load("usage", f"{head}{KNY},,water,x,2026-11\n{KNY},,water,1,11/2026\n") == (
        0,
        0,
        0,
        [(2, "bad_quantity"), (3, "bad_period")],
    )


async def test_users_are_upserts_by_name(load, city):
    rows = "name,role,zone,msisdn\nAnn,agent,KNY,0960000009\nBob,king,,\n"
    assert await load("users", rows) == (1, 0, 0, [(3, "bad_role")])
    assert await load("users", rows.replace("agent", "operator")) == (0, 1, 0, [(3, "bad_role")])


async def test_a_dry_run_says_the_same_and_changes_nothing(load, city):
    text = HEAD + "MTR-0001-1,KNY,,,shared,0960000009,,\n?,KNY,,,shared,,,\n"
    said = await load("taps", text, dry_run=True)
    assert await tap_of(city, "MTR-0001-1") is None
    assert said == await load("taps", text) == (1, 0, 0, [(3, "bad_tap_id")])


async def test_a_failure_in_the_middle_leaves_nothing(city, ids, clock, one):
    with pytest.raises(RuntimeError):
        async with city.write() as connection:
            text = b"tap_id,zone,billing\nMTR-0001-1,KNY,shared\n"
            await import_file(connection, "taps", text, ids=ids, clock=clock)
            raise RuntimeError
    assert (await one(sa.select(sa.func.count()).select_from(taps)))[0] == 3


async def test_an_unknown_kind_is_refused(load):
    with pytest.raises(BadInput, match="bad_kind"):
        await load("boreholes", "zone\n")


async def test_kiosk_prices_are_exact_from_file_to_debt(load, city, ids, clock):
    await load("zones", "zone,name,country,currency\nKSK,Kiosks,ZM,ZMW\n")
    await load("taps", "tap_id,zone,billing\nMTR-0001-1,KSK,shared\n")
    water = "KSK,water,TRUST,container_20l,0.40,ZMW,2026-01-01\n"
    refuse = "KSK,refuse,CBE,container_20l,0.10,ZMW,2026-01-01\n"
    await load("tariffs", TARIFF + water + refuse)
    await load("usage", "tap_id,component,quantity,period\nMTR-0001-1,water,7,2026-11\n")
    async with city.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock, zone="KSK")
        parts = (await store.open_parts(connection, ["MTR-0001-1"]))["MTR-0001-1"]
    assert [part.open_minor for part in parts] == [280, 70]


async def test_a_user_may_have_several_zones_and_lose_them_again(load, city):
    head = "name,role,zone,msisdn\n"
    assert await load("users", head + "Ann,agent,kny nrb kny,0960000009\n") == (1, 0, 0, [])
    assert await zones_of(city, "Ann") == ("KNY", "NRB")
    assert await load("users", head + "Ann,agent,KNY NRB,0960000009\n") == (0, 0, 1, [])
    assert await load("users", head + "Ann,agent,KNY,0960000009\n") == (0, 1, 0, [])
    assert await zones_of(city, "Ann") == ("KNY",)
    assert await load("users", head + "Ann,agent,KNY XYZ,0960000009\n") == (0, 0, 0, [(2, "unknown_zone")])


async def zones_of(city, name):
    async with city.read() as connection:
        return (await by_names(connection, [name]))[name].zones
