"""Money that people pay by hand: registering, validation, confirmation (reference daraja §7).

With addresses registered, M-PESA tells of STK payments in this way too: the receipt is the same.
"""

import json
import re
from typing import Any

from core.errors import BadInput, Refused, Unavailable
from payments.providers.base import Arrival
from payments.providers.daraja_times import read_time
from payments.providers.daraja_wire import error_of
from payments.providers.http import Answer, Reach
from payments.providers.reading import json_of, minor_of, msisdn_of, object_of, word_of
from payments.providers.settings import DarajaSettings

CURRENCY = "KES"
# `2547 ***** 126`, `25470****149` (reference §7); v1 sends a hash, which says nothing to anybody.
_MASKED = re.compile(r"[\d *]*\*[\d *]*", re.ASCII)
_MOST_TYPED = 40
_MOST_NAME = 80
_OK = 200
_ACCEPTED = re.compile(r"0+", re.ASCII)  # "0" or "00000000"
_ALREADY = ("already registered", "duplicate notification info")
_REJECTIONS = {
    "msisdn": "C2B00011",
    "account": "C2B00012",
    "amount": "C2B00013",
    "kyc": "C2B00014",
    "shortcode": "C2B00015",
    "other": "C2B00016",
}


def register_body(settings: DarajaSettings, validation_url: str, confirmation_url: str) -> dict[str, Any]:
    """Return the body of a registration: what we do not answer in time is taken, and sorted out later."""
    return {
        "ShortCode": settings.shortcode,
        "ResponseType": "Completed",
        "ConfirmationURL": confirmation_url,
        "ValidationURL": validation_url,
    }


def read_registration(answer: Answer) -> bool:
    """Say whether the addresses are new; False where some were there before (production registers once).

    Raises Refused where M-PESA says no, Unavailable where it says nothing.
    """
    if answer.reach is not Reach.ANSWERED:
        raise Unavailable(f"addresses not registered: {answer.fault}", code="not_registered")
    words = answer.says("errorMessage")
    if any(known in words.lower() for known in _ALREADY):
        return False
    if answer.status == _OK and _ACCEPTED.fullmatch(answer.says("ResponseCode")):
        return True
    error = error_of(answer)
    kind = Refused if error.is_config_fault else Unavailable
    code = answer.says("errorCode") or f"HTTP {answer.status}"
    raise kind(f"addresses not registered: {code} {words}".strip(), code="not_registered")


def read_arrival(body: bytes, settings: DarajaSettings) -> Arrival:
    """Read a validation or a confirmation, which share one body; raises BadInput where it is neither.

    What only people need (account, name, time) never stops it: the money has moved.
    """
    told = object_of(json_of(body))
    receipt = word_of(told.get("TransID"))
    amount_minor = minor_of(told.get("TransAmount"), CURRENCY)
    if receipt is None or amount_minor is None or amount_minor <= 0:
        raise BadInput("a payment needs its receipt and its amount")
    if word_of(told.get("BusinessShortCode")) not in (None, settings.shortcode, settings.till):
        raise BadInput("this payment went to another short code", code="other_shortcode")
    names = (words_of(told.get(name), _MOST_NAME) for name in ("FirstName", "MiddleName", "LastName"))
    return Arrival(
        receipt,
        amount_minor,
        CURRENCY,
        words_of(told.get("BillRefNumber"), _MOST_TYPED),
        msisdn=msisdn_of(told.get("MSISDN")),
        masked_msisdn=masked_of(told.get("MSISDN")),
        payer_name=" ".join(name for name in names if name)[:_MOST_NAME],
        at=read_time(told.get("TransTime")),
    )


def masked_of(value: Any) -> str | None:
    """Return a number whose middle is hidden, as told; None where it is in full or no number."""
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= _MOST_TYPED and _MASKED.fullmatch(text) else None


def words_of(value: Any, most: int) -> str:
    """Return a person's own words, fit to be stored and shown; empty where there are none."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:most]


def validation_reply(reason: str | None, third_party_id: str = "") -> tuple[str, str]:
    """Return what accepts (None) or rejects; `third_party_id` comes back in the confirmation."""
    code = "0" if reason is None else _REJECTIONS.get(reason, _REJECTIONS["other"])
    said = {"ResultCode": code, "ResultDesc": "Accepted" if reason is None else "Rejected"}
    if third_party_id and reason is None:
        said["ThirdPartyTransID"] = third_party_id
    return "application/json", json.dumps(said, separators=(",", ":"))
