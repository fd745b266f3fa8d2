"""The states of a payout, and the only ways between them (design §4)."""

from enum import StrEnum

from core.lifecycle import Lifecycle


class PayoutStatus(StrEnum):
    """States of money that goes out."""

    REQUESTED = "requested"  # a second person must say yes
    INITIATED = "initiated"  # the money is held, and is on its way to the rail
    PROCESSING = "processing"  # the rail has it, or may have it
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"


S = PayoutStatus

# (event, from, to). What is completed or failed stays so: a contradiction is for a person to look at.
PAYOUT_TABLE: tuple[tuple[str, S, S], ...] = (
    ("initiate", S.REQUESTED, S.INITIATED),
    ("reject", S.REQUESTED, S.REJECTED),
    ("submit", S.INITIATED, S.PROCESSING),
    ("complete", S.INITIATED, S.COMPLETED),
    ("complete", S.PROCESSING, S.COMPLETED),
    ("fail", S.INITIATED, S.FAILED),
    ("fail", S.PROCESSING, S.FAILED),
)
PAYOUT = Lifecycle("payout", PayoutStatus, PAYOUT_TABLE)

HOLDING = ("initiated", "processing")  # money lies in the ledger account of payouts
ALIVE = ("requested", "initiated", "processing", "completed")  # counts towards what was given back
