import pytest

from core.errors import Conflict
from payments.lifecycles import ALL, ITEM, ORDER, PAYMENT, OrderStatus, PaymentStatus

# Design §4, spelled out once more, so that a changed table is noticed.
PAYMENT_ARCS = {
    ("initiated", "pending"),
    ("initiated", "success"),
    ("initiated", "failed"),
    ("initiated", "expired"),
    ("pending", "success"),
    ("pending", "failed"),
    ("pending", "expired"),
    ("failed", "success"),
    ("expired", "success"),
    ("success", "refunded"),
    ("success", "reversed"),
}
ORDER_ARCS = {
    ("not_started", "executing"),
    ("not_started", "success"),
    ("not_started", "failed"),
    ("executing", "success"),
    ("executing", "failed"),
    ("failed", "success"),
    ("success", "refunded"),
}
ITEM_ARCS = {
    ("open", "assigned"),
    ("open", "closed"),
    ("open", "refunding"),
    ("refunding", "refunded"),
    ("refunding", "open"),
}


def _arcs(lifecycle):
    return {(source.value, target.value) for _, source, target in lifecycle.table}


def _reachable(arcs, start):
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        new = {target for source, target in arcs if source == state} - seen
        seen |= new
        todo += new
    return seen


@pytest.mark.parametrize(
    ("lifecycle", "arcs"), [(PAYMENT, PAYMENT_ARCS), (ORDER, ORDER_ARCS), (ITEM, ITEM_ARCS)]
)
def test_the_table_has_every_arc_of_the_design_and_no_other(lifecycle, arcs):
    assert _arcs(lifecycle) == arcs


@pytest.mark.parametrize("lifecycle", ALL, ids=lambda lifecycle: lifecycle.name)
def test_machine_and_table_agree_on_every_event_in_every_state(lifecycle):
    table = {(event, source.value): target.value for event, source, target in lifecycle.table}
    for event in {event for event, _, _ in lifecycle.table}:
        for state in lifecycle.states:
            if (event, state.value) in table:
                assert lifecycle.allows(event, state.value)
                assert lifecycle.after(event, state.value) == table[event, state.value]
            else:
                assert not lifecycle.allows(event, state.value)
                with pytest.raises(Conflict, match=f"no {event} from {state.value}"):
                    lifecycle.after(event, state.value)


@pytest.mark.parametrize(
    ("lifecycle", "start"), [(PAYMENT, "initiated"), (ORDER, "not_started"), (ITEM, "open")]
)
def test_every_state_can_be_reached(lifecycle, start):
    assert _reachable(_arcs(lifecycle), start) == {state.value for state in lifecycle.states}


@pytest.mark.parametrize(
    ("lifecycle", "terminal"),
    [
        (PAYMENT, {"refunded", "reversed"}),
        (ORDER, {"refunded"}),
        (ITEM, {"assigned", "refunded", "closed"}),
    ],
)
def test_only_these_states_are_the_end(lifecycle, terminal):
    left = {source for source, _ in _arcs(lifecycle)}
    assert {state.value for state in lifecycle.states} - left == terminal


def test_a_success_is_never_downgraded():
    after_success = _reachable(PAYMENT_ARCS, PaymentStatus.SUCCESS.value)
    assert after_success == {"success", "refunded", "reversed"}
    assert _reachable(ORDER_ARCS, OrderStatus.SUCCESS.value) == {"success", "refunded"}


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_a_late_success_is_accepted(status):
    assert PAYMENT.after("succeed", status) == "success"


def test_an_unknown_event_or_state_is_refused_loudly():
    with pytest.raises(Conflict):
        PAYMENT.after("explode", "pending")
    with pytest.raises(Conflict):
        PAYMENT.after("fail", "lost")
