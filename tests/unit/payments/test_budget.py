from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from payments.budget import Budget

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def spent():
    budget = Budget(NOW)
    while not budget.is_spent(NOW):
        budget = budget.take(NOW)
    return budget


def test_a_new_budget_lasts_for_twenty_tries():
    budget, tries = Budget(NOW), 0
    while not budget.is_spent(NOW):
        budget, tries = budget.take(NOW), tries + 1
    assert tries == 20


def test_ten_first_calls_earn_a_further_try():
    budget = spent()
    for n in range(10):
        assert budget.is_spent(NOW), n
        budget = budget.earn(NOW)
    assert not budget.is_spent(NOW)
    assert budget.take(NOW).is_spent(NOW)


def test_time_earns_six_tries_a_minute_and_no_more_than_there_is_room_for():
    budget = spent()
    assert budget.is_spent(NOW + timedelta(seconds=9))
    assert not budget.is_spent(NOW + timedelta(seconds=10))
    assert budget.passed(NOW + timedelta(minutes=1)).tenths == 60
    assert budget.passed(NOW + timedelta(days=1)).tenths == Budget(NOW).tenths


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=300))
def test_further_tries_are_a_tenth_of_first_calls_beside_the_start_and_what_time_adds(calls):
    budget, now, first, further = Budget(NOW), NOW, 0, 0
    for is_first, seconds in calls:
        now += timedelta(seconds=seconds)
        if is_first:
            budget, first = budget.earn(now), first + 1
        elif not budget.is_spent(now):
            budget, further = budget.take(now), further + 1
    assert further <= 20 + first / 10 + (now - NOW).total_seconds() / 10


def test_after_a_clock_was_set_back_the_next_call_earns_again():
    back = NOW - timedelta(hours=1)
    budget = spent().earn(back)
    assert budget.is_spent(back)
    assert not budget.is_spent(back + timedelta(seconds=10))
