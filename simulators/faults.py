"""What goes wrong on the way: by probability, or by script for one number or request."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

BEFORE = frozenset({"error_before", "too_many", "html", "close_before", "token_refused"})
AFTER = frozenset({"error_after", "html_after", "slow_drip", "close"})
DELIVERY = frozenset({"dropped", "twice", "ten_times", "late"})
CALLBACK = DELIVERY | frozenset(
    {
        "before_reply",
        "out_of_order",
        "other_amount",
        "forged",
        "forged_early",
    }
)
# `timed_out`: "nobody knows" first, the result late; `missing_values`: names without values.
RESULT = frozenset({"timed_out", "missing_values", "single_object"})
OPERATIONS: Mapping[str, frozenset[str]] = {
    "token": BEFORE | AFTER,
    "push": BEFORE | AFTER,
    "payout": BEFORE | AFTER,
    "query": BEFORE | AFTER,
    "callback": CALLBACK,
    "lookup": BEFORE | AFTER,  # of a payout, or of what arrived
    "result": RESULT,  # how that of a payout is told; `callback` is whether and when
    "arrival": DELIVERY,  # of money that came by itself
    "sms": BEFORE | AFTER,
    "delivery": DELIVERY | {"before_reply", "out_of_order"},
}
PROVIDERS = frozenset({"mtn", "airtel", "daraja", "zamtel", "kcb", "kcb_multi", "stripe", "africastalking"})
COPIES: Mapping[str, int] = {"dropped": 0, "twice": 2, "ten_times": 10}
LONGEST_SCRIPT = 10_000


class BadFault(ValueError):
    """No such fault, operation or probability."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities by `operation.fault` or `provider.operation.fault`, and the sizes of what takes time."""

    rates: Mapping[str, float] = field(default_factory=dict)
    late_s: float = 30.0
    drip_s: float = 60.0

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            operation, fault = _parts(name)
            _known(operation, fault)
            if not 0 <= rate <= 1:
                raise BadFault(f"{name}: a probability is between 0 and 1, not {rate}")


@dataclass(frozen=True, slots=True)
class Step:
    """One scripted fault: the next `times` matching requests of a number or reference (None: of anybody)."""

    provider: str
    operation: str
    fault: str
    msisdn: str | None = None
    reference: str | None = None
    times: int = 1
    late_s: float | None = None
    amount: str | None = None

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            raise BadFault(f"no provider {self.provider!r}")
        _known(self.operation, self.fault)

    def fits(self, provider: str, operation: str, msisdn: str | None, reference: str | None) -> bool:
        """Say whether this step is about such a request."""
        return (
            (self.provider, self.operation) == (provider, operation)
            and self.msisdn in (None, msisdn)
            and self.reference in (None, reference)
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was drawn: its name and, where it applies, how late and which amount."""

    name: str
    late_s: float
    drip_s: float
    amount: str | None = None


class FaultPlan:
    """Draws faults. The script comes first; what is left is chance, repeatable from the seed.

    Chance depends on (provider, operation, number, how many before), not on the order in which requests of
    different people happen to arrive, so that a concurrent run repeats too.
    """

    def __init__(self, settings: Faults, seed: int) -> None:
        self.settings = settings
        self._seed = seed
        self._script: list[Step] = []
        self._seen: Counter[tuple[str, str, str | None]] = Counter()

    def add(self, steps: list[Step]) -> None:
        """Append to the script. Raises BadFault when it grows too long."""
        if len(self._script) + len(steps) > LONGEST_SCRIPT:
            raise BadFault(f"a script has at most {LONGEST_SCRIPT} steps")
        self._script.extend(steps)

    def script(self) -> list[Step]:
        """Return what is left of the script."""
        return list(self._script)

    def clear(self) -> None:
        """Forget the script."""
        self._script.clear()

    def draw(
        self, provider: str, operation: str, msisdn: str | None, reference: str | None = None
    ) -> Fault | None:
        """Return what goes wrong with this request, or None."""
        step = self._next_step(provider, operation, msisdn, reference)
        if step is not None:
            late_s = self.settings.late_s if step.late_s is None else step.late_s
            return Fault(step.fault, late_s, self.settings.drip_s, step.amount)
        name = self._by_chance(provider, operation, msisdn) if self.settings.rates else None
        return Fault(name, self.settings.late_s, self.settings.drip_s) if name else None

    def _next_step(
        self, provider: str, operation: str, msisdn: str | None, reference: str | None
    ) -> Step | None:
        for index, step in enumerate(self._script):
            if step.fits(provider, operation, msisdn, reference):
                if step.times <= 1:
                    del self._script[index]
                else:
                    self._script[index] = replace(step, times=step.times - 1)
                return step
        return None

    def _by_chance(self, provider: str, operation: str, msisdn: str | None) -> str | None:
        key = (provider, operation, msisdn)
        self._seen[key] += 1
        chance = random.Random(f"{self._seed}|{key}|{self._seen[key]}").random()  # noqa: S311 - must repeat
        for name, rate in self.settings.rates.items():
            wanted, _, fault = name.rpartition(".")
            if wanted in (operation, f"{provider}.{operation}"):
                chance -= rate
                if chance < 0:
                    return fault
        return None


def _parts(name: str) -> tuple[str, str]:
    parts = name.split(".")
    if len(parts) == 3 and parts[0] in PROVIDERS:  # noqa: PLR2004 - provider.operation.fault
        parts = parts[1:]
    if len(parts) != 2:  # noqa: PLR2004 - operation.fault
        raise BadFault(f"{name}: write operation.fault or provider.operation.fault")
    return parts[0], parts[1]


def _known(operation: str, fault: str) -> None:
    if fault not in OPERATIONS.get(operation, frozenset()):
        raise BadFault(f"no fault {operation}.{fault}")
