"""How many messages a lane hands out together."""

import asyncio

import pytest

from core import bulk, outbox
from core.clock import SystemClock
from gateway.workers import MOST_TOGETHER, Together, Worker


async def _sent(db, many, count):
    """Run a worker over `count` messages of kind `note`; return the sizes of the groups that it handled."""
    clock, sizes = SystemClock(), []

    async def handle(messages):
        sizes.append(len(messages))
        await asyncio.sleep(0.01)
        async with db.write() as connection:
            done = [outbox.done(message.outbox_id, now=clock.now()) for message in messages]
            await outbox.finish(connection, messages, done)

    async def nothing_due():
        return 0

    rows = [outbox.row(f"{n:036}", "note", "k", now=clock.now(), correlation_id="c") for n in range(count)]
    async with db.write() as connection:
        await bulk.insert(connection, outbox.outbox, rows)
    worker = Worker(db, clock, {}, {"note": many(handle)}, nothing_due)
    worker.start()
    async with asyncio.timeout(20):
        while sum(sizes) < count:  # noqa: ASYNC110 - what is waited for is in a list
            await asyncio.sleep(0.02)
    await worker.stop()
    return sizes


@pytest.mark.parametrize("empty_db_url", ["sqlite"], indirect=True)
async def test_a_lane_hands_out_groups_of_its_own_size(db):
    sizes = await _sent(db, lambda handle: Together(handle, 300), 1000)
    assert max(sizes) == 300
    assert sum(sizes) == 1000


@pytest.mark.parametrize("empty_db_url", ["sqlite"], indirect=True)
async def test_a_lane_without_a_size_keeps_groups_small(db):
    assert max(await _sent(db, lambda handle: handle, 100)) == MOST_TOGETHER
