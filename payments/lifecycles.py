"""The states of payments and payment orders, and the only ways between them (design §4)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from transitions import Machine

from core.errors import Conflict


class PaymentStatus(StrEnum):
    """States of one attempt to collect."""

    INITIATED = "initiated"
    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    REVERSED = "reversed"


class OrderStatus(StrEnum):
    """States of one seller's part of a payment."""

    NOT_STARTED = "not_started"
    EXECUTING = "executing"
    SUCCESS = "success"
    FAILED = "failed"


P = PaymentStatus
O = OrderStatus  # noqa: E741 - read as a table below

# (event, from, to). Success is never downgraded; a late success is accepted on proof.
PAYMENT_TABLE: tuple[tuple[str, P, P], ...] = (
    ("submit", P.INITIATED, P.PENDING),
    ("succeed", P.INITIATED, P.SUCCESS),
    ("succeed", P.PENDING, P.SUCCESS),
    ("succeed", P.FAILED, P.SUCCESS),
    ("succeed", P.EXPIRED, P.SUCCESS),
    ("fail", P.INITIATED, P.FAILED),
    ("fail", P.PENDING, P.FAILED),
    ("expire", P.INITIATED, P.EXPIRED),
    ("expire", P.PENDING, P.EXPIRED),
    ("refund", P.SUCCESS, P.REFUNDED),
    ("reverse", P.SUCCESS, P.REVERSED),
)

ORDER_TABLE: tuple[tuple[str, O, O], ...] = (
    ("start", O.NOT_STARTED, O.EXECUTING),
    ("succeed", O.NOT_STARTED, O.SUCCESS),
    ("succeed", O.EXECUTING, O.SUCCESS),
    ("succeed", O.FAILED, O.SUCCESS),
    ("fail", O.NOT_STARTED, O.FAILED),
    ("fail", O.EXECUTING, O.FAILED),
)


@dataclass(slots=True)
class _Cursor:
    """What a machine moves: frozen records cannot be its model (design §8)."""

    status: Any


class Lifecycle:
    """One shared machine over a table of arcs."""

    def __init__(self, name: str, states: type[StrEnum], table: tuple[tuple[str, Any, Any], ...]) -> None:
        self.name = name
        self.states = states
        self.table = table
        self.machine = Machine(
            model=None,
            states=[state.value for state in states],
            transitions=[[event, source.value, target.value] for event, source, target in table],
            initial=None,
            auto_transitions=False,
            model_attribute="status",
        )
        # The machine's answer for each arc never changes, so it is asked once for each.
        self._targets = {(event, source.value): self._ask(event, source.value) for event, source, _ in table}

    def _ask(self, event: str, status: str) -> str:
        cursor = _Cursor(status)
        self.machine.events[event].trigger(cursor)
        return str(cursor.status)

    def allows(self, event: str, status: str) -> bool:
        """Say whether the event may happen in this state."""
        return (event, status) in self._targets

    def after(self, event: str, status: str) -> str:
        """Return the state after the event; raises Conflict where the table has no such arc."""
        try:
            return self._targets[event, status]
        except KeyError:
            raise Conflict(f"{self.name}: no {event} from {status}", code="bad_transition") from None


PAYMENT = Lifecycle("payment", PaymentStatus, PAYMENT_TABLE)
ORDER = Lifecycle("payment_order", OrderStatus, ORDER_TABLE)
ALL = (PAYMENT, ORDER)
