"""What screens ask of the outside, and the answers they get.

A request is hashable and says by its type what its answer is; the shell answers the requests of many hops
at once, with a few set-based queries. Names of networks and sellers come from outside, in the answers.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from core.money import Money
from ussd_menus.session import Session

Answer = TypeVar("Answer")


class Request(Struct, Generic[Answer], frozen=True):
    """A question to the outside; `Answer` is what must come back."""


Facts = Mapping[Request[Any], Any]


class UnderWay(Struct, frozen=True):
    """A payment that may still collect. Times are UTC; `look_again_at` is when to expect its end."""

    payment_id: str
    tap_id: str
    amount_minor: int
    currency: str
    provider_name: str
    since: datetime
    look_again_at: datetime
    by_me: bool = True


class Dropped(Struct, frozen=True):
    """The last call of this phone that ended without an END, and when its last hop was."""

    session: Session
    at: datetime


class Phone(Struct, frozen=True):
    """What is known of a phone."""

    language: str | None = None  # None: never chosen
    chosen_in: str | None = None  # the call in which the language was chosen
    taps: tuple[str, ...] = ()  # TapIDs known for it, the likeliest first
    under_way: UnderWay | None = None  # its oldest payment under way
    dropped: Dropped | None = None
    roles: tuple[str, ...] = ()  # of agent and caretaker, in this order: what its owner may do


class PhoneFacts(Request[Phone], frozen=True):
    """Who is calling? Asked at the start of a call and at *Check it again*."""

    msisdn: str


class Part(Struct, frozen=True):
    """What one component of one period still costs."""

    period: str  # 2026-11
    component: str  # water, refuse
    amount_minor: int


class LastPaid(Struct, frozen=True):
    """The latest payment for a tap or a tenant."""

    amount_minor: int
    at: datetime


class Owed(Struct, frozen=True):
    """What a whole tap, or one tenant of it, still owes: oldest period first, water first."""

    parts: tuple[Part, ...] = ()
    tenant_id: str | None = None  # None: the tap with all that is open on it
    under_way: UnderWay | None = None  # a payment that blocks another one for this
    last_paid: LastPaid | None = None

    @property
    def due_minor(self) -> int:
        """Return the total."""
        return sum(part.amount_minor for part in self.parts)

    def broken_minor(self, unit_minor: int) -> int:
        """Return what is left over of it where each part goes in whole units."""
        return sum(part.amount_minor % unit_minor for part in self.parts)


class Tap(Struct, frozen=True):
    """A tap as a payer sees it."""

    tap_id: str
    tap_number: str
    currency: str
    whole: Owed
    individualized: bool = False
    mine: Owed | None = None  # the caller's own part, on an individualized tap where he is a tenant


class TapFacts(Request[Tap | None], frozen=True):
    """Which tap is this? `typed` is a TapID or tap number whose check digit fits, in display form."""

    typed: str
    msisdn: str


class TenantFacts(Request[Owed | None], frozen=True):
    """What does the tenant with this number owe on this tap? None where nobody there has it."""

    tap_id: str
    tenant_msisdn: str


class Way(Struct, frozen=True):
    """A provider that can collect for a tap."""

    provider: str  # id: mtn
    name: str  # as people know it: MTN MoMo
    unit_minor: int = 1  # amounts must be a multiple of this (100 where only whole shillings go)
    limit_minor: int | None = None  # most for one payment
    min_minor: int = 1  # least for one payment
    is_up: bool = True


class Ways(Struct, frozen=True):
    """How a wallet can pay a tap; `usual` is the id of the rail of the number's prefix, if offered."""

    ways: tuple[Way, ...] = ()
    usual: str | None = None
    kept_minor: int = 0  # what we keep for this number, in the tap's currency: it pays first


class WaysToPay(Request[Ways], frozen=True):
    """How can the wallet of this number pay for this tap?"""

    tap_id: str
    payer_msisdn: str


class Balance(Struct, frozen=True):
    """What is open on a tap for this phone: its own part, else the whole tap."""

    tap_id: str
    due_minor: int
    currency: str


class Balances(Request[tuple[Balance, ...]], frozen=True):
    """What do the known taps of this phone owe? In the order of `Phone.taps`."""

    msisdn: str


class MoneyKept(Request[tuple[Money, ...]], frozen=True):
    """What do we keep for this phone, of what it paid too much? Nothing for most."""

    msisdn: str


class PaymentLine(Struct, frozen=True):
    """A payment that this phone started or paid. `status` as in contract §4."""

    payment_id: str
    tap_id: str
    amount_minor: int
    currency: str
    provider_name: str
    status: str
    at: datetime  # when it got its status; when it started, while under way
    receipt: str | None = None
    look_again_at: datetime | None = None  # only while under way


class LastPayments(Request[tuple[PaymentLine, ...]], frozen=True):
    """The latest payments of this phone, newest first, at most 10."""

    msisdn: str


class Behind(Struct, frozen=True):
    """A tap with open debt for periods that are over."""

    tap_id: str
    owed_minor: int
    currency: str


class TapsBehind(Request[tuple[Behind, ...]], frozen=True):
    """Which taps of the agent's zones are behind? Those that owe most first, at most 60."""

    msisdn: str


class Settling(StrEnum):
    """How far somebody's part of the latest bill is."""

    PAID = "paid"
    OPEN = "open"
    WAITING = "waiting"


class Line(Struct, frozen=True):
    """One payment for a shared tap, or one tenant of an individualized one; the latest bill only."""

    settling: Settling
    ending: str  # last four digits: of the phone that pays, or of the tenant's
    amount_minor: int  # that was or is being paid; of a tenant who has not paid, what is open
    at: datetime | None = None  # when it was paid, or since when it is under way, where that is known
    name: str = ""  # the tenant's
    msisdn: str = ""  # the tenant's, E.164
    tenant_id: str | None = None
    owed_minor: int = 0  # by this tenant, of every period


class TapStatus(Struct, frozen=True):
    """A tap as its caretaker or an agent of its zone sees it."""

    tap_id: str
    tap_number: str
    currency: str
    period: str = ""  # of the latest bill; empty: never billed
    billed_minor: int = 0  # in that period
    paid_minor: int = 0  # of that
    open_minor: int = 0  # in every period
    is_split: bool = False  # the bill is each tenant's own: lines are tenants
    lines: tuple[Line, ...] = ()
    may_record: bool = False  # the caller may record cash for it


class Barred(Struct, frozen=True):
    """The tap is there, but not for this caller."""

    tap_id: str
    is_agent: bool  # then it lies outside his zones; else the caller is not its caretaker


class TapStatusFacts(Request[TapStatus | Barred | None], frozen=True):
    """How far is this tap with its bill? `typed` is a TapID or tap number in display form."""

    typed: str
    msisdn: str


class Kept(Struct, frozen=True):
    """One of a caretaker's taps."""

    tap_id: str
    n_tenants: int


class KeptTaps(Request[tuple[Kept, ...]], frozen=True):
    """Which taps does this phone keep?"""

    msisdn: str


class Lodger(Struct, frozen=True):
    """A tenant as the caretaker registered them."""

    msisdn: str  # E.164
    name: str
    occupants: int


class Open(Struct, frozen=True):
    """A flag that nobody has resolved."""

    reference: str
    kind: str
    at: datetime


class TapKept(Struct, frozen=True):
    """A tap as its caretaker sees it."""

    tap_id: str
    country: str
    tenants: tuple[Lodger, ...] = ()
    flags: tuple[Open, ...] = ()  # newest first


class KeptTap(Request[TapKept | None], frozen=True):
    """Who is on this tap of the caller's? None where the caller does not keep it."""

    tap_id: str
    msisdn: str
