"""Credentials and what may differ at Airtel Money, `MADZI_AIRTEL_*` (reference airtel-money)."""

import re
from enum import StrEnum
from typing import Annotated, Self

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from core.errors import Unavailable
from core.money import EXPONENTS
from payments.providers.airtel_signing import public_key
from payments.providers.settings import BaseUrl, Secret

CURRENCIES = {"ZM": "ZMW", "KE": "KES", "UG": "UGX", "TZ": "TZS", "RW": "RWF", "CD": "CDF"}


class Version(StrEnum):
    """Which collection address is called; that of v2 is the signed variant (reference §2)."""

    V1 = "v1"
    V2 = "v2"


def _pin(pin: SecretStr) -> SecretStr:
    if not _FOUR_DIGITS.fullmatch(pin.get_secret_value()):
        raise ValueError("the PIN is four digits")
    return pin


def _readable(key: str) -> str:
    # In a .env file the line ends of a PEM are often written out.
    text = key.replace("\\n", "\n").strip()
    try:
        public_key(text)
    except Unavailable:
        raise ValueError("this is no RSA public key: PEM or base64 of it, as Airtel hands it out") from None
    return text


_FOUR_DIGITS = re.compile(r"\d{4}", re.ASCII)
Pin = Annotated[SecretStr, AfterValidator(_pin)]
PublicKey = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_readable)]


class AirtelSettings(BaseModel):
    """Airtel Money. The currency follows the country. Money goes out only with `pin` and `public_key`.

    What the reference marks unverified is a setting: whether unsigned calls are taken, the limits of an
    amount, how soon an enquiry makes sense.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    base_url: BaseUrl
    client_id: Secret
    client_secret: Secret
    country: str = Field(default="ZM", pattern="^[A-Z]{2}$")
    currency: str = ""
    version: Version = Version.V1
    signing: bool | None = None  # None: with v2 only
    callback_key: Secret | None = None  # the portal's private key, where callback authentication is on
    pin: Pin | None = None
    public_key: PublicKey | None = None
    query_after_s: float = Field(default=180.0, ge=0, le=3600)
    min_minor: int = Field(default=1, ge=1)
    max_minor: int = Field(default=10**12, ge=1)
    unit_minor: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _payout_keys_are_whole(self) -> Self:
        if (self.pin is None) != (self.public_key is None):
            raise ValueError("pin and public_key belong together: set both or neither")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        usual = CURRENCIES.get(self.country)
        chosen = self.currency or usual
        if phonenumbers.country_code_for_region(self.country) == 0:
            raise ValueError(f"there is no country {self.country!r}; Zambia is ZM")
        if chosen is None:
            raise ValueError(f"the currency of {self.country!r} is not known here: set currency")
        if chosen not in EXPONENTS:
            raise ValueError(f"currency {chosen!r} is not known here")
        if self.min_minor > self.max_minor:
            raise ValueError("min_minor must not be above max_minor")
        object.__setattr__(self, "currency", chosen)
        return self

    @property
    def pays_out(self) -> bool:
        """Whether money can go out."""
        return self.pin is not None and self.public_key is not None

    @property
    def signs(self) -> bool:
        """Whether pushes carry x-signature and x-key."""
        return self.version is Version.V2 if self.signing is None else self.signing

    @property
    def dialling_prefix(self) -> str:
        """How an E.164 number of the country begins: Airtel wants the rest only."""
        return f"+{phonenumbers.country_code_for_region(self.country)}"
