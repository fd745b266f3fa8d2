"""Settings of breakers and of routing, as operators write them."""

from pydantic import BaseModel, Field, model_validator

from payments.breaker import Policy
from payments.routing_rules import Fee


class BreakerSettings(BaseModel):
    """When a gateway account is left alone, and for how long; seconds."""

    failures: int = Field(default=5, ge=1, le=1000)
    window_s: float = Field(default=60, gt=0, le=3600)
    wait_s: float = Field(default=10, gt=0, le=3600)
    most_wait_s: float = Field(default=300, gt=0, le=86_400)

    @model_validator(mode="after")
    def _grows(self) -> "BreakerSettings":
        if self.most_wait_s < self.wait_s:
            raise ValueError("MADZI_BREAKER_MOST_WAIT_S must not be below MADZI_BREAKER_WAIT_S")
        return self

    def policy(self, longest_call_s: float) -> Policy:
        """Return the policy; a probe asks for a token, and then for a payment, and writes both down."""
        return Policy(
            failures=self.failures,
            window_s=self.window_s,
            wait_s=self.wait_s,
            most_wait_s=self.most_wait_s,
            lease_s=3 * longest_call_s,
        )


class FeeSettings(BaseModel):
    """What a collection costs us: parts in ten thousand of the amount, and minor units on top."""

    basis_points: int = Field(default=0, ge=0, le=10_000)
    fixed_minor: int = Field(default=0, ge=0)

    def fee(self) -> Fee:
        """Return it as routing reads it."""
        return Fee(self.basis_points, self.fixed_minor)
