"""A rail that wants time before it is asked, and whose expiry is not its last word (Airtel Money)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from payments_world import MTN, World

from payments.desk import Rail
from payments.providers.base import Outcome, Report, Taken


@pytest.fixture
def slow():
    """A city whose rail is not to be asked within three minutes of a push."""
    world = World()
    rail = Rail("mtn", "mtn:acc", replace(MTN, query_after_s=180))
    world.rules = replace(world.rules, rails=world.rules.rails | {"mtn": rail})
    return world


def handed_over(world, taken):
    payment_id = world.started()
    world.answer(payment_id, taken)
    return payment_id


def test_it_is_not_asked_before_its_time(slow):
    payment_id = slow.pushed()
    assert slow[payment_id].next_check_at == slow.now + timedelta(seconds=180)


def test_nor_where_the_push_was_not_answered(slow):
    payment_id = handed_over(slow, Taken.UNKNOWN)
    assert slow[payment_id].next_check_at == slow.now + timedelta(seconds=180)


@pytest.mark.parametrize("taken", [Taken.ACCEPTED, Taken.UNKNOWN])
def test_it_is_asked_at_the_end_however_much_time_it_wants(slow, taken):
    slow.rules = replace(slow.rules, expiry_s=60)
    payment_id = handed_over(slow, taken)
    assert slow[payment_id].next_check_at == slow[payment_id].expires_at


def test_a_notice_is_followed_up_at_once(slow):
    payment_id = slow.pushed()
    slow.report(payment_id, Outcome.UNKNOWN, cause="callback", hint=Report(Outcome.PAID))
    assert slow[payment_id].next_check_at <= slow.now + timedelta(seconds=5)


def test_an_expiry_that_is_not_the_last_word_is_asked_about_once_more(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.EXPIRED, is_last_word=False)
    payment = world[payment_id]
    assert (payment.status, payment.is_final) == ("expired", False)
    assert payment.next_check_at == world.now + timedelta(seconds=world.rules.poll_after_s)
    world.report(payment_id, Outcome.EXPIRED, is_last_word=False)
    payment = world[payment_id]
    assert (payment.status, payment.is_final, payment.next_check_at) == ("expired", True, None)
    assert world.told() == ["Expired"]


def test_a_success_found_by_that_question_counts(world):
    payment_id = world.pushed()
    world.report(payment_id, Outcome.EXPIRED, is_last_word=False)
    world.paid(payment_id)
    assert world[payment_id].status == "success"
