"""What is said to MTN MoMo's disbursement, and what its replies mean (reference mtn-momo §6)."""

from dataclasses import replace
from typing import Any

from core import money
from payments.providers.base import (
    Outcome,
    Payout,
    PayoutKind,
    PayoutTraits,
    PushReply,
    Reason,
    Report,
    Taken,
)
from payments.providers.http import Answer
from payments.providers.mtn_wire import plain_message, read_answer_by, read_payout_status
from payments.providers.reading import json_of, object_of

_TRANSFER = "/v1_0/transfer"
_REFUND = "/v1_0/refund"

# An amount stands in a refund's body, but whether it may be less than the payment is not said (§6).
TRAITS = PayoutTraits(
    kinds=frozenset({PayoutKind.TRANSFER, PayoutKind.REFUND}),
    has_query=True,
    is_repeatable=True,
    is_partial=False,
)
NO_KEYS = Report(Outcome.UNKNOWN, code="no_payout_keys", is_config_fault=True)


def path_of(payout: Payout) -> str:
    """Return where a payout is handed in; its status is behind it, under our reference."""
    return _REFUND if payout.kind is PayoutKind.REFUND else _TRANSFER


def fault_of(payout: Payout, currency: str) -> PushReply | None:
    """Return a refusal of what must not be sent."""
    if payout.currency != currency:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    code = _why_not(payout)
    return PushReply(Taken.REFUSED, reason=Reason.OTHER, code=code) if code else None


def _why_not(payout: Payout) -> str:
    if payout.kind not in TRAITS.kinds:
        return "kind"
    if payout.amount_minor < 1:
        return "amount"
    if payout.kind is PayoutKind.TRANSFER:
        return ""
    if not payout.original_reference:
        return "no_original"
    return "" if payout.original_amount_minor in (None, payout.amount_minor) else "partial"


def body_of(payout: Payout) -> dict[str, Any]:
    """Return the body of a transfer or refund.

    A notice names nothing but the externalId (§5), so that is our reference once more.
    """
    message = plain_message(payout.remarks)
    body: dict[str, Any] = {
        "amount": money.plain(payout.amount_minor, payout.currency),
        "currency": payout.currency,
        "externalId": payout.reference,
        "payerMessage": message,
        "payeeNote": message,
    }
    if payout.kind is PayoutKind.REFUND:
        return body | {"referenceIdToRefund": payout.original_reference}
    return body | {"payee": {"partyIdType": "MSISDN", "partyId": payout.msisdn.removeprefix("+")}}


def read_query(answer: Answer, payout: Payout) -> Report:
    """Say what the reply to a status read of a payout means; whatever is unclear is UNKNOWN."""
    report = read_answer_by(read_payout_status, answer)
    if report.external_id not in (None, payout.reference):
        return Report(Outcome.UNKNOWN, code="other_payout")
    return replace(report, reference=payout.reference)


def read_notice(body: bytes) -> Report:
    """Read a notice (reference §5), a hint that nobody signed; raises BadInput where it cannot be one."""
    report = read_payout_status(object_of(json_of(body)))
    return replace(report, reference=report.external_id)
