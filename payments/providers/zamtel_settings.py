"""Credentials of Zamtel Kwacha, `MADZI_ZAMTEL_*`."""

from pydantic import BaseModel, ConfigDict, Field

from payments.providers.settings import BaseUrl, Digits, Plain, Secret


class ZamtelSettings(BaseModel):
    """Zamtel Kwacha. `base_url` ends in `/ZampayRest` (test) or `/ZampayRestProd` (reference §A)."""

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    third_party_id: Plain
    password: Secret
    shortcode: Digits
    # The call stays open while the payer enters the PIN; clients in the field wait 60 to 120 s.
    answer_within_s: float = Field(default=120.0, gt=0, le=300)
    # Each open call is a connection and a place in the worker's hands, which other rails need too.
    most_open: int = Field(default=100, ge=1, le=150)
