"""The clock raises the month's bills: on their day, once, also where it was down on that day."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import bulk
from core.clock import ManualClock
from core.ids import Ids
from gateway import housekeeping, monthly
from taps import raising, tables


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "day", "period"),
    [
        ("2026-11-01T00:00", 1, "2026-11"),
        ("2026-10-31T21:59:59", 1, "2026-10"),  # 23:59:59 in Lusaka
        ("2026-10-31T22:00", 1, "2026-11"),
        ("2026-11-14T21:59:59", 15, "2026-10"),
        ("2026-11-14T22:00", 15, "2026-11"),
        ("2026-11-30T12:00", 28, "2026-11"),
        ("2026-03-01T12:00", 28, "2026-02"),
        ("2027-01-05T12:00", 28, "2026-12"),
    ],
)
def test_the_newest_month_whose_day_has_come_in_lusaka(now, day, period):
    assert monthly.due_period(at(now), day) == period


class Town:
    """Two zones with a tap each, and a tariff; the clock is moved by hand."""

    def __init__(self, db):
        self.db = db
        self.clock = ManualClock(at("2026-11-10T06:00"))
        self.ids = Ids.seeded(1, self.clock)

    async def build(self):
        await self.add(tables.sellers, {"seller": "TRUST", "created_at": self.clock.now()})
        for n, zone in enumerate(("GDN", "KNY")):
            await self.zone(zone, n)

    async def add(self, table, *rows):
        async with self.db.write() as connection:
            await bulk.insert(connection, table, rows)

    async def zone(self, code, number):
        await self.add(tables.zones, {"zone": code, "name": code, "country": "ZM", "currency": "ZMW"})
        await self.add(
            tables.tariffs,
            {
                "zone": code, "component": "water", "seller": "TRUST", "basis": "tap_month",
                "amount_minor": 2000, "currency": "ZMW", "valid_from": at("2026-01-01T00:00").date(),
            },
        )  # fmt: skip
        await self.tap(code, number)

    async def tap(self, zone, number):
        tap = {"tap_id": f"{zone}-000{number}-0", "tap_number": f"00000{number}", "zone": zone}
        await self.add(tables.taps, tap | {"created_at": self.clock.now()})

    async def bill(self, now=None, day=1):
        if now:
            self.clock = ManualClock(at(now))
        return await monthly.bill(self.db, self.clock, self.ids, day=day)

    async def by_hand(self, period, zone=None):
        async with self.db.write() as connection:
            await raising.raise_debts(connection, period, ids=self.ids, clock=self.clock, zone=zone)

    async def billed(self):
        query = sa.select(tables.debts.c.zone, tables.debts.c.period)
        async with self.db.read() as connection:
            return sorted(tuple(row) for row in await connection.execute(query))


@pytest.fixture
async def town(db):
    town = Town(db)
    await town.build()
    return town


async def test_every_zone_is_billed_once(town):
    assert [await town.bill(), await town.bill()] == [2, 0]
    assert await town.billed() == [("GDN", "2026-11"), ("KNY", "2026-11")]


async def test_the_next_month_is_billed_when_it_comes(town):
    await town.bill("2026-11-01T06:00")
    assert await town.bill("2026-11-30T21:59") == 0
    assert await town.bill("2026-11-30T22:00") == 2
    assert await town.billed() == [
        (zone, month) for zone in ("GDN", "KNY") for month in ("2026-11", "2026-12")
    ]


async def test_a_clock_that_was_down_on_the_day_bills_later(town):
    await town.by_hand("2026-10")
    assert await town.bill("2026-11-14T06:00", day=15) == 0
    assert await town.bill("2026-11-23T06:00", day=15) == 2


async def test_a_month_that_was_missed_to_its_end_is_billed_after_it(town):
    await town.by_hand("2026-10")
    assert await town.bill("2026-12-03T06:00", day=28) == 2
    assert {period for _, period in await town.billed()} == {"2026-10", "2026-11"}


async def test_a_new_zone_owes_nothing_for_the_month_before_it_came(town):
    assert await town.bill("2026-12-03T06:00", day=28) == 0
    assert await town.billed() == []


async def test_zero_is_never(town):
    assert await town.bill(day=0) == 0
    assert await town.billed() == []


async def test_a_zone_that_was_billed_by_hand_is_left_alone(town):
    await town.by_hand("2026-11", "KNY")
    await town.tap("KNY", 7)
    assert await town.bill() == 1
    assert await town.billed() == [("GDN", "2026-11"), ("KNY", "2026-11")]


async def test_a_month_billed_ahead_is_not_followed_by_an_older_one(town):
    await town.by_hand("2026-10")
    await town.by_hand("2026-12")
    assert await town.bill("2026-12-03T06:00", day=28) == 0


async def test_two_clocks_at_once_bill_once(town):
    other = Ids.seeded(2, town.clock)
    raised = await asyncio.gather(
        town.bill(), monthly.bill(town.db, town.clock, other, day=1), return_exceptions=True
    )
    assert sum(raised) == 2
    assert await town.billed() == [("GDN", "2026-11"), ("KNY", "2026-11")]


async def test_the_clock_bills_at_its_start_whatever_else_breaks(town, monkeypatch):
    async def broken(*_):
        raise RuntimeError("a full disk")

    monkeypatch.setattr(housekeeping, "tick", broken)
    keeper = housekeeping.Housekeeper(town.db, town.clock, bill_day=1)
    keeper.start()
    async with asyncio.timeout(10):
        while len(await town.billed()) < 2:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.01)
    await keeper.stop()
