"""What a line of an SMS is to change, decided before anything is written."""

from dataclasses import dataclass

from payments.commands import Pay, RecordCash
from sms.inbound.texts import Owed
from taps.flags_model import Report
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
class Cash:
    """Record cash in the tap's currency; the agent is allowed to record for this tap."""

    command: RecordCash
    currency: str


Act = Paying | Tenancy | Flagging | Reminders | Speaking | Cash
