"""Credentials of each provider, with the names of contract §3 (`MADZI_MTN_BASE_URL` …).

A provider is there when its settings are there; half of them stop the start with what is missing.
"""

from enum import StrEnum
from typing import Annotated, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    model_validator,
)
from yarl import URL

from core.money import EXPONENTS
from payments.providers.daraja_security import read_certificate, security_credential

# Reference mtn-momo §1: the environment decides the currency, and each refuses the other's (trap 5).
MTN_CURRENCIES = {"sandbox": "EUR", "mtnzambia": "ZMW"}


def _base_url(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        raise ValueError("this is no address") from None
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise ValueError("an http or https address without query is needed")
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
# What goes into a header or a password: never empty, no line ends.
Plain = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=500)]
Digits = Annotated[str, StringConstraints(min_length=1, max_length=12, pattern=r"^[0-9]+$")]


class MtnSettings(BaseModel):
    """MTN MoMo, `MADZI_MTN_*`. The currency follows the target environment.

    Money goes out only with the key of the disbursement product; its user is the collection's unless named.
    """

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    subscription_key: Secret
    api_user: Plain
    api_key: Secret
    target_environment: Plain
    currency: str = ""
    disbursement_key: Secret | None = None
    disbursement_user: Plain | None = None
    disbursement_api_key: Secret | None = None

    @model_validator(mode="after")
    def _disbursement_is_whole(self) -> Self:
        if (self.disbursement_user is None) != (self.disbursement_api_key is None):
            raise ValueError(
                "disbursement_user and disbursement_api_key belong together: set both or neither"
            )
        if self.disbursement_user is not None and self.disbursement_key is None:
            raise ValueError("disbursement_key is missing: the product's own subscription key")
        return self

    @model_validator(mode="after")
    def _currency_fits(self) -> Self:
        usual = MTN_CURRENCIES.get(self.target_environment)
        chosen = self.currency or usual
        if chosen is None:
            raise ValueError(f"the currency of {self.target_environment!r} is not known here: set currency")
        if usual is not None and chosen != usual:
            raise ValueError(f"{self.target_environment!r} takes {usual} only")
        if chosen not in EXPONENTS:
            raise ValueError(f"currency {chosen!r} is not known here")
        object.__setattr__(self, "currency", chosen)
        return self


class ShortcodeType(StrEnum):
    """How a business is paid at M-PESA."""

    PAYBILL = "paybill"
    TILL = "till"


class DarajaSettings(BaseModel):
    """M-PESA Daraja, `MADZI_DARAJA_*`. With a till, `shortcode` is the store's and `till` is who is paid.

    Money goes out only with an initiator, its password and the environment's certificate: all or none.
    """

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    consumer_key: Secret
    consumer_secret: Secret
    shortcode: Digits
    passkey: Secret
    type: ShortcodeType = ShortcodeType.PAYBILL
    till: Digits | None = None
    initiator: Plain | None = None
    initiator_password: Secret | None = None
    certificate: str | None = Field(default=None, min_length=1, max_length=20_000)  # PEM, or a path
    payout_shortcode: Digits | None = None  # where another one than `shortcode` pays out
    pull: bool = False  # whether the list of transactions was switched on for the shortcode
    # Production limits are unpublished; a sandbox was seen to allow 5 (reference daraja §5).
    queries_per_minute: int = Field(default=60, ge=1, le=60_000)
    query_wait_s: float = Field(default=2.0, ge=0, le=30)
    spike_pause_s: float = Field(default=12.0, ge=0, le=600)
    _key: RSAPublicKey | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _money_out_is_whole(self) -> Self:
        names = ("initiator", "initiator_password", "certificate")
        missing = [name for name in names if getattr(self, name) is None]
        if missing and (len(missing) < len(names) or self.payout_shortcode is not None):
            raise ValueError(f"for money out set {', '.join(missing)} too, or none of {', '.join(names)}")
        if self.certificate is not None:
            self._key = read_certificate(self.certificate)
            self.security_credential()  # a password that is too long shows now, not with the first refund
        return self

    @property
    def party_b(self) -> str:
        """Who is paid: the paybill, or the till; one that is not named has the short code's number."""
        return self.till if self.type is ShortcodeType.TILL and self.till else self.shortcode

    @property
    def pays_out(self) -> bool:
        """Whether money can be sent out."""
        return self.initiator is not None

    @property
    def pays_from(self) -> str:
        """Who pays out."""
        return self.payout_shortcode or self.shortcode

    def security_credential(self) -> str:
        """Return the initiator's password as M-PESA wants it; another text each time. Needs `pays_out`."""
        if self.initiator_password is None or self._key is None:
            raise ValueError("no initiator is set")
        return security_credential(self.initiator_password.get_secret_value(), self._key)
