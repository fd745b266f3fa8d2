"""What Africa's Talking means by its answer to a sending (reference africastalking §2). Pure.

Codes stand for one recipient: HTTP 201 comes also when every recipient failed. Whatever these tables do
not know is UNKNOWN, which leads to at most one more try.
"""

import json
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from core.errors import BadInput
from core.money import exponent
from sms.senders.base import Handed, Outcome

_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_LONGEST_ID = 100
_LARGEST_COST = Decimal(10**6)

# code → (outcome, whether an operator must mend our account). 401 is held, not dropped: trying again could
# send it twice, so it waits for a person. 402 and 405 end when the operator has mended them.
RECIPIENT_CODES: dict[int, tuple[Outcome, bool]] = {
    100: (Outcome.SENT, False),  # processed
    101: (Outcome.SENT, False),  # sent
    102: (Outcome.SENT, False),  # queued
    401: (Outcome.REFUSED, True),  # risk hold
    402: (Outcome.TRY_AGAIN, True),  # invalid sender id
    403: (Outcome.REFUSED, False),  # invalid number
    404: (Outcome.REFUSED, False),  # unsupported number type
    405: (Outcome.TRY_AGAIN, True),  # insufficient balance
    406: (Outcome.REFUSED, False),  # in blacklist
    407: (Outcome.TRY_AGAIN, False),  # could not route
    409: (Outcome.REFUSED, False),  # do not disturb
    500: (Outcome.TRY_AGAIN, False),  # gateway error
    501: (Outcome.TRY_AGAIN, False),  # gateway error
    502: (Outcome.REFUSED, False),  # rejected by gateway
}

# HTTP statuses, which come without a list of recipients. Other 4xx refuse for good, all else is unknown.
HTTP_CODES: dict[int, tuple[Outcome, bool]] = {
    401: (Outcome.TRY_AGAIN, True),
    403: (Outcome.TRY_AGAIN, True),
    404: (Outcome.TRY_AGAIN, True),  # a wrong base URL
    408: (Outcome.UNKNOWN, False),
    429: (Outcome.TRY_AGAIN, False),
    503: (Outcome.TRY_AGAIN, False),
}


def read(status: int, body: bytes, msisdn: str) -> Handed:
    """Return what an HTTP answer means for the one recipient `msisdn`."""
    if status not in _OK:
        return _without_recipients(status)
    recipient = _recipient(body, msisdn)
    if recipient is None:
        return Handed(Outcome.UNKNOWN, code=f"http {status}, unreadable")
    return _for_recipient(recipient)


def _without_recipients(status: int) -> Handed:
    other = Outcome.REFUSED if status in _CLIENT_ERRORS else Outcome.UNKNOWN
    outcome, is_config_fault = HTTP_CODES.get(status, (other, other is Outcome.REFUSED))
    return Handed(outcome, code=f"http {status}", is_config_fault=is_config_fault)


def _recipient(body: bytes, msisdn: str) -> dict[str, Any] | None:
    try:
        found = json.loads(body)["SMSMessageData"]["Recipients"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    ours = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return next((one for one in ours if one.get("number") == msisdn), None)


def _for_recipient(recipient: dict[str, Any]) -> Handed:
    code = recipient.get("statusCode")
    known = RECIPIENT_CODES.get(code) if type(code) is int else None
    outcome, is_config_fault = known or (Outcome.UNKNOWN, False)
    cost_minor, cost_currency = cost(recipient.get("cost"))
    return Handed(
        outcome,
        code=f"{code} {recipient.get('status', '')}"[:60],
        provider_message_id=_message_id(recipient.get("messageId")),
        cost_minor=cost_minor,
        cost_currency=cost_currency,
        is_config_fault=is_config_fault,
    )


def _message_id(value: Any) -> str | None:
    """Return the id; a refused recipient has the word None for it."""
    if not isinstance(value, str) or value in {"", "None"} or len(value) > _LONGEST_ID or "\0" in value:
        return None
    return value


def cost(value: Any) -> tuple[int, str] | tuple[None, None]:
    """Return minor units and currency of `ZMW 0.2500`, half a unit up; nothing where it says neither."""
    try:
        currency, number = str(value).split(" ")
        amount = Decimal(number)
        if not 0 <= amount <= _LARGEST_COST:
            return None, None
        return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP)), currency
    except (ValueError, InvalidOperation, BadInput):
        return None, None
