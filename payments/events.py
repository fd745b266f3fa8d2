"""What has become true of payments; people and other systems are told from these."""

from datetime import datetime

from msgspec import Struct

from payments.records import Agent, Credit, Payment


class Succeeded(Struct, frozen=True):
    """Money arrived. `credited_minor` paid debts, `kept_minor` fitted none of them.

    What was kept is in the payer's wallet where `is_in_wallet`, else held for a person to decide.
    """

    payment: Payment
    credited_minor: int
    kept_minor: int
    left_minor: int  # still open for the same tap or tenant
    periods: tuple[str, ...]  # what was paid, oldest first
    was_late: bool  # it had been told as failed or expired
    agent: Agent | None = None  # who took it, where it is cash
    is_in_wallet: bool = False
    rest_minor: int = 0  # of a payment from a wallet: what a prompt is to collect besides


class Failed(Struct, frozen=True):
    """Nothing was taken; `payment.reason` says why."""

    payment: Payment


class Expired(Struct, frozen=True):
    """No word in time: not paid, or not yet known to be."""

    payment: Payment


class TakesLong(Struct, frozen=True):
    """Still waiting: the payer is told what to expect."""

    payment: Payment


class LinkReady(Struct, frozen=True):
    """There is a page on which to pay; `token` is of our own link to it, `until` when the page closes."""

    payment: Payment
    token: str
    until: datetime


class Held(Struct, frozen=True):
    """The rail does not work now: the payment is tried again until its time is up."""

    payment: Payment


class Starts(Struct, frozen=True):
    """The rail is back, and the payment that the payer wanted to wait has started: the prompt is out."""

    payment: Payment


class ReceiptCame(Struct, frozen=True):
    """The network's receipt of a success that was told without one."""

    payment: Payment


class Unmatched(Struct, frozen=True):
    """Money came and nobody can tell what for; it waits for a person, who is helped by the payer's call."""

    credit: Credit
    provider: str


class CashHandedIn(Struct, frozen=True):
    """An agent has brought cash to a safe; `left_minor` of the same currency is still with them."""

    agent: Agent
    number: int
    safe: str
    amount_minor: int
    left_minor: int
    currency: str


# What is true of money, but of no payment.
Note = Unmatched | CashHandedIn
Event = Succeeded | Failed | Expired | TakesLong | LinkReady | Held | Starts | ReceiptCame
