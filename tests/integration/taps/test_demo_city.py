"""The files of fixtures/ on both databases: they import without a bad row, export as they were, and bill."""

import json
from importlib import resources

import pytest
import sqlalchemy as sa

from core.gsm import measure
from core.money import Money
from taps import store
from taps.exporting import COLUMNS, export_csv, export_geojson
from taps.importing import import_file
from taps.model import Billing
from taps.raising import raise_debts
from taps.tables import tap_billings, taps
from tools.make_fixtures import HEADERS, make_city

KINDS = ("zones", "users", "taps", "tenants", "tariffs", "usage")
KNY = "KNY-0417-1"


def text_of(kind):
    return resources.files("fixtures").joinpath(f"{kind}.csv").read_text(encoding="utf-8")


@pytest.fixture
async def demo(db, ids, clock):
    async with db.write() as connection:
        for kind in KINDS:
            report = await import_file(connection, kind, text_of(kind).encode(), ids=ids, clock=clock)
            assert (report.bad, report.changed, report.ignored_columns) == ((), 0, ())
    return db


async def test_export_import_export_is_identical(demo, ids, clock):
    async with demo.write() as connection:
        for kind in KINDS:
            exported = await export_csv(connection, kind)
            assert exported == text_of(kind)
            report = await import_file(connection, kind, exported.encode(), ids=ids, clock=clock)
            assert (report.added, report.changed, report.bad) == (0, 0, ())
            assert report.unchanged == len(exported.splitlines()) - 1
        places = await export_geojson(connection)
        report = await import_file(connection, "taps", places.encode(), ids=ids, clock=clock)
        assert (report.added, report.changed, report.bad) == (0, 0, ())
        assert await export_geojson(connection) == places


async def test_geojson_fills_an_empty_database_with_the_same_taps(db, ids, clock):
    async with db.write() as connection:
        for kind in ("zones", "users", "taps"):
            await import_file(connection, kind, text_of(kind).encode(), ids=ids, clock=clock)
        places = await export_geojson(connection)
        assert len(json.loads(places)["features"]) == 314
        await connection.execute(sa.delete(tap_billings))
        await connection.execute(sa.delete(taps))
        await import_file(connection, "taps", places.encode(), ids=ids, clock=clock)
        assert await export_csv(connection, "taps") == text_of("taps")


async def test_the_city_bills_and_its_fixed_points_hold(demo, ids, clock):
    async with demo.write() as connection:
        raised = await raise_debts(connection, "2026-11", ids=ids, clock=clock)
        first_id = (await export_csv(connection, "taps")).splitlines()[1].split(",")[0]
        found = await store.taps_by_ids(connection, [first_id, KNY])
        parts = await store.open_parts(connection, [first_id, KNY])
    assert raised.debts > 500
    assert found[KNY].tap_number == "241703"
    assert [(part.component, part.open_minor) for part in parts[KNY]] == [("water", 2000), ("refuse", 1000)]
    assert found[first_id].latest_billing is Billing.SHARED
    assert {(part.tenant_id, part.currency) for part in parts[first_id]} == {(None, "ZMW")}
    assert str(Money(sum(part.open_minor for part in parts[first_id]), "ZMW")) == "K30.00"


async def test_nairobi_owes_whole_shillings(demo, ids, clock):
    async with demo.write() as connection:
        await raise_debts(connection, "2026-11", ids=ids, clock=clock, zone="NRB")
        mine = [tap.tap_id for tap in await store.all_taps(connection) if tap.zone == "NRB"]
        parts = [part for group in (await store.open_parts(connection, mine)).values() for part in group]
    assert {part.tap_id for part in parts} == set(mine)
    assert all(part.open_minor % 100 == 0 and part.currency == "KES" for part in parts)


def test_the_files_are_what_the_script_makes():
    assert HEADERS == COLUMNS
    for kind, rows in make_city().items():
        assert [",".join(row) for row in rows] == text_of(kind).splitlines()[1:]


def test_the_city_is_large_plain_and_leaves_the_stranger_out():
    assert len(text_of("taps").splitlines()) > 300
    assert len(text_of("tenants").splitlines()) > 1200
    assert len([line for line in text_of("zones").splitlines() if ",ZMW," in line]) >= 10
    for kind in KINDS:
        assert "961234567" not in text_of(kind)
        assert measure(text_of(kind)).encoding == "gsm7"
