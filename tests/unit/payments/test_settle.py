import pytest
from payments_world import ACHIENG, CITY, JOHN, KNY, MARY, NRB, World, part

from payments.events import Succeeded
from payments.providers.base import Outcome, Report

RAIL, SUSPENSE = "rail:mtn:acc", "suspense:mtn:acc"
TRUST, CBE = "seller:KNY:TRUST", "seller:KNY:CBE"


def _books(world):
    return {account: world.balance(account) for account in (RAIL, TRUST, CBE, SUSPENSE)}


def _misfit(world, payment_id, kind, kept_minor=3000):
    assert (world[payment_id].status, world[payment_id].reason) == ("success", kind)
    assert world.kinds() == [(kind, kept_minor)]
    assert set(world.order_states(payment_id).values()) == {"failed"}
    assert not world.open_claims(payment_id)


def test_what_was_asked_pays_each_seller_and_closes_the_debt(world):
    payment_id = world.pushed()
    world.paid(
        payment_id, amount_minor=3000, currency="ZMW", msisdn=MARY, external_id=payment_id, receipt="R1"
    )
    payment = world[payment_id]
    assert (payment.status, payment.receipt, payment.is_final) == ("success", "R1", True)
    assert payment.next_check_at is None
    assert _books(world) == {RAIL: 3000, TRUST: -2000, CBE: -1000, SUSPENSE: 0}
    assert world.credits[payment_id]["amount_minor"] == 3000
    assert world.order_states(payment_id) == {"TRUST": "success", "CBE": "success"}
    assert world.open_minor() == 0
    assert world.path(payment_id) == ["initiated", "pending", "success"]
    assert world.events == [Succeeded(payment, 3000, 0, 0, ("2026-11",), was_late=False)]


def test_the_handset_and_the_debt_are_free_afterwards(world):
    world.paid(world.pushed(amount_minor=1000))
    assert world.open_minor() == 2000
    assert world.pay(phone=JOHN).payment.amount_minor == 2000


# Rule 5: one credit for one receipt


def test_rule_5_a_receipt_that_the_provider_gave_before_pays_no_second_debt(world):
    world.paid(world.pushed(NRB, ACHIENG, "daraja"), receipt="SAME")  # another account: no clash
    first, second = world.pushed(amount_minor=1000), None
    world.paid(first, receipt="SAME")
    second = world.pushed()
    world.paid(second, receipt="SAME")
    assert (world[first].receipt, world[second].receipt) == ("SAME", None)
    assert (world[second].status, world[second].reason) == ("success", "repeated_receipt")
    assert world.open_minor() == 2000
    assert ("repeated_receipt", 2000) in world.kinds()
    assert world.balance(SUSPENSE) == -2000


def test_rule_5_a_receipt_that_only_a_callback_claims_is_not_shown_twice_and_decides_nothing(world):
    hint = Report(Outcome.PAID, receipt="SAME")
    first, second = world.pushed(amount_minor=1000), None
    world.paid(first, receipt="SAME")
    second = world.pushed()
    world.paid(second, cause="callback", hint=hint)
    assert (world[second].status, world[second].receipt) == ("success", None)
    assert world.open_minor() == 0
    assert world.kinds() == [("repeated_receipt", 0)]


# Rule 6: a second success


def test_rule_6_a_second_success_is_kept_in_the_wallet_of_its_payer(world):
    first = world.expired()
    second = world.accepted(phone=JOHN)
    world.report(first, Outcome.WAITING, code="PENDING")
    assert world.start(second).action == "send"
    world.paid(second)
    world.paid(first)
    assert (world[first].status, world[first].reason) == ("success", None)
    assert world.kinds() == [("second_success", 0)]
    (item,) = world.items.values()
    assert item["detail"].endswith(f"in wallet:{MARY}")
    assert _books(world) == {RAIL: 6000, TRUST: -2000, CBE: -1000, SUSPENSE: 0}
    assert world.wallets == {(MARY, "ZMW"): 3000}
    assert set(world.order_states(first).values()) == {"failed"}
    assert (world.events[-1].kept_minor, world.events[-1].is_in_wallet) == (3000, True)
    assert world.open_minor() == 0


def test_rule_6_what_is_still_open_is_paid_and_only_the_rest_is_kept(world):
    late = world.expired()
    other = world.accepted(phone=JOHN, amount_minor=1200)
    world.report(late, Outcome.WAITING, code="PENDING")
    world.start(other)
    world.paid(other)
    world.paid(late)
    assert world.kinds() == [("over_payment", 0)]
    assert world.wallets == {(MARY, "ZMW"): 1200}
    assert world.open_minor() == 0
    assert world.balance(RAIL) == 4200


# Rule 7: no match, no guess


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"msisdn": JOHN}, "other_payer"),
        ({"external_id": "another-request"}, "other_request"),
    ],
)
def test_rule_7_money_that_does_not_fit_goes_to_suspense(world, said, kind):
    payment_id = world.pushed()
    world.paid(payment_id, **said)
    _misfit(world, payment_id, kind)
    assert _books(world) == {RAIL: 3000, TRUST: 0, CBE: 0, SUSPENSE: -3000}
    assert not world.wallets
    assert not world.events[-1].is_in_wallet
    assert world.open_minor() == 3000


def test_rule_7_another_currency_is_kept_in_that_currency(world):
    payment_id = world.pushed()
    world.paid(payment_id, amount_minor=500, currency="USD")
    _misfit(world, payment_id, "other_currency", 500)
    assert {row["currency"] for row in world.entries} == {"USD"}
    assert world.credits[payment_id]["currency"] == "USD"


def test_rule_7_the_debt_can_be_paid_after_a_misfit(world):
    world.paid(world.pushed(), msisdn=JOHN)
    assert world.pay(phone=JOHN).payment.amount_minor == 3000


# Rule 8: less or more than asked


def test_rule_8_less_leaves_the_debt_open_for_the_rest(world):
    payment_id = world.pushed()
    world.paid(payment_id, amount_minor=600)
    assert _books(world) == {RAIL: 600, TRUST: -400, CBE: -200, SUSPENSE: 0}
    assert (world[payment_id].status, world.open_minor()) == ("success", 2400)
    assert world.events[-1].left_minor == 2400
    assert not world.items


def test_rule_8_less_goes_to_the_oldest_period_first():
    world = World([*CITY, part(KNY, "TRUST", 2000, period="2026-10")])
    world.paid(world.pushed(), amount_minor=2300)
    left = {p.period: 0 for p in world.parts.values() if p.tap_id == KNY}
    for found in world.parts.values():
        if found.tap_id == KNY:
            left[found.period] += found.open_minor
    assert left == {"2026-10": 0, "2026-11": 2700}


def test_rule_8_more_is_kept_in_the_wallet_of_its_payer(world):
    payment_id = world.pushed()
    world.paid(payment_id, amount_minor=3500)
    assert _books(world) == {RAIL: 3500, TRUST: -2000, CBE: -1000, SUSPENSE: 0}
    assert (world.kinds(), world.wallets) == ([("over_payment", 0)], {(MARY, "ZMW"): 500})
    assert (world.events[-1].credited_minor, world.events[-1].kept_minor) == (3000, 500)


def test_one_ngwee_is_enough_for_a_success_of_one_order(world):
    payment_id = world.pushed()
    world.paid(payment_id, amount_minor=1)
    assert world.order_states(payment_id) == {"TRUST": "success", "CBE": "failed"}
    assert world.open_minor() == 2999


# Late


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_a_late_success_is_credited_and_said_to_be_late(world, end):
    payment_id = world.expired() if end == "expired" else world.pushed()
    if end == "failed":
        world.report(payment_id, Outcome.NOT_PAID)
    assert world[payment_id].status == end
    world.wait(3600)
    world.paid(payment_id)
    assert world.path(payment_id)[-2:] == [end, "success"]
    assert world.trail[-1]["detail"] == "late"
    assert world.open_minor() == 0
    assert world.events[-1].was_late
    assert set(world.order_states(payment_id).values()) == {"success"}


def test_a_late_success_takes_what_another_is_asking_for_and_that_one_is_kept(world):
    late = world.expired()
    other = world.accepted(phone=JOHN)
    world.report(late, Outcome.WAITING, code="PENDING")
    world.start(other)
    world.paid(late)
    assert world.open_claims(other)
    world.paid(other)
    assert world.kinds() == [("second_success", 0)]
    assert world.wallets == {(JOHN, "ZMW"): 3000}
    assert not world.open_claims(other)
