"""Rails that answer a push only after the payer has: the answer is the outcome."""

import pytest
from payments_world import KNY, MARY, World

from payments.providers.base import Outcome, Reason, Report, Taken

BLIND = {"provider": "blind"}
PAID = Report(Outcome.PAID, receipt="CK1")


@pytest.fixture
def held(world):
    """A payment whose push has not been answered yet."""
    return world.started(KNY, MARY, "blind")


def test_an_answer_that_says_paid_settles_in_the_same_decision(world, held):
    noted = world.answer(held, Taken.ACCEPTED, provider_reference="CK1", word=PAID)
    payment = world[held]
    assert (noted.verdict, payment.status, payment.receipt) == ("confirmed", "success", "CK1")
    assert (payment.provider_reference, payment.is_final) == ("CK1", True)
    assert world.path(held) == ["initiated", "pending", "success"]
    assert world.open_minor() == 0
    assert world.credits[held]["proof"] == "push"
    assert world.told() == ["Succeeded"]


def test_it_counts_also_where_the_timer_was_faster(world, held):
    world.wait(world.rules.expiry_s)
    world.time_up(held)
    assert world[held].status == "pending"
    world.answer(held, Taken.ACCEPTED, word=PAID)
    assert world[held].status == "success"


def test_it_counts_also_after_the_payment_has_ended(world, held):
    world.report(held, Outcome.NOT_PAID, reason=Reason.OTHER, cause="staff")
    assert world[held].status == "failed"
    world.answer(held, Taken.ACCEPTED, word=PAID)
    assert world[held].status == "success"
    assert len(world.credits) == 1


def test_the_same_receipt_for_two_payments_pays_one_of_them(world, held):
    world.answer(held, Taken.ACCEPTED, word=PAID)
    other = world.started("KNY-0533-5", MARY, "blind", tenant_id="mary")
    world.answer(other, Taken.ACCEPTED, word=PAID)
    assert world.open_minor("KNY-0533-5") == 3000
    assert world.kinds() == [("repeated_receipt", 0), ("repeated_receipt", 1500)]


def test_without_a_word_nothing_settles(world, held):
    world.answer(held, Taken.UNKNOWN, code="timeout")
    assert (world[held].status, world[held].push_state) == ("pending", "unknown")
    assert not world.credits


def test_a_person_is_asked_when_the_time_is_over_and_the_debt_stays_claimed():
    world = World()
    payment_id = world.started(KNY, MARY, "blind")
    world.answer(payment_id, Taken.UNKNOWN, code="timeout")
    world.report(payment_id, Outcome.UNKNOWN)
    assert world.kinds() == []
    world.wait(world.rules.expiry_s)
    for _ in range(3):
        world.report(payment_id, Outcome.UNKNOWN)
    assert world.kinds() == [("unresolved", 0)]
    assert world[payment_id].status == "pending"
    assert world.open_claims(payment_id)
