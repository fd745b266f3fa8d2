from dataclasses import replace
from pathlib import Path

import pytest

from simulators.faults import OPERATIONS, BadFault, Fault, FaultPlan, Faults, Step
from simulators.providers.book import Push
from simulators.providers.callbacks import Notice, plan

NUMBERS = [f"+26096{n:07d}" for n in range(2_000)]


def test_nothing_goes_wrong_unless_told():
    fresh = FaultPlan(Faults(), 1)
    assert [fresh.draw("mtn", "push", number) for number in NUMBERS[:50]] == [None] * 50


def test_chance_keeps_its_share_and_does_not_depend_on_the_order_of_people():
    rates = Faults({"push.error_after": 0.2, "mtn.push.close": 0.1, "daraja.push.html": 1.0})
    forward, backward = FaultPlan(rates, 1), FaultPlan(rates, 1)
    one = {number: forward.draw("mtn", "push", number) for number in NUMBERS}
    two = {number: backward.draw("mtn", "push", number) for number in reversed(NUMBERS)}
    assert one == two
    names = [fault.name for fault in one.values() if fault]
    assert abs(names.count("error_after") - 400) < 100
    assert abs(names.count("close") - 200) < 80
    assert "html" not in names


def test_a_persons_second_request_is_drawn_anew():
    drawn = FaultPlan(Faults({"push.html": 0.5}), 3)
    assert {drawn.draw("mtn", "push", NUMBERS[0]) is None for _ in range(50)} == {True, False}


def test_the_script_comes_first_fits_its_number_and_runs_out():
    script = FaultPlan(Faults({"push.html": 1.0}), 1)
    script.add([Step("mtn", "push", "close", msisdn=NUMBERS[0], times=2)])
    names = [script.draw("mtn", "push", number).name for number in (NUMBERS[1], *NUMBERS[:1] * 3)]
    assert names == ["html", "close", "close", "html"]


def test_a_step_for_a_reference_waits_for_it():
    script = FaultPlan(Faults(), 1)
    script.add([Step("mtn", "query", "html", reference="r2")])
    assert script.draw("mtn", "query", NUMBERS[0], "r1") is None
    assert script.draw("mtn", "query", NUMBERS[0], "r2") == Fault("html", 30, 60)


@pytest.mark.parametrize("name", ["push", "push.late", "callback.html", "orange.push.html", "a.b.c.d", ""])
def test_unknown_faults_are_refused(name):
    with pytest.raises(BadFault):
        Faults({name: 0.1})


def test_a_script_is_bounded():
    with pytest.raises(BadFault):
        FaultPlan(Faults(), 1).add([Step("mtn", "push", "html")] * 10_001)


def test_every_fault_is_in_the_docs():
    text = Path(__file__).parents[3].joinpath("docs", "simulators.md").read_text("utf-8")
    names = {fault for faults in OPERATIONS.values() for fault in faults}
    assert [name for name in names if f"`{name}`" not in text] == []


PUSH = Push("mtn", "r", "e", NUMBERS[0], "30.00", "ZMW", "http://x/cb", "2026-11-21T08:15:00Z", code="paid")


class Liar:
    """Marks its claims, so that the plan can be read."""

    def stale(self, push):
        return replace(push, code="stale")

    def forged_success(self, push):
        return replace(push, code="forged")

    def forged_stranger(self, push):
        return replace(push, reference="stranger")


FAILED = replace(PUSH, code="EXPIRED")


@pytest.mark.parametrize(
    ("push", "fault", "notices"),
    [
        (PUSH, None, [Notice(PUSH)]),
        (PUSH, "dropped", []),
        (PUSH, "twice", [Notice(PUSH)] * 2),
        (PUSH, "ten_times", [Notice(PUSH)] * 10),
        (PUSH, "late", [Notice(PUSH, 7)]),
        (PUSH, "before_reply", [Notice(PUSH)]),
        (PUSH, "forged_early", [Notice(PUSH)]),
        (PUSH, "out_of_order", [Notice(PUSH), Notice(replace(PUSH, code="stale"))]),
        (PUSH, "other_amount", [Notice(replace(PUSH, amount="31.00"))]),
        (PUSH, "forged", [Notice(PUSH), Notice(replace(PUSH, reference="stranger"))]),
        (FAILED, "forged", [Notice(FAILED), Notice(replace(PUSH, code="forged"))]),
    ],
)
def test_which_notices_go_out(push, fault, notices):
    drawn = Fault(fault, 7, 60) if fault else None
    assert plan(push, drawn, Liar()) == notices
