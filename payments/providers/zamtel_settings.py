"""Credentials of Zamtel Kwacha, `MADZI_ZAMTEL_*`."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from payments.providers.settings import BaseUrl, Digits, Plain, Secret


class ZamtelSettings(BaseModel):
    """Zamtel Kwacha. `base_url` ends in `/ZampayRest` (test) or `/ZampayRestProd` (reference §A).

    Money goes out only with `identifier` and `credential`.
    """

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    third_party_id: Plain
    password: Secret
    shortcode: Digits
    identifier: Plain | None = None
    credential: Secret | None = None
    # The call stays open while the payer enters the PIN; clients in the field wait 60 to 120 s.
    answer_within_s: float = Field(default=120.0, gt=0, le=300)
    # Each open call is a connection and a place in the worker's hands, which other rails need too.
    most_open: int = Field(default=100, ge=1, le=150)

    @model_validator(mode="after")
    def _initiator_is_whole(self) -> Self:
        if (self.identifier is None) != (self.credential is None):
            raise ValueError("identifier and credential belong together: set both or neither")
        return self
