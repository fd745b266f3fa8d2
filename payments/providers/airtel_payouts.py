"""Airtel Money's refund and disbursement: what is said, what the replies mean (reference airtel-money §7).

A disbursement carries an id of ours, which Airtel takes once and can be asked about. A refund carries only
Airtel's id of the payment: nothing tells one refund from another, so it is sent once, and one of which it is
not known whether it was taken stays unknown until a person has looked.
"""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from core.errors import BadInput
from payments.providers import airtel_codes
from payments.providers import airtel_reply as reply
from payments.providers.airtel_callback import transaction_id
from payments.providers.airtel_settings import AirtelSettings, Version
from payments.providers.airtel_signing import encrypted_pin
from payments.providers.airtel_wire import RETRY_S, encode, number, plain_text
from payments.providers.airtel_wire import read_query as read_enquiry
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
from payments.providers.reading import word_of

REFUND = "/standard/v1/payments/refund"
ENQUIRY = "/standard/v1/disbursements/"
_OK, _UNAVAILABLE = 200, 503
_DONE = frozenset({"SUCCESS", "TS"})
# Of money out these are about our wallet, not about the person's.
_OURS = frozenset({Reason.BALANCE, Reason.PIN})

NO_KEYS = PushReply(Taken.REFUSED, reason=Reason.OTHER, code="no_payout_keys", is_config_fault=True)
# Nothing that the reference knows tells whether a payment was refunded: staff ask Airtel.
REFUND_UNKNOWN = Report(Outcome.UNKNOWN, code="no_refund_query")


def traits_of(settings: AirtelSettings) -> PayoutTraits:
    """Return what differs. One word holds for both kinds, so it is the careful one of the refund's."""
    return PayoutTraits(
        kinds=frozenset({PayoutKind.REFUND, PayoutKind.TRANSFER}),
        has_query=True,
        is_repeatable=False,
        is_partial=False,
        unit_minor=settings.unit_minor,
        min_minor=settings.min_minor,
        max_minor=settings.max_minor,
    )


def fault_of(payout: Payout, settings: AirtelSettings) -> PushReply | None:
    """Return a refusal of what must not be sent."""
    if payout.currency != settings.currency:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    match payout.kind:
        case PayoutKind.REFUND:
            code = _why_no_refund(payout)
        case PayoutKind.TRANSFER:
            code = _why_no_transfer(payout, settings)
        case _:
            code = "kind"
    reason = Reason.LIMIT if code == "limit" else Reason.OTHER
    return PushReply(Taken.REFUSED, reason=reason, code=code) if code else None


def _why_no_refund(payout: Payout) -> str:
    if not payout.original_receipt:
        return "no_receipt"
    # The whole payment goes back, whatever we mean to give back: so it must be known to be the whole.
    return "" if payout.original_amount_minor == payout.amount_minor else "partial"


def _why_no_transfer(payout: Payout, settings: AirtelSettings) -> str:
    if not settings.min_minor <= payout.amount_minor <= settings.max_minor:
        return "limit"
    if payout.amount_minor % settings.unit_minor:
        return "amount"
    return "" if payout.msisdn.startswith(settings.dialling_prefix) else "other_country"


def transfer_path(settings: AirtelSettings) -> str:
    """Return where a disbursement is handed in."""
    return f"/standard/{settings.version}/disbursements/"


def transfer_body(payout: Payout, settings: AirtelSettings, key: RSAPublicKey) -> bytes:
    """Return the very bytes of a disbursement; the PIN in it looks different each time."""
    payee = {"msisdn": payout.msisdn.removeprefix(settings.dialling_prefix)}
    if settings.version is Version.V2:
        payee["currency"] = payout.currency
    body: dict[str, Any] = {
        "payee": payee,
        "reference": plain_text(payout.remarks) or "payout",
        "pin": encrypted_pin(settings.pin.get_secret_value() if settings.pin else "", key),
        "transaction": {
            "amount": number(payout.amount_minor, payout.currency),
            "id": transaction_id(payout.reference),
            "type": "B2C",
        },
    }
    return encode(body)


def refund_body(payout: Payout) -> bytes:
    """Return the very bytes of a refund: Airtel's id of the payment, and nothing of ours."""
    return encode({"transaction": {"airtel_money_id": payout.original_receipt}})


def read_transfer(answer: Answer, name: str) -> PushReply:
    """Say what the reply to a disbursement means; whether it was paid, only an enquiry says."""
    if answer.reach is not Reach.ANSWERED:
        return _unanswered(answer)
    meaning = reply.meaning(answer)
    taken = _taken_transfer(answer, meaning)
    return replace(
        _reply(answer, meaning, taken), provider_reference=name if taken is Taken.ACCEPTED else None
    )


def _taken_transfer(answer: Answer, meaning: airtel_codes.Code) -> Taken:
    if answer.status == _OK and reply.says_success(answer):
        return Taken.ACCEPTED if airtel_codes.all_say_taken(reply.codes(answer)) else Taken.UNKNOWN
    if meaning.taken is Taken.ACCEPTED and not airtel_codes.has_known_id(reply.codes(answer)):
        return Taken.UNKNOWN  # taken by its code, and no success: one of the two is wrong
    return meaning.taken


def read_refund(answer: Answer, original_receipt: str) -> PushReply:
    """Say what the reply to a refund means: it is the only word there will be."""
    if answer.reach is not Reach.ANSWERED:
        return _unanswered(answer)
    transaction, succeeded = reply.transaction(answer), reply.says_success(answer)
    if answer.status == _OK and succeeded and str(transaction.get("status")).upper() in _DONE:
        return _refunded(transaction.get("airtel_money_id"), original_receipt)
    meaning = reply.meaning(answer)
    # No id of ours is in it: "known already" may be another's, and a 503 may follow a refund that was taken.
    is_sure = meaning.taken in (Taken.REFUSED, Taken.NOT_REACHED) and answer.status != _UNAVAILABLE
    return _reply(answer, meaning, meaning.taken if is_sure and not succeeded else Taken.UNKNOWN)


def _refunded(receipt: object, original_receipt: str) -> PushReply:
    # Whose id comes back is not said: the payment's own is no receipt of the refund.
    try:
        own = word_of(receipt)
    except BadInput:
        own = None
    own = None if own == original_receipt else own
    word = Report(Outcome.PAID, code="SUCCESS", receipt=own, provider_reference=own)
    return PushReply(Taken.ACCEPTED, own, code="SUCCESS", word=word)


def read_query(answer: Answer, name: str, currency: str) -> Report:
    """Say what the reply to an enquiry about a disbursement means; whatever is unclear is UNKNOWN."""
    return of_ours(read_enquiry(answer, name, currency))


def of_ours(report: Report) -> Report:
    """Return a report of money out: a balance or PIN in it is ours, and for the operator."""
    if report.reason not in _OURS:
        return report
    return replace(report, reason=Reason.OTHER, is_config_fault=True)


def _unanswered(answer: Answer) -> PushReply:
    taken = Taken.NOT_REACHED if answer.reach is Reach.NEVER else Taken.UNKNOWN
    return PushReply(taken, code=answer.fault)


def _reply(answer: Answer, meaning: airtel_codes.Code, taken: Taken) -> PushReply:
    why = reply.reason(answer, meaning) if taken is Taken.REFUSED else None
    return PushReply(
        taken,
        reason=Reason.OTHER if why in _OURS else why,
        code=reply.shown_code(answer),
        retry_after_s=(answer.retry_after_s or RETRY_S) if taken is Taken.NOT_REACHED else None,
        is_config_fault=meaning.is_config_fault or why in _OURS,
    )
