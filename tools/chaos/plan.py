"""How bad the day is, and what it came to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payments.verify import Verdict
from simulators.faults import OPERATIONS

# What people do whose money is asked for.
_ANSWERS = {"wrong_pin": 0.03, "cancel": 0.06, "ignore": 0.05, "no_balance": 0.04, "unreachable": 0.02}
# By which way people pay: shares of all. `garden` is a zone with an MTN account of its own.
WAYS: Mapping[str, float] = {
    "mtn": 0.20, "airtel": 0.16, "zamtel": 0.13, "garden": 0.06, "daraja": 0.14, "by_hand": 0.09,
    "kcb": 0.07, "kcb_multi": 0.05, "stripe": 0.05, "cash": 0.05,
}  # fmt: skip


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
    per_s: float = 10.0  # people who begin, each second
    late_share: float = 0.04  # of people approve only after we have given up
    repeat_share: float = 0.1  # of hops and requests are sent twice
    refund_share: float = 0.06  # of successes are given back, half of these in part
    outage_s: float = 15.0  # so long MTN does not work at all, in the middle
    expiry_s: float = 10.0
    patience_s: float = 120.0  # at the end, until nothing is under way
    database_url: str = ""
    log: Path | None = None  # where the logs of the day lie already: they are searched for secrets

    @property
    def people(self) -> int:
        """How many people there are: each owes twice, and most pay twice."""
        return max(len(WAYS), -(-self.payments * 10 // 21))


@dataclass(frozen=True, slots=True)
class Sum:
    """What one gateway account took in or sent out, in minor units: at the rail, and in our ledger.

    `unknowable_minor` is what the rail moved and nobody could have told us of.
    """

    account_id: str
    currency: str
    there_minor: int = 0
    here_minor: int = 0
    unknowable_minor: int = 0

    @property
    def agrees(self) -> bool:
        """Whether both have the same, but for what nobody could know."""
        return self.there_minor - self.unknowable_minor == self.here_minor


@dataclass(frozen=True, slots=True)
class Open:
    """What a person is still to look at: how many of a kind, what they hold, why they are there."""

    kind: str
    count: int
    held: Mapping[str, int]  # by currency, minor units
    why: str
    example: str = ""


@dataclass(slots=True)
class Outcome:
    """What the day came to."""

    statuses: Counter[str] = field(default_factory=Counter)
    providers: Counter[str] = field(default_factory=Counter)
    payouts: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)  # of the office, with what was answered
    breakers: int = 0  # how often one opened
    verdicts: list[Verdict] = field(default_factory=list)
    credited: Counter[str] = field(default_factory=Counter)  # debits: as a payment, in suspense, unknowable
    missing_here: list[dict[str, Any]] = field(default_factory=list)  # debited, and nothing of ours says so
    missing_there: list[str] = field(default_factory=list)  # money in our ledger that nobody debited
    out_missing_here: list[dict[str, Any]] = field(default_factory=list)  # sent out, and not in our ledger
    out_missing_there: list[str] = field(default_factory=list)  # in our ledger, and never sent
    unknowable: list[str] = field(default_factory=list)  # of these: nobody could have told us
    money_in: list[Sum] = field(default_factory=list)
    money_out: list[Sum] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    wallets: dict[str, int] = field(default_factory=dict)  # what is kept for people, by currency
    under_way: dict[str, int] = field(default_factory=dict)  # what had not ended when patience did
    suspense: Counter[str] = field(default_factory=Counter)
    sms: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)  # secrets and numbers in the logs
    traces: Counter[str] = field(default_factory=Counter)  # exceptions in the logs, by event
    seconds: float = 0.0

    @property
    def sums_differ(self) -> list[Sum]:
        """Return the accounts whose books and our ledger differ."""
        return [one for one in (*self.money_in, *self.money_out) if not one.agrees]

    @property
    def unexplained(self) -> list[Open]:
        """Return what is open and nobody can say why."""
        return [one for one in self.open if not one.why]

    @property
    def broken(self) -> list[Verdict]:
        """Return the invariants that do not hold."""
        return [verdict for verdict in self.verdicts if not verdict.holds]

    @property
    def agrees(self) -> bool:
        """Whether books and ledger agree, but for what nobody could know, and nothing is left unexplained."""
        return not (
            self.missing_here
            or self.missing_there
            or self.out_missing_here
            or self.out_missing_there
            or self.sums_differ
            or self.unexplained
            or self.broken
            or self.leaks
            or self.traces
        )
