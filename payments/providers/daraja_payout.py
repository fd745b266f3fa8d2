"""Money out at M-PESA and questions about receipts: what is sent, and the replies on the spot.

Reference daraja §8 to §10, misspellings included (`Occassion`, `RecieverIdentifierType`). A reply on the spot
says only that the request was taken; what becomes of it is told later (`daraja_result`).
"""

from dataclasses import replace
from typing import Any

from core.errors import BadInput
from payments.providers.base import (
    Payout,
    PayoutKind,
    PayoutTraits,
    PushReply,
    Reason,
    Taken,
)
from payments.providers.daraja_wire import read_refusal
from payments.providers.http import Answer, Reach
from payments.providers.reading import word_of
from payments.providers.settings import DarajaSettings

_UNIT_MINOR = 100
_LEAST_TRANSFER_MINOR = 10_00
_MOST_MINOR = 250_000_00
_SHORTEST_REMARK, _LONGEST_REMARK = 2, 100
_REMARK = "Madzi refund"
_SHORTCODE, _ORGANISATION = "4", "11"
_DUPLICATE = "500.002.1001"
_OK = 200


def traits(settings: DarajaSettings) -> PayoutTraits:
    """Return what can be sent out: nothing without an initiator.

    `min_minor` is that of a reversal; a transfer is of ten shillings at least. A repeat is safe for both: a
    transfer's reference is M-PESA's key of the request, and a receipt is reversed once (R000001).
    """
    kinds = frozenset({PayoutKind.TRANSFER, PayoutKind.REVERSAL}) if settings.pays_out else frozenset()
    return PayoutTraits(
        kinds=kinds,
        # A question is answered later, and its failure cannot be told from that of a payout.
        has_query=False,
        is_repeatable=True,
        is_partial=False,
        unit_minor=_UNIT_MINOR,
        min_minor=_UNIT_MINOR,
        max_minor=_MOST_MINOR,
    )


def fault(payout: Payout, allowed: PayoutTraits) -> PushReply | None:
    """Refuse what M-PESA cannot do, before anything is sent."""
    if payout.kind not in allowed.kinds:
        return _refused("not_set_up", is_config_fault=True)
    if payout.currency != "KES":
        return _refused("currency", is_config_fault=True)
    is_transfer = payout.kind is PayoutKind.TRANSFER
    least_minor = _LEAST_TRANSFER_MINOR if is_transfer else _UNIT_MINOR
    if payout.amount_minor % _UNIT_MINOR or payout.amount_minor < least_minor:
        return _refused("amount")
    if payout.amount_minor > _MOST_MINOR:
        return replace(_refused("amount"), reason=Reason.LIMIT)
    return None if is_transfer else _reversal_fault(payout)


def _reversal_fault(payout: Payout) -> PushReply | None:
    if not payout.original_receipt:
        return _refused("no_receipt")
    is_part = payout.original_amount_minor not in (None, payout.amount_minor)
    return _refused("amount") if is_part else None


def _refused(code: str, *, is_config_fault: bool = False) -> PushReply:
    return PushReply(Taken.REFUSED, reason=Reason.OTHER, code=code, is_config_fault=is_config_fault)


def transfer_body(payout: Payout, settings: DarajaSettings, credential: str) -> dict[str, Any]:
    """Return the body of a B2C payment; the same reference is never paid twice."""
    return {
        "OriginatorConversationID": payout.reference,
        "InitiatorName": settings.initiator,
        "SecurityCredential": credential,
        "CommandID": "BusinessPayment",
        "Amount": str(payout.amount_minor // _UNIT_MINOR),
        "PartyA": settings.pays_from,
        "PartyB": payout.msisdn.removeprefix("+"),
        "Remarks": _remark(payout.remarks),
        "QueueTimeOutURL": payout.timeout_url,
        "ResultURL": payout.result_url,
        "Occassion": _remark(payout.remarks),
    }


def reversal_body(payout: Payout, settings: DarajaSettings, credential: str) -> dict[str, Any]:
    """Return the body of a reversal, always of the whole amount."""
    return {
        "Initiator": settings.initiator,
        "SecurityCredential": credential,
        "CommandID": "TransactionReversal",
        "TransactionID": payout.original_receipt,
        "Amount": str(payout.amount_minor // _UNIT_MINOR),
        "ReceiverParty": settings.shortcode,
        "RecieverIdentifierType": _ORGANISATION,
        "ResultURL": payout.result_url,
        "QueueTimeOutURL": payout.timeout_url,
        "Remarks": _remark(payout.remarks),
    }


def status_body(
    receipt: str, settings: DarajaSettings, credential: str, result_url: str, timeout_url: str
) -> dict[str, Any]:
    """Return the body of a status question about a receipt."""
    return {
        "Initiator": settings.initiator,
        "SecurityCredential": credential,
        "CommandID": "TransactionStatusQuery",
        "TransactionID": receipt,
        "PartyA": settings.shortcode,
        "IdentifierType": _SHORTCODE,
        "ResultURL": result_url,
        "QueueTimeOutURL": timeout_url,
        "Remarks": "status",
        "Occasion": "status",
    }


def _remark(text: str) -> str:
    plain = "".join(c for c in text if c.isascii() and (c.isalnum() or c == " ")).strip()[:_LONGEST_REMARK]
    return plain if len(plain) >= _SHORTEST_REMARK else _REMARK


def read_ack(answer: Answer, reference: str | None = None) -> PushReply:
    """Say whether a request was taken. `reference` is ours where the request bears it (B2C).

    `provider_reference` is the OriginatorConversationID, the one name that its result repeats.
    """
    if reference and answer.reach is Reach.ANSWERED and answer.says("errorCode") == _DUPLICATE:
        return PushReply(Taken.ACCEPTED, reference, code=_DUPLICATE)  # it was taken the first time
    if answer.reach is not Reach.ANSWERED or answer.status != _OK or answer.body is None:
        return read_refusal(answer)
    if "errorCode" in answer.body:
        return read_refusal(answer)
    try:
        code = word_of(answer.body.get("ResponseCode"))
        named = word_of(answer.body.get("OriginatorConversationID"))
    except BadInput:
        return PushReply(Taken.UNKNOWN, reference, code="unreadable")
    if code != "0":
        return PushReply(Taken.UNKNOWN, named or reference, code=code or "no_code")
    return PushReply(Taken.ACCEPTED, named or reference, code=code)
