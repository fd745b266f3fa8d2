"""Two workers, of which one sleeps past its lease: the row ends as the one says that has it now."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import bulk, outbox
from core.clock import ManualClock
from core.ids import derived
from gateway import workers
from gateway.workers import LEASE_S, Together, Worker

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


class Sleeper:
    """Handles a message only when it is woken."""

    def __init__(self):
        self.began = asyncio.Event()
        self.woken = asyncio.Event()
        self.ended = asyncio.Event()

    async def until_woken(self):
        self.began.set()
        await self.woken.wait()


async def nothing_due():
    return 0


async def the_row(db):
    async with db.read() as connection:
        return (await connection.execute(sa.select(outbox.outbox))).one()


async def until(fact):
    async with asyncio.timeout(20):
        while not await fact():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.02)


@pytest.fixture
def clock(monkeypatch):
    """Time stands still, and so does renewing: as for a process that was stopped for a while."""
    monkeypatch.setattr(workers, "RENEW_EVERY_S", 3600)
    return ManualClock(NOW)


async def test_a_result_that_comes_too_late_is_not_written(db, clock):
    sleeper = Sleeper()

    async def slow(message):
        await sleeper.until_woken()
        return outbox.done(message.outbox_id, now=clock.now())

    async def quick(message):
        return outbox.again(message, at=LATER, error="handset busy")

    async with db.write() as connection:
        row = outbox.row(derived("note"), "note", "k", now=NOW, correlation_id="c")
        await bulk.insert(connection, outbox.outbox, [row])
    one, two = (Worker(db, clock, {"note": handle}, {}, nothing_due, name="w") for handle in (slow, quick))
    one.start()
    async with asyncio.timeout(20):
        await sleeper.began.wait()
    clock.advance(LEASE_S + 1)
    two.start()

    async def put_off():
        return (await the_row(db)).available_at == LATER

    await until(put_off)
    sleeper.woken.set()
    await one.stop()
    await two.stop()
    row = await the_row(db)
    assert (row.status, row.attempts, row.last_error, row.finished_at) == (
        "waiting",
        1,
        "handset busy",
        None,
    )


async def test_a_row_claimed_again_by_the_same_worker_is_in_hand_until_the_second_try_ends(db, clock):
    tries = []

    async def handle(messages):
        tries.append(messages[0].lease)
        await (first if len(tries) == 1 else second).until_woken()
        async with db.write() as connection:
            done = [outbox.done(message.outbox_id, now=clock.now()) for message in messages]
            await outbox.finish(connection, messages, done)
        (first if messages[0].lease == tries[0] else second).ended.set()

    first, second = Sleeper(), Sleeper()
    async with db.write() as connection:
        row = outbox.row(derived("note"), "note", "k", now=NOW, correlation_id="c")
        await bulk.insert(connection, outbox.outbox, [row])
    worker = Worker(db, clock, {}, {"note": Together(handle, 5)}, nothing_due)
    worker.start()
    async with asyncio.timeout(20):
        await first.began.wait()
        clock.advance(LEASE_S + 1)
        await second.began.wait()
        first.woken.set()
        await first.ended.wait()
    assert (await the_row(db)).status == "waiting"
    assert len(worker._lanes["note"].in_hand) == 1
    second.woken.set()
    await worker.stop()
    assert (await the_row(db)).status == "done"
    assert len(set(tries)) == 2
