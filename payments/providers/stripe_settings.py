"""Credentials of Stripe, `MADZI_STRIPE_*`."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from payments.providers.settings import BaseUrl, Secret
from payments.providers.stripe_money import DIGITS

_PARTED = re.compile(r"[\s,]+")
_MOST_SECRETS = 5


def words(text: str) -> tuple[str, ...]:
    """Return what is parted by spaces or commas."""
    return tuple(word for word in _PARTED.split(text) if word)


def _are_known(text: str) -> str:
    unknown = set(words(text)) - DIGITS.keys()
    if unknown or not words(text):
        raise ValueError(f"not among the currencies taken by Stripe here: {sorted(unknown)}")
    return text


def _are_few(secrets: SecretStr) -> SecretStr:
    if not 1 <= len(words(secrets.get_secret_value())) <= _MOST_SECRETS:
        raise ValueError(f"one to {_MOST_SECRETS} signing secrets (whsec_…), parted by spaces, are needed")
    return secrets


class StripeSettings(BaseModel):
    """Stripe Checkout: a hosted page, opened by a link. No card number ever comes here.

    `webhook_secret` may hold several while one replaces another: a notice passes that any of them signed.
    """

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl = "https://api.stripe.com"
    secret_key: Secret
    webhook_secret: Annotated[Secret, AfterValidator(_are_few)]
    success_url: BaseUrl  # where the page sends a payer who has paid
    cancel_url: BaseUrl | None = None
    currencies: Annotated[str, AfterValidator(_are_known)] = "ZMW KES"
    # Stripe closes a page between 30 minutes and 24 hours after it was made; an hour leaves room for retries.
    link_for_s: int = Field(default=86_400, ge=3_600, le=86_400)
    tolerance_s: int = Field(default=300, ge=60, le=3_600)

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """Return every secret whose signature counts."""
        return words(self.webhook_secret.get_secret_value())
