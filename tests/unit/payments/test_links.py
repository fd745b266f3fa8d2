"""A rail that hands out a page: the link, the payer's own time, and the handset that stays free."""

from dataclasses import replace as changed
from datetime import timedelta

import pytest
from payments_world import DELAY_S, KNY, KNY2, MARY, MTN, RAILS, World

from payments.commands import NextPush
from payments.desk import Rail, Rules
from payments.events import LinkReady
from payments.providers.base import Outcome, Taken

DAY_S = 86_400.0
PAGE = "https://checkout.example/c/pay/cs_1"
CARDS = changed(MTN, asks_handset=False, expiry_s=DAY_S)


@pytest.fixture
def cards():
    """A world in which MTN's place is taken by a rail that hands out pages, beside a blind one."""
    world = World()
    world.rules = Rules(rails=RAILS | {"stripe": Rail("stripe", "stripe:acc", CARDS)})
    return world


def asked(world, tap_id=KNY, **changes):
    by_card = {"provider": "stripe", "is_chosen": True}
    payment_id = world.accepted(tap_id, MARY, **by_card | changes)
    world.wait(DELAY_S)
    assert world.start(payment_id).action == "send"
    return payment_id


def linked(world, **changes):
    payment_id = asked(world, **changes)
    until = world.now + timedelta(hours=23)
    world.answer(payment_id, Taken.ACCEPTED, provider_reference="cs_1", pay_url=PAGE, pay_until=until)
    return payment_id


def links(world):
    return [event for event in world.events if isinstance(event, LinkReady)]


def test_an_accepted_page_is_told_with_a_link_of_ours(cards):
    payment_id = linked(cards)
    (ready,) = links(cards)
    assert (ready.payment.payment_id, ready.payment.status) == (payment_id, "pending")
    assert ready.until == cards.now + timedelta(hours=23)
    assert len(ready.token) == 16
    assert ready.token not in PAGE


def test_a_page_that_does_not_say_when_it_closes_ends_with_the_payment(cards):
    payment_id = asked(cards)
    cards.answer(payment_id, Taken.ACCEPTED, provider_reference="cs_1", pay_url=PAGE)
    assert links(cards)[0].until == cards[payment_id].expires_at


def test_the_payer_has_as_long_as_the_rail_says(cards):
    payment = cards[linked(cards)]
    assert payment.expires_at == cards.now + timedelta(seconds=DAY_S)
    cards.wait(cards.rules.expiry_s + 1)
    cards.report(payment.payment_id, Outcome.WAITING, code="open/unpaid")
    assert cards[payment.payment_id].status == "pending"


def test_a_page_that_closed_is_expired_for_good(cards):
    payment_id = linked(cards)
    cards.wait(DAY_S)
    cards.report(payment_id, Outcome.EXPIRED, code="expired/unpaid")
    payment = cards[payment_id]
    assert (payment.status, payment.is_final, payment.next_check_at) == ("expired", True, None)
    assert not cards.open_claims(payment_id)


def test_one_that_was_silent_at_its_end_is_asked_about_for_another_day(cards):
    payment_id = linked(cards)
    cards.wait(DAY_S)
    cards.report(payment_id, Outcome.UNKNOWN)
    assert cards[payment_id].status == "expired"
    for _ in range(20):
        next_at = cards[payment_id].next_check_at
        assert next_at is not None
        cards.wait((next_at - cards.now).total_seconds())
        cards.report(payment_id, Outcome.UNKNOWN)
    assert cards.now > cards[payment_id].created_at + timedelta(seconds=DAY_S + 3600)
    cards.paid(payment_id, receipt="pi_1", amount_minor=3000, currency="ZMW")
    assert cards[payment_id].status == "success"


def test_whoever_has_a_link_is_not_told_that_it_takes_long(cards):
    payment_id = linked(cards)
    cards.wait(cards.rules.guide_after_s + 60)
    cards.report(payment_id, Outcome.WAITING, code="open/unpaid")
    assert "TakesLong" not in cards.told()


def test_a_link_keeps_no_handset_busy_and_waits_for_none(cards):
    linked(cards)
    prompt = cards.accepted(KNY2, MARY, provider="mtn")
    cards.wait(DELAY_S)
    assert cards.start(prompt).action == "send"
    cards.answer(prompt, Taken.ACCEPTED, provider_reference="p")
    assert cards[prompt].has_live_prompt


def test_a_link_goes_out_while_a_prompt_is_open(cards):
    prompt = cards.pushed(KNY2, MARY)
    assert cards[prompt].has_live_prompt
    asked(cards)


def test_a_page_that_was_lost_on_the_way_is_asked_for_again(cards):
    payment_id = asked(cards)
    cards.answer(payment_id, Taken.UNKNOWN, code="timeout")
    assert links(cards) == []
    cards.wait(60)
    assert cards.start(payment_id).action == "send"
    cards.answer(payment_id, Taken.ACCEPTED, provider_reference="cs_1", pay_url=PAGE)
    assert len(links(cards)) == 1
    assert cards.start(payment_id) == NextPush("skip")


def test_a_rail_that_prompts_hands_out_no_link(world):
    world.pushed()
    assert links(world) == []
