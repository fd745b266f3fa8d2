"""What each network allows: room of a screen and of an input, and how long a call may last.

The table is the reference's (africastalking §1). Zambian networks publish nothing; there the common 160
stands until an operator has measured (`MADZI_NETWORKS`). Aggregators name a network by its code or its name.
"""

from collections.abc import Iterable, Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class NetworkLimits(BaseModel):
    """The limits of one network. What is not set comes from the table, or from what holds for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=20)  # as aggregators call it, any case
    septets: int | None = Field(None, ge=100, le=184)  # room of a screen in GSM-7 characters
    longest_input: int | None = Field(None, ge=1, le=182)  # characters
    idle_s: float | None = Field(None, gt=0)  # how long a person may think
    session_s: float | None = Field(None, gt=0)  # how long a call may last

    @model_validator(mode="after")
    def _is_patient_enough(self) -> Self:
        if self.idle_s and self.session_s and self.idle_s > self.session_s:
            raise ValueError("idle_s is part of session_s: it cannot be longer")
        return self

    def but(self, other: "NetworkLimits") -> "NetworkLimits":
        """Return these limits with what the other one sets."""
        return self.model_copy(update=other.model_dump(exclude_defaults=True))


_TABLE: Mapping[str, NetworkLimits] = {
    "64501": NetworkLimits(name="airtel"),
    "64502": NetworkLimits(name="mtn"),
    "64503": NetworkLimits(name="zamtel"),
    "63902": NetworkLimits(name="safaricom", septets=160, longest_input=80, idle_s=30, session_s=180),
    "63903": NetworkLimits(name="airtel", septets=184, longest_input=90, idle_s=60, session_s=180),
    "63907": NetworkLimits(name="orange"),
    "63999": NetworkLimits(name="equitel"),
}


class Networks:
    """Finds the limits of a network by its code or its name."""

    def __init__(self, changes: Mapping[str, NetworkLimits] | None = None, *, septets: int = 160) -> None:
        by_code = dict(_TABLE)
        for code, limits in (changes or {}).items():
            by_code[code] = by_code.get(code, NetworkLimits()).but(limits)
        self._by_code = by_code
        usual = {code: limits.septets or septets for code, limits in by_code.items()}
        names = {limits.name.lower() for limits in by_code.values()} - {""}
        # Two countries may each have an Airtel: the name alone promises no more than the smaller screen.
        named = {name: min(usual[code] for code in self._bearing(name)) for name in names}
        self._septets = {**named, **{code.lower(): room for code, room in usual.items()}}
        self._unknown = septets

    def septets(self, network: str) -> int:
        """Return the room of a screen in GSM-7 characters, for a code or a name in any case."""
        return self._septets.get(network) or self._septets.get(network.strip().lower(), self._unknown)

    def sizes(self) -> frozenset[int]:
        """Return every room there is, so that what depends on it may be built once."""
        return frozenset((*self._septets.values(), self._unknown))

    def limits(self, code: str) -> NetworkLimits:
        """Return all that is known of a network, by its code."""
        return self._by_code.get(code, NetworkLimits())

    def items(self) -> Iterable[tuple[str, NetworkLimits]]:
        """Return every network that is known, by code, with its limits."""
        return self._by_code.items()

    def _bearing(self, name: str) -> Iterable[str]:
        return (code for code, limits in self._by_code.items() if limits.name.lower() == name)
