"""The states of an SMS and the only ways between them (design §4).

`sending` means that a hand-over is under way, or that whoever made it died: both are an unknown outcome. A
hand-over whose outcome came back moves on to `sent`, back to `queued` (it will be tried again) or to `dead`.
"""

from enum import StrEnum
from typing import Protocol

from payments.lifecycles import Lifecycle


class SmsStatus(StrEnum):
    """States of one SMS."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"  # the aggregator has it
    DELIVERED = "delivered"
    FAILED = "failed"  # the network could not deliver it
    DEAD = "dead"  # we could not hand it over: an operator decides
    DROPPED = "dropped"  # a reminder that nobody needs any more: paid meanwhile, or STOP


S = SmsStatus

# (event, from, to). What the aggregator says after its final word changes nothing, but that a handset has it
# after all: reports may come in any order, and the end is the same.
TABLE: tuple[tuple[str, S, S], ...] = (
    ("send", S.QUEUED, S.SENDING),
    ("send", S.SENDING, S.SENDING),
    ("requeue", S.SENDING, S.QUEUED),
    ("accept", S.SENDING, S.SENT),
    ("deliver", S.SENT, S.DELIVERED),
    ("fail", S.SENT, S.FAILED),
    ("deliver", S.FAILED, S.DELIVERED),
    ("give_up", S.QUEUED, S.DEAD),
    ("give_up", S.SENDING, S.DEAD),
    ("replay", S.DEAD, S.QUEUED),
    ("drop", S.QUEUED, S.DROPPED),
    ("drop", S.SENDING, S.DROPPED),
)

SMS = Lifecycle("sms", SmsStatus, TABLE)


class HasStatus(Protocol):
    """Anything that can be moved."""

    status: str


def fire(sms: HasStatus, event: str) -> None:
    """Move an SMS by `event`; raises Conflict (`bad_transition`) where the table has no such arc."""
    sms.status = SMS.after(event, sms.status)
