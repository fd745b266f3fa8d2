"""Payments, orders and claims as the deciding code sees them: frozen, one field a column.

They are msgspec's, as a batch makes and changes them by the thousand. They hold no references to each other,
so the garbage collector need not look at them (`gc=False`).
"""

from datetime import datetime
from operator import attrgetter
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import asdict


class _Row(Struct, frozen=True, gc=False):
    """A frozen record whose fields are a table's columns."""

    @classmethod
    def of(cls, row: Any) -> Self:
        """Build from a database row that has at least the fields as columns."""
        names = cls.__struct_fields__
        return cls(**dict(zip(names, attrgetter(*names)(row), strict=True)))

    def as_row(self) -> dict[str, Any]:
        """Return the columns to write."""
        return asdict(self)


class Payment(_Row, frozen=True, kw_only=True, gc=False):
    """One attempt to collect; the columns are explained in `payments.tables`."""

    payment_id: str
    payment_request_id: str
    request_hash: str
    checkout_id: str
    user_id: str | None = None
    msisdn: str
    contact_msisdn: str
    tap_id: str
    tenant_id: str | None = None
    zone: str
    period: str
    amount_minor: int
    currency: str
    provider: str
    account_id: str
    reference: str
    callback_key: str
    provider_reference: str | None = None
    receipt: str | None = None
    channel: str
    correlation_id: str
    validation: str = "proceed"
    status: str
    reason: str | None = None
    is_final: bool = False
    push_state: str = "none"
    push_attempts: int = 0
    push_after: datetime
    pushed_at: datetime | None = None
    expires_at: datetime
    checks: int = 0
    next_check_at: datetime | None = None
    asked_at: datetime | None = None
    guided_at: datetime | None = None
    moves: int = 0
    routes: int = 1
    waits: bool = False
    held_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it may still collect, as far as we decide."""
        return self.status in ("initiated", "pending")

    @property
    def has_brought(self) -> bool:
        """Whether its money has come, also where it was given back since: none of it can come again."""
        return self.status in ("success", "refunded", "reversed")

    @property
    def has_live_prompt(self) -> bool:
        """Whether the payer's handset may be asking for the PIN now."""
        return self.is_open and self.push_state in ("started", "accepted", "unknown")


class Order(_Row, frozen=True, kw_only=True, gc=False):
    """One seller's part of a payment; amounts in minor units."""

    order_id: str
    checkout_id: str
    payment_id: str
    seller: str
    amount_minor: int
    credited_minor: int = 0
    currency: str
    status: str = "not_started"
    reason: str | None = None


class Agent(Struct, frozen=True):
    """Who takes cash: the user's name, phone (E.164) and role."""

    name: str
    msisdn: str
    role: str = "agent"


class CashReceipt(_Row, frozen=True, kw_only=True, gc=False):
    """The receipt of a cash payment; the columns are explained in `payments.tables`."""

    number: int
    payment_id: str
    agent: str
    payer_msisdn: str | None
    left_minor: int
    at: datetime


class Claim(_Row, frozen=True, kw_only=True, gc=False):
    """What a payment will pay of one debt part; open while nobody else may claim it."""

    payment_id: str
    part_id: str
    order_id: str
    amount_minor: int
    credited_minor: int = 0
    is_open: bool = True


class Credit(_Row, frozen=True, kw_only=True, gc=False):
    """Money that a provider has proven; the columns are explained in `payments.tables`."""

    credit_id: str
    payment_id: str | None
    account_id: str
    receipt: str | None
    amount_minor: int
    currency: str
    proof: str
    at: datetime
    account_reference: str | None = None
    msisdn: str | None = None
    masked_msisdn: str | None = None
    second_reference: str | None = None


class HeldItem(_Row, frozen=True, kw_only=True, gc=False):
    """Something about money that a person must look at, with what the suspense account holds for it."""

    item_id: str
    kind: str
    status: str
    account_id: str
    payment_id: str | None
    credit_id: str | None
    raw_id: str | None
    held_minor: int
    currency: str
    detail: str
    created_at: datetime
    into_payment_id: str | None = None
