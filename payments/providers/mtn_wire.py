"""What is said to MTN MoMo, and what its replies mean (reference mtn-momo §3 to §5)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core import money
from core.errors import BadInput
from payments.providers import mtn_codes
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken
from payments.providers.http import Answer, Reach
from payments.providers.reading import code_of, minor_of, msisdn_of, period_words, word_of

_LONGEST_MESSAGE = 160
_RETRY_S = 5.0
_OK, _UNAUTHORIZED, _TOO_MANY = 200, 401, 429

Reader = Callable[[Mapping[str, Any]], Report]


def push_body(push: Push) -> dict[str, Any]:
    """Return the body of a request to pay (reference §3): the amount is text, messages are plain."""
    return {
        "amount": money.plain(push.amount_minor, push.currency),
        "currency": push.currency,
        "externalId": push.external_id,
        "payer": {"partyIdType": "MSISDN", "partyId": push.msisdn.removeprefix("+")},
        "payerMessage": plain_message(f"Water {push.tap_id}"),
        "payeeNote": plain_message(" ".join(period_words(push.period))),
    }


def plain_message(text: str) -> str:
    """Drop what MTN refuses with 400: an apostrophe is enough (reference §3)."""
    kept = "".join(c for c in text if c.isascii() and (c.isalnum() or c in " -"))
    return kept[:_LONGEST_MESSAGE].strip()


def read_push(answer: Answer, reference: str) -> PushReply:
    """Say what the reply to a request to pay, to a transfer or to a refund means."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    if answer.text and answer.status != _TOO_MANY:
        return PushReply(Taken.UNKNOWN, code=f"http_{answer.status}_not_json")
    meaning = mtn_codes.push_meaning(answer.status, answer.says("code"))
    is_taken = meaning.taken is Taken.ACCEPTED
    return PushReply(
        meaning.taken,
        provider_reference=reference if is_taken else None,
        reason=Reason.OTHER if meaning.taken is Taken.REFUSED else None,
        code=_code(answer),
        retry_after_s=(answer.retry_after_s or _RETRY_S) if meaning.taken is Taken.NOT_REACHED else None,
        is_config_fault=meaning.is_config_fault,
    )


def read_query(answer: Answer) -> Report:
    """Say what the reply to a status read of a push means; whatever is unclear is UNKNOWN."""
    report = read_answer_by(read_status, answer)
    if report.outcome is Outcome.PAID and report.amount_minor is None:
        return replace(report, outcome=Outcome.UNKNOWN, code="no_amount")
    return report


def read_answer_by(reader: Reader, answer: Answer) -> Report:
    """Say what the reply to a status read means, by what reads its body; whatever is unclear is UNKNOWN."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK or answer.body is None:
        return _read_query_error(answer)
    try:
        return reader(answer.body)
    except BadInput as fault:
        return Report(Outcome.UNKNOWN, code=fault.reason)


def _read_query_error(answer: Answer) -> Report:
    code = answer.says("code")
    # Only with its own word: a bare 404 is a wrong path.
    outcome = Outcome.NOT_FOUND if code in mtn_codes.NOT_FOUND else Outcome.UNKNOWN
    is_config = answer.body is not None and mtn_codes.push_meaning(answer.status, code).is_config_fault
    return Report(
        outcome,
        code=_code(answer),
        retry_after_s=answer.retry_after_s,
        is_config_fault=is_config and outcome is Outcome.UNKNOWN,
    )


def read_status(body: Mapping[str, Any]) -> Report:
    """Read a push's status, as queries and callbacks carry it (reference §3, §5).

    Raises BadInput where a field has another form than MTN's.
    """
    return _read_status(body, "payer", mtn_codes.meaning)


def read_payout_status(body: Mapping[str, Any]) -> Report:
    """Read a transfer's or refund's status (reference §6); raises BadInput as `read_status` does."""
    return _read_status(body, "payee", mtn_codes.payout_meaning)


def _read_status(
    body: Mapping[str, Any], party: str, meaning_of: Callable[[str, str], mtn_codes.Meaning]
) -> Report:
    status = body.get("status")
    if not isinstance(status, str):
        raise BadInput("a status is missing")
    reason = _reason(body.get("reason"))
    meaning, other = meaning_of(status, reason), body.get(party)
    currency = word_of(body.get("currency"))
    return Report(
        meaning.outcome,
        reason=meaning.reason,
        code=code_of(reason or status),
        receipt=word_of(body.get("financialTransactionId")),
        amount_minor=minor_of(body.get("amount"), currency) if currency else None,
        currency=currency,
        msisdn=msisdn_of(other.get("partyId")) if isinstance(other, dict) else None,
        external_id=word_of(body.get("externalId")),
        is_config_fault=meaning.is_config_fault,
    )


def _reason(value: Any) -> str:
    """Read a reason: bare text in live replies, an object in the published schema (reference §3)."""
    if isinstance(value, dict):
        value = value.get("code")
    return value if isinstance(value, str) else ""


def _code(answer: Answer) -> str:
    return code_of(answer.says("code")) or f"http_{answer.status}"


def refuses_token(answer: Answer) -> bool:
    """Say whether another token may help."""
    # Another token does not help against a wrong subscription key, which is a 401 too.
    return answer.status == _UNAUTHORIZED and "subscription key" not in answer.says("message").lower()
