import asyncio
from datetime import UTC, datetime, timedelta

from simulators.timing import SteppedTime, WallTime, first_of

START = datetime(2026, 11, 21, 8, 15, tzinfo=UTC)


async def note(clock, seconds, told):
    await clock.sleep(seconds)
    told.append((seconds, clock.now() - START))


async def test_sleepers_wake_in_order_at_their_own_moment():
    clock, told = SteppedTime(START), []
    tasks = [asyncio.create_task(note(clock, seconds, told)) for seconds in (3, 1, 2)]
    await clock.advance(2)
    assert told == [(1, timedelta(seconds=1)), (2, timedelta(seconds=2))]
    await clock.advance(5)
    assert told[2] == (3, timedelta(seconds=3))
    assert clock.now() == START + timedelta(seconds=7)
    await asyncio.gather(*tasks)


async def test_a_sleeper_who_sleeps_again_is_woken_in_the_same_advance():
    clock, told = SteppedTime(START), []

    async def twice():
        await note(clock, 1, told)
        await note(clock, 2, told)

    task = asyncio.create_task(twice())
    await clock.advance(3)
    assert [moment.total_seconds() for _, moment in told] == [1, 3]
    await task


async def test_first_of_gives_the_event_or_nothing():
    clock = SteppedTime(START)
    event = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(first_of(clock, event, 5))
    await clock.advance(1)
    event.set_result("answer")
    assert await waiting == "answer"
    late = asyncio.create_task(first_of(clock, asyncio.get_running_loop().create_future(), 5))
    await clock.advance(5)
    assert await late is None


async def test_wall_time_may_run_faster():
    clock = WallTime(speed=1_000_000)
    before = clock.now()
    await asyncio.wait_for(clock.sleep(1_000), 5)
    assert clock.now() - before < timedelta(seconds=5)
