"""How calls are counted by screen."""

import pytest

from gateway.sessions.dropoff import ScreenUse, Tally, screens_of, status_of
from ussd_menus.screens import SPECS


@pytest.mark.parametrize(
    ("told", "screens"),
    [
        ("", []),
        ("|", []),
        ("main", ["main"]),
        ("language|main|tap_ask|main", ["language", "main", "tap_ask", "main"]),
        ("main|wrong3", ["main", "wrong3"]),
        ("last.pending|main.staff", ["last", "main"]),  # varieties of a screen
        ("<script>|main|'; DROP TABLE|\x1b[31m|x", ["other", "main", "other", "other", "other"]),
        ("madzi_ussd.tap", ["other"]),
        ("Main| main", ["other", "other"]),
    ],
)  # fmt: skip
def test_screens_are_those_of_the_menu_in_their_order(told, screens):
    assert screens_of(told) == screens


def test_every_screen_of_the_menu_is_known_by_its_name():
    assert [screens_of(name) for name in SPECS] == [[name] for name in SPECS]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("Success", "success"),
        ("INCOMPLETE ", "incomplete"),
        ("Failed", "failed"),
        ("release", "release"),
        ("", "other"),
        ("200 something long that a network made up", "other"),
    ],
)
def test_statuses_are_few(told, status):
    assert status_of(told) == status


def uses(*paths):
    tally = Tally()
    for path in paths:
        tally.add(*path)
    return tally.uses()


def test_a_call_leaves_where_it_broke_off_and_ends_where_it_was_done():
    found = uses(("main|tap_ask", "Incomplete"), ("main|tap_ask|debt", "Success"), ("main|tap_ask", "Failed"))
    assert found == [
        ScreenUse("tap_ask", 3, 0, 2),
        ScreenUse("main", 3, 0, 0),
        ScreenUse("debt", 1, 1, 0),
    ]
    assert [round(use.left_percent) for use in found] == [67, 0, 0]


def test_a_call_counts_once_for_a_screen_however_often_it_came_there():
    assert uses(("main|help|main|help|main", "Incomplete")) == [
        ScreenUse("main", 1, 0, 1),
        ScreenUse("help", 1, 0, 0),
    ]


def test_calls_of_the_same_words_are_added_at_once():
    assert uses(("main", "Incomplete", 40), ("main", "Success", 2)) == [ScreenUse("main", 42, 2, 40)]


def test_calls_without_screens_do_not_count():
    assert uses(("", "Incomplete", 7), ("|||", "Success")) == []
