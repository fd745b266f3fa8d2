"""How many use a tap, what should come in, what does, and what that gives away: pure (requirements T3, T4).

A period is due on the last day of its month, as people in Lusaka count days; from the next day on what is
unpaid is overdue. Expected is what the tariffs make of everybody registered, recovery what was paid of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from statistics import median_low

from core.clock import LUSAKA
from core.money import display
from taps import periods
from taps.billing import Usage, of_component
from taps.flags_model import WITHIN, Rule
from taps.tariffs import Basis, Component, Tariff

_ALL = 100
_LOW = 60


def due_day(period: str) -> date:
    """Return the last day on which a period can be paid in time."""
    return periods.first_day(periods.next_period(period)) - timedelta(days=1)


def overdue_from(period: str) -> datetime:
    """Return the moment from which a period is overdue: midnight in Lusaka after its due day, in UTC."""
    after = due_day(period) + timedelta(days=1)
    return datetime.combine(after, time(), tzinfo=LUSAKA).astimezone(UTC)


def is_overdue(period: str, now: datetime) -> bool:
    """Say whether the due day of a period has passed."""
    return now >= overdue_from(period)


def last_overdue(now: datetime) -> tuple[str, str]:
    """Return the two newest overdue periods, older first."""
    newest = _before(periods.period_of(now))
    return _before(newest), newest


def _before(period: str) -> str:
    return f"{periods.first_day(period) - timedelta(days=1):%Y-%m}"


@dataclass(frozen=True, slots=True)
class Heads:
    """How many are registered at a tap; zero where nobody is, or where nobody knows."""

    occupants: int
    tenants: int
    households: int


def medians(taps: Iterable[Heads]) -> Heads:
    """Return the zone's median of each number, over the taps that have one.

    Of two middle numbers the lower is taken: heads are whole, and the doubt is the tap's.
    """
    known = list(taps)
    return Heads(
        _median(heads.occupants for heads in known),
        _median(heads.tenants for heads in known),
        _median(heads.households for heads in known),
    )


def _median(numbers: Iterable[int]) -> int:
    known = [number for number in numbers if number]
    return median_low(known) if known else 0


def expected_minor(
    tariffs: Iterable[Tariff], heads: Heads, usual: Heads, usage: Usage, usual_sold: Sequence[int] = ()
) -> int:
    """Return what a tap should bring in for a period: each tariff times what its basis counts.

    `usual` are the zone's medians, for a tap that has none; `usage` what was sold at this tap, `usual_sold`
    what each tap of the zone sold of the water, whose median stands in likewise.
    """
    return sum(t.amount_minor * _units(t, heads, usual, usage, usual_sold) for t in tariffs)


def _units(tariff: Tariff, heads: Heads, usual: Heads, usage: Usage, usual_sold: Sequence[int]) -> int:
    if tariff.basis is Basis.TAP_MONTH:
        return 1
    if tariff.basis is Basis.OCCUPANT_MONTH:
        return heads.occupants or usual.occupants
    if tariff.basis is Basis.TENANT_MONTH:
        return heads.tenants or heads.households or usual.tenants or usual.households
    sold = sum(of_component(tariff, usage).values())
    return sold or (_median(usual_sold) if tariff.basis is Basis.CONTAINER_20L else 0)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a tap should bring in for a period and what came; minor units of its zone's currency."""

    period: str
    expected_minor: int
    paid_minor: int

    @property
    def percent(self) -> int | None:
        """Whole percent that came in, rounded down; None where nothing was expected."""
        return self.paid_minor * _ALL // self.expected_minor if self.expected_minor else None

    def is_below(self, percent: int) -> bool:
        """Say whether less than so many percent came in, exactly; never where nothing was expected."""
        return self.paid_minor * _ALL < self.expected_minor * percent


def is_behind(recovery: Recovery, now: datetime) -> bool:
    """Say whether less than all came in though the due day has passed."""
    return is_overdue(recovery.period, now) and recovery.is_below(_ALL)


def is_underpaid(recoveries: Iterable[Recovery], now: datetime) -> bool:
    """Say whether less than 60 % came in for two overdue periods running."""
    low = {r.period for r in recoveries if is_overdue(r.period, now) and r.is_below(_LOW)}
    return any(periods.next_period(period) in low for period in low)


@dataclass(frozen=True, slots=True)
class Count:
    """People at a tap, as its caretaker counted them."""

    occupants: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Witness:
    """One report of something unregistered."""

    msisdn: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found at a tap; `seen_at` is when the older part of its evidence came to be."""

    tap_id: str
    rule: Rule
    seen_at: datetime
    words: str


def crowded(tap_id: str, count: Count, registered: int) -> Finding | None:
    """Find a tap where at least a third more people were counted than are registered.

    Where nobody is registered there is nothing to compare with: that tap awaits its register.
    """
    if not registered or 3 * count.occupants < 4 * registered:
        return None
    words = f"Counted {count.occupants} people, registered {registered}"
    return Finding(tap_id, Rule.CROWDED, count.counted_at, words)


def twice_reported(tap_id: str, reports: Iterable[Witness]) -> Finding | None:
    """Find a tap that two phones reported within 30 days."""
    newest_first = sorted(reports, key=lambda report: report.at, reverse=True)
    for newer, older in pairwise(newest_first):
        if newer.msisdn != older.msisdn and newer.at - older.at <= WITHIN:
            return Finding(tap_id, Rule.TWO_REPORTS, older.at, "Two phones reported it within 30 days")
    return None


@dataclass(frozen=True, slots=True)
class Sales:
    """Water of a tap in a period, in minor units: sold by the container, and billed."""

    period: str
    sold_minor: int
    billed_minor: int


def oversold(
    tap_id: str, recoveries: Sequence[Recovery], sales: Iterable[Sales], currency: str, now: datetime
) -> Finding | None:
    """Find an underpaid tap that sold more water than it was billed for, in a period that was low."""
    if not is_underpaid(recoveries, now):
        return None
    low = {r.period: r for r in recoveries if r.is_below(_LOW)}
    above = [s for s in sales if s.period in low and s.sold_minor > s.billed_minor]
    if not above:
        return None
    newest = max(above, key=lambda s: s.period)
    words = (
        f"{newest.period}: paid {low[newest.period].percent} %, water sold for "
        f"{display(newest.sold_minor, currency)}, billed {display(newest.billed_minor, currency)}"
    )
    return Finding(tap_id, Rule.OVERSOLD, overdue_from(max(low)), words)


def sold_minor(tariffs: Iterable[Tariff], usage: Usage) -> int:
    """Return what the water sold by the container is worth; nothing where the zone has no such price."""
    prices = [t for t in tariffs if t.basis is Basis.CONTAINER_20L and t.component == Component.WATER]
    return sum(t.amount_minor * sum(of_component(t, usage).values()) for t in prices)
