"""Rows for what the SMS aggregator sends by itself."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.errors import BadInput
from core.msisdn import from_wire
from gateway.channels.africastalking import clean

_LONGEST_ID = 100
_LONGEST_PHONE = 20
_LONGEST_TEXT = 2000


def inbound_row(form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return the row of a person's SMS; raises BadInput where it has no id or sender."""
    inbound_id, sender = clean(form.get("id", "")), clean(form.get("from", ""))
    if not 0 < len(inbound_id) <= _LONGEST_ID or not sender:
        raise BadInput("the form needs id and from", code="bad_sms")
    return {
        "inbound_id": inbound_id,
        "sender": sender[:_LONGEST_PHONE],
        "recipient": clean(form.get("to", ""))[:_LONGEST_PHONE],
        "text": clean(form.get("text", ""))[:_LONGEST_TEXT],
        "received_at": now,
        "raw": json.dumps(dict(form)).encode(),
    }


def opt_out_row(form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return the row of an opt-out; raises BadInput or BadMsisdn where it names nobody."""
    if not form.get("phoneNumber"):
        raise BadInput("the form needs phoneNumber", code="bad_phone_number")
    return {
        "msisdn": from_wire(form["phoneNumber"]),
        "sender": clean(form.get("senderId", ""))[:_LONGEST_PHONE],
        "at": now,
    }
