from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.quiet import NEVER, QuietHours, clock_of

NIGHT = QuietHours.parse("20:00-08:00")


def at(hour, minute=0):
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "country", "until"),
    [
        (at(17, 59), "ZM", None),  # 19:59 in Lusaka
        (at(18), "ZM", at(6) + timedelta(days=1)),
        (at(22, 30), "ZM", at(6) + timedelta(days=1)),  # after midnight
        (at(5, 59), "ZM", at(6)),
        (at(6), "ZM", None),
        (at(16, 59), "KE", None),
        (at(17), "KE", at(5) + timedelta(days=1)),  # an hour earlier in Nairobi
        (at(5), "KE", None),
        (at(18), None, at(6) + timedelta(days=1)),
        (at(18), "XX", at(6) + timedelta(days=1)),
    ],
)
def test_the_night_lasts_until_the_morning_of_the_place(moment, country, until):
    assert NIGHT.until(moment, country) == until


def test_hours_inside_a_day_and_no_hours_at_all():
    noon = QuietHours.parse("12:00-14:00")
    assert noon.until(at(9, 59), "ZM") is None
    assert noon.until(at(10), "ZM") == at(12)
    assert noon.until(at(12), "ZM") is None
    assert QuietHours.parse("00:00-00:00") == NEVER
    assert NEVER.until(at(22), "ZM") is None


@pytest.mark.parametrize(
    "text", ["", "20-8", "20:00", "25:00-08:00", "20:00-08:00:00", "\u0662\u0660:00-08:00"]
)
def test_anything_else_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match="20:00-08:00"):
        QuietHours.parse(text)


@given(
    start=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    end=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    moment=st.integers(0, 10**8).map(lambda s: at(0) + timedelta(seconds=s)),
    country=st.sampled_from(["ZM", "KE"]),
)
def test_what_waits_waits_less_than_a_day_and_until_a_moment_that_is_not_quiet(start, end, moment, country):
    hours = QuietHours(start, end)
    until = hours.until(moment, country)
    if until:
        assert moment < until <= moment + timedelta(days=1)
        assert hours.until(until, country) is None
        assert until.astimezone(clock_of(country)).time() == end
