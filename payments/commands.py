"""What can be asked of payments. One command makes one decision."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from payments.providers.base import Arrival, PushReply, Report
from payments.records import Agent

# What is to become of a payment whose rail does not work now: it is tried within its usual time; it is not
# even started; or it waits for the rail, for as long as `Rules.wait_for_rail_s`, as the payer wants.
IfDown = Literal["queue", "refuse", "wait"]


class Actor(Struct, frozen=True):
    """Who acts, for the audit log: the user's name and role, by which way, and from where."""

    name: str
    channel: str  # as core.audit.Channel
    source: str
    role: str = ""


class Pay(Struct, frozen=True, kw_only=True):
    """Collect an amount for a tap, or for one tenant's part of it, from a wallet.

    `payment_request_id` is the idempotency key, `request_hash` tells whether a repeat is the same request.
    """

    payment_request_id: str
    request_hash: str
    msisdn: str  # E.164, the wallet
    contact_msisdn: str  # E.164, who asked and is told
    tap_id: str
    tenant_id: str | None  # None: all that is open on the tap
    amount_minor: int | None  # None: all of it
    currency: str | None  # None: the debt's own
    provider: str = ""  # whose wallet; empty: that of the number's prefix
    is_chosen: bool = True  # somebody asked for this provider; else another of the same wallet is as good
    if_down: IfDown = "queue"
    channel: str  # ussd, rest, sms
    correlation_id: str
    delay_s: float  # how long after this command the push may leave
    user_id: str | None = None


class RecordCash(Struct, frozen=True, kw_only=True):
    """An agent has cash in hand for a tap. Whether the agent may record for this tap is asked before.

    `payment_request_id` is the idempotency key.
    """

    payment_request_id: str
    agent: Agent
    tap_id: str
    tenant_id: str | None = None  # None: what the tap owes, all of its tenants with it
    is_payers_part: bool = False  # where no tenant is named: the payer's own part, if they have one there
    amount_minor: int | None  # None: all of it
    payer_msisdn: str | None  # E.164; None, or the agent's own: nobody else is told
    channel: str  # sms, ussd, api
    source: str  # SMS id, session or address, for the audit log
    correlation_id: str


class StartPush(Struct, frozen=True):
    """May the prompt of this payment be sent now?"""

    payment_id: str
    is_probe: bool = False  # it has the place of the one that tries a rail which did not work
    spent: frozenset[str] = frozenset()  # accounts that nothing may be tried again with for a while


class PushAnswered(Struct, frozen=True):
    """The provider has answered a push, or has not."""

    payment_id: str
    reply: PushReply
    account_id: str = ""  # that was asked; empty: that of the payment
    jitter: float = 0.0  # of 0 to 1, spreads the next try


class Reported(Struct, frozen=True):
    """The provider's own word on a payment, obtained by asking it: this is proof.

    `hint` is what an unsigned callback claimed beforehand, if one caused the asking.
    """

    payment_id: str
    report: Report
    cause: str  # poll, callback, staff, recovery
    raw_id: str | None = None
    hint: Report | None = None


class TimeUp(Struct, frozen=True):
    """A payment that was never pushed has reached its end."""

    payment_id: str


class OpenItem(Struct, frozen=True):
    """Something about money that a person must look at; nothing is posted."""

    fact_key: str
    kind: str
    account_id: str
    currency: str
    detail: str
    payment_id: str | None = None
    raw_id: str | None = None


class Arrive(Struct, frozen=True, kw_only=True):
    """Money came that nobody asked for, or that a push of ours asked for; the provider itself says so.

    Only what is proof: a signed notice, or the provider's answer when it was asked.
    """

    account_id: str
    provider: str
    arrival: Arrival
    cause: str  # c2b, ipn, pull, status
    raw_id: str | None = None
    beside: frozenset[str] = frozenset()  # receipts that stand beside it in the provider's list


class AssignItem(Struct, frozen=True, kw_only=True):
    """A person has found out what money in suspense is for."""

    item_id: str
    tap_id: str
    tenant_id: str | None = None  # None: all that is open on the tap
    msisdn: str | None = None  # the payer, where that has become known (E.164)
    contact_msisdn: str | None = None  # who is told, where the payer is not known
    note: str = ""
    actor: Actor


class CloseItem(Struct, frozen=True, kw_only=True):
    """A person has seen to an item that holds no money."""

    item_id: str
    note: str
    actor: Actor


class HandIn(Struct, frozen=True, kw_only=True):
    """An agent has brought cash to a safe."""

    agent: Agent
    safe: str
    amount_minor: int
    currency: str
    actor: Actor


class NextPush(Struct, frozen=True):
    """The answer to StartPush: what to do."""

    action: str  # send, skip, wait, ask_first, down
    wait_until: datetime | None = None
    account_id: str = ""  # send: where to; down: what does not work
    attempt: int = 0  # send: on this account, from 1
    ask: tuple[str, ...] = ()  # payments whose outcome must be asked first


Command = (
    Pay
    | RecordCash
    | StartPush
    | PushAnswered
    | Reported
    | TimeUp
    | OpenItem
    | Arrive
    | AssignItem
    | CloseItem
    | HandIn
)
