from datetime import UTC, datetime, timedelta

import pytest

from taps.flags_detection import new_findings
from taps.flags_model import Flag, FlagKind, FlagState, Rule, Source
from taps.occupancy import Finding

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TAP, OTHER = "KNY-0417-1", "KNY-0533-5"


def finding(seen_at=NOW, tap_id=TAP, rule=Rule.CROWDED):
    return Finding(tap_id, rule, seen_at, "")


def flag(state, created_at=NOW, rule=Rule.CROWDED):
    return Flag(
        flag_id="f", number=1, kind=FlagKind.UNREGISTERED, tap_id=TAP, zone="KNY", words="", reported_by=None,
        source=Source.DETECTED, rule=rule, owner=None, state=state, created_at=created_at, version=0,
    )  # fmt: skip


@pytest.mark.parametrize("state", [FlagState.OPEN, FlagState.VISITED])
def test_an_unresolved_flag_stands_for_all_evidence(state):
    assert new_findings([finding(NOW + DAY)], [flag(state)]) == []


@pytest.mark.parametrize("state", [FlagState.CONFIRMED, FlagState.CLEARED])
def test_a_resolved_one_stands_for_what_was_known_then(state):
    assert new_findings([finding(NOW)], [flag(state)]) == []
    assert new_findings([finding(NOW - DAY)], [flag(state)]) == []
    later = finding(NOW + DAY)
    assert new_findings([later], [flag(state)]) == [later]


def test_other_rules_and_other_taps_are_untouched():
    others = [finding(tap_id=OTHER), finding(rule=Rule.TWO_REPORTS)]
    assert new_findings(others, [flag(FlagState.OPEN)]) == others


def test_what_people_reported_hides_nothing():
    assert new_findings([finding()], [flag(FlagState.OPEN, rule=None)]) == [finding()]


def test_a_rule_finds_a_tap_once():
    assert new_findings([finding(), finding(NOW - DAY)], []) == [finding()]
