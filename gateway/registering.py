"""Tells a provider at which addresses of ours it is to tell of money that people pay by hand."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from core.errors import Refused
from payments.providers.base import Provider

PROVIDERS = frozenset({"daraja"})
_VALIDATION, _CONFIRMATION = "c2b_validation", "c2b_confirmation"


@runtime_checkable
class RegistersAddresses(Protocol):
    """A rail that takes such addresses by a call; the others take theirs in a portal, or with each push."""

    async def register_urls(self, validation_url: str, confirmation_url: str) -> bool:
        """Register both; False where some were there before. Raises Refused or Unavailable."""
        ...


async def register(provider: Provider, addresses: Mapping[str, str]) -> bool:
    """Register an account's addresses (`accounts.urls`); False where some were there before.

    Raises Refused (nothing_to_register, or the provider's no) and Unavailable.
    """
    if not isinstance(provider, RegistersAddresses) or _CONFIRMATION not in addresses:
        raise Refused(
            f"{provider.name} takes no addresses by a call; enter those of madzi gateways list --urls "
            "where it asks for them",
            code="nothing_to_register",
        )
    return await provider.register_urls(addresses[_VALIDATION], addresses[_CONFIRMATION])
