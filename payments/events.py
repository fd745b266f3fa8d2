"""What has become true of payments; people and other systems are told from these."""

from datetime import datetime

from msgspec import Struct

from payments.records import Agent, Payment


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


class ReceiptCame(Struct, frozen=True):
    """The network's receipt of a success that was told without one."""

    payment: Payment


Event = Succeeded | Failed | Expired | TakesLong | LinkReady | ReceiptCame
