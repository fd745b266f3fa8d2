"""Reads an M-PESA result notice (reference daraja §3). It is not signed: what it says is a hint."""

from typing import Any

from core.errors import BadInput
from payments.providers import daraja_codes
from payments.providers.base import Report
from payments.providers.reading import json_of, minor_of, msisdn_of, object_of, word_of

_CURRENCY = "KES"


def read_callback(body: bytes) -> Report:
    """Return what the notice says; raises BadInput where it is not an STK callback."""
    callback = object_of(object_of(object_of(json_of(body)).get("Body")).get("stkCallback"))
    code = word_of(callback.get("ResultCode"))
    request = word_of(callback.get("CheckoutRequestID"))
    if code is None or request is None:
        raise BadInput("the result code or the request's id is missing")
    result = daraja_codes.result(code)
    items = _items(callback.get("CallbackMetadata"))
    amount_minor = minor_of(items.get("Amount"), _CURRENCY)
    return Report(
        result.outcome,
        result.reason,
        code,
        receipt=word_of(items.get("MpesaReceiptNumber")),
        amount_minor=amount_minor,
        currency=None if amount_minor is None else _CURRENCY,
        msisdn=msisdn_of(items.get("PhoneNumber")),
        provider_reference=request,
        retry_after_s=result.retry_after_s,
        is_config_fault=result.is_config_fault,
    )


def _items(metadata: Any) -> dict[str, Any]:
    """Read a list of names and values: in any order, one alone without its list, some without a value."""
    if metadata is None:  # always so on a failure
        return {}
    found = object_of(metadata).get("Item")
    if found is None:
        return {}
    items = found if isinstance(found, list) else [found]
    return {str(object_of(item).get("Name")): item.get("Value") for item in items}
