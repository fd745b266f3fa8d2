"""Dead letters, and putting them out again."""

import asyncio

import pytest
import sqlalchemy as sa

from core import bulk
from core import outbox as box
from sms import queue
from sms.delivery import Delivery
from sms.senders.base import Handed, Outcome
from sms.tables import sms_messages

SENT = Handed(Outcome.SENT, "101 Success", "AT1", 25, "ZMW")
NEVER_SENT = {
    "status": "dead",
    "reason": "no_credit",
    "provider_status": "405 InsufficientBalance",
    "attempts": 40,
}
MAY_BE_THERE = {"status": "dead", "reason": "no_answer", "unknowns": 2, "attempts": 2}
HELD = {"status": "dead", "reason": "risk_hold", "attempts": 1}


@pytest.fixture
def given_up(db, queued):
    """Store an SMS as it is when it was given up; its outbox row is dead unless told otherwise."""

    async def store(fact, sms, *, message="dead"):
        sms_id = await queued(fact)
        async with db.write() as connection:
            mine = sms_messages.c.sms_id == sms_id
            await connection.execute(sa.update(sms_messages).where(mine).values(**sms))
            mine = box.outbox.c.outbox_id == sms_id
            await connection.execute(
                sa.update(box.outbox).where(mine).values(status=message, last_error="405")
            )
        return sms_id

    return store


@pytest.fixture
def replay(db, clock):
    async def put_out(*sms_ids, **options):
        async with db.write() as connection:
            return await queue.replay(connection, sms_ids, now=clock.now(), **options)

    return put_out


@pytest.fixture
def work(db, clock):
    """Hand over what is due; return what left."""

    async def once(answer=SENT):
        left = []

        class Aggregator:
            async def send(self, message):
                left.append(message.sms_id)
                return answer

        async with db.write() as connection:
            due = await box.claim(connection, "sms", worker="w", now=clock.now(), lease_s=60, limit=100)
        await Delivery(db, Aggregator(), clock, lambda: 0.0).handle(due)
        return left

    return once


async def letters(db, **options):
    async with db.read() as connection:
        return await queue.dead(connection, **options)


async def test_dead_letters_are_listed_oldest_first_and_nothing_else_is(db, queued, given_up, clock):
    first = await given_up("one", NEVER_SENT)
    clock.advance(60)
    second = await given_up("two", MAY_BE_THERE)
    await queued("alive")
    await given_up("gone", {"status": "sent"}, message="done")
    found = await letters(db)
    assert [(row.sms_id, row.reason, row.last_error) for row in found] == [
        (first, "no_credit", "405"),
        (second, "no_answer", "405"),
    ]
    assert [queue.may_have_arrived(row) for row in found] == [False, True]
    assert [row.sms_id for row in await letters(db, since=clock.now())] == [second]


async def test_what_is_put_out_again_goes_with_all_its_tries(db, given_up, replay, work):
    sms_id = await given_up("one", NEVER_SENT)
    assert await replay(sms_id) == queue.Replayed(again=(sms_id,))
    async with db.read() as connection:
        row = (await connection.execute(sa.select(sms_messages))).one()
    assert (row.status, row.attempts, row.unknowns) == ("queued", 0, 0)
    assert await work() == [sms_id]
    assert await letters(db) == []
    async with db.read() as connection:
        row = (await connection.execute(sa.select(sms_messages))).one()
    assert (row.status, row.reason, row.provider_message_id) == ("sent", None, "AT1")


@pytest.mark.parametrize(
    "state", [MAY_BE_THERE, HELD, NEVER_SENT | {"unknowns": 1}], ids=["lost", "held", "once"]
)
async def test_what_may_have_arrived_goes_only_if_that_is_asked_for(given_up, replay, work, state):
    sms_id = await given_up("one", state)
    assert await replay(sms_id) == queue.Replayed(may_have_arrived=(sms_id,))
    assert await work() == []
    assert (await replay(sms_id, unknown_too=True)).again == (sms_id,)
    assert await work() == [sms_id]


async def test_what_was_handed_over_never_goes_again_however_it_is_asked_for(given_up, queued, replay, work):
    for fact, status in (("a", "sent"), ("b", "delivered"), ("c", "failed"), ("d", "dropped")):
        sms_id = await given_up(fact, {"status": status}, message="done")
        assert await replay(sms_id, unknown_too=True) == queue.Replayed(not_dead=(sms_id,))
    waiting = await queued("e")
    assert await replay(waiting, unknown_too=True) == queue.Replayed(not_dead=(waiting,))
    assert await work() == [waiting]
    assert await work() == []


async def test_two_who_replay_at_once_send_once(given_up, replay, work):
    for fact in map(str, range(12)):  # who waits for the other, and where, differs each time
        sms_id = await given_up(fact, NEVER_SENT)
        both = await asyncio.gather(replay(sms_id), replay(sms_id))
        assert sorted(len(one.again) for one in both) == [0, 1]
        assert await work() == [sms_id]
        assert await work() == []


async def test_many_are_put_out_together(given_up, replay, work, monkeypatch):
    monkeypatch.setattr("sms.queue._MOST_TOGETHER", 2)
    ids = [await given_up(f"f{n}", NEVER_SENT) for n in range(5)]
    assert set((await replay(*ids)).again) == set(ids)
    assert set(await work()) == set(ids)


async def test_an_sms_whose_outbox_row_was_given_up_or_lost_is_found_and_goes_again(
    db, given_up, replay, work
):
    broken = await given_up("broken", {"status": "queued"})
    halfway = await given_up("halfway", {"status": "sending", "attempts": 1})
    lost = await given_up("lost", NEVER_SENT)
    async with db.write() as connection:
        await connection.execute(sa.delete(box.outbox).where(box.outbox.c.outbox_id == lost))
    assert {row.sms_id for row in await letters(db)} == {broken, halfway, lost}
    assert set((await replay(broken, halfway, lost)).again) == {broken, lost}
    assert set(await work()) == {broken, lost}


async def test_an_id_of_nothing_is_not_dead(replay, ids):
    unknown = ids.new()
    assert await replay(unknown) == queue.Replayed(not_dead=(unknown,))
    assert await replay() == queue.Replayed()


async def test_what_is_lost_is_counted_by_status_and_reason(db, given_up):
    await given_up("one", NEVER_SENT)
    await given_up("two", NEVER_SENT)
    await given_up("three", {"status": "failed", "reason": "expired"}, message="done")
    await given_up("four", {"status": "failed", "reason": None}, message="done")
    await given_up("five", {"status": "sent"}, message="done")
    async with db.read() as connection:
        assert sorted(await queue.lost(connection)) == [
            ("dead", "no_credit", 2),
            ("failed", "expired", 1),
            ("failed", "other", 1),
        ]


async def test_the_queue_is_as_old_as_what_could_have_gone_longest_ago(db, queued, work, clock):
    async def age():
        async with db.read() as connection:
            return await queue.age_s(connection, clock.now())

    assert await age() == 0
    sms_id = await queued("one")
    clock.advance(30)
    assert await age() == 30
    await work(Handed(Outcome.TRY_AGAIN, "407 CouldNotRoute"))
    clock.advance(1)
    assert await age() == 31  # it waits for its next try, and is late all the same
    clock.advance(10)
    assert await work() == [sms_id]
    assert await age() == 0
    async with db.write() as connection:
        row = box.row(
            "0190f0f0-0000-7000-8000-000000000000", "reminder", "k", now=clock.now(), correlation_id="c"
        )
        night = {"available_at": clock.now().replace(hour=20)}
        await bulk.insert(connection, box.outbox, [row | night])
    assert await age() == 0
