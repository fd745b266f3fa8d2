"""Stripe's notices: whether one is genuine, and what it means for a payment or for a refund.

A notice is proof: it is signed, with its time, by a secret that only Stripe and we know (reference
zamtel-and-others §D, webhooks §5). They come in any order, more than once, and for days.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stripe import SignatureVerificationError, WebhookSignature

from core.errors import BadInput
from payments.providers import stripe_codes
from payments.providers.base import Outcome, Report, Vouch
from payments.providers.reading import code_of, json_of, object_of, word_of
from payments.providers.stripe_wire import (
    amount_of,
    dict_of,
    intent_id,
    names_of,
    session_report,
    text_of,
    word_of_id,
)
from payments.providers.unknown import note_unknown

SESSION, INTENT, REFUND = "checkout.session.", "payment_intent.", "refund."
_STAMP = re.compile(r"t=(\d{10})", re.ASCII)
# All else (an account, a product, a dispute) is acknowledged, kept, and means nothing to a payment.
_SESSIONS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.expired",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
    }
)
_INTENTS = {
    "payment_intent.succeeded": Outcome.PAID,
    "payment_intent.processing": Outcome.WAITING,
    "payment_intent.requires_action": Outcome.WAITING,
    "payment_intent.payment_failed": Outcome.WAITING,  # the page is open still: another card may be tried
    "payment_intent.canceled": Outcome.WAITING,  # the page's own notice says whether it was closed
}
REFUNDS = {
    "pending": Outcome.WAITING,
    "requires_action": Outcome.WAITING,
    "succeeded": Outcome.PAID,
    "failed": Outcome.NOT_PAID,
    "canceled": Outcome.NOT_PAID,
}


def vouch(
    body: bytes, header: str, secrets: Sequence[str], received_at: datetime, tolerance_s: float
) -> Vouch:
    """Say whether Stripe has signed these bytes, with any of our secrets, and about now.

    The SDK compares; it does not look ahead, and its clock is not ours, so the time is judged here.
    """
    if not header:
        return Vouch.UNSIGNED
    sent_at = _sent_at(header)
    signed = [_is_signed(body, header, secret) for secret in secrets]  # each is tried, whichever fits
    if sent_at is None or not any(signed):
        return Vouch.FORGED
    return Vouch.GENUINE if abs((received_at - sent_at).total_seconds()) <= tolerance_s else Vouch.STALE


def _sent_at(header: str) -> datetime | None:
    """Return the one time in a header: of two, the SDK would sign one and we might judge the other."""
    stamps = [part for part in header.split(",") if part.split("=")[0] == "t"]
    found = _STAMP.fullmatch(stamps[0]) if len(stamps) == 1 else None
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, header, secret))
    except (SignatureVerificationError, ValueError, TypeError):  # also bytes and signatures of no ASCII
        return False


def read(body: bytes) -> Report:
    """Return what a notice means for a payment; UNKNOWN, with its type, where it means nothing.

    Raises BadInput where it is no event of Stripe's.
    """
    kind, told = event_of(body)
    if names_of(told)["external_id"] is None:
        return Report(Outcome.UNKNOWN, code=code_of(kind))  # of another business of the same account
    if kind in _SESSIONS:
        return session_report(told, has_failed=kind == "checkout.session.async_payment_failed")
    if kind in _INTENTS:
        return _intent_report(_INTENTS[kind], told)
    return Report(Outcome.UNKNOWN, code=code_of(kind))


def event_of(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the type of an event and what it is about; raises BadInput."""
    event = object_of(json_of(body))
    kind = word_of(event.get("type"))
    if event.get("object") != "event" or kind is None:
        raise BadInput("this is no event of Stripe's")
    return kind, object_of(dict_of(event.get("data")).get("object"))


def _intent_report(outcome: Outcome, intent: Mapping[str, Any]) -> Report:
    error = dict_of(intent.get("last_payment_error"))
    declined = text_of(error.get("decline_code")) or text_of(error.get("code"))
    return Report(
        outcome,
        reason=stripe_codes.decline(declined) if declined else None,
        code=code_of(declined or text_of(intent.get("status"))),
        receipt=intent_id(intent) if outcome is Outcome.PAID else None,
        **amount_of(intent, "amount_received", outcome),
        **names_of(intent),
    )


def read_refund(body: bytes) -> Report:
    """Return what a notice means for a refund of ours; raises BadInput where it is about none."""
    kind, told = event_of(body)
    if not kind.startswith(REFUND) or told.get("object") != "refund":
        raise BadInput("this is no notice of a refund", code="no_refund")
    return refund_report(told)


def refund_report(refund: Mapping[str, Any]) -> Report:
    """Say what a refund tells; raises BadInput where it cannot be one."""
    status = text_of(refund.get("status"))
    if status not in REFUNDS:
        note_unknown("stripe", status)
    outcome = REFUNDS.get(status, Outcome.UNKNOWN)
    named, name = dict_of(refund.get("metadata")), word_of_id(refund.get("id"))
    return Report(
        outcome,
        code=code_of(text_of(refund.get("failure_reason")) or status),
        receipt=name if outcome is Outcome.PAID else None,
        **amount_of(refund, "amount", outcome),
        external_id=word_of(named.get("payout_id")),
        reference=word_of(named.get("reference")),
        provider_reference=name,
    )
