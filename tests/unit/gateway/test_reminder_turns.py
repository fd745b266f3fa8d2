"""Which day reminds of which month, without a database."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reminder_facts import Owed
from gateway.reminders import Plan, Turn, chosen, turns
from taps.occupancy import due_day


def said(day, **plan):
    return [(turn.period, turn.is_late) for turn in turns(date.fromisoformat(day), Plan(**plan))]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-24", []),
        ("2026-11-25", [("2026-11", False)]),
        ("2026-11-30", [("2026-11", False)]),
        ("2026-12-01", []),
        ("2026-12-02", []),
        ("2026-12-03", [("2026-11", True)]),
        ("2026-12-09", [("2026-11", True)]),
        ("2026-12-10", []),
        ("2027-01-03", [("2026-12", True)]),
        ("2028-02-24", [("2028-02", False)]),
    ],
)
def test_five_days_before_until_the_last_day_and_a_week_from_three_days_after(day, expected):
    assert said(day) == expected


def test_long_plans_may_remind_of_two_months_on_one_day():
    assert said("2026-12-15", before_days=20, after_days=10) == [("2026-11", True), ("2026-12", False)]


@given(
    start=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    before=st.integers(0, 20),
    after=st.integers(0, 20),
)
def test_every_month_has_its_turns_on_days_in_one_piece(start, before, after):
    days = [start + timedelta(days=n) for n in range(90)]
    plan = Plan(before_days=before, after_days=after)
    seen = {}
    for day in days:
        for turn in turns(day, plan):
            seen.setdefault(turn, []).append(day)
    for turn, on in seen.items():
        assert (on[-1] - on[0]).days == len(on) - 1
        assert all((day > due_day(turn.period)) == turn.is_late for day in on)
    assert (not any(turn.is_late for turn in seen)) if not after else True
    assert (not any(not turn.is_late for turn in seen)) if not before else True


def test_a_fact_is_one_phone_one_period_one_kind():
    msisdn = "+260961234567"
    keys = {Turn(p, late).fact_key(msisdn) for p in ("2026-11", "2026-12") for late in (True, False)}
    assert len(keys) == 4
    assert all(msisdn in key for key in keys)


def owed(owner, open_minor, tenant_id=None):
    return Owed(owner, "KNY-0417-1", tenant_id, open_minor, "ZMW", ("2026-11",))


def test_one_is_chosen_for_each_phone_whatever_the_order():
    mine, tap, large = owed("t1", 100, "t1"), owed("a", 200), owed("b", 900)
    phones = {"t1": "mary", "a": "mary", "b": "keeper"}
    for order in ([mine, tap, large], [large, tap, mine]):
        assert chosen(order, phones) == {"mary": mine, "keeper": large}
    assert chosen([tap, large], {"a": "keeper", "b": "keeper"}) == {"keeper": large}
    assert chosen([tap], {}) == {}
