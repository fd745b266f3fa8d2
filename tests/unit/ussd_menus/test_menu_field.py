"""Agents and caretakers: what a call asks to be done, never twice, never by the wrong person."""

from functools import partial

import pytest
from msgspec.structs import replace

from core.gsm import fits
from taps.tenancies import commands as c
from ussd_menus import facts as f
from ussd_menus import outcome as o
from ussd_menus.samples import CALLER, NEIGHBOUR, NOW, TAP, worlds
from ussd_menus.screens import SPECS
from ussd_menus.session import END
from ussd_menus.step import begin, conclude, step
from ussd_menus.walk import answered

SETTINGS = o.MenuSettings()
WORLDS = worlds()
AGENT, KEEPER, BOTH = WORLDS["agent"], WORLDS["caretaker"], WORLDS["agent and caretaker"]
USSD = {"command_id": "", "channel": "ussd"}
BAD = [
    "",
    "   ",
    "\0",
    "#",
    "\u200f",
    "\u202e",
    "\U0001f4a7" * 160,
    "'; DROP TABLE taps; --",
    "{typed}",
    "%s",
    "x" * 200,
]
# What leads to each screen that reads, for whom, and words that fit there all the same.
READING = {
    "status_ask": (AGENT, ("7",), ()),
    "cash_part": (AGENT, ("7", TAP, "2", "1", "2"), ()),
    "cash_payer": (AGENT, ("7", TAP, "2", "1", "1"), ()),
    "add_phone": (KEEPER, ("8", "1", "2"), ()),
    "add_name": (
        KEEPER,
        ("8", "1", "2", "0966123456"),
        ("'; DROP TABLE taps; --", "{typed}", "%s", "x" * 200),
    ),
    "add_people": (KEEPER, ("8", "1", "2", "0966123456", "Mary"), ()),
    "people": (KEEPER, ("8", "1", "1", "1", "1"), ()),
    "count": (KEEPER, ("8", "1", "3"), ()),
}


def dial(world, history="", *, rebuild=False):
    return answered(world, lambda facts: begin(CALLER, history, facts, NOW, SETTINGS, rebuild=rebuild))


def press(world, outcome, *keys):
    for key in keys:
        outcome = answered(world, partial(_step, outcome.session, key))
    return outcome


def _step(session, key, facts):
    return step(session, key, facts, NOW, SETTINGS)


def keyed(world, *keys):
    return press(world, dial(world), *keys)


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (
            ("8", "1", "2", "0966123456", "Mary Banda", "4", "1"),
            c.Register(CALLER, TAP, NEIGHBOUR, "Mary Banda", 4, **USSD),
        ),
        (("8", "1", "1", "1", "1", "6"), c.SetOccupants(CALLER, TAP, NEIGHBOUR, 6, **USSD)),
        (("8", "1", "1", "1", "2", "1"), c.Move(CALLER, NEIGHBOUR, "KNY-0533-5", TAP, **USSD)),
        (("8", "1", "1", "1", "3", "1"), c.Remove(CALLER, NEIGHBOUR, TAP, **USSD)),
        (("8", "1", "3", "18"), c.Count(CALLER, TAP, 18, **USSD)),
        (("8", "1", "6", "1"), c.Undo(CALLER, **USSD)),
        (("8", "5", "1"), c.Undo(CALLER, **USSD)),
    ],
)
def test_a_caretakers_keys_are_commands(keys, command):
    assert keyed(KEEPER, *keys).act == o.Change(1, command)


def test_cash_is_exactly_what_was_shown():
    assert keyed(AGENT, "7", TAP, "2", "1", "2", "12.50", "0966123456", "1").act == o.RecordCash(
        number=1,
        msisdn=CALLER,
        tap_id=TAP,
        tenant_id=None,
        amount_minor=1250,
        currency="ZMW",
        payer_msisdn=NEIGHBOUR,
    )


def test_cash_of_a_tenant_is_told_to_the_tenant():
    act = keyed(AGENT, "7", TAP, "2", "2", "1", "1").act
    assert (act.tenant_id, act.payer_msisdn, act.amount_minor) == ("open0", NEIGHBOUR, 999_998)


def test_a_payer_and_a_tenant_of_the_cash_before_are_forgotten():
    again = keyed(AGENT, "7", TAP, "2", "2", "0", "0", "2", "1", "1", "1", "1").act
    assert (again.tenant_id, again.payer_msisdn) == (None, None)


def test_acts_count_on_within_a_call():
    first = keyed(KEEPER, "8", "1", "3", "18")
    told = conclude(first, o.Refused(), SETTINGS)
    assert (first.act.number, press(KEEPER, told, "0", "3", "19").act.number) == (1, 2)


def test_a_repeated_yes_is_the_same_act():
    shown = keyed(KEEPER, "8", "1", "6")
    assert press(KEEPER, shown, "1") == press(KEEPER, shown, "1")


@pytest.mark.parametrize(
    ("world", "history", "state"),
    [
        (KEEPER, "8*1*3*18", "count"),
        (KEEPER, "8*1*6*1", "undo_sure"),
        (KEEPER, "8*1*2*0966123456*Mary*4*1*0*1", "add_sure"),
        (KEEPER, "8*1*1*1*2*1", "move"),
        (AGENT, "7*KNY-0417-1*2*1*1*1*1", "cash_sure"),
    ],
)
def test_a_rebuilt_call_never_passes_a_decision(world, history, state):
    outcome = dial(world, history, rebuild=True)
    assert (outcome.session.state, outcome.session.confirmations) == (state, 0)


@pytest.mark.parametrize("name", sorted(READING))
@pytest.mark.parametrize("typed", BAD)
def test_bad_input_gets_the_same_screen_with_a_sentence(name, typed):
    world, keys, fitting = READING[name]
    shown = keyed(world, *keys)
    assert shown.session.state == name
    if typed in fitting:
        return
    outcome = press(world, shown, typed)
    assert (outcome.session.state, outcome.session.errors) == (name, 1)
    assert outcome.screen.text != shown.screen.text
    assert fits(outcome.screen.text)


@pytest.mark.parametrize("name", sorted(READING))
def test_what_may_be_a_pin_is_never_shown_again(name):
    world, keys, _ = READING[name]
    if name == "cash_part":
        return  # there it may be an amount
    assert "73915" not in press(world, keyed(world, *keys), "73915").screen.text


def test_every_screen_of_the_field_that_reads_is_tried_above():
    known = {"tap_ask", "neighbour", "part_ask", "number", "problem_tap", "problem_words"}
    assert {name for name, spec in SPECS.items() if spec.read} == known | READING.keys()


@pytest.mark.parametrize("roles", [(), ("finance",), ("caretaker", "agent"), ("",)])
def test_who_has_no_role_of_the_field_sees_the_plain_menu(roles):
    world = replace(AGENT, phone=f.Phone("en", roles=roles))
    assert dial(world).screen.name == "main"
    assert [press(world, dial(world), key).session.errors for key in ("7", "8")] == [1, 1]


def test_a_look_that_is_refused_is_noted_as_well():
    barred = WORLDS["agent elsewhere"]
    assert keyed(barred, "7", TAP).effects == (o.Looked("tap.status", TAP, "other_zone"),)
    assert keyed(WORLDS["caretaker of no tap"], "7", TAP).effects == (
        o.Looked("tap.status", TAP, "not_yours"),
    )
    third = keyed(barred, "7", TAP, TAP, TAP)
    assert (third.session.state, len(third.effects)) == (END, 1)


def test_looks_are_noted_when_a_tap_is_opened_and_not_when_its_screen_comes_again():
    assert keyed(AGENT, "7", TAP).effects == (o.Looked("tap.status", TAP),)
    assert keyed(AGENT, "7", TAP, "1").effects == (o.Looked("tap.who", TAP),)
    assert keyed(AGENT, "7", TAP, "1", "0").effects == ()
    assert keyed(AGENT, "8").effects == (o.Looked("taps.behind", ""),)
    assert keyed(BOTH, "8", "2").effects == (o.Looked("taps.behind", ""),)


def test_a_tap_typed_by_its_number_is_asked_for_once_in_a_hop():
    session = keyed(AGENT, "7").session
    facts = {}
    result = step(session, "241703", facts, NOW, SETTINGS)
    assert result.requests == {f.TapStatusFacts("241703", CALLER)}
    facts = {request: AGENT.answer(request) for request in result.requests}
    assert step(session, "241703", facts, NOW, SETTINGS).screen.name == "status"


def test_a_tap_that_is_taken_away_in_mid_call_shows_nothing_more():
    shown = keyed(AGENT, "7", TAP)
    gone = replace(AGENT, status=f.Barred(TAP, is_agent=True))
    for key in ("1", "2"):
        outcome = press(gone, shown, key)
        assert "K" not in outcome.screen.text.replace("KNY", "")
    kept = keyed(KEEPER, "8", "1")
    outcome = press(replace(KEEPER, kept_tap=None), kept, "1")
    assert outcome.session.state == "kept"
    assert outcome.screen.text.startswith("This tap is not yours to see any more.")


def test_a_tenant_who_left_in_mid_call_is_said_so():
    shown = keyed(KEEPER, "8", "1", "1")
    empty = replace(KEEPER, kept_tap=f.TapKept(TAP, "ZM"))
    outcome = press(empty, shown, "1")
    assert outcome.session.state == "tenants"
    assert outcome.screen.text.startswith("Not done: 0966123456 is not on this tap any more.")


def test_reporting_from_a_tap_leads_back_to_it_and_from_the_menu_to_the_menu():
    assert keyed(KEEPER, "8", "1", "4", "1", "0").session.state == "flags"
    assert keyed(KEEPER, "8", "1", "4", "1", "1", "0").session.state == "problem"
    assert keyed(KEEPER, "8", "1", "4", "1", "99", "4", "0").session.state == "main"
    assert keyed(KEEPER, "8", "1", "4", "1", "2", "1").act == o.Report(1, CALLER, "burst", TAP, "")
