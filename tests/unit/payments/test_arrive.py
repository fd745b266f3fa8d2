"""Money that came by itself: whose it is, once, and never guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_world import ACHIENG, JOHN, KNY, KNY2, MARY, NRB, World, part

from payments.providers.account_reference import account_reference
from payments.providers.base import Outcome, Report
from payments.results import AskFirst, Noted

MASKED_MARY, MASKED_BOTH = "26096 ***** 001", "26096*******"
STRANGER = "+260977777777"


def verdict(answer):
    assert isinstance(answer, Noted), answer
    return answer.verdict


def fits_the_books(world):
    """What `madzi verify` asks of credits, items and the ledger."""
    rails = sum(e["amount_minor"] for e in world.entries if e["ledger_account"].startswith("rail:"))
    own = [c for c in world.credits.values() if c["proof"] != "staff"]
    assert rails == sum(c["amount_minor"] for c in own)
    waits = [i["held_minor"] for i in world.items.values() if i["status"] == "open"]
    assert world.balance("suspense:mtn:acc") == -sum(waits)
    for credit_id, credit in world.credits.items():
        if credit["payment_id"] is None:
            (item,) = (i for i in world.items.values() if i["credit_id"] == credit_id)
            assert (item["status"], item["held_minor"]) == ("open", credit["amount_minor"])


# The tap that was named


@pytest.mark.parametrize("typed", [KNY, "kny o417 1", "KNYO4171", "tap kny 0417", "Acc no. KNY-0417-1"])
def test_the_tap_that_was_typed_is_paid(world, typed):
    answer = world.arrive(typed=typed, msisdn=STRANGER)
    assert verdict(answer) == "credited"
    payment = answer.payment
    assert (payment.status, payment.channel, payment.amount_minor) == ("success", "c2b", 3000)
    assert (payment.msisdn, payment.contact_msisdn, payment.receipt) == (STRANGER, STRANGER, "TKL51ZDR4F")
    assert world.open_minor() == 0
    assert world.balance("rail:mtn:acc") == 3000
    fits_the_books(world)


def test_part_of_it_pays_in_proportion_and_the_rest_stays_open(world):
    world.arrive(amount_minor=1500)
    assert world.open_minor() == 1500
    (event,) = world.events
    assert (event.credited_minor, event.left_minor) == (1500, 1500)


def test_the_oldest_period_is_paid_first():
    old, new = part(KNY, "TRUST", 2000, period="2026-09"), part(KNY, "TRUST", 2000, period="2026-11")
    world = World(parts=(new, old))
    world.arrive(amount_minor=2500)
    assert [p.paid_minor for p in (world.parts[old.part_id], world.parts[new.part_id])] == [2000, 500]
    assert world.events[0].periods == ("2026-09", "2026-11")


def test_a_tenants_own_debt_is_paid_and_no_neighbours(world):
    answer = world.arrive(typed=KNY2, amount_minor=2000, msisdn=MARY)
    assert answer.payment.tenant_id == "mary"
    assert {p.tenant_id: p.paid_minor for p in world.parts.values() if p.tap_id == KNY2} == {
        "mary": 1500,
        "john": 0,
    }
    assert world.balance(f"wallet:{MARY}") == -500


def test_a_hidden_number_that_fits_one_tenant_of_the_tap_is_that_tenant(world):
    answer = world.arrive(typed=KNY2, amount_minor=1500, masked_msisdn=MASKED_MARY)
    assert (answer.payment.tenant_id, answer.payment.msisdn, answer.payment.contact_msisdn) == (
        "mary",
        "",
        MARY,
    )


def test_a_stranger_on_a_tap_of_tenants_pays_for_all(world):
    world.arrive(typed=KNY2, amount_minor=2000, msisdn=STRANGER)
    assert sum(p.paid_minor for p in world.parts.values() if p.tap_id == KNY2) == 2000


def test_surplus_of_a_payer_whom_nobody_knows_in_full_waits_for_a_person(world):
    answer = world.arrive(amount_minor=3500, masked_msisdn=MASKED_MARY)
    assert verdict(answer) == "credited"
    assert world.kinds() == [("over_payment", 500)]
    fits_the_books(world)


def test_money_before_the_bill_is_kept_for_the_payer(world):
    world.arrive("R1", msisdn=MARY)
    answer = world.arrive("R2", msisdn=MARY)
    assert (verdict(answer), answer.payment.amount_minor) == ("credited", 0)
    assert world.balance(f"wallet:{MARY}") == -3000
    fits_the_books(world)


def test_money_before_the_bill_of_somebody_unknown_waits_for_a_person(world):
    world.arrive("R1")
    assert verdict(world.arrive("R2")) == "suspense"
    assert world.kinds() == [("over_payment", 3000)]
    fits_the_books(world)


def test_debts_that_somebody_is_paying_are_paid_all_the_same_and_that_one_becomes_credit(world):
    under_way = world.pushed(KNY, MARY)
    assert verdict(world.arrive(msisdn=STRANGER)) == "credited"
    assert world[under_way].is_open
    assert world.open_claims(under_way)
    world.paid(under_way, receipt="OTHER")
    assert world.balance(f"wallet:{MARY}") == -3000
    fits_the_books(world)


def test_a_prompt_that_has_not_left_finds_the_debt_paid(world):
    waiting = world.accepted(KNY, MARY)
    world.arrive(msisdn=STRANGER)
    world.wait(5)
    assert world.start(waiting).action == "skip"
    assert world[waiting].reason == "paid_already"


def test_another_currency_than_the_taps_waits_for_a_person(world):
    assert verdict(world.arrive(currency="KES")) == "suspense"
    assert world.kinds() == [("other_currency", 3000)]


# No tap was named


def test_a_known_payers_only_debt_is_paid(world):
    answer = world.arrive(typed="november", amount_minor=1500, msisdn=JOHN)
    assert (answer.payment.tap_id, answer.payment.tenant_id) == (KNY2, "john")


def test_a_hidden_number_that_fits_one_debtor_is_enough(world):
    answer = world.arrive(typed="???", amount_minor=1500, masked_msisdn=MASKED_MARY)
    assert (answer.payment.tap_id, answer.payment.tenant_id) == (KNY2, "mary")


@pytest.mark.parametrize(
    "told",
    [
        {"msisdn": STRANGER},
        {"masked_msisdn": "2609 ***** 00"},
        {"masked_msisdn": "26096*****"},
        {"masked_msisdn": "5f2ab1"},
        {},
    ],
)
def test_who_is_unknown_or_might_be_two_people_is_not_guessed(world, told):
    answer = world.arrive(typed="water", **told)
    assert verdict(answer) == "suspense"
    assert world.kinds() == [("no_match", 3000)]
    assert world.open_minor() == 3000
    assert [note.credit.msisdn for note in world.notes] == ([STRANGER] if "msisdn" in told else [])
    fits_the_books(world)


def test_a_payer_who_owes_in_two_places_is_not_guessed(world):
    world.tenancies[KNY, JOHN] = "john too"
    assert verdict(world.arrive(typed="", amount_minor=100, msisdn=JOHN)) == "suspense"


def test_a_payer_who_owes_nothing_any_more_is_not_guessed(world):
    world.arrive("R1", typed="x", amount_minor=1500, msisdn=JOHN)
    assert verdict(world.arrive("R2", typed="x", amount_minor=1500, msisdn=JOHN)) == "suspense"


def test_nothing_is_nothing(world):
    assert verdict(world.arrive(amount_minor=0)) == "nothing"
    assert not world.credits


# It is a push of ours


def test_a_confirmation_of_our_own_push_is_its_proof(world):
    payment_id = world.pushed(KNY, MARY)
    answer = world.arrive(typed=account_reference(KNY, payment_id), masked_msisdn=MASKED_MARY)
    assert (verdict(answer), answer.payment.payment_id) == ("confirmed", payment_id)
    assert list(world.credits) == [payment_id]
    assert world[payment_id].receipt == "TKL51ZDR4F"


def test_a_confirmation_brings_the_receipt_of_what_a_query_has_proved(world):
    payment_id = world.pushed(KNY, MARY)
    world.paid(payment_id)
    answer = world.arrive(typed=account_reference(KNY, payment_id))
    assert (verdict(answer), world[payment_id].receipt) == ("receipt", "TKL51ZDR4F")
    assert world.told() == ["Succeeded", "ReceiptCame"]
    assert len(world.credits) == 1


def test_money_typed_with_the_reference_of_what_is_paid_is_money_for_that_tap(world):
    payment_id = world.pushed(KNY, MARY, amount_minor=1000)
    world.paid(payment_id, receipt="R1")
    answer = world.arrive(typed=account_reference(KNY, payment_id), amount_minor=1000, msisdn=MARY)
    assert (verdict(answer), world.open_minor()) == ("credited", 1000)


def claimed_by_a_forger(world):
    """A success at a rail that names no receipt when it is asked; a forged callback named one."""
    payment_id = world.pushed(NRB, ACHIENG, "daraja", amount_minor=1000)
    hint = Report(Outcome.PAID, receipt="FORGED")
    world.report(payment_id, Outcome.PAID, cause="callback", hint=hint)
    return payment_id, {
        "typed": account_reference(NRB, payment_id),
        "amount_minor": 1000,
        "currency": "KES",
        "account": "daraja:acc",
        "msisdn": ACHIENG,
    }


def test_what_a_push_has_brought_is_not_credited_again_under_its_true_receipt(world):
    payment_id, told = claimed_by_a_forger(world)
    answer = world.arrive("TRUE", **told)
    assert (verdict(answer), answer.payment.payment_id) == ("second_receipt", payment_id)
    assert verdict(world.arrive("TRUE", **told, cause="pull", beside=frozenset({"TRUE"}))) == "second_receipt"
    assert (list(world.credits), world.kinds()) == ([payment_id], [("second_receipt", 0)])
    assert world.balance("rail:daraja:acc") == 1000


def test_what_stands_in_the_list_beside_its_receipt_is_other_money(world):
    _, told = claimed_by_a_forger(world)
    beside = frozenset({"FORGED", "TRUE"})
    assert verdict(world.arrive("TRUE", **told, cause="pull", beside=beside)) == "credited"
    assert world.balance("rail:daraja:acc") == 2000


def test_other_money_by_its_amount_or_payer_is_credited_under_the_same_reference(world):
    _, told = claimed_by_a_forger(world)
    assert verdict(world.arrive("R2", **{**told, "amount_minor": 500})) == "credited"
    assert verdict(world.arrive("R3", **{**told, "msisdn": STRANGER})) == "credited"


def test_somebody_elses_money_under_our_reference_is_not_the_push(world):
    payment_id = world.pushed(KNY, MARY, amount_minor=1000)
    reference = account_reference(KNY, payment_id)
    answer = world.arrive(typed=reference, amount_minor=1000, msisdn=STRANGER)
    assert (verdict(answer), world[payment_id].status) == ("credited", "pending")
    world.paid(payment_id, receipt="R1")
    assert len(world.credits) == 2


def test_without_a_reference_a_push_like_it_is_asked_about_first(world):
    payment_id = world.pushed(KNY, MARY)
    assert world.arrive(typed="", msisdn=MARY) == AskFirst((payment_id,))
    assert not world.credits
    world.paid(payment_id)
    assert verdict(world.arrive(typed="", msisdn=MARY)) == "receipt"
    assert list(world.credits) == [payment_id]


def test_without_a_reference_what_the_rail_refused_is_not_asked_about(world):
    payment_id = world.pushed(KNY2, MARY, tenant_id="mary")
    world.report(payment_id, Outcome.NOT_PAID)
    assert verdict(world.arrive(typed="", amount_minor=1500, msisdn=MARY)) == "credited"


@pytest.mark.parametrize(("amount_minor", "msisdn"), [(2900, MARY), (3000, JOHN)])
def test_a_push_of_another_amount_or_payer_is_not_asked_about(world, amount_minor, msisdn):
    world.pushed(KNY, MARY)
    assert isinstance(world.arrive(typed="", amount_minor=amount_minor, msisdn=msisdn), Noted)


def test_where_the_rail_cannot_be_asked_a_person_decides(world):
    world.pushed(KNY, MARY, "blind")
    assert verdict(world.arrive(typed="", account="blind:acc", msisdn=MARY)) == "suspense"
    assert len(world.credits) == 1


# Again, in another order, by another way


def test_the_same_receipt_again_changes_nothing(world):
    world.arrive(msisdn=MARY)
    before = (dict(world.credits), list(world.entries), list(world.events))
    for cause in ("c2b", "pull", "status"):
        assert verdict(world.arrive(msisdn=MARY, cause=cause)) == "repeated"
    assert (world.credits, world.entries, world.events) == before


def test_the_same_receipt_of_another_account_is_other_money(world):
    world.arrive(typed="x")
    assert verdict(world.arrive(typed="x", account="blind:acc")) == "suspense"
    assert len(world.credits) == 2


def test_money_in_suspense_becomes_the_payment_that_its_receipt_turns_out_to_be(world):
    world.arrive("R9", typed="x", account="mtn:acc")
    payment_id = world.pushed(KNY, MARY)
    world.paid(payment_id, receipt="R9")
    assert len(world.credits) == 1
    (credit,) = world.credits.values()
    assert (credit["payment_id"], world[payment_id].receipt) == (payment_id, "R9")
    (item,) = world.items.values()
    assert (item["status"], item["into_payment_id"]) == ("assigned", payment_id)
    assert (world.balance("suspense:mtn:acc"), world.balance("rail:mtn:acc")) == (0, 3000)
    fits_the_books(world)


TOLD = st.lists(st.sampled_from(["callback", "poll", "c2b", "pull", "c2b blank"]), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(TOLD)
def test_whoever_tells_of_a_push_and_in_whatever_order_it_is_credited_once(told):
    world = World()
    payment_id = world.pushed(KNY, ACHIENG)
    reference = account_reference(KNY, payment_id)
    for way in told:
        if way == "callback":
            hint = Report(Outcome.PAID, receipt="R1")
            world.report(payment_id, Outcome.PAID, cause="callback", hint=hint)
        elif way == "poll":
            world.paid(payment_id)
        else:
            world.arrive(
                "R1", typed="" if "blank" in way else reference, cause=way[:4].strip(), msisdn=ACHIENG
            )
    assert len(world.credits) == (0 if set(told) == {"c2b blank"} else 1)
    assert world.balance("rail:mtn:acc") == 3000 * len(world.credits)
    fits_the_books(world)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["R1", "R2", "R3"]),
            st.sampled_from([500, 3000, 4000]),
            st.sampled_from([KNY, KNY2, "water", ""]),
            st.sampled_from([MARY, JOHN, STRANGER, None]),
        ),
        max_size=12,
    )
)
def test_money_by_hand_is_credited_once_for_each_receipt_and_all_of_it_is_somewhere(came):
    world, first = World(), {}
    for receipt, amount_minor, typed, msisdn in came:
        world.arrive(receipt, amount_minor, typed, msisdn=msisdn)
        first.setdefault(receipt, amount_minor)
    assert sum(c["amount_minor"] for c in world.credits.values()) == sum(first.values())
    assert world.balance("rail:mtn:acc") == sum(first.values())
    assert all(0 <= p.paid_minor <= p.amount_minor for p in world.parts.values())
    fits_the_books(world)
