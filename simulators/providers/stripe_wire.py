"""Stripe's checks and bodies (reference zamtel-and-others §D). What the reference leaves open is ours.

Only what a gateway reads is there: a real session has some fifty members more.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from json import dumps
from typing import Any
from urllib.parse import urlsplit

from simulators.edge import Refused, Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.config import Stripe

DIGITS = {"zmw": 2, "kes": 2, "ugx": 2, "tzs": 2, "rwf": 0, "bif": 0, "cdf": 2, "eur": 2, "usd": 2}
_SPECIAL = {"ugx": 100}  # two digits, which must be zeros
_SHORTEST, _LONGEST = timedelta(minutes=30), timedelta(hours=24)
_SLACK = timedelta(minutes=1)
_MOST = 99_999_999
_PRICE = "line_items[0][price_data]"


def error(status: int, code: str, message: str, kind: str = "invalid_request_error") -> Reply:
    """Return Stripe's error; some have no code."""
    named = {"code": code} if code else {}
    return reply_json(status, {"error": {"type": kind, **named, "message": message}})


SPOILT = {
    "error": error(500, "", "An unknown error occurred", "api_error"),
    "too_many": error(429, "rate_limit", "Request rate limit exceeded"),
    "html": Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
    "token_refused": error(401, "", "Invalid API Key provided: sk_test_****"),
}
REUSED = error(
    400, "", "Keys for idempotent requests can only be used with the same parameters", "idempotency_error"
)


def missing(what: str, name: str) -> Reply:
    """Return the error for an id that nobody was given."""
    return error(404, "resource_missing", f"No such {what}: '{name[:80]}'")


def checked(form: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Return what a new session is about; refuse the first member that breaks its rule."""
    if form.get("mode") != "payment":
        raise Refused(error(400, "parameter_missing", "Missing required param: mode."))
    for name in ("success_url", "cancel_url"):
        if name in form and urlsplit(form[name]).scheme not in ("http", "https"):
            raise Refused(error(400, "url_invalid", "Not a valid URL"))
    if "success_url" not in form:
        raise Refused(error(400, "parameter_missing", "Missing required param: success_url."))
    currency = form.get(f"{_PRICE}[currency]", "")
    return {
        "amount": _amount(form, currency),
        "currency": currency.upper(),
        "expires_at": str(_closes_at(form.get("expires_at"), now)),
        "name": _needed(form, f"{_PRICE}[product_data][name]"),
        "success_url": form["success_url"],
    }


def _amount(form: Mapping[str, str], currency: str) -> str:
    """Return the decimal text of a price; refuse what this currency cannot be."""
    if currency not in DIGITS:
        raise Refused(error(400, "", f"Invalid currency: {currency}."))
    text = _needed(form, f"{_PRICE}[unit_amount]")
    if not (text.isascii() and text.isdigit()) or int(text) % _SPECIAL.get(currency, 1):
        raise Refused(error(400, "parameter_invalid_integer", f"Invalid integer: {text[:20]}"))
    if int(text) > _MOST:
        raise Refused(error(400, "amount_too_large", "Amount must be no more than 999,999.99"))
    if int(text) < 1:
        raise Refused(error(400, "amount_too_small", "Amount must convert to at least 50 cents."))
    return decimal(int(text), currency)


def decimal(amount: int, currency: str) -> str:
    """Return the decimal text of Stripe's number."""
    return str(Decimal(amount).scaleb(-DIGITS[currency.lower()]))


def _closes_at(text: str | None, now: datetime) -> int:
    if text is None:
        return int((now + _LONGEST).timestamp())
    if not (text.isascii() and text.isdigit()):
        raise Refused(error(400, "parameter_invalid_integer", f"Invalid integer: {text[:20]}"))
    left = timedelta(seconds=int(text) - now.timestamp())
    if not _SHORTEST - _SLACK <= left <= _LONGEST + _SLACK:
        says = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise Refused(error(400, "", says))
    return int(text)


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise Refused(error(400, "parameter_missing", f"Missing required param: {name}."))
    return form[name]


def metadata(form: Mapping[str, str], under: str = "metadata") -> dict[str, str]:
    """Return the metadata in a form."""
    begin = under + "["
    return {n.removeprefix(begin)[:-1]: v for n, v in form.items() if n.startswith(begin) and n.endswith("]")}


def amount_of(push: Push) -> int:
    """Return Stripe's number for an amount."""
    return int(Decimal(push.amount).scaleb(DIGITS[push.currency.lower()]))


def session(push: Push) -> dict[str, Any]:
    """Return a Checkout Session."""
    status = "open" if push.open else ("complete" if push.paid else "expired")
    return {
        "id": push.reference,
        "object": "checkout.session",
        "amount_total": amount_of(push),
        "client_reference_id": push.external_id,
        "created": int(datetime.fromisoformat(push.accepted_at).timestamp()),
        "currency": push.currency.lower(),
        "expires_at": int(push.extra["expires_at"]),
        "livemode": False,
        "metadata": named(push),
        "mode": "payment",
        "payment_intent": push.receipt,
        "payment_status": "paid" if push.paid else "unpaid",
        "status": status,
        "success_url": push.extra["success_url"],
        "url": push.extra["url"] if push.open else None,
    }


def intent(push: Push, **changes: Any) -> dict[str, Any]:
    """Return the payment intent of a session."""
    return {
        "id": push.extra["receipt"],
        "object": "payment_intent",
        "amount": amount_of(push),
        "amount_received": amount_of(push) if push.paid else 0,
        "currency": push.currency.lower(),
        "last_payment_error": None,
        "metadata": named(push),
        "status": "succeeded" if push.paid else "requires_payment_method",
        **changes,
    }


def named(push: Push) -> dict[str, str]:
    """Return the metadata that were sent along."""
    return {n.removeprefix("m:"): value for n, value in push.extra.items() if n.startswith("m:")}


def refund(push: Push) -> dict[str, Any]:
    """Return a refund; one that is still open is `pending`."""
    return {
        "id": push.reference,
        "object": "refund",
        "amount": amount_of(push),
        "currency": push.currency.lower(),
        "metadata": named(push),
        "payment_intent": push.extra["intent"],
        "status": "pending" if push.open else ("succeeded" if push.paid else push.code),
    }


def event(kind: str, about: Mapping[str, Any], serial: int, now: datetime) -> bytes:
    """Return the body of a notice."""
    told = {
        "id": f"evt_{serial:024d}",
        "object": "event",
        "created": int(now.timestamp()),
        "data": {"object": about},
        "livemode": False,
        "type": kind,
    }
    return dumps(told, indent=2).encode()  # Stripe's are indented, and signed as they are


def signature(body: bytes, secret: str, now: datetime) -> str:
    """Return the header of a notice."""
    stamp = int(now.timestamp())
    signed = hmac.new(secret.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    return f"t={stamp},v1={signed}"


def authorised(header: str, config: Stripe) -> bool:
    """Say whether the key is this account's."""
    return hmac.compare_digest(header.encode(), f"Bearer {config.secret_key}".encode())
