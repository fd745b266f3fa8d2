"""Another rail only where a debit by the first one is provably impossible (design §4, rule 3)."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments_world import ACHIENG, DELAY_S, NRB, World

from payments.desk import Rail
from payments.providers.base import Outcome, Reason, Taken, Traits
from payments.results import Again, RailDown
from payments.routing_rules import Fee

SHILLINGS = {"unit_minor": 100, "currencies": frozenset({"KES"}), "min_minor": 100}
DARAJA = Traits(has_query=True, push_is_repeatable=False, query_gives_amount=False, **SHILLINGS)
KCB = Traits(has_query=False, push_is_repeatable=False, **SHILLINGS)
AIRTEL = Traits(has_query=True, push_is_repeatable=True, **SHILLINGS)
RAILS = {
    name: Rail(name, f"{name}:acc", traits)
    for name, traits in (("daraja", DARAJA), ("kcb", KCB), ("airtel", AIRTEL))
}
HOW = {"tap_id": NRB, "phone": ACHIENG, "provider": "daraja", "is_chosen": False}


@pytest.fixture
def nairobi():
    return town()


def town(*, fees=None, repeatable=False):
    world = World(fees=fees or {})
    rails = dict(RAILS)
    if repeatable:
        rails["daraja"] = Rail("daraja", "daraja:acc", AIRTEL)
    world.rules = type(world.rules)(rails=rails, limits=world.rules.limits, fees=fees or {})
    return world


def accounts(world):
    return [row["account_id"] for row in world.routes]


def causes(world):
    return [row["cause"] for row in world.routes]


# At acceptance


def test_a_payment_is_stored_with_its_route_and_the_reasons(nairobi):
    payment = nairobi[nairobi.accepted(**HOW)]
    (row,) = nairobi.routes
    assert (row["payment_id"], row["seq"], row["cause"]) == (payment.payment_id, 1, "accepted")
    assert (row["provider"], row["reference"]) == ("daraja", payment.reference)
    assert json.loads(row["reasons"]) == [
        ["daraja", 1, "cost 0"],
        ["kcb", 2, "cost 0"],
        ["airtel", 0, "network"],
    ]


@pytest.mark.parametrize(
    ("how", "provider"),
    [
        ({"provider": ""}, "daraja"),
        ({"provider": "", "phone": "+260961234567"}, None),  # no rail of that wallet takes shillings
        ({"is_chosen": True}, "daraja"),
        ({"provider": "kcb", "is_chosen": True}, "kcb"),
        ({"provider": "airtel", "is_chosen": True}, "airtel"),
        ({"provider": "nobody", "is_chosen": True}, None),
    ],
)
def test_routing_chooses_where_nobody_has(how, provider):
    answer = town().pay(**(HOW | how))
    assert getattr(getattr(answer, "payment", None), "provider", None) == provider


def test_the_cheaper_rail_of_the_same_wallet_is_taken_unless_one_was_asked_for():
    fees = {"daraja": Fee(100), "kcb": Fee(50)}
    assert town(fees=fees).pay(**HOW).payment.provider == "kcb"
    assert town(fees=fees).pay(**(HOW | {"is_chosen": True})).payment.provider == "daraja"


def test_a_rail_that_does_not_work_is_not_taken_while_another_one_does(nairobi):
    nairobi.down = {"daraja:acc"}
    assert nairobi.pay(**(HOW | {"is_chosen": True})).payment.provider == "kcb"


@pytest.mark.parametrize(("if_down", "starts", "waits"), [("queue", True, False), ("wait", True, True)])
def test_where_no_rail_works_the_payment_is_kept_for_as_long_as_is_wanted(nairobi, if_down, starts, waits):
    nairobi.down = {"daraja:acc", "kcb:acc"}
    payment = nairobi.pay(**HOW, if_down=if_down).payment
    limit_s = nairobi.rules.wait_for_rail_s if waits else nairobi.rules.expiry_s
    assert (payment.status == "initiated", payment.waits) == (starts, waits)
    assert (payment.expires_at - payment.push_after).total_seconds() == limit_s


def test_whoever_wants_no_waiting_is_told_and_nothing_starts(nairobi):
    nairobi.down = {"daraja:acc", "kcb:acc"}
    assert nairobi.pay(**HOW, if_down="refuse") == RailDown("daraja")
    assert not nairobi.payments


def test_where_a_rail_works_nobody_waits(nairobi):
    assert not nairobi.pay(**HOW, if_down="wait").payment.waits


# When the prompt is to leave


def test_a_rail_that_went_down_meanwhile_is_left_for_another(nairobi):
    payment_id = nairobi.accepted(**HOW)
    before = nairobi[payment_id]
    nairobi.down = {"daraja:acc"}
    nairobi.wait(DELAY_S)
    next_push = nairobi.start(payment_id)
    assert (next_push.action, next_push.account_id, next_push.attempt) == ("send", "kcb:acc", 1)
    after = nairobi[payment_id]
    assert (after.provider, after.routes) == ("kcb", 2)
    assert after.reference != before.reference
    assert after.callback_key == before.callback_key  # by which a late word of the first rail is known
    assert causes(nairobi) == ["accepted", "rail_down"]


def test_with_no_other_rail_it_is_held_and_the_payer_is_told_once(nairobi):
    payment_id = nairobi.accepted(**HOW)
    nairobi.down = {"daraja:acc", "kcb:acc"}
    nairobi.wait(DELAY_S)
    for _ in range(3):
        next_push = nairobi.start(payment_id)
        assert (next_push.action, next_push.account_id) == ("down", "daraja:acc")
    assert nairobi.told() == ["Held"]
    assert nairobi.sent[payment_id] == 0


def test_who_asked_to_wait_is_told_when_it_starts_and_not_that_it_waits(nairobi):
    nairobi.down = {"daraja:acc", "kcb:acc"}
    payment_id = nairobi.accepted(**HOW, if_down="wait")
    nairobi.wait(3600)
    assert nairobi.start(payment_id).action == "down"
    assert nairobi.told() == []
    nairobi.down = set()
    assert nairobi.start(payment_id).action == "send"
    nairobi.answer(payment_id, Taken.ACCEPTED, provider_reference="ws_CO_1")
    assert nairobi.told() == ["Starts"]
    assert (nairobi[payment_id].expires_at - nairobi.now).total_seconds() == nairobi.rules.expiry_s


def test_who_waits_in_vain_is_told_that_the_time_is_over(nairobi):
    nairobi.down = {"daraja:acc", "kcb:acc"}
    payment_id = nairobi.accepted(**HOW, if_down="wait")
    nairobi.wait(nairobi.rules.wait_for_rail_s + DELAY_S)
    nairobi.time_up(payment_id)
    assert nairobi[payment_id].status == "expired"
    assert nairobi[payment_id].is_final
    assert nairobi.told() == ["Expired"]


def test_the_one_try_that_finds_out_leaves_all_the_same(nairobi):
    payment_id = nairobi.accepted(**HOW)
    nairobi.down = {"daraja:acc", "kcb:acc"}
    assert nairobi.start(payment_id).action == "down"
    assert nairobi.start(payment_id, is_probe=True).account_id == "daraja:acc"


def test_a_further_try_waits_where_the_budget_is_spent_and_a_first_one_does_not(nairobi):
    world = town(repeatable=True)
    del world.rules.rails["kcb"]
    spent = frozenset({"daraja:acc"})
    payment_id = world.accepted(**HOW)
    world.wait(DELAY_S)
    assert world.start(payment_id, spent=spent).action == "send"
    world.answer(payment_id, Taken.NOT_REACHED)
    assert world.start(payment_id, spent=spent).action == "wait"
    assert world.start(payment_id).action == "send"
    world.answer(payment_id, Taken.UNKNOWN)
    assert world.start(payment_id, spent=spent).action == "wait"
    assert world.start(payment_id).action == "send"


# After an answer

FAULTS = [
    # what the first rail answers, and whether that proves that no debit can follow and is not the payer's
    ({"taken": Taken.NOT_REACHED, "code": "no_connection"}, True),
    ({"taken": Taken.NOT_REACHED, "code": "http_429", "retry_after_s": 60}, True),
    ({"taken": Taken.NOT_REACHED, "code": "http_503"}, True),
    ({"taken": Taken.NOT_REACHED, "code": "token_refused", "is_config_fault": True}, True),
    ({"taken": Taken.REFUSED, "code": "wrong keys", "is_config_fault": True}, True),
    ({"taken": Taken.REFUSED, "reason": Reason.BALANCE}, False),
    ({"taken": Taken.REFUSED, "reason": Reason.DOWN}, False),
    ({"taken": Taken.REFUSED, "reason": Reason.OTHER}, False),
    ({"taken": Taken.ACCEPTED}, False),
    ({"taken": Taken.UNKNOWN, "code": "timeout"}, False),
    ({"taken": Taken.UNKNOWN, "code": "dropped"}, False),
    ({"taken": Taken.UNKNOWN, "code": "http_500"}, False),
    ({"taken": Taken.UNKNOWN, "code": "oversize"}, False),
    ({"taken": Taken.UNKNOWN, "is_config_fault": True}, False),
]


@pytest.mark.parametrize(("answer", "moves"), FAULTS)
def test_a_payment_goes_to_another_rail_only_where_the_first_can_have_debited_nothing(answer, moves):
    world = town()
    payment_id = world.started(**HOW)
    got = world.answer(payment_id, **answer)
    assert world[payment_id].provider == ("kcb" if moves else "daraja")
    if moves:
        assert got == Again(world.now)
        assert world.start(payment_id).account_id == "kcb:acc"


@pytest.mark.parametrize(
    ("first", "later"), list(product([Taken.UNKNOWN, None], [one for one, moves in FAULTS if moves]))
)
def test_after_a_try_of_unknown_outcome_nothing_moves_it(first, later):
    world = town(repeatable=True)
    payment_id = world.started(**HOW)
    if first:
        world.answer(payment_id, first)
    world.wait(2)
    assert (
        world.start(payment_id).action == "send"
    )  # the same reference again; None: the first one's process died
    world.answer(payment_id, **later)
    world.down = {"daraja:acc"}
    world.wait(30)
    assert world.start(payment_id).action == "down"
    assert accounts(world) == ["daraja:acc"]


def test_it_moves_no_more_than_twice(nairobi):
    payment_id = nairobi.started(**HOW)
    for _ in range(5):
        again = nairobi.answer(payment_id, Taken.NOT_REACHED)
        nairobi.wait((again.at - nairobi.now).total_seconds())
        assert nairobi.start(payment_id).action == "send"
    assert accounts(nairobi) == ["daraja:acc", "kcb:acc", "daraja:acc"]


def test_a_payment_that_was_moved_succeeds_on_its_new_rail(nairobi):
    payment_id = nairobi.started(**HOW)
    nairobi.answer(payment_id, Taken.NOT_REACHED)
    nairobi.start(payment_id)
    nairobi.answer(payment_id, Taken.ACCEPTED, provider_reference="kcb-1", account_id="kcb:acc")
    nairobi.paid(payment_id)
    assert nairobi.balance("rail:kcb:acc") == 5000


@pytest.mark.parametrize("taken", list(Taken))
def test_an_answer_of_the_rail_that_was_left_moves_nothing_and_is_looked_at_where_it_may_be_a_prompt(taken):
    world = town()
    payment_id = world.started(**HOW)
    world.answer(payment_id, Taken.NOT_REACHED)
    world.start(payment_id)
    before = world[payment_id]
    assert world.answer(payment_id, taken, account_id="daraja:acc").verdict == "left_rail"
    assert world[payment_id] == before
    is_open = taken in (Taken.ACCEPTED, Taken.UNKNOWN)
    assert [kind for kind, _ in world.kinds()] == (["left_rail"] if is_open else [])


ANSWERS = st.one_of(
    st.just("crash"),
    st.just("wait"),
    st.just("down"),
    st.just("up"),
    st.tuples(st.sampled_from(list(Taken)), st.booleans()),
    st.sampled_from(list(Outcome)),
)


@given(st.lists(ANSWERS, max_size=25), st.booleans())
def test_whatever_happens_no_second_rail_is_asked_while_the_first_may_have_debited(steps, repeatable):
    world = town(repeatable=repeatable)
    payment_id = world.accepted(**HOW)
    world.wait(DELAY_S)
    may_have_debited = set()  # accounts
    for step in steps:
        payment = world[payment_id]
        if step == "wait":
            world.wait(40)
        elif step == "down":
            world.down = {payment.account_id}
        elif step == "up":
            world.down = set()
        elif isinstance(step, Outcome):
            if payment.push_state != "none":
                world.report(payment_id, step)
        else:
            next_push = world.start(payment_id)
            if next_push.action != "send":
                continue
            account_id = next_push.account_id
            assert may_have_debited <= {account_id}
            if step == "crash":
                may_have_debited.add(account_id)
                continue
            taken, is_config_fault = step
            if taken in (Taken.ACCEPTED, Taken.UNKNOWN):
                may_have_debited.add(account_id)
            world.answer(payment_id, taken, is_config_fault=is_config_fault, account_id=account_id)
