from datetime import UTC, datetime

import pytest

from core import say

MOMENT = datetime(2026, 11, 21, 6, 5, tzinfo=UTC)


def test_a_moment_reads_in_lusaka_time():
    assert say.date(MOMENT) == "21 Nov"
    assert say.time(MOMENT) == "08:05"
    assert say.stamp(MOMENT) == "21 Nov 08:05"


def test_the_day_turns_at_midnight_in_lusaka():
    late = datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
    assert say.stamp(late) == "1 Jan 00:00"


def test_a_moment_that_is_already_local_stays():
    assert say.time(datetime(2026, 11, 21, 12, 0, tzinfo=say.LOCAL)) == "12:00"


@pytest.mark.parametrize(
    ("months", "words"),
    [
        ([], ""),
        (["2026-11"], "Nov"),
        (["2026-11", "2026-11"], "Nov"),
        (["2026-11", "2026-09", "2026-10"], "Sep-Nov"),
        (["2027-01", "2026-12"], "Dec-Jan"),
    ],
)
def test_periods_read_from_the_oldest_to_the_newest(months, words):
    assert say.periods(months) == words


@pytest.mark.parametrize("wrong", ["2026-13", "2026-00", "2026-", "x"])
def test_what_is_no_month_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        say.period(wrong)
