"""What a change means for the tenant, who is told by SMS; an undone change is told as well."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TenantAdded:
    """The phone's owner is on the tap now."""

    change_id: str
    tap_id: str
    tap_number: str
    msisdn: str

    @property
    def fact_key(self) -> str:
        """Return the name of the fact, so that it is told once."""
        return f"tenancy:{self.change_id}:added"


@dataclass(frozen=True, slots=True)
class TenantRemoved:
    """The phone's owner is not on the tap any more; `left_minor` is what they still owe there."""

    change_id: str
    tap_id: str
    msisdn: str
    left_minor: int
    currency: str

    @property
    def fact_key(self) -> str:
        """Return the name of the fact, so that it is told once."""
        return f"tenancy:{self.change_id}:removed"


Event = TenantAdded | TenantRemoved
