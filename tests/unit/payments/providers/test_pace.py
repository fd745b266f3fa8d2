from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from payments.providers.pace import Pace


class Time:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s

    async def sleep(self, seconds):
        self.now_s += seconds


def pace(time, per_minute=60, most_wait_s=2.0):
    return Pace(per_minute, most_wait_s=most_wait_s, monotonic=time.monotonic, sleep=time.sleep)


async def test_calls_are_spaced():
    time = Time()
    paced = pace(time)
    entered = []
    for _ in range(3):
        assert await paced.enter() == 0
        entered.append(time.now_s)
    assert entered == [100, 101, 102]


async def test_a_turn_too_far_away_is_told_and_costs_nobody_theirs():
    time = Time()
    paced = pace(time, per_minute=5)
    assert await paced.enter() == 0
    assert await paced.enter() == 12
    assert await paced.enter() == 12
    time.now_s += 10
    assert await paced.enter() == 0
    assert time.now_s == 112


async def test_a_pause_holds_for_everybody():
    time = Time()
    paced = pace(time)
    paced.pause(12)
    assert await paced.enter() == 12
    time.now_s += 12
    assert await paced.enter() == 0


async def test_a_shorter_pause_does_not_end_a_longer_one():
    paced = pace(Time())
    paced.pause(12)
    paced.pause(1)
    assert await paced.enter() == 12


@given(st.lists(st.floats(0, 5), max_size=40), st.integers(1, 600))
async def test_never_more_than_the_rate_and_never_longer_than_the_bound(gaps_s, per_minute):
    time = Time()
    paced = pace(time, per_minute)
    entered = []
    for gap_s in gaps_s:
        time.now_s += gap_s
        came_s = time.now_s
        if not await paced.enter():
            entered.append(time.now_s)
        assert time.now_s - came_s <= 2.0 + 1e-6
    assert all(b - a >= 60 / per_minute - 1e-6 for a, b in pairwise(entered))
