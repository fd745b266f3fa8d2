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
    REFUNDED = "refunded"


class ItemStatus(StrEnum):
    """States of something about money that a person must look at."""

    OPEN = "open"
    ASSIGNED = "assigned"  # what it held has become a payment
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    CLOSED = "closed"  # it held nothing, and somebody has seen to it


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
    ("refund", O.SUCCESS, O.REFUNDED),  # all that it got went back to the payer
)


ITEM_TABLE: tuple[tuple[str, ItemStatus, ItemStatus], ...] = (
    ("assign", ItemStatus.OPEN, ItemStatus.ASSIGNED),
    ("close", ItemStatus.OPEN, ItemStatus.CLOSED),
    ("refund", ItemStatus.OPEN, ItemStatus.REFUNDING),
    ("sent", ItemStatus.REFUNDING, ItemStatus.REFUNDED),
    ("not_sent", ItemStatus.REFUNDING, ItemStatus.OPEN),
)


PAYMENT = Lifecycle("payment", PaymentStatus, PAYMENT_TABLE)
ORDER = Lifecycle("payment_order", OrderStatus, ORDER_TABLE)
ITEM = Lifecycle("suspense_item", ItemStatus, ITEM_TABLE)
ALL = (PAYMENT, ORDER, ITEM)
