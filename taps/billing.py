"""Who owes what for a period: pure arithmetic over a tap, its tenants, its zone's tariffs and its usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.money import share
from taps.model import Billing, Tenant, billing_in
from taps.tariffs import Basis, Component, Tariff

__all__ = ["Bill", "Line", "Usage", "billing_in", "bills_for", "of_component"]

# Quantities sold in a period, by tenant (None: to the tap as a whole) and component.
Usage = Mapping[tuple[str | None, str], int]
Shares = dict[str | None, int]


@dataclass(frozen=True, slots=True)
class Line:
    """What one seller is owed for one component."""

    component: str
    seller: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What a tap (`tenant_id` None) or one tenant owes for a period; no line is zero."""

    tap_id: str
    tenant_id: str | None
    lines: tuple[Line, ...]


def bills_for(
    tap_id: str, billing: Billing, tenants: Sequence[Tenant], tariffs: Sequence[Tariff], usage: Usage
) -> list[Bill]:
    """Return one bill for a shared tap, or one for each tenant of an individualized one; no empty ones.

    `tenants` are those active on the tap, `tariffs` those that hold in the period, in the order in which
    lines shall stand. An individualized tap without tenants has nobody who could owe.
    """
    ordered = sorted(tenants, key=lambda tenant: tenant.tenant_id)
    lines: dict[str | None, list[Line]] = {}
    for tariff in tariffs:
        amounts = _amounts(tariff, billing, ordered, of_component(tariff, usage))
        for owner, amount_minor in amounts.items():
            if amount_minor:
                line = Line(tariff.component, tariff.seller, amount_minor)
                lines.setdefault(owner, []).append(line)
    return [Bill(tap_id, owner, tuple(owned)) for owner, owned in lines.items()]


def _amounts(tariff: Tariff, billing: Billing, tenants: Sequence[Tenant], used: Shares) -> Shares:
    own, common = _charges(tariff, tenants, used)
    if billing is Billing.SHARED:
        return {None: sum(own.values()) + common}
    if common and tenants:
        for tenant, part in zip(tenants, share(common, [1] * len(tenants)), strict=True):
            own[tenant.tenant_id] = own.get(tenant.tenant_id, 0) + part
    return own


def _charges(tariff: Tariff, tenants: Sequence[Tenant], used: Shares) -> tuple[Shares, int]:
    """Return what each tenant causes, and what the tap as a whole does."""
    price = tariff.amount_minor
    if tariff.basis is Basis.TAP_MONTH:
        return {}, price
    if tariff.basis is Basis.TENANT_MONTH:
        return {tenant.tenant_id: price for tenant in tenants}, 0
    if tariff.basis is Basis.OCCUPANT_MONTH:
        return {tenant.tenant_id: price * tenant.occupants for tenant in tenants}, 0
    own: Shares = {tenant_id: price * n for tenant_id, n in used.items() if tenant_id is not None}
    return own, price * used.get(None, 0)


def of_component(tariff: Tariff, usage: Usage) -> Shares:
    """Return the quantities that a counted tariff is multiplied by.

    A container is sold once, water and refuse in one price (reference zambia §6): where its refuse is not
    counted on its own, the count of its water stands for both.
    """
    if not tariff.basis.is_counted:
        return {}
    own: Shares = {owner: n for (owner, component), n in usage.items() if component == tariff.component}
    if tariff.basis is Basis.CONTAINER_20L:
        water: Shares = {owner: n for (owner, name), n in usage.items() if name == Component.WATER}
        return water | own
    return own
