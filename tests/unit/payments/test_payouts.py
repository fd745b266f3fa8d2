"""Money back, decided without a database: how much, from where, by which way, and what its end means."""

from datetime import timedelta

import pytest
from payments_world import ACHIENG, JOHN, JOSEPH, KNY, MARY, NRB
from payouts_world import (
    ANN,
    BLIND,
    GRACE,
    MTN,
    PETER,
    REFUND,
    REVERSAL,
    TRANSFER,
    PayoutWorld,
    part_of,
    traits,
)

from core.errors import BadAmount, BadInput, Conflict, NotFound, Refused
from payments.payouts.commands import Again, By
from payments.payouts.people import folded
from payments.providers.account_reference import account_reference
from payments.providers.base import Outcome, Report, Taken

SECOND = "+260977123456"


@pytest.fixture
def back():
    return PayoutWorld(limit_minor=10_000)


@pytest.fixture
def strict():
    """Two people above K25.00."""
    return PayoutWorld()


def refused(code, error=Refused):
    return pytest.raises(error, match=f"^{code}:")


# All of a payment


def test_a_whole_payment_is_undone_and_its_debts_open_again_only_when_it_has_arrived(back):
    payment_id = back.settled()
    payout = back.on_its_way(payment_id)
    assert (payout.kind, payout.amount_minor, payout.status) == (REFUND, 3000, "processing")
    assert back[payment_id].status == "success"
    assert (back.open_minor(KNY), back.held_back()) == (0, 3000)
    assert back.balance("seller:KNY:TRUST") == back.balance("seller:KNY:CBE") == 0
    back.hear(payout.payout_id, Outcome.PAID, receipt="B1")
    assert back[payment_id].status == "refunded"
    assert (back.open_minor(KNY), back.held_back(), back.balance("rail:mtn:acc")) == (3000, 0, 0)
    assert set(back.order_states(payment_id).values()) == {"refunded"}
    assert back.payout_path(payout.payout_id) == ["requested", "initiated", "processing", "completed"]
    assert back.told_of(payout.payout_id) == ["OnItsWay", "GivenBack"]


def test_what_was_given_back_can_be_paid_again(back):
    back.given_back(back.settled())
    again = back.settled(phone=JOHN)
    assert back[again].status == "success"
    assert back.open_minor(KNY) == 0


def test_a_rail_that_reverses_leaves_the_payment_reversed(back):
    payment_id = back.settled(NRB, ACHIENG, "daraja")
    payout = back.given_back(payment_id)
    assert payout.kind == REVERSAL
    assert back[payment_id].status == "reversed"


def test_a_failure_puts_all_back_where_it_was(back):
    payment_id = back.settled()
    before = {account: back.balance(account) for account in ("seller:KNY:TRUST", "rail:mtn:acc")}
    payout = back.on_its_way(payment_id)
    back.hear(payout.payout_id, Outcome.NOT_PAID, code="NO_FUNDS")
    assert back.payouts[payout.payout_id].status == "failed"
    assert {account: back.balance(account) for account in before} == before
    assert (back.held_back(), back.open_minor(KNY), back[payment_id].status) == (0, 0, "success")
    assert ("payout_failed", 0) in back.kinds()
    assert back.told_of(payout.payout_id) == ["OnItsWay", "NotGivenBack"]
    assert back.given_back(payment_id).status == "completed"  # it may be tried anew


# A part of it


def test_a_part_leaves_paid_what_so_much_would_have_paid(back):
    payment_id = back.settled()
    payout = back.given_back(payment_id, amount_minor=1500)
    assert payout.kind == TRANSFER  # this rail undoes whole payments only
    assert back[payment_id].status == "success"
    paid = {p.seller: p.paid_minor for p in back.parts.values() if p.tap_id == KNY}
    assert paid == {"TRUST": 1000, "CBE": 500}
    assert back.given_back(payment_id).amount_minor == 1500
    assert back[payment_id].status == "refunded"
    assert back.open_minor(KNY) == 3000


def test_a_rail_that_undoes_parts_is_used_for_them():
    back = PayoutWorld(limit_minor=10_000, rails={"mtn:acc": traits(TRANSFER, REFUND, is_partial=True)})
    assert back.on_its_way(back.settled(), amount_minor=1000).kind == REFUND


@pytest.mark.parametrize(
    ("asked_minor", "code", "error"),
    [(3001, "more_than_left", Refused), (0, "bad_amount", BadAmount), (-1, "bad_amount", BadAmount)],
)
def test_no_more_than_came_and_not_nothing(back, asked_minor, code, error):
    payment_id = back.settled()
    with refused(code, error):
        back.refund(payment_id, amount_minor=asked_minor)
    assert not back.payouts


@pytest.mark.parametrize("first_is", ["requested", "initiated", "processing", "completed"])
def test_what_was_asked_for_goes_or_went_counts(strict, first_is):
    payment_id = strict.settled()
    payout = strict.refund(payment_id)
    if first_is != "requested":
        strict.approve(payout.payout_id)
    if first_is in ("processing", "completed"):
        strict.start_payout(payout.payout_id)
        strict.answer_payout(payout.payout_id, Taken.ACCEPTED)
    if first_is == "completed":
        strict.hear(payout.payout_id, Outcome.PAID)
    assert strict.payouts[payout.payout_id].status == first_is
    with refused("given_back" if first_is == "completed" else "nothing_left"):
        strict.refund(payment_id, amount_minor=100)


@pytest.mark.parametrize("end", ["rejected", "failed"])
def test_what_did_not_go_does_not_count(strict, end):
    payment_id = strict.settled()
    payout = strict.refund(payment_id)
    if end == "rejected":
        strict.reject(payout.payout_id)
    else:
        strict.approve(payout.payout_id)
        strict.start_payout(payout.payout_id)
        strict.answer_payout(payout.payout_id, Taken.REFUSED)
    assert strict.payouts[payout.payout_id].status == end
    assert strict.refund(payment_id).amount_minor == 3000


@pytest.mark.parametrize(
    ("made", "code"),
    [("accepted", "not_paid_yet"), ("pushed", "not_paid_yet"), ("expired", "never_paid")],
)
def test_only_what_was_paid_is_given_back(back, made, code):
    with refused(code):
        back.refund(getattr(back, made)())


def test_a_payment_that_is_not_there(back):
    with refused("no_such_payment", NotFound):
        back.refund("nobody")


# Where it comes from


def test_surplus_goes_first_and_debts_stay_paid(back):
    payment_id = back.settled(paid_minor=3500)
    assert back.balance(f"wallet:{MARY}") == -500
    payout = back.given_back(payment_id, amount_minor=500)
    assert [s.ledger_account for s in back.sources[payout.payout_id]] == [f"wallet:{MARY}"]
    assert (back.balance(f"wallet:{MARY}"), back.open_minor(KNY)) == (0, 0)


def test_a_wallet_that_was_used_meanwhile_gives_no_more_than_it_has(back):
    payment_id = back.settled(paid_minor=3500)
    back.refund_wallet(amount_minor=400)
    assert back.balance(f"wallet:{MARY}") == -100
    with refused("more_than_left"):
        back.refund(payment_id, amount_minor=3101)
    assert back.refund(payment_id).amount_minor == 3100


def test_suspense_goes_first_and_a_part_of_it_leaves_the_rest_in_an_item(back):
    payment_id = back.settled(paid_minor=3500, receipt="R1")
    wrong = back.settled(NRB, ACHIENG, "daraja", receipt="R2")  # nothing of this one is touched
    held = back.pushed(phone=JOHN, tap_id="KNY-0533-5")
    back.paid(held, receipt="R3", currency="USD")
    assert back.balance("suspense:mtn:acc") == -3000
    payout = back.given_back(held, amount_minor=1000, way="transfer")
    assert [s.ledger_account for s in back.sources[payout.payout_id]] == ["suspense:mtn:acc"]
    states = sorted((i["status"], i["held_minor"]) for i in back.items.values() if i["payment_id"] == held)
    assert states == [("open", 2000), ("refunded", 1000)]
    assert back.balance("suspense:mtn:acc") == -2000
    assert {back[payment_id].status, back[wrong].status, back[held].status} == {"success"}


def item_of(back, payment_id):
    return next(i["item_id"] for i in back.items.values() if i["payment_id"] == payment_id)


def test_an_item_is_given_back_whole_and_once(back):
    held = back.pushed()
    back.paid(held, receipt="R3", currency="USD")
    item_id = item_of(back, held)
    payout = back.refund_item(item_id)
    assert (payout.amount_minor, payout.currency, payout.payment_id) == (3000, "USD", held)
    back.approve(payout.payout_id)
    for again in (lambda: back.refund_item(item_id), lambda: back.refund(held)):
        with refused("nothing_left"):
            again()
    back.start_payout(payout.payout_id)
    back.answer_payout(payout.payout_id, Taken.ACCEPTED)
    back.hear(payout.payout_id, Outcome.PAID)
    assert back[held].status == "refunded"
    assert [i["status"] for i in back.items.values()] == ["refunded"]


def test_an_item_whose_payout_fails_is_open_again(back):
    held = back.pushed()
    back.paid(held, receipt="R3", currency="USD")
    payout = back.refund_item(item_of(back, held))
    back.approve(payout.payout_id)
    back.start_payout(payout.payout_id)
    back.answer_payout(payout.payout_id, Taken.REFUSED)
    assert next(i for i in back.items.values() if i["payment_id"] == held)["status"] == "open"
    assert back.balance("suspense:mtn:acc") == -3000


def test_an_unknown_item(back):
    with refused("no_such_item", NotFound):
        back.refund_item("nobody")


def test_a_wallet_is_given_back_and_never_below_zero(back):
    back.settled(paid_minor=3500)
    payout = back.refund_wallet()
    assert (payout.amount_minor, payout.account_id, payout.reason) == (500, "mtn:default", "wallet")
    for asked_minor in (None, 1):
        with refused("nothing_left"):
            back.refund_wallet(amount_minor=asked_minor)
    assert back.balance(f"wallet:{MARY}") == 0


def test_a_wallet_that_is_spent_before_the_second_person_says_yes(strict):
    strict.settled(paid_minor=9000)
    payout = strict.refund_wallet()
    assert (payout.status, payout.amount_minor) == ("requested", 6000)
    # Somebody pays from the wallet meanwhile.
    for account, minor in ((f"wallet:{MARY}", 100), ("seller:KNY:TRUST", -100)):
        strict.entries.append(
            {"ledger_id": "x", "ledger_account": account, "currency": "ZMW", "amount_minor": minor}
        )
    with refused("not_there"):
        strict.approve(payout.payout_id)
    assert strict.payouts[payout.payout_id].status == "requested"


# By which way


def test_cash_goes_back_from_the_agents_hand_at_once(back):
    payment_id = back.record(payer_msisdn=MARY).payment.payment_id
    payout = back.refund(payment_id)
    assert (payout.status, payout.provider, payout.agent) == ("completed", "cash", "joseph")
    assert (back.balance("cash:joseph"), back.held_back(), back.open_minor(KNY)) == (0, 0, 3000)
    assert back[payment_id].status == "refunded"
    assert not [row for row in back.outbox if row["kind"] == "payout"]
    assert back.told_of(payout.payout_id) == ["GivenBack"]


def test_cash_that_was_handed_in_is_refused_until_a_number_is_named(back):
    payment_id = back.record(agent=JOSEPH, payer_msisdn=MARY).payment.payment_id
    for account, minor in (("cash:joseph", -3000), ("bank:x", 3000)):
        back.entries.append(
            {"ledger_id": "x", "ledger_account": account, "currency": "ZMW", "amount_minor": minor}
        )
    with refused("cash_handed_in"):
        back.refund(payment_id)
    payout = back.refund(payment_id, msisdn=MARY)
    assert (payout.provider, payout.account_id, payout.kind) == ("mtn", "mtn:default", TRANSFER)


def test_a_rail_without_any_way_out_says_so():
    back = PayoutWorld(limit_minor=10_000, rails={"daraja:acc": MTN})
    payment_id = back.settled()
    with refused("no_way_out"):
        back.refund(payment_id)
    assert not back.payouts


def test_a_payment_that_came_from_another_number_is_not_sent_to_who_was_asked():
    back = PayoutWorld(limit_minor=10_000, rails={"mtn:acc": BLIND, "mtn:default": BLIND})
    payment_id = back.pushed()
    back.paid(payment_id, msisdn=JOHN)
    with refused("payer_unknown"):
        back.refund(payment_id)
    assert back.refund(payment_id, msisdn=JOHN).msisdn == JOHN


def test_money_by_hand_of_a_hidden_number_is_undone_where_the_rail_can(back):
    answer = back.arrive(
        "TKL1", 5000, NRB, account="daraja:acc", currency="KES", masked_msisdn="2547 ***** 126"
    )
    payout = back.given_back(answer.payment.payment_id)
    assert (payout.kind, payout.msisdn) == (REVERSAL, "")
    assert back[answer.payment.payment_id].status == "reversed"


def test_money_by_hand_of_a_hidden_number_is_sent_to_nobody_before_one_is_named(back):
    payment_id = back.arrive("TKL1", masked_msisdn="26096 ***** 001").payment.payment_id
    with refused("payer_unknown"):
        back.refund(payment_id)
    payout = back.refund(payment_id, msisdn=MARY)
    assert (payout.kind, payout.msisdn) == (TRANSFER, MARY)


def test_what_no_push_of_ours_brought_is_not_named_to_the_rail_as_one(back):
    payout = back.refund(back.arrive("TKL1", msisdn=MARY).payment.payment_id)
    assert payout.kind == TRANSFER


def test_a_reversal_needs_the_networks_receipt(back):
    payment_id = back.pushed(NRB, ACHIENG, "daraja")
    back.paid(payment_id)
    assert back.refund(payment_id).kind == TRANSFER


def test_whole_shillings_only_where_the_rail_moves_no_others(back):
    payment_id = back.settled(NRB, ACHIENG, "daraja")
    with refused("bad_amount"):
        back.refund(payment_id, amount_minor=150)
    assert back.refund(payment_id, amount_minor=200).amount_minor == 200


def test_a_way_that_there_is_not(back):
    with refused("bad_way", BadInput):
        back.refund(back.settled(), way="pigeon")
    with refused("no_way_out"):
        back.refund(back.settled(tap_id="KNY-0533-5", phone=JOHN), way="reversal")


# Four eyes


def test_above_the_limit_nothing_moves_before_a_second_person_says_yes(strict):
    payment_id = strict.settled()
    payout = strict.refund(payment_id)
    assert (payout.status, payout.requested_by, strict.held_back()) == ("requested", "Ann Zulu", 0)
    assert strict.start_payout(payout.payout_id) == "skip"
    approved = strict.approve(payout.payout_id)
    assert (approved.status, approved.approved_by, strict.held_back()) == ("initiated", "Grace Phiri", 3000)
    with refused("not_waiting", Conflict):
        strict.approve(payout.payout_id)


def test_up_to_the_limit_one_person_is_enough(strict):
    assert strict.refund(strict.settled(), amount_minor=2500).status == "initiated"


@pytest.mark.parametrize(
    "again", ["Ann Zulu", "ann zulu", "ANN  ZULU", "Zulu, Ann", "ann.zulu", "Ánn Zulu", "annie"]
)
def test_the_same_person_is_not_a_second_one(strict, again):
    payout = strict.refund(strict.settled())
    with refused("same_person"):
        strict.approve(payout.payout_id, By(again))
    assert strict.payouts[payout.payout_id].status == "requested"


@pytest.mark.parametrize("who", [PETER, By("nobody"), By("root", is_named=False)])
def test_who_has_no_role_approves_nothing(strict, who):
    payout = strict.refund(strict.settled())
    with refused("not_allowed"):
        strict.approve(payout.payout_id, who)


@pytest.mark.parametrize("who", [PETER, By("nobody"), By("peter", is_named=False)])
def test_who_has_no_role_asks_for_nothing(strict, who):
    payment_id = strict.settled()
    with refused("not_allowed"):
        strict.refund(payment_id, by=who)


def test_who_sits_at_the_machine_may_ask(strict):
    payout = strict.refund(strict.settled(), by=By("root", is_named=False))
    assert payout.requested_by == "root"
    assert strict.approve(payout.payout_id, ANN).approved_by == "Ann Zulu"


def test_whoever_asked_may_withdraw_and_then_nobody_can_approve(strict):
    payout = strict.refund(strict.settled())
    assert strict.reject(payout.payout_id, ANN).status == "rejected"
    with refused("not_waiting", Conflict):
        strict.approve(payout.payout_id, GRACE)


def test_a_currency_without_a_limit_always_needs_two(back):
    held = back.pushed()
    back.paid(held, receipt="R3", currency="UGX")
    assert back.refund(held, way="transfer").status == "requested"


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [("J. Phiri", "phiri j", True), ("jphiri", "J Phiri", True), ("Ann Zulu", "Ann Zula", False)],
)
def test_spellings_of_a_name(one, other, is_one):
    assert (folded(one) == folded(other)) is is_one


# What the rail says


@pytest.fixture
def blind():
    """The only rail knows no reference of ours and cannot be asked."""
    return PayoutWorld(limit_minor=10_000, rails={"blind:acc": BLIND})


def test_a_time_out_is_processing_and_never_sent_again_where_the_rail_would_pay_twice(blind):
    back = blind
    payment_id = back.settled(provider="blind")
    payout = back.refund(payment_id)
    assert back.start_payout(payout.payout_id) == "send"
    answer = back.answer_payout(payout.payout_id, Taken.UNKNOWN, code="timeout")
    assert (answer.status, answer.send_state) == ("processing", "unknown")
    assert [back.start_payout(payout.payout_id) for _ in range(3)] == ["skip"] * 3
    assert back.handed_over[payout.payout_id] == 1


def test_a_rail_that_knows_our_reference_is_asked_again_but_not_for_ever(back):
    payout = back.refund(back.settled())
    tries = 0
    while back.start_payout(payout.payout_id) == "send" and tries < 20:
        tries += 1
        if not isinstance(back.answer_payout(payout.payout_id, Taken.UNKNOWN), Again):
            break
    assert tries == back.payout_rules.attempts
    assert back.payouts[payout.payout_id].status == "processing"


def test_a_no_after_a_try_of_unknown_outcome_is_no_end(back):
    payout = back.refund(back.settled())
    back.start_payout(payout.payout_id)
    back.answer_payout(payout.payout_id, Taken.UNKNOWN)
    back.start_payout(payout.payout_id)
    assert back.answer_payout(payout.payout_id, Taken.REFUSED).status == "processing"


def test_a_process_that_died_while_sending_leaves_it_unknown(blind):
    back = blind
    payout = back.refund(back.settled(provider="blind"))
    assert back.start_payout(payout.payout_id) == "send"
    assert back.start_payout(payout.payout_id) == "skip"
    assert back.payouts[payout.payout_id].status == "processing"
    assert back.payouts[payout.payout_id].next_check_at is not None


def test_what_was_never_taken_is_tried_again_and_then_fails(back):
    payout = back.refund(back.settled())
    while back.start_payout(payout.payout_id) == "send":
        if not isinstance(back.answer_payout(payout.payout_id, Taken.NOT_REACHED), Again):
            break
    assert back.payouts[payout.payout_id].status == "failed"
    assert back.handed_over[payout.payout_id] == back.payout_rules.attempts


def test_an_answer_that_is_the_outcome_ends_it_at_once(back):
    payout = back.refund(back.settled())
    back.start_payout(payout.payout_id)
    word = Report(Outcome.PAID, receipt="B7")
    answer = back.answer_payout(payout.payout_id, Taken.ACCEPTED, word=word)
    assert (answer.status, answer.receipt) == ("completed", "B7")


def test_a_failure_without_proof_moves_nothing_and_staff_see_it(back):
    payout = back.on_its_way(back.settled())
    back.hear(payout.payout_id, Outcome.NOT_PAID, is_proof=False, cause="callback", code="1")
    assert (back.payouts[payout.payout_id].status, back.held_back()) == ("processing", 3000)
    assert ("payout_refused", 0) in back.kinds()


def test_an_expiry_that_is_not_the_last_word_is_asked_about_once_more(back):
    payout_id = back.on_its_way(back.settled()).payout_id
    for cause in ("callback", "callback", "poll"):
        before = back.payouts[payout_id]
        assert (before.status, back.held_back()) == ("processing", 3000)
        back.hear(payout_id, Outcome.EXPIRED, code="TE", is_last_word=False, cause=cause)
    assert before.next_check_at == back.now + timedelta(seconds=back.payout_rules.poll_after_s * 1.5)
    assert (back.payouts[payout_id].status, back.held_back()) == ("failed", 0)


def test_an_expiry_that_was_none_after_all_leaves_no_trace_of_failure(back):
    payout_id = back.on_its_way(back.settled()).payout_id
    back.hear(payout_id, Outcome.EXPIRED, code="TE", is_last_word=False)
    payout = back.hear(payout_id, Outcome.PAID)
    assert (payout.status, payout.failure, back.held_back()) == ("completed", None, 0)


@pytest.mark.parametrize("wrong", [{"amount_minor": 1}, {"currency": "USD"}, {"reference": "another"}])
def test_a_success_of_something_else_ends_nothing(back, wrong):
    payout = back.on_its_way(back.settled())
    back.hear(payout.payout_id, Outcome.PAID, **wrong)
    assert back.payouts[payout.payout_id].status == "processing"
    assert ("payout_differs", 0) in back.kinds()


def test_repeats_change_nothing_and_contradictions_are_seen(back):
    payout = back.given_back(back.settled())
    entries = len(back.entries)
    for outcome in (Outcome.PAID, Outcome.WAITING, Outcome.NOT_FOUND, Outcome.NOT_PAID, Outcome.NOT_PAID):
        back.hear(payout.payout_id, outcome)
    assert len(back.entries) == entries
    assert [kind for kind, _ in back.kinds()] == ["contradiction"]
    assert back.payouts[payout.payout_id].status == "completed"


def test_a_day_without_a_word_is_handed_to_staff_and_the_money_stays_held(back):
    payout = back.on_its_way(back.settled())
    for _ in range(40):
        now = back.payouts[payout.payout_id].next_check_at
        back.wait((now - back.now).total_seconds())
        back.hear(payout.payout_id, Outcome.WAITING)
    found = back.payouts[payout.payout_id]
    assert (found.status, back.held_back()) == ("processing", 3000)
    assert ("payout_unresolved", 0) in back.kinds()
    assert (found.next_check_at - back.now).total_seconds() == back.payout_rules.ask_for_s


def test_where_nobody_can_be_asked_staff_are_told_within_the_hour(blind):
    payout = blind.on_its_way(blind.settled(provider="blind"))
    blind.wait(3590)
    blind.hear(payout.payout_id, Outcome.UNKNOWN)
    assert not blind.items
    blind.wait(20)
    blind.hear(payout.payout_id, Outcome.UNKNOWN)
    assert blind.kinds() == [("payout_unresolved", 0)]


@pytest.mark.parametrize(("was_sent", "status"), [(True, "completed"), (False, "failed")])
def test_staff_say_what_they_saw_and_not_who_asked(back, was_sent, status):
    payout = back.on_its_way(back.settled())
    with refused("same_person"):
        back.resolve(payout.payout_id, was_sent=was_sent, by=ANN)
    assert back.resolve(payout.payout_id, was_sent=was_sent).status == status
    with refused("not_processing", Conflict):
        back.resolve(payout.payout_id, was_sent=was_sent)


def test_every_payout_has_a_key_that_is_no_payments(back):
    payout = back.refund(back.settled(), msisdn=SECOND)
    assert payout.callback_key.startswith("p.")
    assert len(payout.callback_key) == 22
    assert part_of(back, KNY, "TRUST").paid_minor == 2000


# Money that was given back, and is told of once more


@pytest.mark.parametrize("typed", ["own reference", ""])
def test_a_receipt_that_comes_after_its_money_went_back_is_no_second_money(back, typed):
    payment_id = back.pushed()
    back.paid(payment_id)  # by the rail's query, which tells no receipt
    back.given_back(payment_id)
    reference = account_reference(KNY, payment_id) if typed else ""
    answer = back.arrive("LATE", typed=reference, msisdn=MARY)
    assert (answer.verdict, answer.payment.payment_id) == ("receipt", payment_id)
    assert (back[payment_id].status, back[payment_id].receipt) == ("refunded", "LATE")
    assert back.open_minor(KNY) == 3000
    assert back.balance("rail:mtn:acc") == back.balance(f"wallet:{MARY}") == 0
    assert back.arrive("LATE", typed=reference, msisdn=MARY).verdict == "repeated"


def test_other_money_for_a_payment_that_went_back_is_counted(back):
    payment_id = back.settled(receipt="FIRST")
    back.given_back(payment_id)
    answer = back.arrive("OTHER", typed=account_reference(KNY, payment_id), msisdn=MARY)
    assert (answer.verdict, back.open_minor(KNY)) == ("credited", 0)
