"""What is said to KCB Buni and what its answers mean; pure (reference kcb-buni §2)."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from payments.providers import kcb_codes
from payments.providers.account_reference import account_reference
from payments.providers.base import Push, PushReply, Reason, Taken, Traits
from payments.providers.daraja_codes import Error
from payments.providers.http import Answer, Reach
from payments.providers.kcb_settings import KcbSettings
from payments.providers.reading import code_of, period_words, word_of

_DESCRIPTION_LENGTH = 13  # the shorter of the two documents
_RETRY_S = 5.0
_OK = 200

TRAITS = Traits(
    has_query=False,  # trap 5: no public product tells the status of a push
    push_is_repeatable=False,
    unit_minor=100,
    currencies=frozenset({"KES"}),
    min_minor=100,
    max_minor=250_000_00,  # M-PESA's, reference daraja §2
    query_gives_amount=False,
    callback_reply=("application/json", '{"ResultCode":0,"ResultDesc":"Success"}'),
)


def amount_fault(push: Push) -> PushReply | None:
    """Refuse what cannot be moved: whole shillings of a Kenyan wallet only."""
    if push.currency not in TRAITS.currencies:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if push.amount_minor % TRAITS.unit_minor or push.amount_minor < TRAITS.min_minor:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    if push.amount_minor > TRAITS.max_minor:
        return PushReply(Taken.REFUSED, reason=Reason.LIMIT, code="amount")
    return None


def push_headers(push: Push, settings: KcbSettings) -> dict[str, str]:
    """Return the three headers that the portal requires and some examples lack (trap 1)."""
    return {
        "routeCode": settings.route_code,
        "operation": settings.operation,
        "messageId": push.reference,
        "Content-Type": "application/json",
    }


def push_body(push: Push, settings: KcbSettings) -> dict[str, Any]:
    """Return the body of a push; the amount is a text of whole shillings (trap 3)."""
    reference = account_reference(push.tap_id, push.external_id)
    own = None if settings.shared_short_code else settings.org_pass_key
    return {
        "phoneNumber": push.msisdn.removeprefix("+"),
        "amount": str(push.amount_minor // TRAITS.unit_minor),
        "invoiceNumber": f"{settings.till}{settings.separator}{reference}",
        "sharedShortCode": settings.shared_short_code,
        "orgShortCode": settings.org_short_code if own else "",
        "orgPassKey": own.get_secret_value() if own else "",
        "callbackUrl": push.callback_url,
        "transactionDescription": f"water {period_words(push.period)[0]}".strip()[:_DESCRIPTION_LENGTH],
    }


def read_push(answer: Answer) -> PushReply:
    """Say what the reply to a push means."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    try:
        accepted = _accepted(answer)
    except BadInput:
        return PushReply(Taken.UNKNOWN, code="unreadable")
    return accepted or _refused(answer)


def _accepted(answer: Answer) -> PushReply | None:
    """Read the acceptance, in its envelope or flat; None where it is none. Raises BadInput."""
    if answer.status != _OK or answer.body is None:
        return None
    inner = _inner(answer)
    header = _dict(answer.body.get("header"))
    outer = word_of(header.get("statusCode")) if header else kcb_codes.ACCEPTED
    request = word_of(inner.get("CheckoutRequestID"))
    if (outer, word_of(inner.get("ResponseCode"))) != (kcb_codes.ACCEPTED, kcb_codes.ACCEPTED):
        return None
    if request is None:
        return PushReply(Taken.UNKNOWN, code="no_reference")
    return PushReply(Taken.ACCEPTED, request, code=kcb_codes.ACCEPTED)


def _refused(answer: Answer) -> PushReply:
    found = error_of(answer)
    is_refused = found.push is Taken.REFUSED
    is_later = found.push is Taken.NOT_REACHED
    return PushReply(
        found.push,
        reason=Reason.OTHER if is_refused else None,
        code=_code(answer),
        retry_after_s=(found.retry_after_s or answer.retry_after_s or _RETRY_S) if is_later else None,
        is_config_fault=found.is_config_fault,
    )


def error_of(answer: Answer) -> Error:
    """Return what an answer says that accepts nothing."""
    inner = _inner(answer)
    message = inner.get("errorMessage")
    return kcb_codes.error(
        answer.status,
        _gateway_code(answer),
        _text(inner.get("errorCode")),
        message if isinstance(message, str) else "",
        is_text=bool(answer.text),
    )


def refuses_token(answer: Answer) -> bool:
    """Say whether another token may help."""
    return answer.reach is Reach.ANSWERED and answer.status != _OK and error_of(answer).is_token


def _inner(answer: Answer) -> Mapping[str, Any]:
    """Return Daraja's part of a reply: in KCB's envelope, else the whole."""
    body = answer.body or {}
    return _dict(body.get("response")) or body


def _gateway_code(answer: Answer) -> str:
    """Return the code of the gateway in front: in a `fault`, or flat; a text or a number."""
    body = answer.body or {}
    return _text((_dict(body.get("fault")) or body).get("code"))


def _code(answer: Answer) -> str:
    inner = _inner(answer)
    codes = (_gateway_code(answer), _text(inner.get("errorCode")), _text(inner.get("ResponseCode")))
    return next((code_of(code) for code in codes if code), f"http_{answer.status}")


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    try:
        return word_of(value) or ""
    except BadInput:
        return ""
