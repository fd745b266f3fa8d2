"""The first rules: how much one payment may be, and one wallet a day."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest amounts in minor units by currency; a currency that is not named has none."""

    single_minor: Mapping[str, int] = field(default_factory=dict)
    daily_minor: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """PROCEED, or REJECT with the reason and the most that would have passed."""

    proceeds: bool
    reason: str | None = None
    most_minor: int | None = None


PROCEED = Verdict(proceeds=True)


def validate(amount_minor: int, currency: str, today_minor: int, limits: Limits) -> Verdict:
    """Judge a payment by its amount and by what the wallet has paid or is paying today."""
    single = limits.single_minor.get(currency)
    if single is not None and amount_minor > single:
        return Verdict(proceeds=False, reason="limit_single", most_minor=single)
    daily = limits.daily_minor.get(currency)
    if daily is not None and today_minor + amount_minor > daily:
        return Verdict(proceeds=False, reason="limit_daily", most_minor=max(0, daily - today_minor))
    return PROCEED
