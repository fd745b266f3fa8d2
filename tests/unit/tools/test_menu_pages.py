import pytest

from tools import menus
from ussd_menus.screens import SPECS

NEVER_SHOWN = {"start", "deciding", "reporting", "changing", "recording"}


@pytest.fixture(scope="module")
def table():
    return menus.screens()


def test_the_page_shows_what_the_code_says_now(table):
    page = menus.PAGE.read_text(encoding="utf-8")
    parts = {"graph": menus.graph(), "screens": table}
    assert menus.fill(page, parts) == page, "run: make docs"


def test_every_screen_that_can_be_seen_has_a_row(table):
    named = {line.split("`")[1] for line in table.split("\n")[2:]}
    assert named == (SPECS.keys() - NEVER_SHOWN) | {"main.staff"}


@pytest.mark.parametrize(
    ("screen", "who"),
    [
        ("main", "everyone"),
        ("main.staff", "agents, caretakers"),
        ("problem", "everyone"),
        ("status", "agents, caretakers"),
        ("cash", "agents"),
        ("kept", "caretakers"),
        ("both", "agent and caretaker"),
    ],
)
def test_a_row_says_for_whom_a_screen_is(table, screen, who):
    assert f"| `{screen}` | {who} | " in table


def test_a_row_says_where_keys_and_words_lead(table):
    (row,) = [line for line in table.split("\n") if line.startswith("| `problem_words` ")]
    assert row.endswith("| `1` `ended`, `0` `problem_tap`, `typed` `ended` |")


def test_the_graph_begins_at_the_start_and_ends_at_the_end():
    assert menus.graph().startswith("```mermaid\nstateDiagram-v2\n    [*] --> start\n")
    assert menus.graph().endswith("    ended --> [*]\n```")


def test_a_part_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match="songs"):
        menus.fill("<!-- menu: songs -->\n<!-- end of menu -->")
