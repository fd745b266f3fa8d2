from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Conflict
from taps import flags_model as fm
from taps.flags_model import FLAG, Flag, FlagKind, FlagState, Report, Source

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
MARY, JOHN = "+260960000001", "+260970000002"
TOLD = Report(FlagKind.BURST, "KNY-0417-1", "by the church", MARY, Source.RESIDENT)
FLAGGED = Flag(
    flag_id="f", number=42, kind=FlagKind.BURST, tap_id="KNY-0417-1", zone="KNY", words="by the church",
    reported_by=MARY, source=Source.RESIDENT, rule=None, owner=None, state=FlagState.OPEN, created_at=NOW,
    version=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        ("open", "visit", "visited"),
        ("open", "confirm", "confirmed"),
        ("open", "clear", "cleared"),
        ("visited", "confirm", "confirmed"),
        ("visited", "clear", "cleared"),
    ],
)
def test_a_flag_is_visited_then_confirmed_or_cleared(state, event, after):
    assert FLAG.after(event, state) == after


@pytest.mark.parametrize("state", ["confirmed", "cleared"])
@pytest.mark.parametrize("event", ["visit", "confirm", "clear"])
def test_what_is_resolved_stays_so(state, event):
    with pytest.raises(Conflict, match="bad_transition"):
        FLAG.after(event, state)


def test_every_state_but_the_first_can_be_reached_by_its_one_event():
    assert fm.EVENT_TO == {"visited": "visit", "confirmed": "confirm", "cleared": "clear"}


@pytest.mark.parametrize("typed", ["F-0042", "f-42", " f42 ", "F 0042", "42", "0042"])
def test_a_reference_is_read_as_people_type_it(typed):
    assert fm.read_reference(typed) == 42


@pytest.mark.parametrize(
    "typed", ["", "F-", "F-0", "C-004217", "42a", "4 2", "9999999999", "٤٢", "F-0042; --"]
)
def test_what_is_no_reference_is_refused_with_an_example(typed):
    with pytest.raises(BadInput, match="F-0042") as wrong:
        fm.read_reference(typed)
    assert wrong.value.reason == "bad_reference"


@given(st.integers(1, 999_999_999))
def test_a_reference_that_was_written_is_read_back(number):
    assert fm.read_reference(fm.reference(number)) == number


def test_references_grow_past_four_digits():
    assert [fm.reference(1), fm.reference(12345)] == ["F-0001", "F-12345"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  by \t the\r\nchurch ", "by the church"),
        ("a\x00b\u200fc\u202ed", "abcd"),
        ("😀" * 200, "😀" * 160),
        ("x" * 159 + " y", "x" * 159),
        ("Ng\u0027ombe cafe\u0301", "Ng'ombe caf\u00e9"),
        ("", ""),
        (" \u200b ", ""),
        ("'; DROP TABLE flags; --{{7*7}}", "'; DROP TABLE flags; --{{7*7}}"),
    ],
)
def test_words_are_kept_in_one_line_that_can_be_shown(typed, kept):
    assert fm.clean_words(typed) == kept


@given(st.text(max_size=400))
def test_words_always_fit_and_cleaning_again_changes_nothing(text):
    clean = fm.clean_words(text)
    assert len(clean) <= 160
    assert all(c == " " or c.isprintable() or c.isspace() for c in clean)
    assert fm.clean_words(clean) == clean


def test_the_same_phone_tap_and_kind_is_a_repeat_whatever_its_words():
    assert fm.same(FLAGGED, replace(TOLD, words="it is worse now"), NOW)
    assert fm.same(replace(FLAGGED, state=FlagState.VISITED), TOLD, NOW)


@pytest.mark.parametrize(
    "other",
    [
        {"msisdn": JOHN},
        {"tap_id": "KNY-0533-5"},
        {"tap_id": None},
        {"kind": FlagKind.NO_WATER},
    ],
)
def test_another_phone_tap_or_kind_is_news(other):
    assert not fm.same(FLAGGED, replace(TOLD, **other), NOW)


@pytest.mark.parametrize("state", [FlagState.CONFIRMED, FlagState.CLEARED])
def test_a_resolved_flag_is_not_opened_again(state):
    assert not fm.same(replace(FLAGGED, state=state), TOLD, NOW)


def test_after_thirty_days_it_is_news_again():
    assert fm.same(FLAGGED, TOLD, NOW + timedelta(days=30) - timedelta(seconds=1))
    assert not fm.same(FLAGGED, TOLD, NOW + timedelta(days=30))


def test_without_a_tap_only_the_words_tell_places_apart():
    placeless, told = replace(FLAGGED, tap_id=None, zone=None), replace(TOLD, tap_id=None)
    assert fm.same(placeless, replace(told, words="By  the CHURCH"), NOW)
    assert not fm.same(placeless, replace(told, words="by the school"), NOW)


def test_of_several_the_first_told_is_the_one():
    later = replace(FLAGGED, number=50)
    assert fm.first_told([later, FLAGGED], TOLD, NOW) == FLAGGED
    assert fm.first_told([], TOLD, NOW) is None
