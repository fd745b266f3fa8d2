import pytest

from core.errors import Conflict
from ussd_menus import lint
from ussd_menus.machine import MACHINE, TABLE, fire, mermaid
from ussd_menus.samples import worlds
from ussd_menus.screens import ALL, SPECS
from ussd_menus.screens.start import RESUMABLE
from ussd_menus.session import END, START

ARCS = {(event, source): target for event, source, target in TABLE}


def test_every_screen_has_a_name_of_its_own():
    assert len(SPECS) == len(ALL)


def test_every_arc_joins_screens_that_exist():
    assert {name for _, source, target in TABLE for name in (source, target)} <= SPECS.keys()


def test_an_event_leads_to_one_screen_only():
    assert len(ARCS) == len(TABLE)


def test_every_screen_is_reachable_and_every_screen_can_end():
    assert lint.reachable() == SPECS.keys()
    assert lint.dead_ends() == set()


def test_nothing_follows_the_end():
    assert [arc for arc in TABLE if arc[1] == END] == []


def test_nothing_leads_back_to_the_start():
    assert [arc for arc in TABLE if arc[2] == START and arc[1] != START] == []


def test_only_a_confirmation_leads_to_a_decision():
    assert [(event, source) for event, source, target in TABLE if target == "deciding" != source] == [
        ("yes", "confirm")
    ]


def test_a_confirmation_is_reached_only_with_a_tap_and_an_amount():
    sources = {source for _, source, target in TABLE if target == "confirm" != source}
    assert sources == {"debt", "part_ask", "number", "ways", "resume"}


def test_what_may_be_resumed_exists_and_can_be_resumed():
    resumed = {target for event, source, target in TABLE if source == "resume" and event.startswith("on_")}
    assert resumed == set(RESUMABLE)


@pytest.mark.parametrize(("event", "source"), ARCS)
def test_the_machine_does_what_the_table_says(event, source):
    assert fire(source, event) == ARCS[event, source]


@pytest.mark.parametrize(
    ("state", "event"), [("main", "yes"), ("main", "no_such"), (END, "home"), ("x", "home")]
)
def test_an_arc_that_is_not_in_the_table_is_refused(state, event):
    with pytest.raises(Conflict) as refused:
        fire(state, event)
    assert refused.value.reason == "no_such_arc"


def test_the_machine_keeps_no_models():
    assert MACHINE.models == []


def test_the_picture_has_every_screen():
    picture = mermaid()
    assert picture.startswith("stateDiagram-v2\n")
    assert all(f" {name}" in picture for name in SPECS)


def test_the_made_up_worlds_show_every_screen_but_those_that_are_never_shown():
    from ussd_menus.samples import SETTINGS
    from ussd_menus.walk import walk

    met = {seen.session.state for name, world in worlds().items() for seen in walk(name, world, SETTINGS)}
    assert met == SPECS.keys() - {"start", "deciding", "reporting", "changing", "recording"}
