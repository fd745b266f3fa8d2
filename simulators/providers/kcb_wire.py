"""KCB Buni's checks and bodies (reference kcb-buni §1 to §4). Some of the words are ours."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from json import dumps
from typing import Any
from urllib.parse import urlsplit

from simulators.edge import Refused, Reply, reply_json
from simulators.providers import daraja_wire
from simulators.providers.book import Push
from simulators.providers.config import Kcb

_INVOICE = re.compile(r"(\d{1,12})[-#]([A-Za-z0-9]{1,17})", re.ASCII)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FAULTS = {900901: "Invalid Credentials", 900908: "Resource forbidden", 900800: "Message throttled out"}
_HEADERS = ("routeCode", "operation", "messageId")


def fault(status: int, code: int) -> Reply:
    """Return an error of the gateway in front."""
    return reply_json(
        status, {"fault": {"code": code, "message": _FAULTS[code], "description": _FAULTS[code]}}
    )


def error(status: int, code: str, message: str) -> Reply:
    """Return Daraja's error, as KCB passes it on."""
    return daraja_wire.error(status, code, message)


SPOILT = {
    "error": error(500, "500.003.1001", "Internal Server Error"),
    "too_many": fault(429, 900800),
    "html": Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
    "token_refused": fault(401, 900901),
}


def basic(config: Kcb) -> str:
    """Return the header that the token call must carry."""
    return "Basic " + b64encode(f"{config.consumer_key}:{config.consumer_secret}".encode()).decode()


def checked(headers: Mapping[str, str], body: Mapping[str, Any], config: Kcb) -> dict[str, str]:
    """Return the fields of a push; refuse the first that breaks its rule."""
    if any(not headers.get(name) for name in _HEADERS):
        # Opaque, as trap 1 says.
        raise Refused(reply_json(500, {"message": "Runtime error"}))
    for name, holds in _RULES.items():
        if not holds(body.get(name)):
            raise Refused(error(400, "400.002.02", f"Bad Request - Invalid {name}"))
    till, reference = parts(str(body["invoiceNumber"]))
    if till != config.till:
        raise Refused(error(400, "400.002.02", "Bad Request - Invalid invoiceNumber"))
    return {name: str(body[name]) for name in _RULES} | {"reference": reference}


def parts(invoice: str) -> tuple[str, str]:
    """Return the till and the payer's reference in an invoice number."""
    found = _INVOICE.fullmatch(invoice)
    return (found[1], found[2]) if found else ("", "")


def accepted(push: Push, *, flat: bool) -> dict[str, Any]:
    """Return the reply to a push: Daraja's fields in KCB's envelope, the code in it a number (trap 3)."""
    inner = daraja_wire.push_accepted(push) | {"ResponseCode": 0}
    if flat:
        return inner
    return {"header": {"statusDescription": daraja_wire.ACCEPTED, "statusCode": "0"}, "response": inner}


def notice(push: Push, at: datetime, config: Kcb) -> bytes:
    """Return the bank's payment notice in the configured shape."""
    shown = nested(push, at, config) if config.ipn_shape == "nested" else flat_notice(push, at, config)
    return dumps(shown, separators=(",", ":")).encode()


def nested(push: Push, at: datetime, config: Kcb) -> dict[str, Any]:
    """Return shape (a): the M-PESA receipt in the header, the bank's number inside."""
    data = {
        "businessKey": push.extra["account"],
        "businessKeyType": "BillReferenceNumber",
        "debitMSISDN": push.msisdn.lstrip("+"),
        "transactionAmt": amount(push.amount, config),
        "transactionDate": java_date(at),
        "transactionID": push.extra["bank_reference"],
        "firstName": "JOHN DOE",
        "middleName": "",
        "lastName": "",
        "currency": "KES",
        "narration": push.extra["description"],
        "transactionType": "MPESA",
        "balance": "0",
    }
    return {
        "header": {
            "messageID": push.extra["merchant_request_id"],
            "originatorConversationID": push.receipt,
            "channelCode": "202",
            "timeStamp": daraja_wire.nairobi(at),
        },
        "requestPayload": {
            "primaryData": {"businessKey": config.till, "businessKeyType": "notifyBiller"},
            "additionalData": {"notificationData": data},
        },
    }


def flat_notice(push: Push, at: datetime, config: Kcb) -> dict[str, Any]:
    """Return shape (b): the bank's number alone."""
    return {
        "transactionReference": push.extra["bank_reference"],
        "requestId": push.extra["merchant_request_id"],
        "channelCode": "202",
        "timestamp": daraja_wire.nairobi(at),
        "transactionAmount": amount(f"{Decimal(push.amount):.2f}", config),
        "currency": "KES",
        "customerReference": push.extra["account"],
        "customerName": "John Doe",
        "customerMobileNumber": push.msisdn.lstrip("+"),
        "balance": "",
        "narration": push.extra["description"],
        "creditAccountIdentifier": config.till,
        "organizationShortCode": "522533",
        "tillNumber": config.till,
    }


def amount(text: str, config: Kcb) -> str:
    """Return an amount, with thousands separators where so configured."""
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}" if config.thousands_separators else text


def java_date(at: datetime) -> str:
    """Return Java's `EEE MMM dd HH:mm:ss EAT yyyy`, whatever the locale."""
    day = at.astimezone(daraja_wire.NAIROBI)
    return f"{_DAYS[day.weekday()]} {_MONTHS[day.month - 1]} {day:%d %H:%M:%S} EAT {day.year}"


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_url(value: Any) -> bool:
    return (
        isinstance(value, str) and len(value) <= _LONGEST_URL and urlsplit(value).scheme in ("http", "https")
    )


_LONGEST_URL = 50
_RULES: Mapping[str, Callable[[Any], bool]] = {
    "phoneNumber": _text(r"254[17]\d{8}"),
    "amount": _text(r"[1-9]\d{0,5}"),
    "invoiceNumber": _text(r".{1,30}"),
    "sharedShortCode": lambda value: isinstance(value, bool),
    "orgShortCode": _text(r"\d{0,12}"),
    "orgPassKey": _text(r".{0,100}"),
    "callbackUrl": _is_url,
    "transactionDescription": _text(r".{1,13}"),
}
