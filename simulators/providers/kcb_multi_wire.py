"""The multi-currency gateway's checks and bodies. The format is ASSUMED (reference kcb-buni §7): ours."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from json import dumps
from typing import Any
from urllib.parse import urlsplit

from simulators.edge import Refused, Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.config import KcbMulti
from simulators.providers.people import Answer

DECIMALS = {"KES": 2, "UGX": 0, "TZS": 2, "RWF": 0, "BIF": 0, "CDF": 2, "SSP": 2}
REASONS = {
    Answer.WRONG_PIN: "WRONG_PIN",
    Answer.CANCEL: "CANCELLED_BY_USER",
    Answer.IGNORE: "EXPIRED",
    Answer.NO_BALANCE: "INSUFFICIENT_FUNDS",
    Answer.NO_WALLET: "NO_WALLET",
    Answer.UNREACHABLE: "NO_ANSWER",
}
_MOST = Decimal(100_000_000)


def error(status: int, code: str, message: str) -> Reply:
    """Return an error."""
    return reply_json(status, {"code": code, "message": message})


SPOILT = {
    "error": error(500, "INTERNAL_ERROR", "something went wrong"),
    "too_many": error(429, "TOO_MANY_REQUESTS", "slow down"),
    "html": Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
    "token_refused": error(401, "INVALID_API_KEY", "the API key is not known"),
}
DUPLICATE = error(409, "DUPLICATE_REFERENCE", "this reference was used")
MISSING = error(404, "NOT_FOUND", "no payment has this reference")


def admit(headers: Mapping[str, str], config: KcbMulti) -> None:
    """Refuse another key, or another branch."""
    if headers.get("X-API-Key") != config.api_key:
        raise Refused(SPOILT["token_refused"])
    if headers.get("externalOrigin") != config.external_origin:
        raise Refused(error(403, "UNKNOWN_ORIGIN", "this branch is not known"))


def checked(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a push; refuse the first that breaks its rule."""
    for name, holds in _RULES.items():
        if not holds(body.get(name)):
            code = _CODES.get(name, "INVALID_REQUEST")
            raise Refused(error(400, code, f"{name} is not acceptable"))
    if not _fits(body["amount"], body["currency"]):
        raise Refused(error(400, "INVALID_AMOUNT", "this currency has no such amount"))
    return {name: str(body[name]) for name in _RULES}


def _fits(amount: str, currency: str) -> bool:
    value = Decimal(amount)
    decimals = len(amount.partition(".")[2])
    return 0 < value <= _MOST and decimals == DECIMALS[currency]


def accepted(push: Push) -> dict[str, str]:
    """Return the reply to a push."""
    return {"transactionId": push.extra["transaction_id"], "reference": push.reference, "status": "PENDING"}


def told(push: Push) -> dict[str, str]:
    """Return what a query and a callback tell: the same."""
    outcome: dict[str, str] = {"status": _status(push)}
    if push.paid:
        outcome["receipt"] = str(push.receipt)
    elif outcome["status"] == "FAILED":
        outcome["reason"] = push.code
    return {
        "transactionId": push.extra["transaction_id"],
        "reference": push.reference,
        **outcome,
        "amount": push.amount,
        "currency": push.currency,
        "phoneNumber": push.msisdn.lstrip("+"),
    }


def _status(push: Push) -> str:
    if push.open:
        return "PENDING"
    return {"paid": "SUCCESS", "EXPIRED": "EXPIRED", "CANCELLED_BY_USER": "CANCELLED"}.get(
        push.code, "FAILED"
    )


def notice(push: Push) -> bytes:
    """Return the body of a callback."""
    return dumps(told(push), separators=(",", ":")).encode()


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in ("http", "https")


_RULES: Mapping[str, Callable[[Any], bool]] = {
    "reference": _text(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "phoneNumber": _text(r"(254|256|255|250|257|243|211)\d{8,9}"),
    "currency": lambda value: value in DECIMALS,
    "amount": _text(r"\d{1,12}(\.\d{1,2})?"),
    "accountReference": _text(r"[A-Z0-9]{1,12}"),
    "description": _text(r".{1,40}"),
    "callbackUrl": _is_url,
}
_CODES = {
    "phoneNumber": "INVALID_PHONE_NUMBER",
    "currency": "CURRENCY_NOT_SUPPORTED",
    "amount": "INVALID_AMOUNT",
}
