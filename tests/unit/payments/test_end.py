from datetime import timedelta

import pytest
from payments_world import ACHIENG, KNY, NRB, World

from payments.providers.base import Outcome, Reason

BLIND = {"provider": "blind"}


@pytest.mark.parametrize("reason", [*Reason, None])
def test_the_providers_no_is_the_end(world, reason):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.NOT_PAID, reason=reason, code="X1")
    payment = world[payment_id]
    assert (payment.status, payment.reason, payment.is_final) == ("failed", reason or "other", True)
    assert payment.next_check_at is None
    assert world.trail[-1]["detail"] == "X1"
    assert (world.told(), world.open_claims(payment_id)) == (["Failed"], [])
    assert set(world.order_states(payment_id).values()) == {"failed"}


def test_the_providers_own_expiry_is_expired_for_good(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.EXPIRED, code="EXPIRED")
    payment = world[payment_id]
    assert (payment.status, payment.is_final, payment.next_check_at) == ("expired", True, None)
    assert world.told() == ["Expired"]


# Our own expiry (contract, Time)


def test_it_is_pending_until_its_time(world):
    payment_id = world.pushed()
    world.wait(world.rules.expiry_s - 0.001)
    world.report(payment_id, Outcome.WAITING)
    assert world[payment_id].status == "pending"
    assert world[payment_id].next_check_at == world[payment_id].expires_at


@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.UNKNOWN, Outcome.NOT_FOUND])
def test_at_its_time_it_is_asked_once_more_and_expires_even_if_still_pending(world, outcome):
    payment_id = world.pushed()
    world.wait(world.rules.expiry_s)
    world.report(payment_id, outcome)
    payment = world[payment_id]
    assert (payment.status, payment.reason, payment.is_final) == ("expired", "expired", False)
    assert not world.open_claims(payment_id)
    assert world.told() == ["Expired"]


def test_a_success_at_the_last_question_is_a_success_in_time(world):
    payment_id = world.pushed()
    world.wait(world.rules.expiry_s)
    world.paid(payment_id)
    assert world.path(payment_id) == ["initiated", "pending", "success"]
    assert not world.events[-1].was_late


def test_a_callback_that_cannot_be_confirmed_at_the_end_leaves_the_last_question_to_the_poll(world):
    payment_id = world.pushed()
    world.wait(world.rules.expiry_s + 1)
    world.report(payment_id, Outcome.UNKNOWN, cause="callback")
    assert world[payment_id].status == "pending"
    assert world[payment_id].next_check_at <= world.now + timedelta(seconds=20)
    world.report(payment_id, Outcome.UNKNOWN)
    assert world[payment_id].status == "expired"


def test_after_expiry_it_is_asked_for_a_day_and_no_longer(world):
    payment_id = world.expired()
    asked = 0
    while world[payment_id].next_check_at is not None:
        world.wait((world[payment_id].next_check_at - world.now).total_seconds())
        world.report(payment_id, Outcome.WAITING, code="PENDING")
        asked += 1
        assert asked < 100
    age_s = (world.now - world[payment_id].created_at).total_seconds()
    assert world.rules.ask_for_s - 3700 < age_s <= world.rules.ask_for_s
    assert asked >= 20
    assert world.told() == ["Expired"]


def test_a_success_long_after_the_day_still_counts(world):
    payment_id = world.expired()
    world.wait(10 * world.rules.ask_for_s)
    world.paid(payment_id, cause="callback")
    assert (world[payment_id].status, world.open_minor()) == ("success", 0)


@pytest.mark.parametrize("outcome", [Outcome.NOT_PAID, Outcome.EXPIRED])
def test_the_providers_last_word_after_expiry_ends_the_asking_and_is_not_told_again(world, outcome):
    payment_id = world.expired()
    world.report(payment_id, outcome)
    payment = world[payment_id]
    assert (payment.status, payment.is_final, payment.next_check_at) == ("expired", True, None)
    assert world.told() == ["Expired"]


# Rails that cannot be asked


@pytest.mark.parametrize("hours", [0.1, 1, 23, 25, 24 * 7])
def test_a_rail_without_query_never_expires_by_timer(hours):
    world = World()
    payment_id = world.pushed(KNY, **BLIND)
    world.wait(hours * 3600)
    world.report(payment_id, Outcome.UNKNOWN, code="no_query")
    assert world[payment_id].status == "pending"
    assert world.open_claims(payment_id)
    assert world[payment_id].next_check_at > world.now


def test_after_a_day_without_an_end_a_person_is_asked_once():
    world = World()
    payment_id = world.pushed(KNY, **BLIND)
    for _ in range(3):
        world.wait(world.rules.ask_for_s)
        world.report(payment_id, Outcome.UNKNOWN, code="no_query")
    assert world.kinds() == [("unresolved", 0)]
    world.paid(payment_id, cause="callback")
    assert world[payment_id].status == "success"


def test_what_was_never_sent_expires_on_any_rail():
    world = World()
    payment_id = world.accepted(KNY, **BLIND)
    world.wait(1000)
    world.time_up(payment_id)
    assert (world[payment_id].status, world[payment_id].is_final) == ("expired", True)


def test_daraja_without_a_reference_expires_after_one_more_question(world):
    payment_id = world.started(NRB, ACHIENG, "daraja")
    world.start(payment_id)
    world.wait(world.rules.expiry_s)
    world.report(payment_id, Outcome.UNKNOWN, code="no_reference")
    assert (world[payment_id].status, world[payment_id].is_final) == ("expired", False)
