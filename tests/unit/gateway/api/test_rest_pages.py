from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from core.errors import BadInput
from gateway.api import pages
from gateway.api.pages import Position, Question, read
from taps.tap_id import TapId, TapNumber

ID = "01a1fc7a-89c3-72db-888b-574819fb8a14"


def of(**query):
    return read(MultiDict(query), "ZM")


def _refusal(reading, *what):
    """Return the code with which something is refused; any other error breaks the test."""
    try:
        reading(*what)
    except BadInput as refusal:
        return refusal.reason
    return None


@given(
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - hypothesis adds the zone
    st.uuids(),
)
def test_a_cursor_comes_back_as_the_position_it_was_made_from(created_at, payment_id):
    position = Position(created_at, str(payment_id))
    cursor = position.dumps()
    assert Position.loads(cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=250))
def test_no_text_breaks_the_reading_of_a_cursor(text):
    assert _refusal(Position.loads, text) in (None, "bad_cursor")


@given(st.dictionaries(st.sampled_from(pages.NAMES), st.text(max_size=50)))
def test_no_parameters_break_the_reading_of_a_question(query):
    code = _refusal(read, MultiDict(query), "ZM")
    assert code is None or code.startswith("bad_")


def test_no_parameters_ask_for_the_newest_fifty():
    assert of() == Question(limit=50)
    assert of(tap_id="", msisdn=" ", status="", since="", cursor="", limit="") == of()


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ({"tap_id": "kny 0417 1"}, "tap", TapId("KNY-0417-1")),
        ({"tap_id": "24 17 03"}, "tap", TapNumber("241703")),
        ({"msisdn": "0961234567"}, "msisdn", "+260961234567"),
        ({"msisdn": " 260961234567"}, "msisdn", "+260961234567"),  # a plus that nobody escaped
        ({"status": "pending"}, "status", "pending"),
        ({"since": "2026-11-21"}, "since", datetime(2026, 11, 21, tzinfo=UTC)),
        ({"since": "2026-11-21T08:00:00+02:00"}, "since", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ({"since": "2026-11-21T06:00:00Z"}, "since", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ({"limit": "200"}, "limit", 200),
    ],
)
def test_parameters_are_read(query, field, expected):
    assert getattr(of(**query), field) == expected


def test_a_number_is_read_in_the_countrys_form():
    assert read(MultiDict(msisdn="0708374149"), "KE").msisdn == "+254708374149"


def test_a_position_is_written_in_utc():
    lusaka = datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=2)))
    assert Position(lusaka, ID).dumps() == Position(lusaka.astimezone(UTC), ID).dumps()


def test_unknown_and_doubled_parameters_are_refused():
    for query, code in (
        (MultiDict(page="2"), "unknown_parameter"),
        (MultiDict([("limit", "1")] * 2), "bad_parameter"),
    ):
        with pytest.raises(BadInput) as refusal:
            read(query, "ZM")
        assert refusal.value.reason == code
