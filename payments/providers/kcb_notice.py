"""Reads what KCB sends by itself: M-PESA's STK callback, and its own payment notices in two shapes.

The callback is Safaricom's, unchanged and unsigned: a hint. A payment notice (IPN) is signed by KCB over its
raw bytes, and as this rail cannot be asked it is the only proof there is (reference kcb-buni §3, §4, trap 6).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from core.errors import BadInput
from payments.providers import daraja_callback
from payments.providers.base import Outcome, Report
from payments.providers.reading import json_of, minor_of, msisdn_of, object_of, word_of

_CURRENCY = "KES"
_EAT = ZoneInfo("Africa/Nairobi")
_STAMP = re.compile(r"\d{14}", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_TILL_BEFORE = re.compile(r"^\d+[-#]", re.ASCII)  # a typed KNY-0417-1 stays whole
_EARLY = timedelta(minutes=5)


def is_signed(key: RSAPublicKey, body: bytes, signature: str) -> bool:
    """Say whether `signature` (base64) is KCB's over these very bytes: SHA256withRSA."""
    try:
        key.verify(base64.b64decode(signature, validate=True), body, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def is_ipn(body: bytes) -> bool:
    """Say whether these bytes want to be a payment notice, which must be signed."""
    try:
        found = json_of(body)
    except BadInput:
        return False
    return isinstance(found, dict) and "Body" not in found


def read(body: bytes, till: str) -> Report:
    """Return what a notice says, of any shape; raises BadInput where it is none of KCB's for this till."""
    found = object_of(json_of(body))
    if "Body" in found:
        return daraja_callback.read_callback(body)
    return _nested(found, till) if "requestPayload" in found else _flat(found, till)


def _nested(found: Mapping[str, Any], till: str) -> Report:
    header, payload = object_of(found.get("header")), object_of(found.get("requestPayload"))
    _check_till(till, object_of(payload.get("primaryData")).get("businessKey"))
    data = object_of(object_of(payload.get("additionalData")).get("notificationData"))
    bank = word_of(data.get("transactionID"))
    return _report(
        receipt=word_of(header.get("originatorConversationID")) or bank,
        bank=bank,
        amount=data.get("transactionAmt"),
        currency=data.get("currency"),
        payer=data.get("debitMSISDN"),
        reference=data.get("businessKey"),
    )


def _flat(found: Mapping[str, Any], till: str) -> Report:
    _check_till(till, found.get("tillNumber"), found.get("creditAccountIdentifier"))
    bank = word_of(found.get("transactionReference"))
    return _report(
        receipt=bank,
        bank=bank,
        amount=found.get("transactionAmount"),
        currency=found.get("currency"),
        payer=found.get("customerMobileNumber"),
        reference=found.get("customerReference"),
    )


def _check_till(till: str, *named: Any) -> None:
    """Refuse a notice of another till: KCB signs those with the same key, for other people's money."""
    if till not in {word_of(name) for name in named}:
        raise BadInput("this notice is about another till", code="other_till")


def _report(
    *, receipt: str | None, bank: str | None, amount: Any, currency: Any, payer: Any, reference: Any
) -> Report:
    paid_in = word_of(currency) or _CURRENCY
    amount_minor = minor_of(_ungrouped(amount), paid_in)
    if receipt is None or amount_minor is None:
        raise BadInput("a payment notice needs its receipt and its amount")
    return Report(
        Outcome.PAID,
        receipt=receipt,
        amount_minor=amount_minor,
        currency=paid_in,
        msisdn=msisdn_of(payer),
        provider_reference=bank,
        account_reference=_own_part(word_of(reference)),
    )


def _ungrouped(amount: Any) -> Any:
    """Return `20000.00` for `20,000.00`; what is grouped otherwise is left, and refused as an amount."""
    is_grouped = isinstance(amount, str) and _GROUPED.fullmatch(amount.strip())
    return amount.replace(",", "") if is_grouped else amount


def _own_part(reference: str | None) -> str | None:
    """Return what stands behind the till, should the whole invoice number come back."""
    return _TILL_BEFORE.sub("", reference.strip(), count=1).strip().upper() if reference else None


def is_fresh(body: bytes, received_at: datetime, tolerance_s: float) -> bool:
    """Say whether a notice came in time by its own clock (EAT).

    One whose time cannot be read counts as fresh: KCB's published sample is such a one, and it is signed.
    """
    sent_at = _sent_at(body)
    if sent_at is None:
        return True
    return -_EARLY <= received_at - sent_at <= timedelta(seconds=tolerance_s)


def _sent_at(body: bytes) -> datetime | None:
    found = object_of(json_of(body))
    header = found.get("header")
    stamp = header.get("timeStamp") if isinstance(header, dict) else found.get("timestamp")
    if not isinstance(stamp, str) or not _STAMP.fullmatch(stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=_EAT)
    except ValueError:
        return None


def acknowledgement(body: bytes, raw_id: str) -> dict[str, Any] | None:
    """Return what a payment notice is answered with; None where it is no such notice."""
    try:
        found = object_of(json_of(body))
    except BadInput:
        return None
    said = {"statusCode": "0", "statusMessage": "Notification received"}
    header = found.get("header")
    if isinstance(header, dict):
        ours = {"transactionInfo": {"transactionId": raw_id}}
        named = {name: _short(header.get(name)) for name in ("messageID", "originatorConversationID")}
        return {"header": named | said, "responsePayload": ours}
    return {"transactionID": raw_id} | said if "transactionReference" in found else None


def _short(value: Any) -> str:
    try:
        return word_of(value) or ""
    except BadInput:
        return ""


def dumped(value: Mapping[str, Any]) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))
