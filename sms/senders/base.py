"""What every SMS aggregator can do for us, and the only words in which it answers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sms.reasons import Reason


class Outcome(StrEnum):
    """What became of handing one SMS over."""

    SENT = "sent"
    REFUSED = "refused"  # it said no and would say so again
    TRY_AGAIN = "try_again"  # provably not taken
    UNKNOWN = "unknown"  # it may have been taken: time-out, broken reply


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An SMS to be handed over; `sender` is the number it leaves from, None the account's name."""

    sms_id: str
    msisdn: str  # E.164
    text: str
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """The answer. `code` is the aggregator's own word, for operators; `reason` ours, if it was not sent."""

    outcome: Outcome
    code: str = ""
    provider_message_id: str | None = None
    cost_minor: int | None = None
    cost_currency: str | None = None
    cost_said: str | None = None  # as it was written: `ZMW 0.2500`
    reason: Reason | None = None
    is_config_fault: bool = False  # keys, sender name or credit: an alarm for the operator


class Sender(Protocol):
    """Hands one SMS over. What goes wrong on the wire is an outcome, not an exception."""

    async def send(self, message: Outgoing) -> Handed:
        """Hand over once; never repeats by itself."""
        ...
