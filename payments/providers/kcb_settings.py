"""Credentials of KCB Buni, `MADZI_KCB_*`, and the key with which KCB signs its notices."""

import base64
import binascii
from typing import Annotated, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from payments.providers.settings import BaseUrl, Digits, Plain, Secret

_WEAKEST_BITS = 2048


def public_key(text: str) -> RSAPublicKey:
    r"""Return an RSA key from PEM, whose lines may be parted by a literal `\n`, or from its base64 alone.

    Raises ValueError where it is none, or too short to be trusted.
    """
    pem = text.replace("\\n", "\n").strip()
    try:
        if pem.startswith("-----"):
            key = load_pem_public_key(pem.encode())
        else:
            key = load_der_public_key(base64.b64decode("".join(pem.split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise ValueError("this is no public key: paste KCB's, in PEM") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _WEAKEST_BITS:
        raise ValueError("KCB's public key is RSA, of 2048 bits or more")
    return key


def _is_key(text: str) -> str:
    if text:
        public_key(text)
    return text


class KcbSettings(BaseModel):
    """KCB Buni STK push. `till` is who is credited: it stands before our reference in the invoice number."""

    model_config = ConfigDict(frozen=True)

    base_url: BaseUrl
    consumer_key: Secret
    consumer_secret: Secret
    till: Digits
    token_url: BaseUrl | None = None  # where it is not `/token` of base_url (reference §1)
    separator: Annotated[str, StringConstraints(pattern=r"^[-#]$")] = "-"
    shared_short_code: bool = True
    org_short_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,12}$")] = ""
    org_pass_key: Secret | None = None
    route_code: Plain = "207"
    operation: Plain = "STKPush"
    ipn_public_key: Annotated[str, AfterValidator(_is_key)] = ""
    # How old a signed notice may be when it comes. Long: a rail that cannot be asked has no other proof, and
    # a receipt that was counted is not counted again however often it comes.
    ipn_tolerance_s: float = Field(default=86_400, ge=60, le=604_800)
    unsigned_sandbox: bool = False  # KCB's sandbox does not sign; refused in production

    @model_validator(mode="after")
    def _has_its_own_short_code(self) -> Self:
        if not self.shared_short_code and not (self.org_short_code and self.org_pass_key):
            raise ValueError("without shared_short_code, org_short_code and org_pass_key are needed")
        return self
