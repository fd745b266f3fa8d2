from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from payments.breaker import Breaker, Policy, State, heard, is_due, probed, probing

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
POLICY = Policy(failures=3, window_s=10, wait_s=8, most_wait_s=60, lease_s=20)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def failed(breaker=None, times=3, at=0, good=0, jitter=0.0):
    return heard(breaker or Breaker("mtn:default"), POLICY, good, times, after(at), jitter)


def waited_s(breaker):
    return (breaker.probe_at - breaker.changed_at).total_seconds()


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        (0, 0, State.CLOSED),
        (0, 2, State.CLOSED),
        (0, 3, State.OPEN),
        (3, 3, State.OPEN),
        (4, 3, State.CLOSED),  # most calls go well: a large provider has some failures at any time
        (100, 60, State.CLOSED),
        (100, 100, State.OPEN),
    ],
)
def test_it_opens_after_so_many_failures_where_they_are_half_of_the_calls(good, bad, state):
    assert failed(good=good, times=bad).state == state


def test_failures_add_up_within_the_window():
    breaker = failed(times=1)
    breaker = failed(breaker, times=1, at=4)
    assert failed(breaker, times=1, at=9).state == State.OPEN


def test_failures_are_forgotten_after_the_window():
    breaker = failed(times=2)
    assert failed(breaker, times=1, at=10).state == State.CLOSED
    assert failed(breaker, times=2, at=600).bad == 2


def test_while_it_is_open_late_answers_of_earlier_calls_change_nothing():
    breaker = failed()
    assert heard(breaker, POLICY, 50, 50, after(1), 0.0) == breaker


@pytest.mark.parametrize(("back_s", "due"), [(0, False), (8, False), (9, True), (3600, True)])
def test_a_clock_set_back_makes_no_wait_longer_than_twice(back_s, due):
    waits = failed()
    assert is_due(waits, after(-back_s)) is due
    tries = probing(waits, POLICY, "p", after(8))  # and its process dies
    assert is_due(tries, after(8 - POLICY.lease_s - back_s)) is (back_s > 0)


@pytest.mark.parametrize(("jitter", "wait_s"), [(0.0, 8), (0.5, 6), (1.0, 4)])
def test_the_wait_is_spread_by_jitter(jitter, wait_s):
    assert waited_s(failed(jitter=jitter)) == wait_s


def test_nobody_probes_before_the_wait_is_over():
    breaker = failed()
    assert probing(breaker, POLICY, "a", after(7.9)) is None
    assert probing(breaker, POLICY, "a", after(8)).state == State.HALF_OPEN


def test_a_closed_one_needs_no_probe():
    assert probing(Breaker("mtn:default"), POLICY, "a", NOW) is None


def test_one_probe_has_the_place():
    breaker = probing(failed(), POLICY, "a", after(8))
    assert probing(breaker, POLICY, "b", after(8)) is None
    assert probing(breaker, POLICY, "b", after(27)) is None


def test_the_place_of_a_probe_that_died_is_free_after_its_lease():
    breaker = probing(failed(), POLICY, "a", after(8))
    second = probing(breaker, POLICY, "b", after(28))
    assert second.probe_id == "b"
    assert probed(second, POLICY, "a", after(29), 0.0, is_good=True) is None


def test_a_good_probe_closes():
    breaker = probed(probing(failed(), POLICY, "a", after(8)), POLICY, "a", after(9), 0.0, is_good=True)
    assert (breaker.state, breaker.probe_id, breaker.bad) == (State.CLOSED, None, 0)


def test_a_bad_probe_opens_again_for_longer_up_to_a_bound():
    breaker, waits, now = failed(), [], NOW
    for _ in range(6):
        waits.append(waited_s(breaker))
        now = breaker.probe_at
        breaker = probed(probing(breaker, POLICY, "a", now), POLICY, "a", now, 0.0, is_good=False)
    assert waits == [8, 16, 32, 60, 60, 60]


def test_a_probe_that_told_nothing_gives_its_place_back():
    breaker = probed(probing(failed(), POLICY, "a", after(8)), POLICY, "a", after(9), 0.0, is_good=None)
    assert (breaker.state, breaker.opened) == (State.OPEN, 1)
    assert is_due(breaker, after(9))


def test_what_closes_and_fails_again_at_once_waits_longer():
    breaker = probed(probing(failed(), POLICY, "a", after(8)), POLICY, "a", after(8), 0.0, is_good=True)
    assert waited_s(failed(breaker, at=9)) == 16


def test_a_good_call_after_it_closed_makes_the_next_wait_short_again():
    breaker = probed(probing(failed(), POLICY, "a", after(8)), POLICY, "a", after(8), 0.0, is_good=True)
    breaker = heard(breaker, POLICY, 1, 0, after(9), 0.0)
    assert waited_s(failed(breaker, at=20)) == 8


class Callers(RuleBasedStateMachine):
    """Many callers, some of whom die: at most one of them probes at any time."""

    def __init__(self):
        super().__init__()
        self.now, self.breaker, self.names = NOW, Breaker("mtn:default"), 0
        self.probes = {}  # name -> end of its lease

    @rule(seconds=st.floats(0.1, 90))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(good=st.integers(0, 5), bad=st.integers(0, 5), jitter=st.floats(0, 1))
    def calls_end(self, good, bad, jitter):
        self.breaker = heard(self.breaker, POLICY, good, bad, self.now, jitter)

    @rule(callers=st.integers(1, 50))
    def ask_at_once(self, callers):
        admitted = []
        for _ in range(callers):
            self.names += 1
            if asked := probing(self.breaker, POLICY, str(self.names), self.now):
                self.breaker = asked
                admitted.append(str(self.names))
        assert len(admitted) <= 1
        if admitted:
            assert all(end <= self.now for end in self.probes.values())
            self.probes = {admitted[0]: self.now + timedelta(seconds=POLICY.lease_s)}

    @precondition(lambda self: self.probes)
    @rule(is_good=st.sampled_from([True, False, None]), jitter=st.floats(0, 1))
    def a_probe_ends(self, is_good, jitter):
        name, _ = self.probes.popitem()
        self.breaker = probed(self.breaker, POLICY, name, self.now, jitter, is_good=is_good)
        assert self.breaker.is_closed == bool(is_good)

    @invariant()
    def is_sound(self):
        breaker = self.breaker
        assert (breaker.state == State.HALF_OPEN) == (breaker.probe_id is not None)
        if breaker.state == State.OPEN:
            assert (breaker.probe_at - breaker.changed_at).total_seconds() <= POLICY.most_wait_s
        if breaker.is_closed:
            failures, calls = breaker.bad + breaker.bad_before, breaker.good + breaker.good_before
            assert failures < POLICY.failures or failures < calls


TestCallers = Callers.TestCase
