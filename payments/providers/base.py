"""What every provider can do for us, and the only words in which it answers.

A provider module maps its own statuses to these in one table; what the table does not know is UNKNOWN,
which never settles anything.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Outcome(StrEnum):
    """What a provider says has become of a request."""

    PAID = "paid"
    NOT_PAID = "not_paid"
    EXPIRED = "expired"  # the provider's own expiry: definitely not paid
    WAITING = "waiting"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"  # it does not know the request


class Reason(StrEnum):
    """Why nothing was paid, as far as the person can do something about it (texts `fail.*`)."""

    BALANCE = "balance"
    PIN = "pin"
    CANCELLED = "cancelled"
    NO_ANSWER = "noanswer"
    DOWN = "down"
    LIMIT = "limit"
    OTHER = "other"


class Taken(StrEnum):
    """What became of handing a push over."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # answered no: no debit can follow
    NOT_REACHED = (
        "not_reached"  # provably never taken (no connection, 429, 503, token refused): may be tried again
    )
    UNKNOWN = "unknown"  # it may have been taken: time-out, broken reply, 500


# The code of a push that never left: as many of our calls are open as the rail may have. No try is counted.
TOO_MANY_OPEN = "too_many_open"


@dataclass(frozen=True, slots=True)
class Push:
    """A prompt to be sent. `reference` (a UUIDv4) and `external_id` are ours, stored before sending."""

    reference: str
    external_id: str
    msisdn: str  # E.164 of the payer
    amount_minor: int
    currency: str
    tap_id: str
    period: str  # like 2026-11, for the text of the prompt
    callback_url: str
    asked_at: datetime | None = None  # when the payer asked for it, UTC: the same for every try


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says of a request, by query or by callback. None: it did not say."""

    outcome: Outcome
    reason: Reason | None = None
    code: str = ""
    receipt: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    msisdn: str | None = None  # E.164
    external_id: str | None = None
    provider_reference: str | None = None
    account_reference: str | None = None  # what the bank says was paid for, where it knows no other name
    reference: str | None = None  # ours, of the push
    retry_after_s: float | None = None
    is_config_fault: bool = False  # wrong keys or settings: an alarm for the operator
    is_last_word: bool = True  # an expiry that is not is asked about once more


@dataclass(frozen=True, slots=True)
class PushReply:
    """The answer to a push; `provider_reference` is what the provider calls the request."""

    taken: Taken
    provider_reference: str | None = None
    reason: Reason | None = None
    code: str = ""  # the provider's own word, for operators
    retry_after_s: float | None = None
    is_config_fault: bool = False  # wrong keys or settings: an alarm for the operator
    word: Report | None = None  # the outcome itself, where the rail answers only after the payer has
    pay_url: str | None = None  # the page on which the payer pays, where the rail asks no handset
    pay_until: datetime | None = None  # when that page closes, UTC


@dataclass(frozen=True, slots=True)
class Traits:
    """What differs between rails and matters to decisions."""

    has_query: bool
    push_is_repeatable: bool  # the same reference again is safe
    unit_minor: int  # amounts must be multiples of this (100 where only whole shillings move)
    currencies: frozenset[str]
    min_minor: int = 1
    max_minor: int = 10**12
    query_gives_amount: bool = True
    knows_our_reference: bool = False  # it can be asked by ours, also where a push is not repeatable
    query_after_s: float = 0.0  # an earlier query, unless a callback came, is not worth asking
    waits_for_payer: bool = False  # the push is answered only after the payer: silence may be theirs
    asks_handset: bool = True  # False: a link to a page goes out, and no handset is kept busy by it
    expiry_s: float | None = None  # from the accepted push, where the payer has another time than usual
    callback_reply: tuple[str, str] = field(default=("application/json", "{}"))


class Provider(Protocol):
    """A rail, with one set of credentials."""

    name: str
    traits: Traits

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; never raises for anything the provider or the network does."""
        ...

    async def query(self, reference: str, provider_reference: str | None) -> Report:
        """Ask what became of a push; never raises for anything the provider or the network does."""
        ...

    def read_callback(self, body: bytes) -> Report:
        """Read what a callback means; raises BadInput where it cannot be one of this provider's."""
        ...

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused with what is wrong (`madzi gateways test`)."""
        ...


class FindsProviders(Protocol):
    """Whoever knows the gateway accounts of now; they come and go while processes run."""

    async def find_provider(self, account_id: str) -> Provider | None:
        """Return the provider of an account; None where it has no settings that work."""
        ...


class Vouch(StrEnum):
    """What a signature says of a notice."""

    GENUINE = "genuine"  # proof
    FORGED = "forged"
    UNSIGNED = "unsigned"  # of a kind that is signed
    STALE = "stale"  # genuine once, and too old
    NONE = "none"  # of a kind that nobody signs: a hint


@runtime_checkable
class SignsNotices(Protocol):
    """A rail whose notices are proof by themselves: signed with a key that is known to us."""

    signature_header: str

    def vouch(self, body: bytes, signature: str, received_at: datetime) -> Vouch:
        """Say whether a notice is the provider's own; judged on its bytes before anything is read."""
        ...

    def acknowledgement(self, body: bytes, raw_id: str) -> tuple[str, str]:
        """Return the content type and text that this provider wants back; `raw_id` is our name for it."""
        ...


class PayoutKind(StrEnum):
    """How money goes back to a person."""

    REVERSAL = "reversal"  # the rail undoes the payment itself
    REFUND = "refund"  # the rail's own refund of one payment
    TRANSFER = "transfer"  # a new outbound payment to a wallet


@dataclass(frozen=True, slots=True)
class Payout:
    """Money out, to be sent. `reference` (a UUIDv4) and `payout_id` are ours, stored before sending.

    What begins with `original` is of the payment that is given back; None where there is none.
    """

    kind: PayoutKind
    reference: str
    payout_id: str
    msisdn: str  # E.164 of the recipient
    amount_minor: int
    currency: str
    remarks: str
    original_reference: str | None = None  # ours, of its push
    original_provider_reference: str | None = None
    original_receipt: str | None = None
    original_amount_minor: int | None = None
    result_url: str = ""  # where this rail is to tell the outcome, and that it gave up waiting
    timeout_url: str = ""


@dataclass(frozen=True, slots=True)
class PayoutTraits:
    """What differs between rails and matters to money out."""

    kinds: frozenset[PayoutKind]
    has_query: bool
    is_repeatable: bool  # the same reference again is safe
    is_partial: bool  # a reversal or refund may be of less than the payment
    unit_minor: int = 1
    min_minor: int = 1
    max_minor: int = 10**12


@runtime_checkable
class PaysOut(Protocol):
    """A rail that can send money out."""

    payout_traits: PayoutTraits

    async def pay_out(self, payout: Payout) -> PushReply:
        """Hand money out; `word` is the outcome where the rail answers at once. Never raises, as `push`."""
        ...

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:
        """Ask what became of a payout; never raises."""
        ...

    def read_payout_notice(self, kind: str, body: bytes) -> Report:
        """Read a result or a time-out (`kind` as in the address: b2c_result, b2c_timeout, callback).

        `reference` or `provider_reference` names the payout. Raises BadInput where it cannot be one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """Money that came by itself, as the provider tells it: a person paid by hand."""

    receipt: str  # the network's: one credit for it, whoever tells it
    amount_minor: int
    currency: str
    account_reference: str  # what the payer typed as the account
    msisdn: str | None = None  # E.164, where told in full
    masked_msisdn: str | None = None  # as told, where parts of it are hidden
    payer_name: str = ""
    at: datetime | None = None  # when the provider took it, UTC
    second_reference: str | None = None  # a bank's own number beside the receipt


@runtime_checkable
class TellsUnasked(Protocol):
    """A rail whose signed notices tell of all money on an account that is ours alone, asked for or not."""

    tells_unasked: bool


@runtime_checkable
class TakesArrivals(Protocol):
    """A rail on which people pay without a prompt."""

    def read_arrival(self, kind: str, body: bytes) -> Arrival:
        """Read a confirmation (`kind` as in the address: c2b_confirmation, ipn). Raises BadInput."""
        ...

    def validation_reply(self, reason: str | None) -> tuple[str, str]:
        """Return the content type and text that accept (None) or reject money before it moves.

        Reasons: account, amount, other.
        """
        ...

    async def find_arrivals(self, since: datetime, until: datetime) -> list[Arrival] | None:
        """Ask the provider for what came (pull); None where it could not be asked. Never raises."""
        ...
