"""Credentials of KCB's multi-currency gateway, `MADZI_KCB_MULTI_*` (reference kcb-buni §7)."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from payments.providers.settings import BaseUrl, Digits, Secret

CURRENCIES = ("KES", "UGX", "TZS", "RWF", "BIF", "CDF", "SSP")
_PARTED = re.compile(r"[\s,]+")


def _are_known(text: str) -> str:
    listed = [word for word in _PARTED.split(text) if word]
    unknown = set(listed) - set(CURRENCIES)
    if unknown or not listed:
        raise ValueError(f"the gateway's currencies are {' '.join(CURRENCIES)}, not {sorted(unknown)}")
    return text


class KcbMultiSettings(BaseModel):
    """The gateway with one branch's key; `external_origin` is the number that names the branch."""

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    api_key: Secret
    external_origin: Digits
    currencies: Annotated[str, AfterValidator(_are_known)] = Field(default=" ".join(CURRENCIES))
    default_currency: str = ""  # of what is told without one; empty: the first of `currencies`

    @model_validator(mode="after")
    def _default_is_among_them(self) -> Self:
        if not self.default_currency:
            object.__setattr__(self, "default_currency", self.supported[0])
        if self.default_currency not in self.supported:
            raise ValueError(f"default_currency {self.default_currency!r} is not among the currencies")
        return self

    @property
    def supported(self) -> tuple[str, ...]:
        """Return the currencies that this branch collects."""
        return tuple(word for word in _PARTED.split(self.currencies) if word)
