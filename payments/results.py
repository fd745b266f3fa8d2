"""How a command is answered. A refusal is an answer: nothing was started, and it says why."""

from dataclasses import dataclass
from datetime import datetime

from payments.records import Order, Payment


@dataclass(frozen=True, slots=True)
class Accepted:
    """The payment stands (its status may be failed, where validation rejected it)."""

    payment: Payment
    orders: tuple[Order, ...]
    is_queued: bool  # another prompt goes to the same handset first
    is_repeat: bool = False
    most_minor: int | None = None  # what validation would have let pass


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Somebody is paying this debt already."""

    payment: Payment


@dataclass(frozen=True, slots=True)
class NothingOwed:
    """There is nothing open to pay."""


@dataclass(frozen=True, slots=True)
class MoreThanOwed:
    """The amount is above what is open."""

    open_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class NotExpressible:
    """This rail cannot move this amount."""

    unit_minor: int
    min_minor: int
    max_minor: int


@dataclass(frozen=True, slots=True)
class NoRail:
    """No configured provider of this name takes this currency."""

    provider: str


@dataclass(frozen=True, slots=True)
class NoSuch:
    """There is no such tap, tenant or payment."""

    what: str


@dataclass(frozen=True, slots=True)
class Again:
    """Try the push again at this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Noted:
    """Taken into account; `verdict` is what a callback that caused it turns out to be."""

    payment: Payment | None
    verdict: str


PayResult = Accepted | Mismatch | UnderWay | NothingOwed | MoreThanOwed | NotExpressible | NoRail | NoSuch
