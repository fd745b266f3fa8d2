"""What Africa's Talking means by its answer to a sending (reference africastalking §2). Pure.

Codes stand for one recipient: HTTP 201 comes also when every recipient failed. Whatever these tables do
not know is UNKNOWN, which leads to at most one more try.
"""

import json
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple

from core.errors import BadInput
from core.money import exponent
from sms.reasons import Reason
from sms.senders.base import Handed, Outcome

_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_LONGEST_ID = 100
_LONGEST_COST = 24
_LARGEST_COST = Decimal(10**6)


class Meaning(NamedTuple):
    """What a code says: what became of it, why, and whether an operator must mend our account."""

    outcome: Outcome
    reason: Reason | None = None
    is_config_fault: bool = False


_SENT = Meaning(Outcome.SENT)


def _refused(reason: Reason, *, alarm: bool = False) -> Meaning:
    return Meaning(Outcome.REFUSED, reason, alarm)


def _again(reason: Reason, *, alarm: bool = False) -> Meaning:
    return Meaning(Outcome.TRY_AGAIN, reason, alarm)


# 401 is held, not dropped: trying again could send it twice, so it waits for a person. 402 and 405 end when
# the operator has mended them.
RECIPIENT_CODES: dict[int, Meaning] = {
    100: _SENT,  # processed
    101: _SENT,  # sent
    102: _SENT,  # queued
    401: _refused(Reason.RISK_HOLD, alarm=True),
    402: _again(Reason.SENDER_NAME, alarm=True),
    403: _refused(Reason.BAD_NUMBER),
    404: _refused(Reason.NUMBER_TYPE),
    405: _again(Reason.NO_CREDIT, alarm=True),
    406: _refused(Reason.BLACKLIST),
    407: _again(Reason.NO_ROUTE),
    409: _refused(Reason.DO_NOT_DISTURB),
    500: _again(Reason.GATEWAY),
    501: _again(Reason.GATEWAY),
    502: _refused(Reason.REJECTED),
}
_STRANGE = Meaning(Outcome.UNKNOWN, Reason.OTHER)

# HTTP statuses, which come without a list of recipients. What speaks of our account or address is no fault of
# the message: it is tried again while somebody mends it. Other 4xx refuse this form for good; all else, as a
# proxy's 502, may have been taken.
HTTP_CODES: dict[int, Meaning] = {
    401: _again(Reason.KEYS, alarm=True),
    402: _again(Reason.NO_CREDIT, alarm=True),
    403: _again(Reason.KEYS, alarm=True),
    404: _again(Reason.ADDRESS, alarm=True),
    405: _again(Reason.ADDRESS, alarm=True),
    407: _again(Reason.ADDRESS, alarm=True),
    408: Meaning(Outcome.UNKNOWN, Reason.NO_ANSWER),
    410: _again(Reason.ADDRESS, alarm=True),
    425: _again(Reason.BUSY),
    429: _again(Reason.BUSY),
    503: _again(Reason.BUSY),
}
_BAD_FORM = _refused(Reason.FORM, alarm=True)
_NO_ANSWER = Meaning(Outcome.UNKNOWN, Reason.NO_ANSWER)


def read(status: int, body: bytes, msisdn: str) -> Handed:
    """Return what an HTTP answer means for the one recipient `msisdn`."""
    if status not in _OK:
        return _without_recipients(status)
    recipient = _recipient(body, msisdn)
    if recipient is None:
        return Handed(Outcome.UNKNOWN, code=f"http {status}, unreadable", reason=Reason.NO_ANSWER)
    return _for_recipient(recipient)


def _without_recipients(status: int) -> Handed:
    other = _BAD_FORM if status in _CLIENT_ERRORS else _NO_ANSWER
    outcome, reason, is_config_fault = HTTP_CODES.get(status, other)
    return Handed(outcome, code=f"http {status}", reason=reason, is_config_fault=is_config_fault)


def _recipient(body: bytes, msisdn: str) -> dict[str, Any] | None:
    try:
        found = json.loads(body)["SMSMessageData"]["Recipients"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    ours = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return next((one for one in ours if one.get("number") == msisdn), None)


def _for_recipient(recipient: dict[str, Any]) -> Handed:
    code = recipient.get("statusCode")
    meaning = RECIPIENT_CODES.get(code, _STRANGE) if type(code) is int else _STRANGE
    cost_minor, cost_currency = cost(recipient.get("cost"))
    return Handed(
        meaning.outcome,
        code=_plain(f"{code} {recipient.get('status', '')}")[:60],
        reason=meaning.reason,
        provider_message_id=_message_id(recipient.get("messageId")),
        cost_minor=cost_minor,
        cost_currency=cost_currency,
        cost_said=_plain(str(recipient["cost"])) if cost_currency else None,
        is_config_fault=meaning.is_config_fault,
    )


def _message_id(value: Any) -> str | None:
    """Return the id; a refused recipient has the word None for it."""
    if not isinstance(value, str) or value in {"", "None"} or len(value) > _LONGEST_ID:
        return None
    return value if value == _plain(value) else None


def _plain(text: str) -> str:
    """Return what every column takes: NUL or half a surrogate would undo the results of a whole batch."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def cost(value: Any) -> tuple[int, str] | tuple[None, None]:
    """Return minor units and currency of `ZMW 0.2500`, half a unit up; nothing where it says neither."""
    try:
        currency, number = str(value).split(" ")
        amount = Decimal(number)
        if not 0 <= amount <= _LARGEST_COST or len(str(value)) > _LONGEST_COST:
            return None, None
        return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP)), currency
    except (ValueError, InvalidOperation, BadInput):
        return None, None
