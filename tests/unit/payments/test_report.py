from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs
from payments_world import ACHIENG, KNY, NRB

from payments.providers.base import Outcome, Reason, Report

HINT = Report(Outcome.PAID, receipt="QKX1")


def _gaps(world, payment_id, times, **report):
    gaps = []
    for _ in range(times):
        world.report(payment_id, Outcome.WAITING, code="PENDING", **report)
        gaps.append((world[payment_id].next_check_at - world.now).total_seconds())
        world.clock.advance(gaps[-1])
    return gaps


# Rule 4: a callback is a hint; the provider's own word moves money


def test_rule_4_a_hint_alone_moves_nothing(world):
    payment_id = world.pushed()
    noted = world.report(payment_id, Outcome.WAITING, code="PENDING", cause="callback", hint=HINT)
    assert noted.verdict == "unconfirmed"
    assert world[payment_id].status == "pending"
    assert [*world.credits, *world.entries] == []


def test_rule_4_a_hint_brings_the_next_question_forward(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.WAITING, cause="callback", hint=HINT)
    assert world[payment_id].next_check_at == world.now + timedelta(seconds=5)


def test_strangers_hints_never_put_our_own_asking_off(world):
    payment_id = world.pushed()
    planned = world.now + timedelta(seconds=1.5 + 5)
    for _ in range(4):
        world.wait(1.5)
        world.report(payment_id, Outcome.UNKNOWN, cause="callback", hint=HINT)
        assert world[payment_id].next_check_at <= planned


def test_rule_4_a_hint_that_the_provider_denies_is_forged(world):
    payment_id = world.pushed()
    noted = world.report(payment_id, Outcome.NOT_PAID, cause="callback", hint=HINT, reason=Reason.CANCELLED)
    assert noted.verdict == "forged"
    assert (world[payment_id].status, world.open_minor()) == ("failed", 3000)


def test_the_receipt_of_a_hint_is_taken_where_the_proof_has_none(world):
    payment_id = world.pushed(NRB, ACHIENG, "daraja")
    assert world.paid(payment_id, cause="callback", hint=HINT).verdict == "confirmed"
    assert world[payment_id].receipt == world.credits[payment_id]["receipt"] == "QKX1"


def test_the_proofs_own_receipt_wins(world):
    payment_id = world.pushed()
    world.paid(payment_id, receipt="REAL", cause="callback", hint=HINT)
    assert world[payment_id].receipt == "REAL"


def test_a_receipt_that_comes_later_is_added_once(world):
    payment_id = world.pushed(NRB, ACHIENG, "daraja")
    world.paid(payment_id)
    assert world[payment_id].receipt is None
    assert world.paid(payment_id, cause="callback", hint=HINT).verdict == "repeated"
    world.paid(payment_id, cause="callback", hint=replace(HINT, receipt="OTHER"))
    assert world[payment_id].receipt == world.credits[payment_id]["receipt"] == "QKX1"
    assert len(world.credits) == 1
    assert [type(event).__name__ for event in world.events] == ["Succeeded", "ReceiptCame"]


def test_a_receipt_too_long_to_keep_does_not_hold_money_up(world):
    payment_id = world.pushed()
    world.paid(payment_id, receipt="R" * 41)
    assert (world[payment_id].status, world[payment_id].receipt) == ("success", None)


# Repeats and contradictions


@pytest.mark.parametrize("times", [2, 10])
def test_a_success_that_is_reported_again_credits_nothing_more(world, times):
    payment_id = world.pushed()
    verdicts = [world.paid(payment_id, receipt="R1").verdict for _ in range(times)]
    assert verdicts == ["confirmed"] + ["repeated"] * (times - 1)
    assert world.balance("rail:mtn:acc") == 3000
    assert world.told() == ["Succeeded"]


@pytest.mark.parametrize("outcome", [Outcome.NOT_PAID, Outcome.EXPIRED])
def test_a_contradiction_after_success_changes_nothing_and_opens_one_item(world, outcome):
    payment_id = world.pushed()
    world.paid(payment_id)
    before = world[payment_id]
    for _ in range(2):
        assert world.report(payment_id, outcome, code="1032").verdict == "contradiction"
    assert world[payment_id] == before
    assert world.kinds() == [("contradiction", 0)]


@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.UNKNOWN, Outcome.NOT_FOUND])
def test_no_word_after_success_changes_nothing(world, outcome):
    payment_id = world.pushed()
    world.paid(payment_id)
    before = world[payment_id]
    world.report(payment_id, outcome)
    assert world[payment_id] == before


@pytest.mark.parametrize("status", ["refunded", "reversed"])
@pytest.mark.parametrize("outcome", [Outcome.PAID, Outcome.WAITING])
def test_what_was_given_back_is_not_credited_again(world, status, outcome):
    payment_id = world.pushed()
    world.paid(payment_id)
    world.payments[payment_id] = structs.replace(world[payment_id], status=status)
    assert world.report(payment_id, outcome).verdict == "repeated"
    assert len(world.credits) == 1


# Polls


def test_polls_follow_the_plan_and_end_at_the_expiry(world):
    payment_id = world.pushed()
    world.wait(20)
    assert _gaps(world, payment_id, 5) == [20, 30, 60, 120, 50]
    assert world.now == world[payment_id].expires_at
    world.report(payment_id, Outcome.WAITING)
    assert world[payment_id].status == "expired"


def test_a_poll_waits_as_long_as_the_provider_says(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.UNKNOWN, retry_after_s=90)
    assert world[payment_id].next_check_at == world.now + timedelta(seconds=90)


def test_only_an_answer_counts_as_asked(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.UNKNOWN)
    assert world[payment_id].asked_at is None
    world.report(payment_id, Outcome.UNKNOWN, code="500")
    assert world[payment_id].asked_at == world.now


def test_the_payer_is_told_once_that_it_takes_long(world):
    payment_id = world.pushed()
    for _ in range(4):
        world.wait(20)
        world.report(payment_id, Outcome.WAITING)
    assert world.told() == ["TakesLong"]
    assert world[payment_id].guided_at == world[payment_id].pushed_at + timedelta(seconds=60)


def test_a_report_names_the_request_once(world):
    payment_id = world.started()
    world.report(payment_id, Outcome.WAITING, provider_reference="one")
    world.report(payment_id, Outcome.WAITING, provider_reference="two")
    assert world[payment_id].provider_reference == "one"


@pytest.mark.parametrize("amount_minor", [0, -3000])
def test_paid_nothing_settles_nothing_and_is_asked_on(world, amount_minor):
    payment_id = world.pushed()
    for _ in range(2):
        assert world.paid(payment_id, amount_minor=amount_minor, currency="ZMW").verdict == "unconfirmed"
    assert (world[payment_id].status, world.open_minor(KNY)) == ("pending", 3000)
    assert world[payment_id].next_check_at is not None
    assert world.kinds() == [("amount_differs", 0)]
    world.wait(world.rules.expiry_s)
    world.paid(payment_id, amount_minor=amount_minor)
    assert world[payment_id].status == "expired"


def test_success_is_possible_before_the_push_was_answered(world):
    payment_id = world.started()
    world.paid(payment_id, cause="callback", hint=HINT)
    assert world.path(payment_id) == ["initiated", "success"]
    assert set(world.order_states(payment_id).values()) == {"success"}
