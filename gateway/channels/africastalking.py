"""Africa's Talking: form in, `CON …` or `END …` out (reference africastalking §1)."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from core.msisdn import from_wire
from gateway.channels.hop import Hop

NAME = "africastalking"
_LONGEST_ID = 100
_LONGEST_CODE = 10
# A person cannot type this much in 180 s; what is longer is cut before it reaches anything. Far above one
# senseless input: a history that is cut looks like the hop before, and the call would not move any more.
_LONGEST_TEXT = 20_000


def read(form: Mapping[str, Any], *, goes_on: bool = False) -> Hop:
    """Return the hop of a form; raises BadInput where a field is missing or cannot be one.

    `goes_on`: the aggregator has sent back what we gave it with an earlier screen of this call. Without it a
    first hop with a history may be a deep dial.
    """
    session_id, phone, text = form.get("sessionId"), form.get("phoneNumber"), form.get("text")
    external_id = clean(session_id) if isinstance(session_id, str) else ""
    if not external_id or len(external_id) > _LONGEST_ID:
        raise BadInput("the form needs a sessionId of at most 100 characters", code="bad_session_id")
    if not isinstance(phone, str):
        raise BadInput("the form needs phoneNumber", code="bad_phone_number")
    if not isinstance(text, str):
        raise BadInput("the form needs text, empty on the first hop", code="bad_text")
    network_code = str(form.get("networkCode") or "")[:_LONGEST_CODE]
    history = clean(text)[:_LONGEST_TEXT]
    is_first = False if goes_on else None
    return Hop(NAME, external_id, from_wire(phone), history, clean(network_code), is_first=is_first)


def clean(text: str) -> str:
    """Return the text without what no database can store: NUL and lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def body(text: str, *, is_end: bool) -> str:
    """Return the reply's body."""
    return f"{'END' if is_end else 'CON'} {text}"
