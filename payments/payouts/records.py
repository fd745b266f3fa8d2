"""Payouts as the deciding code sees them: frozen, one field a column."""

from datetime import datetime

from payments.payouts.lifecycle import ALIVE, HOLDING
from payments.records import _Row as Row

MARK = "p."  # keys of payouts begin with it; a payment's key holds no dot


class Payout(Row, frozen=True, kw_only=True, gc=False):
    """Money out; the columns are explained in `payments.payouts.tables`."""

    payout_id: str
    kind: str
    reason: str
    payment_id: str | None = None
    item_id: str | None = None
    msisdn: str
    amount_minor: int
    currency: str
    provider: str
    account_id: str
    agent: str | None = None
    reference: str
    callback_key: str
    provider_reference: str | None = None
    receipt: str | None = None
    status: str
    failure: str | None = None
    send_state: str = "none"
    attempts: int = 0
    checks: int = 0
    next_check_at: datetime | None = None
    is_final: bool = False
    requested_by: str
    approved_by: str | None = None
    note: str = ""
    correlation_id: str
    sent_at: datetime | None = None
    moves: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def is_alive(self) -> bool:
        """Whether it is, or may yet be, given back."""
        return self.status in ALIVE

    @property
    def is_holding(self) -> bool:
        """Whether its money is held for it."""
        return self.status in HOLDING


class Source(Row, frozen=True, kw_only=True, gc=False):
    """Where a piece of a payout's money lay."""

    payout_id: str
    seq: int
    ledger_account: str
    amount_minor: int
    order_id: str | None = None
    part_id: str | None = None
    item_id: str | None = None
