import pytest
from msgspec.structs import replace
from payments_world import ACHIENG, CITY, DELAY_S, JOHN, KNY, KNY2, MARY, NRB, World, part

from payments import results as r
from payments.providers.base import Outcome, Taken
from payments.validation import Limits


def test_a_payment_claims_all_that_is_open_with_an_order_for_each_seller(world):
    answer = world.pay()
    payment = answer.payment
    assert (payment.status, payment.amount_minor, payment.currency) == ("initiated", 3000, "ZMW")
    assert {(o.seller, o.amount_minor, o.status) for o in answer.orders} == {
        ("TRUST", 2000, "not_started"),
        ("CBE", 1000, "not_started"),
    }
    assert sorted(c.amount_minor for c in world.open_claims(payment.payment_id)) == [1000, 2000]
    assert world.path(payment.payment_id) == ["initiated"]
    assert (answer.is_queued, answer.is_repeat) == (False, False)


def test_the_push_waits_in_the_outbox_until_the_call_has_ended(world):
    payment = world[world.accepted()]
    (row,) = world.outbox
    assert (row["kind"], row["key"]) == ("push", "call-1")
    assert (row["available_at"] - world.now).total_seconds() == DELAY_S
    assert payment.push_after == row["available_at"]
    assert (payment.expires_at - payment.push_after).total_seconds() == world.rules.expiry_s
    assert payment.next_check_at == payment.expires_at


def test_a_part_payment_goes_to_the_oldest_period_first_then_in_proportion():
    october = part(KNY, "TRUST", 2000, period="2026-10")
    world = World([*CITY, october])
    answer = world.pay(amount_minor=2150)
    claims = {world.parts[c.part_id].period: 0 for c in world.open_claims(answer.payment.payment_id)}
    for claim in world.open_claims(answer.payment.payment_id):
        claims[world.parts[claim.part_id].period] += claim.amount_minor
    assert claims == {"2026-10": 2000, "2026-11": 150}
    assert {o.seller: o.amount_minor for o in answer.orders} == {"TRUST": 2100, "CBE": 50}
    assert answer.payment.period == "2026-11"


def test_a_tenant_pays_their_own_share_only(world):
    answer = world.pay(KNY2, tenant_id="mary")
    assert answer.payment.amount_minor == 1500
    (claim,) = world.open_claims(answer.payment.payment_id)
    assert world.parts[claim.part_id].tenant_id == "mary"


# Rule 1


def test_rule_1_a_second_payer_is_told_that_one_is_under_way(world):
    first = world.accepted(phone=MARY)
    answer = world.pay(phone=JOHN)
    assert answer == r.UnderWay(world[first])
    assert len(world.payments) == 1


def test_rule_1_holds_for_a_part_and_for_what_overlaps_it(world):
    first = world.accepted(KNY2, tenant_id="mary")
    assert world.pay(KNY2, phone=JOHN) == r.UnderWay(world[first])
    assert isinstance(world.pay(KNY2, phone=JOHN, tenant_id="john"), r.Accepted)


def test_rule_1_a_debt_is_free_again_when_the_attempt_has_failed(world):
    first = world.pushed()
    world.report(first, Outcome.NOT_PAID, code="REJECTED")
    assert isinstance(world.pay(phone=JOHN), r.Accepted)


# Rule 2


def test_rule_2_a_repeat_returns_the_first_result(world):
    first = world.pay(key="k1")
    again = world.pay(key="k1")
    assert again == replace(first, is_repeat=True)
    assert len(world.payments) == len(world.outbox) == 1


def test_rule_2_a_repeat_is_answered_also_when_the_debt_is_paid_since(world):
    payment_id = world.pushed(key="k1")
    world.paid(payment_id)
    again = world.pay(key="k1")
    assert (again.payment.payment_id, again.payment.status) == (payment_id, "success")
    assert again.is_repeat


def test_rule_2_the_same_key_with_another_body_is_refused(world):
    world.pay(key="k1", body="one")
    assert world.pay(key="k1", body="other") == r.Mismatch()
    assert len(world.payments) == 1


# Refusals start nothing

CENTS = r.NotExpressible(100, 100, 10**12, 5000)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"tap_id": "XXX-0000-0"}, r.NoSuch("tap")),
        ({"provider": "airtel"}, r.NoRail("airtel")),
        ({"provider": "daraja"}, r.NoRail("daraja")),
        ({"currency": "KES"}, r.NoRail("mtn")),
        ({"amount_minor": 3001}, r.MoreThanOwed(3000, "ZMW")),
        ({"amount_minor": 0}, r.NotExpressible(1, 1, 10**12, 3000)),
        ({"amount_minor": -500}, r.NotExpressible(1, 1, 10**12, 3000)),
        ({"tenant_id": "nobody"}, r.NothingOwed()),
        (
            {"tap_id": NRB, "provider": "daraja", "amount_minor": 1050},
            r.NotExpressible(100, 100, 10**12, 5000),
        ),
        ({"tap_id": NRB, "provider": "daraja", "amount_minor": 50}, CENTS),
    ],
)
def test_a_refusal_says_why_and_starts_nothing(world, asked, refusal):
    assert world.pay(**asked) == refusal
    assert [*world.payments, *world.claims, *world.outbox, *world.trail] == []


def test_a_paid_tap_owes_nothing(world):
    world.paid(world.pushed())
    assert world.pay() == r.NothingOwed()


def test_whole_shillings_are_claimed_where_only_those_move(world):
    payment = world[world.accepted(NRB, ACHIENG, "daraja", amount_minor=2600)]
    assert (payment.amount_minor, payment.currency, payment.account_id) == (2600, "KES", "daraja:acc")


# The seam of validation


LIMITS = Limits(single_minor={"ZMW": 2500}, daily_minor={"ZMW": 4000})


@pytest.mark.parametrize("amount_minor", [2500, 2400])
def test_an_amount_within_the_limits_proceeds(amount_minor):
    assert World(limits=LIMITS).pay(amount_minor=amount_minor).payment.validation == "proceed"


def test_above_the_single_limit_the_payment_fails_with_the_reason_and_no_push():
    world = World(limits=LIMITS)
    answer = world.pay()
    assert (answer.payment.status, answer.payment.reason) == ("failed", "limit_single")
    assert (answer.payment.validation, answer.most_minor) == ("reject", 2500)
    assert answer.payment.is_final
    assert answer.payment.next_check_at is None
    assert {o.status for o in answer.orders} == {"failed"}
    assert not world.outbox
    assert not world.open_claims(answer.payment.payment_id)
    assert world.path(answer.payment.payment_id) == ["initiated", "failed"]


def test_above_what_is_left_of_the_day_it_says_how_much_is_left():
    world = World(limits=LIMITS)
    world.paid(world.pushed(amount_minor=2500))
    answer = world.pay(KNY2, amount_minor=2000)
    assert (answer.payment.reason, answer.most_minor) == ("limit_daily", 1500)
    assert world.pay(KNY2, phone=JOHN, amount_minor=2000).payment.status == "initiated"


def test_a_failed_attempt_does_not_count_towards_the_day():
    world = World(limits=LIMITS)
    payment_id = world.started(amount_minor=2500)
    world.answer(payment_id, Taken.REFUSED)
    assert world.pay(KNY2, amount_minor=2500).payment.status == "initiated"


def test_no_limit_for_a_currency_without_one():
    world = World(limits=LIMITS)
    assert world.pay(NRB, ACHIENG, "daraja").payment.status == "initiated"


# One prompt at a time for a handset


def test_a_second_payment_of_the_same_handset_is_queued_and_says_so(world):
    world.accepted(KNY)
    assert world.pay(KNY2).is_queued
    assert not world.pay(NRB, ACHIENG, "daraja").is_queued


def test_one_that_waits_for_its_rail_keeps_no_other_prompt_back(world):
    first = world.pay(KNY).payment
    world.payments[first.payment_id] = replace(world.payments[first.payment_id], held_at=first.created_at)
    assert not world.pay(KNY2).is_queued
