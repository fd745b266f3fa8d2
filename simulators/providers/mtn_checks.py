"""What MTN refuses before anything happens (reference mtn-momo §2 to §4)."""

import re
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simulators.edge import Refused
from simulators.providers import mtn_wire as wire
from simulators.providers.config import Mtn

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)
_MSISDN = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9 .,:/_+()\-]{0,160}")
_RANDOM_UUID = 4


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens one product."""

    subscription_key: str
    user: str
    api_key: str


def collection(config: Mtn) -> Keys:
    """Return the keys of the product that takes money in."""
    return Keys(config.subscription_key, config.api_user, config.api_key)


def disbursement(config: Mtn) -> Keys:
    """Return the keys of the product that pays out."""
    return Keys(config.disbursement_key, config.disbursement_user, config.disbursement_api_key)


def basic(user: str, key: str) -> str:
    """Return the Authorization header of a user and key."""
    return "Basic " + b64encode(f"{user}:{key}".encode()).decode()


def subscription(headers: Mapping[str, str], keys: Keys) -> None:
    """Refuse a wrong subscription key, that of another product too."""
    if headers.get("Ocp-Apim-Subscription-Key") != keys.subscription_key:
        raise Refused(wire.bad_subscription_key())


def token_request(headers: Mapping[str, str], body: bytes, config: Mtn, keys: Keys) -> None:
    """Refuse a token call with a body, with wrong credentials, or (new platform) without its environment."""
    if config.new_platform and "python-requests" in headers.get("User-Agent", ""):
        raise Refused(wire.html_forbidden())
    subscription(headers, keys)
    if headers.get("Authorization") != basic(keys.user, keys.api_key):
        raise Refused(wire.error(401, "LOGIN_FAILED"))
    if body or (config.new_platform and "X-Target-Environment" not in headers):
        raise Refused(wire.error(400, "BAD_REQUEST"))


def environment(headers: Mapping[str, str], config: Mtn) -> None:
    """Refuse another target environment."""
    if headers.get("X-Target-Environment") != config.target_environment:
        raise Refused(wire.error(500, "NOT_ALLOWED_TARGET_ENVIRONMENT"))


def reference_id(text: str) -> str:
    """Return the X-Reference-Id; refuse what is no UUID version 4."""
    try:
        if uuid.UUID(text).version == _RANDOM_UUID:
            return text.lower()
    except ValueError:
        pass
    raise Refused(wire.error(400, "BAD_REQUEST"))


def callback_url(url: str | None, config: Mtn) -> str | None:
    """Return the URL; refuse a host other than the registered one."""
    if url and config.callback_host not in (None, urlsplit(url).hostname):
        raise Refused(wire.error(500, "INVALID_CALLBACK_URL_HOST"))
    return url


def push_body(body: dict[str, Any], config: Mtn) -> dict[str, str]:
    """Return the fields of a request to pay; refuse what MTN would refuse."""
    return _fields(body, config, _party(body.get("payer")))


def transfer_body(body: dict[str, Any], config: Mtn) -> dict[str, str]:
    """Return the fields of a transfer; refuse what MTN would refuse."""
    return _fields(body, config, _party(body.get("payee")))


def refund_body(body: dict[str, Any], config: Mtn) -> dict[str, str]:
    """Return the fields of a refund, which names a request to pay and nobody (reference §6)."""
    original = body.get("referenceIdToRefund")
    if "payer" in body or "payee" in body or not isinstance(original, str) or not original:
        raise Refused(wire.error(400, "BAD_REQUEST"))
    return _fields(body, config, {}) | {"referenceIdToRefund": original}


def _party(party: Any) -> dict[str, str]:
    if isinstance(party, dict) and party.get("partyIdType") == "MSISDN":
        number = party.get("partyId")
        if isinstance(number, str) and _MSISDN.fullmatch(number):
            return {"partyId": number}
    raise Refused(wire.error(400, "BAD_REQUEST"))


def _fields(body: dict[str, Any], config: Mtn, party: dict[str, str]) -> dict[str, str]:
    fields: dict[str, Any] = {"externalId": str(body.get("externalId", ""))} | party
    fields |= {name: body.get(name, "") for name in ("amount", "currency")}
    fields |= {name: body[name] for name in ("payerMessage", "payeeNote") if name in body}
    if not all(isinstance(value, str) for value in fields.values()) or not _well_formed(fields):
        raise Refused(wire.error(400, "BAD_REQUEST"))
    if fields["currency"] != config.currency:
        raise Refused(wire.error(500, "INVALID_CURRENCY"))
    return fields


def _well_formed(fields: dict[str, str]) -> bool:
    notes = (fields.get("payerMessage", ""), fields.get("payeeNote", ""))
    return (
        _AMOUNT.fullmatch(fields["amount"]) is not None
        and fields["amount"].strip("0.") != ""
        # An apostrophe or another special character is refused: Ng'ombe.
        and all(_PLAIN.fullmatch(note) for note in notes)
    )
