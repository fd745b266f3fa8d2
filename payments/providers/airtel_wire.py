"""What is said to Airtel Money, and what its replies mean (reference airtel-money §2 to §4)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from core import money
from core.errors import BadInput
from payments.providers import airtel_codes
from payments.providers.airtel_callback import report_of, transaction_id
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken
from payments.providers.http import Answer, Reach
from payments.providers.reading import code_of, word_of

_OK, _UNAUTHORIZED = 200, 401
_RETRY_S = 5.0
_LONGEST_REFERENCE = 64
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 -]")
_CODE = re.compile(r"(?:DP|ESB|ROUTER)\w+", re.ASCII)
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
    plain = _NOT_PLAIN.sub("", f"Water {push.tap_id}")[:_LONGEST_REFERENCE]
    body = {
        "reference": plain,
        "subscriber": where | {"msisdn": push.msisdn.removeprefix(settings.dialling_prefix)},
        "transaction": {
            "amount": _number(push.amount_minor, push.currency),
            **where,
            "id": transaction_id(push.reference),
        },
    }
    return _ENCODER.encode(body)


def _number(amount_minor: int, currency: str) -> Decimal:
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
    meaning = _meaning(answer)
    # A refusal is one that says so; the codes only tell which of them to doubt (reference §4).
    taken = Taken.UNKNOWN if _success(answer) and meaning.taken is Taken.REFUSED else meaning.taken
    return PushReply(
        taken,
        provider_reference=name if taken is Taken.ACCEPTED else None,
        reason=_reason(answer, meaning) if taken is Taken.REFUSED else None,
        code=_code(answer),
        retry_after_s=(answer.retry_after_s or _RETRY_S) if taken is Taken.NOT_REACHED else None,
        is_config_fault=meaning.is_config_fault,
    )


def read_query(answer: Answer, name: str, currency: str) -> Report:
    """Say what the reply to an enquiry about transaction `name` means; whatever is unclear is UNKNOWN."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    transaction = _transaction(answer)
    status = transaction.get("status")
    if answer.status != _OK or not isinstance(status, str):
        meaning = _meaning(answer)
        is_config = meaning.is_config_fault and meaning.query is Outcome.UNKNOWN
        return Report(
            meaning.query,
            code=_code(answer),
            retry_after_s=answer.retry_after_s,
            is_config_fault=is_config,
        )
    try:
        if word_of(transaction.get("id")) not in (name, None):
            return Report(Outcome.UNKNOWN, code="other_transaction")
        report = report_of(transaction, status, name, currency)
    except BadInput as fault:
        return Report(Outcome.UNKNOWN, code=fault.reason)
    if report.outcome is Outcome.PAID and not _success(answer):
        return replace(report, outcome=Outcome.UNKNOWN, receipt=None, code="contradiction")
    return report


def refuses_token(answer: Answer) -> bool:
    """Say whether another token may help."""
    return answer.status == _UNAUTHORIZED


def refuses_signature(reply: PushReply) -> bool:
    """Say whether Airtel could not make sense of a signature: the key may have changed."""
    return reply.code in ("DP00800001026", "DP02010001000", "DP02010001001")


def _member(answer: Answer, *names: str) -> Mapping[str, Any]:
    value: Any = answer.body
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _transaction(answer: Answer) -> Mapping[str, Any]:
    return _member(answer, "data", "transaction")


def _success(answer: Answer) -> bool:
    return _member(answer, "status").get("success") in (True, "true")


def _was_prompted(answer: Answer) -> bool:
    word = _transaction(answer).get("status")
    return answer.status == _OK and _success(answer) and str(word).upper() == "SUCCESS"


def _meaning(answer: Answer) -> airtel_codes.Code:
    words = answer.text or _words(answer)
    return airtel_codes.of_reply(answer.status, _codes(answer), words, is_text=bool(answer.text))


def _codes(answer: Answer) -> tuple[str, ...]:
    """Return Airtel's codes in a reply; `code` beside them is an HTTP status, but a router's code as well."""
    status = _member(answer, "status")
    # Where the router's errors put their code is not said (assumed: in one of these).
    found = [status.get("response_code"), status.get("result_code"), status.get("code")]
    found += [answer.says("status_code"), answer.says("code")]
    return tuple(code for code in found if isinstance(code, str) and _CODE.fullmatch(code))


def _words(answer: Answer) -> str:
    words = (
        _member(answer, "status").get("message") or answer.says("message") or answer.says("status_message")
    )
    return words if isinstance(words, str) else ""


def _reason(answer: Answer, meaning: airtel_codes.Code) -> Reason:
    said = airtel_codes.failure(_words(answer))
    return meaning.reason or Reason.OTHER if said is Reason.OTHER else said


def _code(answer: Answer) -> str:
    codes = _codes(answer)
    return code_of(codes[0]) if codes else f"http_{answer.status}"
