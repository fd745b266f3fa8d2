"""What a person does with items: assign, close; and cash that is handed in."""

import pytest
from payments_world import JOHN, JOSEPH, KNY, KNY2, MARY, NRB

from core.errors import Conflict, NotFound, Refused
from payments.commands import Actor, AssignItem, CloseItem, HandIn, OpenItem
from payments.results import HandedIn, HoldsLess

GRACE = Actor("grace", "cli", "office", "finance")


def assign(world, tap_id=KNY, *, item=None, **given):
    item_id = (item or next(iter(world.items.values())))["item_id"]
    return world.do(AssignItem(item_id=item_id, tap_id=tap_id, actor=GRACE, **given))


def only(world, kind):
    (item,) = (item for item in world.items.values() if item["kind"] == kind)
    return item


@pytest.fixture
def held(world):
    """K30 that nobody can place."""
    world.arrive("R1", typed="water", masked_msisdn="26097 *** 777")
    return world


def test_what_is_assigned_pays_the_tap_by_the_credit_that_it_came_with(held):
    payment = assign(held, note="she called").payment
    assert (payment.status, payment.amount_minor, payment.receipt, payment.provider) == (
        "success", 3000, "R1", "mtn",
    )  # fmt: skip
    assert (payment.msisdn, payment.contact_msisdn, payment.channel) == ("", "", "suspense")
    assert held.open_minor() == 0
    (credit,) = held.credits.values()
    assert credit["payment_id"] == payment.payment_id
    assert (held.balance("suspense:mtn:acc"), held.balance("rail:mtn:acc")) == (0, 3000)
    item = only(held, "no_match")
    assert (item["status"], item["into_payment_id"]) == ("assigned", payment.payment_id)
    assert (item["resolved_by"], item["note"], item["resolved_at"]) == ("grace", "she called", held.now)
    (row,) = held.audit
    assert (row["action"], row["actor"], row["result"]) == ("suspense.assign", "grace", "done")


def test_again_changes_nothing(held):
    first = assign(held)
    before = (list(held.entries), dict(held.credits), list(held.audit))
    again = assign(held)
    assert (again.payment, again.is_repeat) == (first.payment, True)
    assert (held.entries, held.credits, held.audit) == before
    with pytest.raises(Conflict, match="other_assignment"):
        assign(held, KNY2)


def test_one_tenants_debt_is_paid_and_the_rest_is_a_new_item_of_that_payment(held):
    payment = assign(held, KNY2, tenant_id="mary", contact_msisdn=MARY).payment
    assert (payment.amount_minor, payment.tenant_id, payment.contact_msisdn) == (1500, "mary", MARY)
    rest = only(held, "over_payment")
    assert (rest["held_minor"], rest["payment_id"], rest["status"]) == (1500, payment.payment_id, "open")
    assert held.balance("suspense:mtn:acc") == -1500


def test_what_is_left_over_of_a_payer_who_has_become_known_is_kept_for_them(held):
    assign(held, KNY2, tenant_id="mary", msisdn=JOHN)
    assert held.balance(f"wallet:{JOHN}") == -1500
    assert held.balance("suspense:mtn:acc") == 0


def test_surplus_of_one_tap_can_be_assigned_to_another(world):
    world.arrive("R1", amount_minor=4000)
    surplus = only(world, "over_payment")
    payment = assign(world, KNY2, item=surplus).payment
    assert (payment.amount_minor, payment.receipt) == (1000, None)
    assert world.credits[payment.payment_id]["proof"] == "staff"
    assert (world.balance("suspense:mtn:acc"), world.balance("rail:mtn:acc")) == (0, 4000)


@pytest.mark.parametrize(
    ("tap_id", "error", "code"),
    [("KNY-9999-9", NotFound, "unknown_tap"), (NRB, Refused, "other_currency")],
)
def test_what_cannot_be_is_refused_and_nothing_has_changed(held, tap_id, error, code):
    before = list(held.entries)
    with pytest.raises(error, match=code):
        assign(held, tap_id)
    assert held.entries == before
    assert only(held, "no_match")["status"] == "open"


def test_a_tap_that_owes_nothing_takes_nothing(held):
    held.arrive("R2")
    with pytest.raises(Refused, match="nothing_owed"):
        assign(held)


def test_an_item_that_does_not_exist_is_refused(world):
    for command in (
        AssignItem(item_id="x", tap_id=KNY, actor=GRACE),
        CloseItem(item_id="x", note="n", actor=GRACE),
    ):
        with pytest.raises(NotFound, match="unknown_item"):
            world.do(command)


def test_an_item_without_money_is_closed_once_and_cannot_be_assigned(world):
    world.do(OpenItem("f", "unresolved", "mtn:acc", "ZMW", "nobody knows"))
    item = only(world, "unresolved")
    with pytest.raises(Refused, match="holds_nothing"):
        assign(world)
    assert not world.do(CloseItem(item_id=item["item_id"], note="seen", actor=GRACE)).is_repeat
    assert world.do(CloseItem(item_id=item["item_id"], note="seen", actor=GRACE)).is_repeat
    assert (item["status"], item["note"], len(world.audit)) == ("closed", "seen", 1)


def test_an_item_with_money_cannot_be_closed(held):
    with pytest.raises(Refused, match="holds_money"):
        held.do(CloseItem(item_id=only(held, "no_match")["item_id"], note="n", actor=GRACE))


# Cash that is handed in


def hand_in(world, amount_minor, currency="ZMW"):
    command = HandIn(agent=JOSEPH, safe="KNY", amount_minor=amount_minor, currency=currency, actor=GRACE)
    return world.do(command)


def test_cash_goes_from_the_agent_to_the_safe_under_a_number(world):
    world.cash_held = {("joseph", "ZMW"): 3000}
    assert hand_in(world, 1000) == HandedIn(1, 2000)
    assert (world.balance("safe:KNY"), world.balance("cash:joseph")) == (1000, -1000)
    (note,) = world.notes
    assert (note.agent, note.amount_minor, note.left_minor, note.number) == (JOSEPH, 1000, 2000, 1)
    assert [(row["action"], row["result"]) for row in world.audit] == [("cash.hand_in", "done")]


@pytest.mark.parametrize(("amount_minor", "currency"), [(3001, "ZMW"), (0, "ZMW"), (-5, "ZMW"), (1, "KES")])
def test_more_than_is_held_is_refused(world, amount_minor, currency):
    world.cash_held = {("joseph", "ZMW"): 3000}
    assert hand_in(world, amount_minor, currency) == HoldsLess(3000 if currency == "ZMW" else 0, currency)
    assert not world.entries
    assert [row["result"] for row in world.audit] == ["holds_less"]


def test_all_of_it_in_two_goes(world):
    world.cash_held = {("joseph", "ZMW"): 3000}
    hand_in(world, 1000)
    assert hand_in(world, 2000).left_minor == 0
    assert isinstance(hand_in(world, 1), HoldsLess)
