"""What Daraja refuses before anything happens (reference daraja §2, §5, §6, §12)."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from simulators.edge import Refused
from simulators.providers import daraja_wire as wire
from simulators.providers.config import Daraja

_PHONE = re.compile(r"254[17]\d{8}", re.ASCII)
_TIMESTAMP = re.compile(r"\d{14}", re.ASCII)
_WHOLE = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_BANNED = re.compile(r"mpesa|m-pesa|safaricom|exe|exec|cmd|sql|query|ngrok|requestbin", re.IGNORECASE)
_MOST_SHILLINGS = 250_000
_LONGEST_PROMPT = 182
_LONGEST_REFERENCE = 12
_LONGEST_DESC = 13
PAYBILL, BUY_GOODS = "CustomerPayBillOnline", "CustomerBuyGoodsOnline"


def password(shortcode: str, passkey: str, timestamp: str) -> str:
    """Return base64 of shortcode, passkey and timestamp."""
    return b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode()


def oauth(headers: Mapping[str, str], query: Mapping[str, str], config: Daraja) -> None:
    """Refuse another kind of authorization, wrong keys, or another grant type."""
    wanted = b64encode(f"{config.consumer_key}:{config.consumer_secret}".encode()).decode()
    if headers.get("Authorization") != f"Basic {wanted}":
        raise Refused(wire.error(400, "400.008.01", "Invalid Authentication passed"))
    if query.get("grant_type") != "client_credentials":
        raise Refused(wire.error(400, "400.008.02", "Invalid grant type passed"))


def merchant(headers: Mapping[str, str], body: Mapping[str, Any], config: Daraja) -> None:
    """Refuse a body that is no JSON, a shortcode that is not ours, a bad time, a wrong password."""
    if not headers.get("Content-Type", "").startswith("application/json"):
        raise Refused(wire.invalid("BusinessShortCode"))
    if str(body.get("BusinessShortCode")) != config.shortcode:
        raise Refused(wire.invalid("BusinessShortCode"))
    timestamp = str(body.get("Timestamp", ""))
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Refused(wire.invalid("Timestamp"))
    if body.get("Password") != password(config.shortcode, config.passkey, timestamp):
        raise Refused(wire.error(500, "500.001.1001", "Wrong credentials"))


def push_body(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a push as text; refuse the first one that breaks its rule."""
    return fields(body, _RULES)


def preset(asked: Mapping[str, str], prompt: str, config: Daraja) -> str | None:
    """Return the result of a push that is accepted and then never shown to anybody."""
    party = config.till if asked["TransactionType"] == BUY_GOODS else config.shortcode
    if asked["PartyB"] != party:
        return "2028"
    return "1025" if len(prompt) > _LONGEST_PROMPT else None


def _amount(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None and int(text) <= _MOST_SHILLINGS


def is_phone(text: str) -> bool:
    """Say whether this is a Kenyan mobile of twelve digits."""
    return _PHONE.fullmatch(text) is not None


def _account(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_REFERENCE


def is_url(text: str) -> bool:
    """Say whether Daraja would call this address (reference §12)."""
    return urlsplit(text).scheme in ("http", "https") and not _BANNED.search(text)


_RULES: dict[str, Callable[[str], bool]] = {
    "TransactionType": lambda text: text in (PAYBILL, BUY_GOODS),
    "Amount": _amount,
    "PartyA": is_phone,
    "PartyB": lambda text: text.isdigit(),
    "PhoneNumber": is_phone,
    "CallBackURL": is_url,
    "AccountReference": _account,
    "TransactionDesc": lambda text: len(text) <= _LONGEST_DESC,
}


def json_only(request: web.Request) -> None:
    """Refuse a body that does not say that it is JSON."""
    if request.content_type != "application/json":
        raise Refused(wire.invalid("BusinessShortCode"))


def fields(body: Mapping[str, Any], rules: Mapping[str, Callable[[str], bool]]) -> dict[str, str]:
    """Return the fields as text; refuse the first one that breaks its rule."""
    found = {name: str(body.get(name, "")) for name in rules}
    for name, holds in rules.items():
        if not holds(found[name]):
            raise Refused(wire.invalid(name))
    return found


# Of every request that is answered later (reference §8).
LATER: Mapping[str, Callable[[str], bool]] = {
    "SecurityCredential": bool,
    "Remarks": lambda text: 2 <= len(text) <= 100,  # noqa: PLR2004 - the reference's bounds
    "QueueTimeOutURL": is_url,
    "ResultURL": is_url,
}
