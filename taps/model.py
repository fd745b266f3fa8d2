"""What the taps room knows, as frozen values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Billing(StrEnum):
    """Who owes what a tap costs: the tap as a whole, or each tenant a share."""

    SHARED = "shared"
    INDIVIDUALIZED = "individualized"


class Role(StrEnum):
    """What a user may do: keep taps, collect, run the system, look after the money, or everything."""

    CARETAKER = "caretaker"
    AGENT = "agent"
    OPERATOR = "operator"
    FINANCE = "finance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Zone:
    """A branch: tariff and franchise area. `currency` is ISO 4217, `country` ISO 3166, degrees WGS 84."""

    zone: str
    name: str
    country: str
    currency: str
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Tap:
    """A water point with its zone's name, country and currency.

    `billings` is its history as (from_period, billing), in any order.
    """

    tap_id: str
    tap_number: str
    zone: str
    zone_name: str
    country: str
    currency: str
    caretaker_msisdn: str | None
    households: int | None
    latitude: float | None
    longitude: float | None
    billings: tuple[tuple[str, str], ...]

    def billing_in(self, period: str) -> Billing:
        """Return how the tap is billed in a period."""
        return billing_in(self.billings, period)

    @property
    def latest_billing(self) -> Billing:
        """How the tap is billed once every decided switch holds."""
        return billing_in(self.billings, "9999-99")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A person on a tap; `active` is false once they left it."""

    tenant_id: str
    tap_id: str
    msisdn: str
    name: str
    occupants: int
    active: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """A phone that Madzi has met; `language` is None until its owner chose one."""

    msisdn: str
    language: str | None
    chosen_in: str | None = None  # the call in which it was chosen


@dataclass(frozen=True, slots=True)
class KnownTap:
    """A tap that a phone may mean: its owner is the tenant `tenant_id` there, or has paid for it."""

    tap_id: str
    tap_number: str
    tenant_id: str | None
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a role, in some zones; no zone means every zone."""

    name: str
    role: Role
    zones: tuple[str, ...] = ()
    msisdn: str | None = None

    def covers(self, zone: str) -> bool:
        """Say whether the role holds in a zone."""
        return not self.zones or zone in self.zones


def billing_in(history: Iterable[tuple[str, str]], period: str) -> Billing:
    """Return the billing that holds in a period: the latest (from_period, billing) not after it.

    A tap is shared where its history does not reach back that far.
    """
    held = [entry for entry in history if entry[0] <= period]
    return Billing(max(held)[1]) if held else Billing.SHARED
