import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import bulk
from core.ids import derived
from taps import behind, tables

KNY, EMPTY, NRB = "KNY-0417-1", "KNY-0533-5", "NRB-0001-7"
DECEMBER = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
BOTH = ["KNY", "NRB"]


async def owe(db, tap_id, period, *parts, zone="KNY", currency="ZMW"):
    """Write a debt; parts are (billed, paid)."""
    debt_id = derived(tap_id, period)
    debt = {"debt_id": debt_id, "tap_id": tap_id, "tenant_id": None, "owner": tap_id, "zone": zone}
    rows = [
        {
            "part_id": derived(debt_id, str(n)),
            "debt_id": debt_id,
            "component": "water",
            "seller": ("TRUST", "CBE")[n],
            "amount_minor": amount,
            "paid_minor": paid,
        }
        for n, (amount, paid) in enumerate(parts)
    ]
    async with db.write() as connection:
        made = {**debt, "period": period, "currency": currency, "created_at": DECEMBER}
        await bulk.insert(connection, tables.debts, [made])
        await bulk.insert(connection, tables.debt_parts, rows)


async def ask(db, zones, now=DECEMBER, **how):
    async with db.read() as connection:
        return await behind.page(connection, zones, now, **how)


@pytest.fixture
async def owing(city):
    await owe(city, KNY, "2026-10", (2000, 2000), (1000, 400))
    await owe(city, KNY, "2026-11", (2000, 0), (1000, 0))
    await owe(city, EMPTY, "2026-11", (3000, 0), (1000, 0))
    await owe(city, NRB, "2026-11", (5000, 2000), zone="NRB", currency="KES")
    return city


async def test_a_tap_behind_says_what_is_owed_for_how_long_and_what_came(owing):
    found = await ask(owing, ["NRB"])
    assert found == behind.Page((behind.Behind(NRB, "200006", "NRB", "KES", 3000, 1, 40),))


async def test_the_worst_comes_first_each_currency_by_itself(owing):
    rows = (await ask(owing, BOTH)).items
    assert [(row.tap_id, row.owed_minor, row.n_periods, row.recovery_percent) for row in rows] == [
        (NRB, 3000, 1, 40),
        (EMPTY, 4000, 1, 0),
        (KNY, 3600, 2, 40),
    ]


async def test_pages_meet_without_gap_or_repeat(owing):
    seen, after = [], None
    for more in (2, 1, 0):
        page = await ask(owing, BOTH, after=after, limit=1)
        assert (page.n_after, page.has_more) == (more, more > 0)
        (after,) = page.items
        seen.append(after.tap_id)
    assert seen == [NRB, EMPTY, KNY]
    assert await ask(owing, BOTH, after=after) == behind.Page(())


async def test_what_owes_the_same_stands_by_tapid(city):
    await owe(city, EMPTY, "2026-11", (3000, 0))
    await owe(city, KNY, "2026-11", (3000, 0))
    first = (await ask(city, ["KNY"], limit=1)).items[0]
    assert first.tap_id == KNY
    assert [row.tap_id for row in (await ask(city, ["KNY"], after=first)).items] == [EMPTY]


async def test_nothing_is_behind_before_its_due_day_has_passed(owing):
    last_minute = datetime(2026, 11, 30, 21, 59, tzinfo=UTC)
    assert [row.tap_id for row in (await ask(owing, BOTH, last_minute)).items] == [KNY]
    assert (await ask(owing, BOTH, last_minute)).items[0].owed_minor == 600


async def test_what_is_paid_is_not_behind_and_other_zones_are_not_shown(city):
    await owe(city, KNY, "2026-11", (3000, 3000))
    await owe(city, NRB, "2026-11", (5000, 0), zone="NRB", currency="KES")
    assert await ask(city, ["KNY"]) == await ask(city, []) == behind.Page(())


async def test_a_page_is_bounded(owing):
    assert len((await ask(owing, BOTH, limit=0)).items) == 1
    assert len((await ask(owing, BOTH, limit=10**9)).items) == 3


async def test_debts_are_found_by_zone_and_period_and_parts_by_debt(owing):
    if owing.url.get_backend_name() == "sqlite":
        plan = await sqlite_plan(owing)
        assert re.search(r"SEARCH debts USING INDEX ix_debts_zone_period \(zone=\? AND period<\?\)", plan), (
            plan
        )
        assert "SEARCH debt_parts USING INDEX ix_debt_parts_debt_id (debt_id=?)" in plan, plan
        assert "SCAN debt" not in plan, plan
    else:
        plan = await postgresql_plan(owing)
        assert "on ix_debts_zone_period" in plan or "using ix_debts_zone_period" in plan, plan
        assert "on ix_debt_parts_debt_id" in plan or "using ix_debt_parts_debt_id" in plan, plan
        assert "Seq Scan on debt" not in plan, plan


def statement(dialect):
    keyed = bulk._keyed(behind._WORST, tables.debts.c.zone, dialect)
    wanted = '["KNY"]' if dialect == "sqlite" else ["KNY"]
    return keyed.params(wanted=wanted, this_period="2026-12", most=20)


async def sqlite_plan(db):
    async with db.read() as connection:
        text = statement("sqlite").compile(connection.sync_engine, compile_kwargs={"literal_binds": True})
        rows = await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))
        return "\n".join(row.detail for row in rows)


async def postgresql_plan(db):
    async with db.write() as connection:
        # A town of years: a few rows would be read whole, whatever the indexes.
        await connection.execute(sa.text(YEARS))
        await connection.execute(sa.text(PARTS))
        await connection.execute(sa.text("ANALYZE debts, debt_parts, taps"))
        text = statement("postgresql").compile(connection.sync_engine, compile_kwargs={"literal_binds": True})
        rows = await connection.execute(sa.text(f"EXPLAIN {text}"))
        return "\n".join(row[0] for row in rows)


YEARS = """
INSERT INTO debts (debt_id, tap_id, owner, zone, period, currency, created_at)
SELECT gen_random_uuid(), 'NRB-0001-7', 'o' || n, 'Z' || n % 50, '2025-' || lpad((n % 12 + 1)::text, 2, '0'),
       'KES', now() FROM generate_series(1, 20000) AS n
"""
PARTS = """
INSERT INTO debt_parts (part_id, debt_id, component, seller, amount_minor, paid_minor)
SELECT gen_random_uuid(), debt_id, 'water', 'TRUST', 100, 0 FROM debts WHERE owner LIKE 'o%'
"""
