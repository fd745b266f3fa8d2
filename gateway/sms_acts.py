"""What a line of an SMS is to change, decided before anything is written."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.commands import Pay
from sms.inbound.texts import Owed
from taps.flags_model import Report
from taps.model import User
from taps.tenancies import commands as tenancies


@dataclass(frozen=True, slots=True)
class Paying:
    """Start a payment; `owed` is what is open, `line` what to send to pay all of it."""

    pay: Pay
    owed: Owed


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Let a caretaker change who is on a tap."""

    command: tenancies.Command


@dataclass(frozen=True, slots=True)
class Flagging:
    """Report something about a tap."""

    report: Report


@dataclass(frozen=True, slots=True)
class Reminders:
    """Stop reminders to this phone, or have them again."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Speaking:
    """Write to this phone in another language from now on."""

    language: str


@dataclass(frozen=True, slots=True)
class CashRequest:
    """Cash that an agent has taken for a tap. `request_id` (a UUID) is the same for the same line again.

    Without `payer_msisdn` nobody is told. The agent is allowed to record for this tap.
    """

    request_id: str
    correlation_id: str
    agent: User
    agent_msisdn: str
    tap_id: str
    amount_minor: int
    currency: str
    payer_msisdn: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CashRecorded:
    """The cash is in the books under `receipt` (C-004217); `left_minor` is still to pay on the tap."""

    amount_minor: int
    currency: str
    left_minor: int
    periods: tuple[str, ...]
    receipt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CashRefused:
    """Nothing was recorded; `code` says why (more_than_owed, nothing_owed, under_way, …)."""

    code: str
    open_minor: int = 0


# Records cash in the caller's transaction, one result for each request. It announces nothing by itself: the
# agent and the payer are told here, in the same transaction.
RecordCash = Callable[
    [AsyncConnection, Sequence[CashRequest]], Awaitable[Sequence[CashRecorded | CashRefused]]
]


@dataclass(frozen=True, slots=True)
class Cash:
    """Record cash."""

    request: CashRequest


Act = Paying | Tenancy | Flagging | Reminders | Speaking | Cash


async def no_cash(
    _connection: AsyncConnection, requests: Sequence[CashRequest]
) -> Sequence[CashRecorded | CashRefused]:
    """Refuse cash where nothing records it."""
    return [CashRefused("cash_not_recorded") for _ in requests]
