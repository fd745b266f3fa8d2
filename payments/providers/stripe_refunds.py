"""What is said to Stripe of refunds, and what its answers mean; pure (reference zamtel-and-others §D)."""

from typing import Any

from core.errors import BadInput
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
from payments.providers.http import Answer, Reach
from payments.providers.stripe_events import refund_report
from payments.providers.stripe_money import DIGITS, to_stripe
from payments.providers.stripe_wire import (
    dict_of,
    intent_id,
    names_of,
    not_answered,
    query_fault,
    refused,
    word_of_id,
)

_OK = 200
TRAITS = PayoutTraits(
    kinds=frozenset({PayoutKind.REFUND}), has_query=True, is_repeatable=True, is_partial=True
)


def fault(payout: Payout) -> PushReply | None:
    """Refuse what is no refund of a payment by Stripe, before it is sent."""
    original = payout.original_amount_minor
    if payout.kind is not PayoutKind.REFUND or payout.currency not in DIGITS:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="kind_or_currency")
    if payout.amount_minor < 1 or (original is not None and payout.amount_minor > original):
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    return None


def params(payout: Payout, intent: str) -> dict[str, Any]:
    """Return the parameters of a refund of a payment intent."""
    return {
        "payment_intent": intent,
        "amount": to_stripe(payout.amount_minor, payout.currency),
        "metadata": {"payout_id": payout.payout_id, "reference": payout.reference},
    }


def intent_of(answer: Answer) -> str | None:
    """Return the payment intent of a session that was asked for."""
    return intent_id((answer.body or {}).get("payment_intent")) if answer.status == _OK else None


def read_reply(answer: Answer) -> PushReply:
    """Say what the reply to a refund means: Stripe mostly knows the outcome at once."""
    unheard = not_answered(answer)
    if unheard is not None:
        return unheard
    if answer.status != _OK:
        return refused(answer)
    name = word_of_id((answer.body or {}).get("id"))
    if name is None:
        return PushReply(Taken.UNKNOWN, code="no_reference")
    word = read_query(answer)
    is_known = word.outcome in (Outcome.PAID, Outcome.NOT_PAID)
    return PushReply(Taken.ACCEPTED, name, code=word.code, word=word if is_known else None)


def read_query(answer: Answer) -> Report:
    """Say what the answer to a question about one refund means."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK:
        return query_fault(answer)
    return _read(answer.body)


def read_list(answer: Answer, reference: str) -> Report:
    """Find a refund among those of its payment by the reference that we gave it."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK:
        return query_fault(answer)
    listed = (answer.body or {}).get("data")
    if not isinstance(listed, list):
        return Report(Outcome.UNKNOWN, code="unreadable")
    found = [one for one in listed if _is_ours(one, reference)]
    return _read(found[0]) if found else Report(Outcome.NOT_FOUND, code="not_listed")


def _is_ours(refund: object, reference: str) -> bool:
    try:
        return bool(names_of(dict_of(refund))["reference"] == reference)
    except BadInput:
        return False


def _read(refund: object) -> Report:
    try:
        return refund_report(dict_of(refund))
    except BadInput:
        return Report(Outcome.UNKNOWN, code="unreadable")
