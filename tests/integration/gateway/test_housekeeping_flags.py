"""The clock looks for trouble at taps, at once and then once a day."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from core import bulk
from core.clock import ManualClock
from core.ids import Ids, derived
from gateway import housekeeping
from taps import flags, tables

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
TAP = "KNY-0417-1"


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
async def crowded(db):
    """A tap with four people registered, where its caretaker counted nine."""
    tap = {"tap_id": TAP, "tap_number": "241703", "zone": "KNY", "created_at": NOW}
    tenant = {"tenant_id": derived("t"), "tap_id": TAP, "msisdn": "+260960000001", "name": "Mary"}
    count = {"tap_id": TAP, "counted_at": NOW, "occupants": 9, "counted_by": "+260960000009"}
    async with db.write() as connection:
        zone = {"zone": "KNY", "name": "Kanyama", "country": "ZM", "currency": "ZMW"}
        await bulk.insert(connection, tables.zones, [zone])
        await bulk.insert(connection, tables.taps, [tap])
        await bulk.insert(connection, tables.tenants, [{**tenant, "occupants": 4, "created_at": NOW}])
        await bulk.insert(connection, tables.tap_counts, [count])
    return db


async def found(db):
    async with db.read() as connection:
        return [(flag.tap_id, flag.rule) for flag in await flags.find(connection)]


async def test_trouble_is_found_once(crowded, clock):
    ids = Ids.seeded(3, clock)
    assert await housekeeping.look_for_trouble(crowded, clock, ids) == 1
    assert await housekeeping.look_for_trouble(crowded, clock, ids) == 0
    assert await found(crowded) == [(TAP, "crowded")]


async def test_the_clock_looks_at_its_start(crowded, clock):
    keeper = asyncio.create_task(housekeeping.tick_forever(crowded, clock))
    async with asyncio.timeout(10):
        while not await found(crowded):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.01)
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper
    assert await found(crowded) == [(TAP, "crowded")]
