"""Report a problem: what a call asks to be kept, and what it never keeps."""

from functools import partial

import pytest
from msgspec.structs import replace

from core.gsm import fits
from taps.flags_model import FlagKind
from ussd_menus import facts as f
from ussd_menus import outcome as o
from ussd_menus.samples import CALLER, NOW, TAP, World, worlds
from ussd_menus.session import Session
from ussd_menus.step import begin, busy, conclude, step
from ussd_menus.walk import answered

SETTINGS = o.MenuSettings()
KNOWN = replace(worlds()["known tap"], phone=f.Phone("en", taps=(TAP,)))
STRANGER = World(f.Phone("en"))
AT_WORDS = Session(
    msisdn=CALLER, state="problem_words", language="en", kind="burst", tap_id=TAP, options=("send",)
)


def dial(world, history="", *, rebuild=False):
    return answered(world, lambda facts: begin(CALLER, history, facts, NOW, SETTINGS, rebuild=rebuild))


def press(world, outcome, *keys):
    for key in keys:
        outcome = answered(world, partial(_step, outcome.session, key))
    return outcome


def _step(session, key, facts):
    return step(session, key, facts, NOW, SETTINGS)


def say(words):
    return press(KNOWN, o.Outcome(AT_WORDS, busy(SETTINGS)), words)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (("1",), FlagKind.NO_WATER),
        (("2",), FlagKind.BURST),
        (("3",), FlagKind.DIRTY_WATER),
        (("4",), FlagKind.RUBBISH),
        (("5",), FlagKind.UNREGISTERED),
        (("6",), FlagKind.MONEY),
        (("9", "1"), FlagKind.OTHER),
    ],
)
def test_every_kind_has_its_key(keys, kind):
    intent = press(KNOWN, dial(KNOWN), "4", *keys, "1", "1")
    assert intent.act == o.Report(1, CALLER, kind, TAP, "")


def test_every_kind_of_flag_can_be_told():
    assert len(FlagKind) == 7


def test_a_tap_may_be_typed_by_its_number_or_not_be_known():
    assert press(KNOWN, dial(KNOWN), "4", "1", "241703", "1").act.tap_id == TAP
    assert press(KNOWN, dial(KNOWN), "4", "1", "2", "1").act.tap_id is None
    assert press(STRANGER, dial(STRANGER), "4", "1", "1", "1").act.tap_id is None


def test_a_tap_of_the_report_before_is_forgotten():
    back = press(KNOWN, dial(KNOWN), "4", "1", "1", "0", "0")
    assert press(KNOWN, back, "1").session.tap_id is None


def test_words_are_cleaned_and_kept_as_they_are():
    assert say("  Water\u202e runs\n'; DROP TABLE flags; -- {tap} ").act.words == (
        "Water runs '; DROP TABLE flags; -- {tap}"
    )


@pytest.mark.parametrize("words", ["7391", "73915", " 7391# "])
def test_what_may_be_a_pin_is_not_kept(words):
    assert say(words).act.words == ""


@pytest.mark.parametrize("words", ["", "   ", "\0", "#", "7", "\u202e", "\u200f\u200f"])
def test_a_slip_is_no_report(words):
    outcome = say(words)
    assert (outcome.session.state, outcome.session.errors) == ("problem_words", 1)


@pytest.mark.parametrize("words", ["\U0001f6b0" * 160, "x" * 10_000, "{0}{what}%s", "\u0645\u0627\u0621"])
def test_any_words_make_a_report_that_can_be_shown(words):
    intent = say(words)
    assert 0 < len(intent.act.words) <= 160
    assert fits(conclude(intent, o.Reported("F-0001"), SETTINGS).screen.text)


@pytest.mark.parametrize("typed", ["", "7391", "x" * 200, "\U0001f600", "KNY-0417-2", "'; --"])
def test_a_wrong_tap_is_asked_for_again(typed):
    outcome = press(KNOWN, dial(KNOWN), "4", "1", typed)
    assert (outcome.session.state, outcome.session.errors) == ("problem_tap", 1)
    assert "7391" not in outcome.screen.text


def test_a_rebuilt_call_stands_before_its_words_again():
    outcome = dial(KNOWN, "4*2*1*Water runs", rebuild=True)
    assert (outcome.session.state, outcome.session.confirmations) == ("problem_words", 0)


def test_a_repeated_hop_asks_for_the_same_report():
    assert say("Water runs") == say("Water runs")
    ended = conclude(say("Water runs"), o.Reported("F-0001"), SETTINGS)
    assert (ended.session.confirmations, ended.session.kind) == (1, "")
