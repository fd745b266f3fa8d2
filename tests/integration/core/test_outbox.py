import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import bulk, outbox
from core.clock import ManualClock
from core.ids import Ids

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
LEASE_S = 6.0


class Box:
    """The outbox of one database, with its rows named by their key."""

    def __init__(self, db):
        self.db = db
        self.clock = ManualClock(NOW)
        self.ids = Ids.seeded(1, self.clock)

    async def put(self, *keys, kind="push", in_s=0.0, **more):
        at = self.clock.now() + timedelta(seconds=in_s)
        rows = [
            outbox.row(
                self.ids.new(), kind, key, now=self.clock.now(), correlation_id="c", available_at=at, **more
            )
            for key in keys
        ]
        async with self.db.write() as connection:
            await bulk.insert(connection, outbox.outbox, rows)

    async def claim(self, worker="a", *, kind="push", limit=100):
        async with self.db.write() as connection:
            return await outbox.claim(
                connection, kind, worker=worker, now=self.clock.now(), lease_s=LEASE_S, limit=limit
            )

    async def keys(self, worker="a", **how):
        return [message.key for message in await self.claim(worker, **how)]

    async def change(self, *changes):
        async with self.db.write() as connection:
            for change in changes:
                await bulk.update(connection, outbox.outbox, [change])

    async def finish(self, *ended):
        async with self.db.write() as connection:
            messages, changes = zip(*ended, strict=True)
            await outbox.finish(connection, messages, changes)

    async def row(self, key):
        async with self.db.read() as connection:
            return (
                await connection.execute(sa.select(outbox.outbox).where(outbox.outbox.c.key == key))
            ).one()

    async def is_due(self, kind="push"):
        async with self.db.read() as connection:
            return await outbox.is_due(connection, kind, self.clock.now())


@pytest.fixture
def box(db):
    return Box(db)


async def test_a_message_comes_out_as_it_was_put_in(box):
    await box.put("k1", body={"payment_id": "p1", "text": "K30 \u2019"})
    (message,) = await box.claim()
    assert (message.kind, message.key, message.attempts) == ("push", "k1", 0)
    assert message.body == {"payment_id": "p1", "text": "K30 \u2019"}
    assert message.correlation_id == "c"


async def test_what_is_claimed_is_not_claimed_twice(box):
    await box.put("k1", "k2")
    assert sorted(await box.keys("a")) == ["k1", "k2"]
    assert await box.keys("b") == []
    assert not await box.is_due()


async def test_claims_are_in_the_order_of_their_time_and_bounded(box):
    await box.put("late", in_s=-1)
    await box.put("early", in_s=-5)
    await box.put("latest")
    assert await box.keys(limit=2) == ["early", "late"]
    assert await box.keys() == ["latest"]


async def test_a_kind_is_claimed_by_itself(box):
    await box.put("k1", kind="sms")
    await box.put("k2", kind="push")
    assert await box.is_due("sms")
    assert await box.keys(kind="sms") == ["k1"]
    assert await box.keys(kind="push") == ["k2"]


async def test_what_is_for_later_waits(box):
    await box.put("k1", in_s=3)
    assert not await box.is_due()
    assert await box.keys() == []
    box.clock.advance(3)
    assert await box.is_due()
    assert await box.keys() == ["k1"]


async def test_many_workers_at_once_share_without_a_doublet(box):
    await box.put(*(f"k{n}" for n in range(300)))
    claimed = await asyncio.gather(*(box.keys(f"w{n}", limit=25) for n in range(20)))
    found = [key for keys in claimed for key in keys]
    assert len(found) == len(set(found))
    found += [key for _ in range(20) for key in await box.keys(limit=25)]
    assert sorted(found) == sorted(f"k{n}" for n in range(300))


async def test_a_row_whose_worker_died_is_taken_again_when_its_lease_ends(box):
    await box.put("k1")
    await box.claim("a")
    box.clock.advance(LEASE_S)
    assert await box.keys("b") == []
    box.clock.advance(0.001)
    assert await box.keys("b") == ["k1"]
    assert (await box.row("k1")).claimed_by == "b"


async def test_a_worker_that_lives_keeps_its_rows(box):
    await box.put("k1")
    (message,) = await box.claim("a")
    for _ in range(3):
        box.clock.advance(4)
        async with box.db.write() as connection:
            now = box.clock.now()
            await outbox.renew(connection, {message.outbox_id: "a"}, now=now, lease_s=LEASE_S)
        assert await box.keys("b") == []


async def test_a_renewal_leaves_alone_what_was_finished_or_put_off_meanwhile(box):
    await box.put("done", "again")
    by_key = {message.key: message for message in await box.claim("a")}
    now = box.clock.now()
    await box.change(
        outbox.done(by_key["done"].outbox_id, now=now), outbox.again(by_key["again"], at=now, error="busy")
    )
    async with box.db.write() as connection:
        leases = {message.outbox_id: message.lease for message in by_key.values()}
        await outbox.renew(connection, leases, now=now, lease_s=LEASE_S)
    assert (await box.row("done")).claimed_until is None
    assert await box.keys("b") == ["again"]


async def test_a_renewal_leaves_alone_what_another_has_taken(box):
    await box.put("k1")
    (message,) = await box.claim("a")
    box.clock.advance(LEASE_S + 1)
    assert await box.keys("b") == ["k1"]
    box.clock.advance(LEASE_S)
    async with box.db.write() as connection:
        now = box.clock.now()
        await outbox.renew(connection, {message.outbox_id: message.lease}, now=now, lease_s=LEASE_S)
    box.clock.advance(1)
    assert await box.keys("c") == ["k1"]


async def test_what_is_finished_together_ends_each_in_its_way(box):
    await box.put("done", "dead", "again", "done too")
    by_key = {message.key: message for message in await box.claim("a")}
    ends = {
        "done": outbox.done(by_key["done"].outbox_id, now=NOW),
        "dead": outbox.dead(by_key["dead"].outbox_id, now=NOW, error="no such number"),
        "again": outbox.again(by_key["again"], at=NOW + timedelta(seconds=8), error="busy"),
        "done too": outbox.done(by_key["done too"].outbox_id, now=NOW),
    }
    await box.finish(*((by_key[key], change) for key, change in ends.items()))
    assert [(await box.row(key)).status for key in ends] == ["done", "dead", "waiting", "done"]
    box.clock.advance(8)
    assert await box.keys("b") == ["again"]


@pytest.fixture
async def overtaken(box):
    """A message of a worker that slept past its lease, and the same as another has taken it since."""
    await box.put("k1")
    (old,) = await box.claim("a")
    box.clock.advance(LEASE_S + 1)
    (new,) = await box.claim("b")
    return old, new


async def test_a_late_done_does_not_undo_that_another_tries_again(box, overtaken):
    old, new = overtaken
    at = box.clock.now() + timedelta(seconds=60)
    await box.finish((new, outbox.again(new, at=at, error="handset busy")))
    await box.finish((old, outbox.done(old.outbox_id, now=box.clock.now())))
    row = await box.row("k1")
    assert (row.status, row.attempts, row.available_at, row.last_error) == ("waiting", 1, at, "handset busy")


async def test_a_late_result_does_not_touch_what_another_has_in_hand(box, overtaken):
    old, new = overtaken
    now = box.clock.now()
    await box.finish((old, outbox.dead(old.outbox_id, now=now, error="gave up")))
    assert (await box.row("k1")).status == "waiting"
    assert await box.keys("c") == []
    await box.finish((new, outbox.done(new.outbox_id, now=now)))
    assert (await box.row("k1")).status == "done"


async def test_a_late_try_again_does_not_touch_what_is_done(box, overtaken):
    old, new = overtaken
    await box.finish((new, outbox.done(new.outbox_id, now=box.clock.now())))
    await box.finish((old, outbox.again(old, at=NOW, error="time-out")))
    row = await box.row("k1")
    assert (row.status, row.attempts, row.last_error) == ("done", 0, None)


async def test_what_was_kept_is_finished_where_another_row_of_the_batch_was_lost(box, overtaken):
    old, _ = overtaken
    await box.put("k2")
    (kept,) = await box.claim("a-2")
    now = box.clock.now()
    await box.finish(*((message, outbox.done(message.outbox_id, now=now)) for message in (old, kept)))
    assert [(await box.row(key)).status for key in ("k1", "k2")] == ["waiting", "done"]


async def test_what_is_done_is_never_claimed_again(box):
    await box.put("k1")
    (message,) = await box.claim()
    await box.change(outbox.done(message.outbox_id, now=box.clock.now()))
    box.clock.advance(10**6)
    assert await box.keys() == []
    row = await box.row("k1")
    assert (row.status, row.finished_at, row.last_error) == ("done", NOW, None)


async def test_again_counts_the_try_says_why_and_frees_the_row(box):
    await box.put("k1")
    (message,) = await box.claim()
    await box.change(outbox.again(message, at=NOW + timedelta(seconds=8), error="x" * 500))
    assert await box.keys() == []
    box.clock.advance(8)
    (message,) = await box.claim("b")
    assert message.attempts == 1
    assert (await box.row("k1")).last_error == "x" * 200


async def test_waiting_alone_does_not_count_as_a_try(box):
    await box.put("k1")
    (message,) = await box.claim()
    await box.change(outbox.again(message, at=NOW, error="handset busy", counts=False))
    (message,) = await box.claim()
    assert message.attempts == 0


async def test_a_dead_letter_stays_for_an_operator(box):
    await box.put("k1")
    (message,) = await box.claim()
    await box.change(outbox.dead(message.outbox_id, now=NOW, error="no such number"))
    box.clock.advance(10**6)
    assert await box.keys() == []
    row = await box.row("k1")
    assert (row.status, row.last_error) == ("dead", "no such number")


async def test_wake_makes_the_named_rows_due_and_no_others(box):
    await box.put("k1", "k2", in_s=60)
    await box.put("k1", kind="sms", in_s=60)
    async with box.db.write() as connection:
        await outbox.wake(connection, "push", ["k1"], now=box.clock.now())
        await outbox.wake(connection, "push", [], now=box.clock.now())
    assert await box.keys() == ["k1"]
    assert await box.keys(kind="sms") == []


async def test_wake_never_puts_off_what_is_overdue_or_brings_back_what_is_done(box):
    await box.put("k1", in_s=-30)
    (message,) = await box.claim()
    await box.change(outbox.done(message.outbox_id, now=NOW))
    await box.put("k1", in_s=-20)
    async with box.db.write() as connection:
        await outbox.wake(connection, "push", ["k1"], now=box.clock.now())
        times = (await connection.execute(sa.select(outbox.outbox.c.available_at))).scalars().all()
    assert sorted(times) == [NOW - timedelta(seconds=30), NOW - timedelta(seconds=20)]
    assert await box.keys() == ["k1"]
    assert await box.keys() == []


async def test_a_row_whose_transaction_failed_was_never_there(box):
    with pytest.raises(RuntimeError):
        async with box.db.write() as connection:
            row = outbox.row(box.ids.new(), "push", "k1", now=NOW, correlation_id="c")
            await bulk.insert(connection, outbox.outbox, [row])
            raise RuntimeError
    assert await box.keys() == []
