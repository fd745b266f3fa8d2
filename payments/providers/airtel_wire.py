"""What is said to Airtel Money, and what its replies mean (reference airtel-money §2 to §4)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from core import money
from core.errors import BadInput
from payments.providers import airtel_reply as reply
from payments.providers.airtel_callback import report_of, transaction_id
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken
from payments.providers.http import Answer, Reach
from payments.providers.reading import word_of

_OK, _UNAUTHORIZED = 200, 401
RETRY_S = 5.0
_LONGEST_REFERENCE = 64
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 -]")
# Compact, and a Decimal as the number that its text is: no float ever stands between (trap 8).
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def push_fault(push: Push, settings: AirtelSettings) -> PushReply | None:
    """Return a refusal of what must not be sent."""
    if push.currency != settings.currency:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if not settings.min_minor <= push.amount_minor <= settings.max_minor:
        return PushReply(Taken.REFUSED, reason=Reason.LIMIT, code="amount")
    if push.amount_minor % settings.unit_minor:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    # Cut of its country code, another country's number would be somebody else's.
    if not push.msisdn.startswith(settings.dialling_prefix):
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="other_country")
    return None


def push_body(push: Push, settings: AirtelSettings) -> bytes:
    """Return the very bytes of a push: they are what is signed."""
    where = {"country": settings.country, "currency": settings.currency}
    body = {
        "reference": plain_text(f"Water {push.tap_id}"),
        "subscriber": where | {"msisdn": push.msisdn.removeprefix(settings.dialling_prefix)},
        "transaction": {
            "amount": number(push.amount_minor, push.currency),
            **where,
            "id": transaction_id(push.reference),
        },
    }
    return encode(body)


def encode(body: Mapping[str, Any]) -> bytes:
    """Return compact JSON; a Decimal in it is the number that its text is."""
    return _ENCODER.encode(body)


def plain_text(text: str) -> str:
    """Return what of a text surely passes."""
    return _NOT_PLAIN.sub("", text)[:_LONGEST_REFERENCE].strip()


def number(amount_minor: int, currency: str) -> Decimal:
    """Return an amount as it is sent: `30`, `30.10`."""
    amount = Decimal(money.plain(amount_minor, currency))
    return amount.to_integral_value() if amount == amount.to_integral_value() else amount


def read_push(answer: Answer, name: str) -> PushReply:
    """Say what the reply to a push means; `name` is the transaction id that was sent."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    if _was_prompted(answer):
        return PushReply(Taken.ACCEPTED, provider_reference=name, code="SUCCESS")
    meaning = reply.meaning(answer)
    # A refusal is one that says so; the codes only tell which of them to doubt (reference §4).
    taken = Taken.UNKNOWN if reply.says_success(answer) and meaning.taken is Taken.REFUSED else meaning.taken
    return PushReply(
        taken,
        provider_reference=name if taken is Taken.ACCEPTED else None,
        reason=reply.reason(answer, meaning) if taken is Taken.REFUSED else None,
        code=reply.shown_code(answer),
        retry_after_s=(answer.retry_after_s or RETRY_S) if taken is Taken.NOT_REACHED else None,
        is_config_fault=meaning.is_config_fault,
    )


def read_query(answer: Answer, name: str, currency: str) -> Report:
    """Say what the reply to an enquiry about transaction `name` means; whatever is unclear is UNKNOWN."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    transaction = reply.transaction(answer)
    status = transaction.get("status")
    if answer.status != _OK or not isinstance(status, str):
        meaning = reply.meaning(answer)
        is_config = meaning.is_config_fault and meaning.query is Outcome.UNKNOWN
        return Report(
            meaning.query,
            code=reply.shown_code(answer),
            retry_after_s=answer.retry_after_s,
            is_config_fault=is_config,
        )
    try:
        if word_of(transaction.get("id")) not in (name, None):
            return Report(Outcome.UNKNOWN, code="other_transaction")
        report = report_of(transaction, status, name, currency)
    except BadInput as fault:
        return Report(Outcome.UNKNOWN, code=fault.reason)
    if report.outcome is Outcome.PAID and not reply.says_success(answer):
        return replace(report, outcome=Outcome.UNKNOWN, receipt=None, code="contradiction")
    return report


def refuses_token(answer: Answer) -> bool:
    """Say whether another token may help."""
    return answer.status == _UNAUTHORIZED


def refuses_signature(answered: PushReply) -> bool:
    """Say whether Airtel could not make sense of a signature: the key may have changed."""
    return answered.code in ("DP00800001026", "DP02010001000", "DP02010001001")


def _was_prompted(answer: Answer) -> bool:
    word = reply.transaction(answer).get("status")
    return answer.status == _OK and reply.says_success(answer) and str(word).upper() == "SUCCESS"
