import json

import pytest
from payments_world import GRACE, JOHN, JOSEPH, KNY, KNY2, MARY, NOW, NRB, RAILS, World, part

from core.ids import derived
from payments import routing
from payments.cash import held_by, receipt
from payments.events import Succeeded
from payments.results import (
    Accepted,
    Mismatch,
    MoreThanOwed,
    NoRail,
    NoSuch,
    NotExpressible,
    NothingOwed,
    Recorded,
    SeveralOwe,
    UnderWay,
)
from payments.validation import Limits

TRUST, CBE = "seller:KNY:TRUST", "seller:KNY:CBE"
KEY = derived("sms", "in-1", "0")


def _result(world):
    return world.audit[-1]["result"]


# Taken


def test_cash_pays_the_whole_debt_at_once(world):
    answer = world.record(payer_msisdn=MARY)
    payment = answer.payment
    assert (payment.provider, payment.status, payment.receipt) == ("cash", "success", "C-000001")
    assert (payment.amount_minor, payment.msisdn, payment.contact_msisdn) == (3000, MARY, MARY)
    assert world.open_minor() == 0
    assert world.order_states(payment.payment_id) == {"TRUST": "success", "CBE": "success"}
    assert {account: world.balance(account) for account in (held_by("joseph"), TRUST, CBE)} == {
        held_by("joseph"): 3000,
        TRUST: -2000,
        CBE: -1000,
    }
    assert world.credits[payment.payment_id]["receipt"] == "C-000001"
    assert world.credits[payment.payment_id]["amount_minor"] == 3000
    assert world.events == [Succeeded(payment, 3000, 0, 0, ("2026-11",), was_late=False, agent=JOSEPH)]


def test_it_is_final_nobody_is_asked_for_a_pin_and_nothing_is_looked_at_again(world):
    payment_id = world.record().payment.payment_id
    payment = world[payment_id]
    assert (payment.is_final, payment.push_state, payment.push_attempts) == (True, "none", 0)
    assert (payment.next_check_at, payment.asked_at, payment.checks) == (None, None, 0)
    assert not world.outbox
    assert not world.open_claims(payment_id)
    assert world.start(payment_id).action == "skip"
    assert world.time_up(payment_id).verdict == "repeated"


def test_the_trail_names_the_agent(world):
    payment_id = world.record(agent=GRACE).payment.payment_id
    assert world.path(payment_id) == ["initiated", "success"]
    assert [(row["cause"], row["actor"]) for row in world.trail] == [("agent", "grace")] * 2


def test_the_audit_log_says_who_recorded_what_from_where(world):
    world.record(payer_msisdn=MARY, amount_minor=1000)
    (row,) = world.audit
    assert (row["actor"], row["role"], row["channel"], row["source"]) == ("joseph", "agent", "sms", "in-1")
    assert (row["action"], row["subject"], row["result"]) == ("cash.record", KNY, "done")
    detail = json.loads(row["detail"])
    assert (detail["amount_minor"], detail["receipt"], detail["payer_msisdn"]) == (1000, "C-000001", MARY)


def test_a_part_is_divided_as_every_payment_is_oldest_first_and_water_first():
    old = part(KNY, "TRUST", 1001, period="2026-10")
    oldest_waste = part(KNY, "CBE", 1000, period="2026-10", component="refuse")
    world = World((part(KNY, "TRUST", 2000), old, oldest_waste))
    answer = world.record(amount_minor=1001)
    paid = {p.seller: p.paid_minor for p in world.parts.values() if p.period == "2026-10"}
    assert paid == {"TRUST": 501, "CBE": 500}
    assert answer.payment.period == "2026-10"
    assert answer.receipt.left_minor == 3000
    assert world.record().payment.amount_minor == 3000
    assert world.events[-1].periods == ("2026-10", "2026-11")


def test_the_currency_is_the_taps(world):
    answer = world.record(NRB)
    assert (answer.payment.currency, answer.payment.amount_minor) == ("KES", 5000)
    assert world.balance(held_by("joseph")) == 5000


def test_without_a_payer_the_agents_phone_stands_for_it_and_nobody_is_named(world):
    answer = world.record()
    assert answer.payment.contact_msisdn == JOSEPH.msisdn
    assert answer.receipt.payer_msisdn is None


def test_an_agent_who_names_their_own_phone_names_nobody(world):
    assert world.record(payer_msisdn=JOSEPH.msisdn).receipt.payer_msisdn is None


def test_receipts_count_on_over_agents_taps_and_currencies(world):
    receipts = [world.record(tap, agent).payment.receipt for tap, agent in ((KNY, JOSEPH), (NRB, GRACE))]
    assert receipts == ["C-000001", "C-000002"]


@pytest.mark.parametrize(
    ("number", "text"), [(1, "C-000001"), (4217, "C-004217"), (12_345_678, "C-12345678")]
)
def test_a_receipt_has_six_digits_and_more_once_they_are_used_up(number, text):
    assert receipt(number) == text


def test_limits_are_a_wallets_and_do_not_bind_cash():
    world = World(limits=Limits(single_minor={"ZMW": 100}, daily_minor={"ZMW": 100}))
    assert isinstance(world.record(), Recorded)


# Whose debt it pays


def test_a_tenants_phone_pays_the_tenants_part(world):
    answer = world.record(KNY2, payer_msisdn=MARY)
    assert (answer.payment.tenant_id, answer.payment.amount_minor) == ("mary", 1500)
    assert answer.receipt.left_minor == 0
    assert world.open_minor(KNY2) == 1500


def test_a_named_tenant_counts_whoever_pays(world):
    answer = world.record(KNY2, tenant_id="john", payer_msisdn=MARY, amount_minor=500)
    assert (answer.payment.tenant_id, answer.receipt.left_minor) == ("john", 1000)


@pytest.mark.parametrize("payer", [None, "+260967777777"])
def test_all_that_is_open_is_taken_without_a_tenant(world, payer):
    answer = world.record(KNY2, payer_msisdn=payer, amount_minor=3000)
    assert (answer.payment.tenant_id, answer.payment.amount_minor) == (None, 3000)
    assert world.open_minor(KNY2) == 0


def test_a_tenant_may_pay_for_all(world):
    answer = world.record(KNY2, payer_msisdn=MARY, is_payers_part=False, amount_minor=3000)
    assert (answer.payment.tenant_id, world.open_minor(KNY2)) == (None, 0)


@pytest.mark.parametrize("payer", [None, "+260967777777"])
def test_a_part_of_what_several_owe_is_refused_without_a_tenant(world, payer):
    assert world.record(KNY2, payer_msisdn=payer, amount_minor=1000) == SeveralOwe(3000, "ZMW")
    assert (_result(world), world.open_minor(KNY2)) == ("several_owe", 3000)


def test_whose_part_it_is_is_asked_before_anything_is_said_of_others(world):
    world.pushed(KNY2, tenant_id="john")
    assert isinstance(world.record(KNY2, amount_minor=1000), SeveralOwe)
    assert isinstance(world.record(KNY2, payer_msisdn=MARY, amount_minor=1000), Recorded)


def test_a_part_goes_to_the_only_tenant_who_owes(world):
    world.record(KNY2, payer_msisdn=MARY)
    assert isinstance(world.record(KNY2, amount_minor=1000), Recorded)
    assert world.open_minor(KNY2) == 500


def test_a_phone_without_a_part_on_a_shared_tap_pays_the_tap(world):
    world.tenancies[KNY, MARY] = "mary of kny"
    answer = world.record(payer_msisdn=MARY, amount_minor=1000)
    assert (answer.payment.tenant_id, world.open_minor()) == (None, 2000)


# Refused


def test_nothing_is_taken_where_nothing_is_owed(world):
    world.record()
    assert world.record(agent=GRACE) == NothingOwed()
    assert _result(world) == "nothing_owed"
    assert world.balance(held_by("grace")) == 0


def test_a_tenant_who_has_paid_does_not_pay_for_the_others(world):
    world.record(KNY2, payer_msisdn=MARY)
    assert world.record(KNY2, payer_msisdn=MARY) == NothingOwed()


def test_more_than_owed_is_refused_with_what_is_open(world):
    assert world.record(amount_minor=3001) == MoreThanOwed(3000, "ZMW")
    assert _result(world) == "more_than_owed"


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_no_amount_is_refused(world, amount_minor):
    assert isinstance(world.record(amount_minor=amount_minor), NotExpressible)
    assert _result(world) == "bad_amount"


def test_there_must_be_such_a_tap(world):
    assert world.record("KNY-9999-9") == NoSuch("tap")
    assert (_result(world), world.audit[-1]["subject"]) == ("no_such_tap", "KNY-9999-9")


@pytest.mark.parametrize("state", ["accepted", "started", "pushed"])
def test_no_cash_is_taken_for_what_may_be_debited_any_moment(world, state):
    payment_id = getattr(world, state)(amount_minor=1000)
    answer = world.record()
    assert answer == UnderWay(world[payment_id])
    assert answer.payment.created_at == NOW
    assert (_result(world), world.balance(held_by("joseph"))) == ("under_way", 0)


def test_cash_is_taken_once_the_prompt_has_ended(world):
    world.expired()
    assert isinstance(world.record(), Recorded)


def test_a_push_that_succeeds_after_cash_is_kept_for_a_person(world):
    late = world.expired()
    world.record()
    world.paid(late, receipt="R1")
    assert world.kinds() == [("second_success", 0)]
    assert sum(world.wallets.values()) == 3000
    assert world.open_minor() == 0


def test_another_tenants_push_leaves_mine_free(world):
    world.pushed(KNY2, tenant_id="john")
    assert world.record(KNY2, payer_msisdn=MARY).payment.tenant_id == "mary"
    assert isinstance(world.record(KNY2), UnderWay)


def test_a_push_finds_the_debt_paid(world):
    world.record(amount_minor=2999)
    assert world.pay(phone=JOHN).payment.amount_minor == 1


# Again


def test_the_same_key_gets_the_same_answer_and_one_credit(world):
    first = world.record(key=KEY, amount_minor=1000, payer_msisdn=MARY)
    world.wait(60)
    again = world.record(key=KEY, amount_minor=1000, payer_msisdn=MARY)
    assert (again.payment, again.orders, again.receipt) == (first.payment, first.orders, first.receipt)
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert world.open_minor() == 2000
    assert len(world.events) == len(world.audit) == len(world.credits) == 1


def test_a_repeat_is_answered_alike_after_the_payer_has_moved(world):
    first = world.record(KNY2, key=KEY, payer_msisdn=MARY)
    world.tenancies.clear()
    assert world.record(KNY2, key=KEY, payer_msisdn=MARY).payment == first.payment


@pytest.mark.parametrize(
    "other",
    [{"amount_minor": 1}, {"tap_id": NRB}, {"agent": GRACE}, {"payer_msisdn": JOHN}, {"tenant_id": "john"}],
)
def test_the_same_key_for_something_else_is_refused(world, other):
    world.record(key=KEY, amount_minor=1000)
    assert world.record(**({"key": KEY, "amount_minor": 1000} | other)) == Mismatch()
    assert _result(world) == "other_request"
    assert world.open_minor() == 2000


def test_keys_of_cash_and_of_pushes_are_not_each_others(world):
    world.record(key=KEY, amount_minor=1000)
    assert world.pay(key=KEY) == Mismatch()
    other = derived("sms", "in-2", "0")
    world.accepted(key=other)
    assert world.record(key=other) == Mismatch()


# Not a way to choose


def test_cash_is_no_way_that_a_payer_can_choose(world):
    for currency in ("ZMW", "KES"):
        assert "cash" not in {rail.provider for rail in routing.for_currency(RAILS.values(), currency)}
    assert world.pay(provider="cash") == NoRail("cash")
    assert isinstance(world.pay(), Accepted)


def test_screens_call_it_cash():
    assert routing.NAMES["cash"] == "Cash"
