"""The states of payments and payment orders, and the only ways between them (design §4)."""

from enum import StrEnum

from core.lifecycle import Lifecycle as Lifecycle  # noqa: PLC0414 - others know it by this module


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


PAYMENT = Lifecycle("payment", PaymentStatus, PAYMENT_TABLE)
ORDER = Lifecycle("payment_order", OrderStatus, ORDER_TABLE)
ALL = (PAYMENT, ORDER)
