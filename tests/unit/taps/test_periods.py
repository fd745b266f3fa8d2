from datetime import UTC, date, datetime

import pytest

from core.errors import BadInput
from taps import periods


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        (datetime(2026, 11, 21, 12, tzinfo=UTC), "2026-11"),
        (datetime(2026, 11, 30, 21, 59, tzinfo=UTC), "2026-11"),
        (datetime(2026, 11, 30, 22, 0, tzinfo=UTC), "2026-12"),
    ],
)
def test_a_month_ends_at_midnight_in_lusaka(moment, period):
    assert periods.period_of(moment) == period


def test_the_next_period():
    assert periods.next_period("2026-11") == "2026-12"
    assert periods.next_period("2026-12") == "2027-01"
    assert periods.next_period("2026-01") == "2026-02"


def test_the_first_day():
    assert periods.first_day("2026-02") == date(2026, 2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-13",
        "2026-00",
        "2026-1",
        "26-11",
        "2026/11",
        "November",
        "",
        "2026-11-01",
        "\u0662\u0660\u0662\u0666-11",
    ],
)
def test_what_is_no_month_is_refused(text):
    with pytest.raises(BadInput) as refused:
        periods.check(text)
    assert refused.value.reason == "bad_period"


def test_spaces_around_a_month_do_no_harm():
    assert periods.check(" 2026-11 ") == "2026-11"
