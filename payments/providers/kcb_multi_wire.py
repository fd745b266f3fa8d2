"""What is said to KCB's multi-currency gateway and what its answers mean; pure. The format is ASSUMED.

Known are an API key, a header `externalOrigin`, the currencies, and that the outcome is told later (document
002, reference kcb-buni §7). Paths, members and codes are ours. Nothing here claims to fit the real gateway.
"""

from collections.abc import Mapping
from typing import Any

from core import money
from core.errors import BadInput
from payments.providers import kcb_multi_codes as codes
from payments.providers.account_reference import account_reference
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken, Traits
from payments.providers.http import Answer, Reach
from payments.providers.kcb_multi_settings import KcbMultiSettings
from payments.providers.reading import code_of, json_of, minor_of, msisdn_of, object_of, period_words, word_of
from payments.providers.unknown import note_unknown

PAYMENTS = "/api/v1/payments"
_ACCEPTED = frozenset({200, 201, 202})
_OK = 200
_RETRY_S = 5.0
_MOST_MINOR = 10**10


def traits(settings: KcbMultiSettings) -> Traits:
    """Return the traits of an account."""
    return Traits(
        has_query=True,
        push_is_repeatable=False,  # nobody has promised that a reference is taken once
        knows_our_reference=True,
        unit_minor=1,
        currencies=frozenset(settings.supported),
        max_minor=_MOST_MINOR,
    )


def amount_fault(push: Push, settings: KcbMultiSettings) -> PushReply | None:
    """Refuse what the gateway cannot express, before anything is sent."""
    if push.currency not in settings.supported:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if push.amount_minor < 1:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    if push.amount_minor > _MOST_MINOR:
        return PushReply(Taken.REFUSED, reason=Reason.LIMIT, code="amount")
    return None


def headers(settings: KcbMultiSettings) -> dict[str, str]:
    """Return what names us and the branch."""
    return {"X-API-Key": settings.api_key.get_secret_value(), "externalOrigin": settings.external_origin}


def push_body(push: Push) -> dict[str, str]:
    """Return the body of a push; the amount is a text with the currency's own decimals, `30.00` or `3000`."""
    return {
        "reference": push.reference,
        "phoneNumber": push.msisdn.removeprefix("+"),
        "amount": money.plain(push.amount_minor, push.currency),
        "currency": push.currency,
        "accountReference": account_reference(push.tap_id, push.external_id),
        "description": f"water {period_words(push.period)[0]}".strip(),
        "callbackUrl": push.callback_url,
    }


def read_push(answer: Answer) -> PushReply:
    """Say what the reply to a push means."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    if answer.status not in _ACCEPTED or answer.body is None:
        return _refused(answer)
    try:
        name = word_of(answer.body.get("transactionId"))
    except BadInput:
        name = None
    if name is None:
        return PushReply(Taken.UNKNOWN, code="no_reference")
    return PushReply(Taken.ACCEPTED, name, code=_text(answer.body.get("status")))


def _refused(answer: Answer) -> PushReply:
    code = _error(answer)
    found = codes.error(code)
    is_later = found.taken is Taken.NOT_REACHED
    return PushReply(
        found.taken,
        reason=found.reason,
        code=code or f"http_{answer.status}",
        retry_after_s=(answer.retry_after_s or _RETRY_S) if is_later else None,
        is_config_fault=found.is_config_fault,
    )


def read_query(answer: Answer, settings: KcbMultiSettings) -> Report:
    """Say what the answer to a question means."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK or answer.body is None:
        code = _error(answer)
        outcome = Outcome.NOT_FOUND if code == codes.NOT_FOUND else Outcome.UNKNOWN
        is_ours = codes.error(code).is_config_fault
        return Report(
            outcome,
            code=code or f"http_{answer.status}",
            retry_after_s=answer.retry_after_s,
            is_config_fault=is_ours,
        )
    try:
        return read(answer.body, settings)
    except BadInput:
        return Report(Outcome.UNKNOWN, code="unreadable")


def read_callback(body: bytes, settings: KcbMultiSettings) -> Report:
    """Read a callback, which has the form of a query's answer; raises BadInput."""
    report = read(object_of(json_of(body)), settings)
    if report.reference is None and report.provider_reference is None:
        raise BadInput("a callback needs a reference or a transactionId")
    return report


def read(found: Mapping[str, Any], settings: KcbMultiSettings) -> Report:
    """Say what is told of a payment; raises BadInput where it cannot be such a thing."""
    status, reason = word_of(found.get("status")) or "", word_of(found.get("reason")) or ""
    if status not in codes.STATUSES:
        note_unknown("kcb_multi", status)
    outcome = codes.STATUSES.get(status, Outcome.UNKNOWN)
    currency = word_of(found.get("currency")) or settings.default_currency
    amount_minor = minor_of(found.get("amount"), currency) if outcome is Outcome.PAID else None
    if outcome is Outcome.PAID and amount_minor is None:
        raise BadInput("what is paid needs its amount")
    return Report(
        outcome,
        reason=_reason(status, reason) if outcome is Outcome.NOT_PAID else None,
        code=code_of(reason or status),
        receipt=word_of(found.get("receipt")) if outcome is Outcome.PAID else None,
        amount_minor=amount_minor,
        currency=currency if outcome is Outcome.PAID else None,
        msisdn=msisdn_of(found.get("phoneNumber")),
        reference=word_of(found.get("reference")),
        provider_reference=word_of(found.get("transactionId")),
    )


def _reason(status: str, reason: str) -> Reason:
    usual = Reason.CANCELLED if status == "CANCELLED" else Reason.OTHER
    return codes.REASONS.get(reason, usual)


def _error(answer: Answer) -> str:
    return _text((answer.body or {}).get("code"))


def _text(value: object) -> str:
    return code_of(value) if isinstance(value, str) else ""
