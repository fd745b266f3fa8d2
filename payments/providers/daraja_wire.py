"""What is said to M-PESA Daraja of pushes, and what its answers mean; pure (reference daraja)."""

import base64
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.errors import BadInput
from payments.providers import daraja_codes
from payments.providers.account_reference import account_reference
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken, Traits
from payments.providers.daraja_times import compact
from payments.providers.http import Answer, Reach
from payments.providers.reading import code_of, period_words, word_of
from payments.providers.settings import DarajaSettings, ShortcodeType

_DESCRIPTION_LENGTH = 13
_RETRY_S = 5.0
_OK = 200

TRAITS = Traits(
    has_query=True,
    push_is_repeatable=False,  # no idempotency key: a repeated push is a second prompt
    unit_minor=100,
    currencies=frozenset({"KES"}),
    min_minor=100,
    max_minor=250_000_00,
    query_gives_amount=False,
    callback_reply=("application/json", '{"ResultCode":0,"ResultDesc":"Success"}'),
)


def amount_fault(push: Push) -> PushReply | None:
    """Refuse what Daraja cannot move: whole shillings from 1 to 250,000 only (reference §2)."""
    if push.currency not in TRAITS.currencies:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if push.amount_minor % TRAITS.unit_minor or push.amount_minor < TRAITS.min_minor:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    if push.amount_minor > TRAITS.max_minor:
        return PushReply(Taken.REFUSED, reason=Reason.LIMIT, code="amount")
    return None


def password(shortcode: str, passkey: str, timestamp: str) -> str:
    """Return the password of a request, which holds the same timestamp (reference §2)."""
    return base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode()


def _signed(settings: DarajaSettings, now: datetime) -> dict[str, Any]:
    timestamp = compact(now)
    passkey = settings.passkey.get_secret_value()
    return {"Password": password(settings.shortcode, passkey, timestamp), "Timestamp": timestamp}


def push_body(push: Push, settings: DarajaSettings, now: datetime) -> dict[str, Any]:
    """Return the body of an STK push (reference §2)."""
    is_till = settings.type is ShortcodeType.TILL
    payer = push.msisdn.removeprefix("+")
    return {
        "BusinessShortCode": int(settings.shortcode),
        **_signed(settings, now),
        "TransactionType": "CustomerBuyGoodsOnline" if is_till else "CustomerPayBillOnline",
        "Amount": str(push.amount_minor // TRAITS.unit_minor),
        "PartyA": payer,
        "PartyB": settings.party_b,
        "PhoneNumber": payer,
        "CallBackURL": push.callback_url,
        # With C2B registered the same payment is told a second time, under this name of ours only.
        "AccountReference": account_reference(push.tap_id, push.external_id),
        "TransactionDesc": f"water {period_words(push.period)[0]}".strip()[:_DESCRIPTION_LENGTH],
    }


def query_body(checkout_request_id: str, settings: DarajaSettings, now: datetime) -> dict[str, Any]:
    """Return the body of an STK query (reference §5); here the shortcode is text."""
    return {
        "BusinessShortCode": settings.shortcode,
        **_signed(settings, now),
        "CheckoutRequestID": checkout_request_id,
    }


def read_push(answer: Answer) -> PushReply:
    """Say what the reply to an STK push means."""
    if (
        answer.reach is Reach.ANSWERED
        and answer.status == _OK
        and answer.body is not None
        and "errorCode" not in answer.body
    ):
        return _read_accepted(answer)
    return read_refusal(answer)


def read_refusal(answer: Answer) -> PushReply:
    """Say how far a request came that was not taken in so many words."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    error = error_of(answer)
    return PushReply(
        error.push,
        reason=Reason.OTHER if error.push is Taken.REFUSED else None,
        code=_code(answer),
        retry_after_s=_retry_after_s(answer, error),
        is_config_fault=error.is_config_fault,
    )


def _read_accepted(answer: Answer) -> PushReply:
    """Read a 200: the prompt is queued where it says 0 and names the request, else it may be."""
    body = answer.body or {}
    try:
        code, request = word_of(body.get("ResponseCode")), word_of(body.get("CheckoutRequestID"))
    except BadInput:
        return PushReply(Taken.UNKNOWN, code="unreadable")
    if code != "0" or request is None:
        retry_after_s = daraja_codes.result(code or "").retry_after_s
        return PushReply(Taken.UNKNOWN, request, code=code or "no_code", retry_after_s=retry_after_s)
    return PushReply(Taken.ACCEPTED, request, code=code)


def read_query(answer: Answer, checkout_request_id: str) -> Report:
    """Say what the reply to an STK query means; whatever is unclear is UNKNOWN."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault, provider_reference=checkout_request_id)
    if answer.status == _OK and answer.body is not None and "errorCode" not in answer.body:
        return _read_result(answer.body, checkout_request_id)
    error = error_of(answer)
    return Report(
        error.query,
        code=_code(answer),
        provider_reference=checkout_request_id,
        retry_after_s=error.retry_after_s or answer.retry_after_s,
        is_config_fault=error.is_config_fault,
    )


def _read_result(body: Any, checkout_request_id: str) -> Report:
    unknown = Report(Outcome.UNKNOWN, provider_reference=checkout_request_id)
    try:
        accepted = word_of(body.get("ResponseCode"))
        code = word_of(body.get("ResultCode"))
        request = word_of(body.get("CheckoutRequestID"))
    except BadInput:
        return replace(unknown, code="unreadable")
    if accepted != "0" or code is None:  # a missing result code is never "paid" (reference §13)
        return replace(unknown, code=f"response_{accepted}")
    if request is not None and request != checkout_request_id:
        return replace(unknown, code="other_request")
    result = daraja_codes.result(code)
    return Report(
        result.outcome,
        result.reason,
        code,
        provider_reference=checkout_request_id,
        retry_after_s=result.retry_after_s,
        is_config_fault=result.is_config_fault,
    )


def paced(checkout_request_id: str, wait_s: float) -> Report:
    """Report that the account's pace allows no query for so long; nothing was asked."""
    return Report(Outcome.WAITING, code="paced", provider_reference=checkout_request_id, retry_after_s=wait_s)


def error_of(answer: Answer) -> daraja_codes.Error:
    """Return what an answer says that is no result."""
    message = answer.says("errorMessage") or _front_words(answer)
    return daraja_codes.error(answer.status, answer.says("errorCode"), message, is_text=bool(answer.text))


def _front_words(answer: Answer) -> str:
    """Return the words of the layer in front, whose envelope is another (reference §5), or of plain text."""
    fault = answer.body.get("fault") if answer.body is not None else None
    return str(fault.get("faultstring")) if isinstance(fault, dict) else answer.text


def _retry_after_s(answer: Answer, error: daraja_codes.Error) -> float | None:
    if error.push is not Taken.NOT_REACHED:
        return None
    return error.retry_after_s or answer.retry_after_s or _RETRY_S


def _code(answer: Answer) -> str:
    return code_of(answer.says("errorCode")) or f"http_{answer.status}"


def refuses_token(answer: Answer) -> bool:
    """Say whether another token may help."""
    return answer.reach is Reach.ANSWERED and answer.status != _OK and error_of(answer).is_token
