from datetime import timedelta

import pytest
from msgspec.structs import replace
from payments_world import ACHIENG, DELAY_S, JOHN, KNY, KNY2, MARY, NRB, World

from payments.commands import NextPush
from payments.providers.base import TOO_MANY_OPEN, Outcome, Reason, Taken
from payments.results import Again

SKIP = NextPush("skip")
NAIROBI = {"tap_id": NRB, "phone": ACHIENG, "provider": "daraja"}


def test_the_first_push_is_noted_before_it_is_sent(world):
    payment_id = world.accepted()
    assert world.start(payment_id) == NextPush("send", account_id="mtn:acc", attempt=1)
    payment = world[payment_id]
    assert (payment.status, payment.push_state, payment.push_attempts) == ("initiated", "started", 1)


def test_an_unknown_payment_is_skipped(world):
    assert world.start("no-such-payment") == SKIP


def test_an_accepted_push_is_pending_and_its_time_counts_from_there(world):
    payment_id = world.started()
    world.wait(2)
    assert world.answer(payment_id, Taken.ACCEPTED, provider_reference="ws_CO_1").verdict == "accepted"
    payment = world[payment_id]
    assert (payment.status, payment.push_state) == ("pending", "accepted")
    assert (payment.provider_reference, payment.pushed_at) == ("ws_CO_1", world.now)
    assert (payment.expires_at - world.now).total_seconds() == world.rules.expiry_s
    assert (payment.next_check_at - world.now).total_seconds() == world.rules.poll_after_s
    assert set(world.order_states(payment_id).values()) == {"executing"}


def test_an_accepted_push_is_not_sent_again(world):
    assert world.start(world.pushed()) == SKIP


def test_a_refused_push_has_failed_and_frees_the_debt(world):
    payment_id = world.started()
    world.answer(payment_id, Taken.REFUSED, reason=Reason.LIMIT, code="PAYER_LIMIT_REACHED")
    payment = world[payment_id]
    assert (payment.status, payment.reason, payment.push_state) == ("failed", "limit", "refused")
    assert payment.is_final
    assert payment.next_check_at is None
    assert not world.open_claims(payment_id)
    assert set(world.order_states(payment_id).values()) == {"failed"}
    assert world.told() == ["Failed"]
    assert world.start(payment_id) == SKIP


def test_a_rejected_payment_is_never_pushed(world):
    payment_id = world.accepted()
    world.payments[payment_id] = replace(world[payment_id], validation="reject")
    assert world.start(payment_id) == SKIP


# Not reached: provably never taken, tried again within bounds (rule 3)


def test_not_reached_is_tried_again_with_growing_waits_and_a_bound(world):
    payment_id = world.started()
    waits = []
    while isinstance(again := world.answer(payment_id, Taken.NOT_REACHED, code="503"), Again):
        assert world[payment_id].status == "initiated"
        waits.append((again.at - world.now).total_seconds())
        world.wait(waits[-1])
        assert world.start(payment_id).action == "send"
    assert waits == [2, 4, 8, 16, 32, 64, 128]  # the next would be after its time is up
    assert world.sent[payment_id] == 8
    assert (world[payment_id].status, world[payment_id].reason) == ("failed", "down")


def test_the_waits_between_tries_are_spread_by_jitter(world):
    payment_id = world.started()
    again = world.answer(payment_id, Taken.NOT_REACHED, code="503", jitter=0.5)
    assert (again.at - world.now).total_seconds() == 1.5
    world.wait(2)
    world.start(payment_id)
    again = world.answer(payment_id, Taken.NOT_REACHED, code="503", retry_after_s=100, jitter=1.0)
    assert (again.at - world.now).total_seconds() == 125  # never sooner than the provider says


def test_whoever_waits_for_a_fault_that_lasts_is_told_once(world):
    payment_id = world.started()
    told = []
    while isinstance(again := world.answer(payment_id, Taken.NOT_REACHED), Again):
        told.append(world.told())
        world.wait((again.at - world.now).total_seconds())
        world.start(payment_id)
    assert told[:4] == [[], [], ["Held"], ["Held"]]
    assert world.told() == ["Held", "Failed"]


def test_not_reached_waits_as_long_as_the_provider_says(world):
    payment_id = world.started()
    again = world.answer(payment_id, Taken.NOT_REACHED, retry_after_s=77)
    assert (again.at - world.now).total_seconds() == 77


def test_what_waits_for_a_place_among_our_own_calls_was_no_try(world):
    payment_id = world.started()
    for _ in range(4):
        again = world.answer(payment_id, Taken.NOT_REACHED, code=TOO_MANY_OPEN, retry_after_s=5)
        assert (again.at - world.now).total_seconds() == 5  # however often: nobody was kept from anything
        assert world[payment_id].push_attempts == 0
        world.wait(5)
        assert world.start(payment_id) == NextPush("send", account_id="mtn:acc", attempt=1)
    assert world.told() == []


def test_not_reached_is_not_tried_past_the_expiry(world):
    payment_id = world.started()
    answer = world.answer(payment_id, Taken.NOT_REACHED, retry_after_s=10_000)
    assert answer.verdict == "refused"
    assert (world[payment_id].status, world[payment_id].reason) == ("failed", "down")


def test_daraja_not_reached_may_be_sent_again(world):
    payment_id = world.started(**NAIROBI)
    assert isinstance(world.answer(payment_id, Taken.NOT_REACHED), Again)
    world.wait(2)
    assert world.start(payment_id).action == "send"


# Unknown: pending, never failed (design §4)


def test_an_unknown_push_is_pending_and_mtn_is_sent_the_same_reference_again(world):
    payment_id = world.started()
    reference = world[payment_id].reference
    again = world.answer(payment_id, Taken.UNKNOWN, code="timeout")
    assert isinstance(again, Again)
    assert (world[payment_id].status, world[payment_id].push_state) == ("pending", "unknown")
    world.wait(2)
    assert world.start(payment_id).action == "send"
    assert world[payment_id].reference == reference
    world.answer(payment_id, Taken.ACCEPTED)
    assert (world[payment_id].status, world[payment_id].push_state) == ("pending", "accepted")


def test_an_unknown_push_on_daraja_is_never_sent_again(world):
    payment_id = world.started(**NAIROBI)
    assert world.answer(payment_id, Taken.UNKNOWN).verdict == "unknown"
    assert world[payment_id].status == "pending"
    for _ in range(5):
        world.wait(30)
        assert world.start(payment_id) == SKIP
    assert world.sent[payment_id] == 1


def test_unknown_tries_are_bounded_and_stay_pending(world):
    payment_id = world.started()
    while isinstance(again := world.answer(payment_id, Taken.UNKNOWN), Again):
        world.wait((again.at - world.now).total_seconds())
        world.start(payment_id)
    assert world.sent[payment_id] == world.rules.push_attempts
    assert world[payment_id].status == "pending"
    assert world[payment_id].next_check_at is not None


@pytest.mark.parametrize("taken", [Taken.REFUSED, Taken.NOT_REACHED])
def test_a_no_to_a_later_try_says_nothing_about_an_unknown_one(world, taken):
    payment_id = world.started()
    world.answer(payment_id, Taken.UNKNOWN)
    for _ in range(10):
        world.wait(2)
        if world.start(payment_id).action == "send":
            world.answer(payment_id, taken)
    assert (world[payment_id].status, world[payment_id].push_state) == ("pending", "unknown")
    assert world.open_claims(payment_id)
    world.paid(payment_id)
    assert world[payment_id].status == "success"


# A crash between sending and the answer


def test_after_a_crash_mtn_is_sent_again_and_its_outcome_counts_as_unknown(world):
    payment_id = world.started()
    assert world.start(payment_id) == NextPush("send", account_id="mtn:acc", attempt=2)
    assert (world[payment_id].status, world[payment_id].push_state) == ("pending", "started")


@pytest.mark.parametrize("taken", [Taken.REFUSED, Taken.NOT_REACHED])
def test_after_a_crash_a_no_to_the_second_try_does_not_end_the_first(world, taken):
    payment_id = world.started()
    for _ in range(10):
        if world.start(payment_id).action == "send":
            world.answer(payment_id, taken)
        world.wait(20)
    assert world[payment_id].status == "pending"
    assert world[payment_id].next_check_at is not None


def test_after_a_crash_daraja_is_never_sent_again(world):
    payment_id = world.started(**NAIROBI)
    for _ in range(3):
        assert world.start(payment_id) == SKIP
    payment = world[payment_id]
    assert (payment.status, payment.push_state) == ("pending", "unknown")
    assert payment.next_check_at is not None
    assert world.sent[payment_id] == 1


def test_a_reply_that_comes_after_the_recovery_names_the_request(world):
    payment_id = world.started(**NAIROBI)
    world.start(payment_id)
    world.answer(payment_id, Taken.ACCEPTED, provider_reference="ws_CO_9")
    assert (world[payment_id].push_state, world[payment_id].provider_reference) == ("accepted", "ws_CO_9")


def test_the_only_try_refused_after_the_recovery_has_failed(world):
    payment_id = world.started(**NAIROBI)
    world.start(payment_id)
    world.answer(payment_id, Taken.REFUSED, reason=Reason.BALANCE)
    assert (world[payment_id].status, world[payment_id].reason) == ("failed", "balance")


# A reply that comes after the end


def test_a_callback_before_the_reply_leaves_only_the_name_to_learn(world):
    payment_id = world.started()
    world.paid(payment_id, cause="callback")
    before = world[payment_id]
    assert world.answer(payment_id, Taken.ACCEPTED, provider_reference="r1").verdict == "repeated"
    after = world[payment_id]
    assert after.provider_reference == "r1"
    assert (after.status, after.next_check_at, after.is_final) == (before.status, None, True)


def test_an_end_by_the_provider_is_not_asked_about_again_for_a_late_reply(world):
    payment_id = world.started()
    world.report(payment_id, Outcome.NOT_PAID, cause="callback", code="REJECTED")
    world.answer(payment_id, Taken.ACCEPTED, provider_reference="r1")
    assert world[payment_id].next_check_at is None
    assert world[payment_id].is_final


def test_a_prompt_that_is_out_after_we_gave_up_is_asked_about(world):
    # Two workers had it in hand: one was refused, the other's reply comes later.
    payment_id = world.started()
    world.answer(payment_id, Taken.REFUSED)
    world.answer(payment_id, Taken.ACCEPTED)
    payment = world[payment_id]
    assert (payment.status, payment.is_final) == ("failed", False)
    assert payment.next_check_at is not None
    world.paid(payment_id)
    assert world[payment_id].status == "success"


# Expiry


def test_no_push_leaves_after_expiry(world):
    payment_id = world.accepted()
    world.wait(DELAY_S + world.rules.expiry_s)
    assert world.start(payment_id) == SKIP
    assert world[payment_id].status == "expired"
    assert world[payment_id].is_final  # nothing was sent: nobody need be asked
    assert world.sent[payment_id] == 0


def test_a_push_found_started_after_expiry_is_asked_about_before_it_expires(world):
    payment_id = world.started()
    world.wait(world.rules.expiry_s)
    assert world.start(payment_id) == SKIP
    assert world[payment_id].status == "pending"
    assert world[payment_id].next_check_at <= world.now
    world.report(payment_id, Outcome.NOT_FOUND, code="404")
    assert world[payment_id].status == "expired"


# One prompt at a time for a handset


def test_a_second_prompt_waits_until_the_first_has_ended(world):
    first = world.pushed(KNY)
    second = world.accepted(KNY2)
    world.wait(DELAY_S)
    assert world.start(second) == NextPush("wait", wait_until=world.now + timedelta(seconds=1))
    world.report(first, Outcome.NOT_PAID)
    assert world.start(second).action == "send"


@pytest.mark.parametrize("taken", [None, Taken.UNKNOWN, Taken.ACCEPTED])
def test_a_prompt_that_may_be_showing_keeps_the_handset_busy(world, taken):
    first = world.started(NRB, ACHIENG, "daraja")
    if taken:
        world.answer(first, taken)
    second = world.accepted(KNY, ACHIENG)
    assert world.start(second).action == "wait"


def test_a_payment_that_was_not_sent_yet_keeps_nobody_waiting(world):
    world.accepted(KNY)
    assert world.start(world.accepted(KNY2)).action == "send"


def test_another_handset_does_not_wait(world):
    world.pushed(KNY)
    assert world.start(world.accepted(KNY2, phone=JOHN)).action == "send"


def test_waiting_for_the_handset_ends_with_the_payments_time(world):
    first = world.pushed(KNY)
    second = world.accepted(KNY2)
    world.payments[first] = replace(world[first], expires_at=world.now.replace(year=2030))
    world.wait(DELAY_S + world.rules.expiry_s - 0.5)
    assert world.start(second) == NextPush("wait", wait_until=world[second].expires_at)
    world.wait(0.5)
    assert world.start(second) == SKIP
    assert world[second].status == "expired"


# Older attempts are asked about first (contract, Time)


def test_a_new_attempt_asks_about_the_old_one_first(world):
    old = world.expired()
    world.wait(5)
    new = world.accepted(phone=JOHN)
    assert world.start(new).ask == (old,)
    assert world.sent[new] == 0
    world.report(old, Outcome.WAITING, code="PENDING", cause="recheck")
    assert world.start(new).action == "send"


def test_a_provider_that_could_not_be_reached_has_not_been_asked(world):
    old = world.expired()
    world.wait(5)
    new = world.accepted(phone=JOHN)
    world.report(old, Outcome.UNKNOWN, cause="recheck")
    assert world.start(new).action == "ask_first"


def test_what_the_old_one_has_paid_is_not_asked_for_again(world):
    old = world.expired()
    world.wait(5)
    new = world.accepted(phone=JOHN)
    assert world.start(new).action == "ask_first"
    world.paid(old, cause="recheck")
    assert world.start(new) == SKIP
    assert (world[new].status, world[new].reason) == ("failed", "paid_already")
    assert world.open_minor() == 0


def test_an_old_attempt_that_the_provider_has_closed_need_not_be_asked(world):
    old = world.pushed()
    world.report(old, Outcome.EXPIRED, code="EXPIRED")
    assert world.start(world.accepted()).action == "send"


# The timer of what was never pushed


def test_time_up_before_the_time_only_looks_again_at_the_time(world):
    payment_id = world.accepted()
    world.payments[payment_id] = replace(world[payment_id], next_check_at=world.now)
    assert world.time_up(payment_id).verdict == "waiting"
    assert world[payment_id].status == "initiated"
    assert world[payment_id].next_check_at == world[payment_id].expires_at


def test_time_up_expires_what_was_never_sent(world):
    payment_id = world.accepted()
    world.wait(DELAY_S + world.rules.expiry_s)
    world.time_up(payment_id)
    payment = world[payment_id]
    assert (payment.status, payment.is_final, payment.next_check_at) == ("expired", True, None)
    assert not world.open_claims(payment_id)
    assert world.told() == ["Expired"]


def test_time_up_of_a_started_push_asks_the_rail(world):
    payment_id = world.started()
    world.wait(world.rules.expiry_s)
    world.time_up(payment_id)
    assert (world[payment_id].status, world[payment_id].next_check_at) == (
        "pending",
        world[payment_id].expires_at,
    )


def test_time_up_leaves_a_pending_payment_alone(world):
    payment_id = world.pushed()
    world.wait(10_000)
    before = world[payment_id]
    world.time_up(payment_id)
    assert world[payment_id] == before


def test_a_started_push_of_a_rail_without_query_is_not_expired_by_the_timer():
    world = World()
    payment_id = world.started(provider="blind", phone=MARY)
    world.wait(world.rules.expiry_s)
    world.start(payment_id)
    world.report(payment_id, Outcome.UNKNOWN, code="no_query")
    assert world[payment_id].status == "pending"
    assert world.open_claims(payment_id)
