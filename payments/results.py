"""How a command is answered. A refusal is an answer: nothing was started, and it says why."""

from datetime import datetime

from msgspec import Struct

from payments.records import CashReceipt, Order, Payment


class Accepted(Struct, frozen=True):
    """The payment stands (its status may be failed, where validation rejected it)."""

    payment: Payment
    orders: tuple[Order, ...]
    is_queued: bool  # another prompt goes to the same handset first
    is_repeat: bool = False
    most_minor: int | None = None  # what validation would have let pass
    from_wallet: Payment | None = None  # what went before the prompt, from what we keep for the payer


class Mismatch(Struct, frozen=True):
    """The idempotency key was used for another request."""


class UnderWay(Struct, frozen=True):
    """Somebody is paying this debt already."""

    payment: Payment


class NothingOwed(Struct, frozen=True):
    """There is nothing open to pay."""


class MoreThanOwed(Struct, frozen=True):
    """The amount is above what is open."""

    open_minor: int
    currency: str


class NotExpressible(Struct, frozen=True):
    """This rail cannot move this amount; of what is open it can move up to `most_minor`, in whole units."""

    unit_minor: int
    min_minor: int
    max_minor: int
    most_minor: int = 0


class NoRail(Struct, frozen=True):
    """No configured provider of this name takes this currency."""

    provider: str


class RailDown(Struct, frozen=True):
    """The rail does not work now, and the payer wants no waiting."""

    provider: str


class NoSuch(Struct, frozen=True):
    """There is no such tap, tenant or payment."""

    what: str


class Again(Struct, frozen=True):
    """Try the push again at this time."""

    at: datetime


class Noted(Struct, frozen=True):
    """Taken into account; `verdict` is what a callback that caused it turns out to be."""

    payment: Payment | None
    verdict: str


class Recorded(Struct, frozen=True):
    """The cash is in the books; the receipt says by whom, and what was left to pay then."""

    payment: Payment
    orders: tuple[Order, ...]
    receipt: CashReceipt
    is_repeat: bool = False


class SeveralOwe(Struct, frozen=True):
    """Several tenants owe, and the cash pays neither all of it nor names one of them."""

    open_minor: int
    currency: str


class AskFirst(Struct, frozen=True):
    """This money may be one of these pushes: ask the provider about them, then come again."""

    payment_ids: tuple[str, ...]


class Assigned(Struct, frozen=True):
    """What an item held has become this payment."""

    payment: Payment
    is_repeat: bool = False


class Closed(Struct, frozen=True):
    """The item is closed, as somebody has noted."""

    is_repeat: bool = False


class HandedIn(Struct, frozen=True):
    """The cash lies in the safe; `left_minor` is still with the agent."""

    number: int
    left_minor: int


class HoldsLess(Struct, frozen=True):
    """The agent holds less than was to be handed in."""

    held_minor: int
    currency: str


PayResult = (
    Accepted | Mismatch | UnderWay | NothingOwed | MoreThanOwed | NotExpressible | NoRail | RailDown | NoSuch
)
CashResult = (
    Recorded | Mismatch | UnderWay | NothingOwed | MoreThanOwed | NotExpressible | SeveralOwe | NoSuch
)
