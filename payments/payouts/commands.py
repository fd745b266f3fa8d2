"""What can be asked of payouts. One command makes one decision."""

from datetime import datetime

from msgspec import Struct

from payments.providers.base import PushReply, Report


class By(Struct, frozen=True):
    """Who asks. `is_named`: a user of Madzi by name; else the system's user at this machine."""

    name: str
    is_named: bool = True
    channel: str = "cli"
    source: str = ""


class RefundPayment(Struct, frozen=True, kw_only=True):
    """Give back what a payment brought, or a part of it.

    `msisdn` names another recipient than the payer; `way` (reversal, refund, transfer) one of
    the rail's ways.
    """

    payment_id: str
    by: By
    amount_minor: int | None = None  # None: all that is left of it
    note: str = ""
    msisdn: str | None = None  # E.164
    way: str | None = None


class RefundWallet(Struct, frozen=True, kw_only=True):
    """Give back what a person has in their wallet here."""

    msisdn: str  # E.164
    by: By
    amount_minor: int | None = None  # None: all of it
    currency: str | None = None  # None: the only one that there is
    note: str = ""


class RefundSuspense(Struct, frozen=True, kw_only=True):
    """Give back what is held for an item of suspense."""

    item_id: str
    by: By
    msisdn: str | None = None  # E.164; None: the payer
    note: str = ""


class Approve(Struct, frozen=True):
    """A second person says yes."""

    payout_id: str
    by: By


class Reject(Struct, frozen=True):
    """Somebody says no."""

    payout_id: str
    by: By
    note: str = ""


class StartPayout(Struct, frozen=True):
    """May this payout be handed to its rail now?"""

    payout_id: str


class PayoutAnswered(Struct, frozen=True):
    """The rail has answered to a payout, or has not."""

    payout_id: str
    reply: PushReply


class PayoutReported(Struct, frozen=True):
    """A word on a payout.

    `is_proof`: the rail's own, asked or signed. Else it came to the payout's own secret address: it may only
    end what moves no new money, so a failure waits for the rail, or for staff.
    """

    payout_id: str
    report: Report
    cause: str  # poll, callback, payout
    is_proof: bool = True
    raw_id: str | None = None


class Resolve(Struct, frozen=True):
    """Staff have found out with the rail what became of a payout."""

    payout_id: str
    by: By
    was_sent: bool
    receipt: str | None = None
    note: str = ""


class NextStep(Struct, frozen=True):
    """The answer to StartPayout: send or skip."""

    action: str


class Again(Struct, frozen=True):
    """Hand it over again at this time."""

    at: datetime


Refund = RefundPayment | RefundWallet | RefundSuspense
Act = Refund | Approve | Reject | Resolve
Command = Act | StartPayout | PayoutAnswered | PayoutReported
