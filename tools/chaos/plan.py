"""How bad the day is, and what it came to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from payments.verify import Verdict
from simulators.faults import OPERATIONS

_ANSWERS = {"wrong_pin": 0.03, "cancel": 0.06, "ignore": 0.05, "no_balance": 0.04, "unreachable": 0.02}


def every_fault(rate: float) -> dict[str, float]:
    """Return a probability for each fault of each operation.

    Tokens fail a tenth as often: all payments share one, and a refused one stops a rail for five seconds.
    """
    return {
        f"{operation}.{fault}": rate / 10 if operation == "token" else rate
        for operation, faults in OPERATIONS.items()
        for fault in faults
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """How bad the day is. Times in seconds, shortened so that a day passes in a minute."""

    payments: int = 200
    seed: int = 7
    rates: dict[str, float] = field(default_factory=lambda: every_fault(0.02))
    mix: dict[str, float] = field(default_factory=lambda: dict(_ANSWERS))
    late_share: float = 0.04  # of people approve only after we have given up
    repeat_share: float = 0.1  # of hops are sent twice
    kenya_share: float = 0.15
    expiry_s: float = 10.0
    database_url: str = ""


@dataclass(slots=True)
class Outcome:
    """What the day came to."""

    statuses: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)
    missing_here: list[dict[str, Any]] = field(default_factory=list)  # debited, but no success of ours
    unknowable: list[dict[str, Any]] = field(default_factory=list)  # of these: nobody could have told us
    missing_there: list[str] = field(default_factory=list)  # a success of ours that nobody debited
    sums_differ: list[str] = field(default_factory=list)
    suspense: Counter[str] = field(default_factory=Counter)
    sms: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether books and ledger agree, but for what nobody could know, and every invariant holds."""
        return not (
            self.missing_here
            or self.missing_there
            or self.sums_differ
            or [verdict for verdict in self.verdicts if not verdict.holds]
        )
