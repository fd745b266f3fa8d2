"""Tariffs: prices of water and refuse by zone, exact to the minor unit (requirement T6).

In Lusaka a kiosk's 20-litre container costs 50 ngwee, 40 for water and 10 for refuse; a household's month of
refuse K30, a sack K10 (reference zambia §6).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from taps.periods import first_day


class Component(StrEnum):
    """What is paid for."""

    WATER = "water"
    REFUSE = "refuse"


class Basis(StrEnum):
    """What a price is multiplied by."""

    TAP_MONTH = "tap_month"
    TENANT_MONTH = "tenant_month"
    OCCUPANT_MONTH = "occupant_month"
    CONTAINER_20L = "container_20l"
    SACK = "sack"

    @property
    def is_counted(self) -> bool:
        """Whether the quantity comes from usage rather than from the register of tenants."""
        return self in {Basis.CONTAINER_20L, Basis.SACK}


@dataclass(frozen=True, slots=True)
class Tariff:
    """One seller's price for a component in a zone, from a day on; an amount of zero ends it."""

    zone: str
    component: str
    seller: str
    basis: Basis
    amount_minor: int
    currency: str
    valid_from: date


def valid_in(tariffs: Iterable[Tariff], period: str) -> list[Tariff]:
    """Return what holds in a period: for each component and seller the latest row valid on its first day.

    A price that starts within a month holds from the next one, so that no month has two. Water comes first.
    """
    latest: dict[tuple[str, str, str], Tariff] = {}
    day = first_day(period)
    for tariff in sorted(tariffs, key=lambda t: t.valid_from):
        if tariff.valid_from <= day:
            latest[tariff.zone, tariff.component, tariff.seller] = tariff
    return sorted(latest.values(), key=lambda t: (t.zone, t.component != Component.WATER, t.seller))
