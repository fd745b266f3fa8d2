"""What the aggregators that send JSON have in common: loose types, loose names, the code that was dialled.

Public clients of the same aggregator differ in the case of names, and write numbers as text or the reverse.
So names are compared in lower case, and numbers are kept as they were written.
"""

import json
from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from core.msisdn import from_wire
from gateway.channels.africastalking import clean

Fields = Mapping[str, Any]  # by name in lower case
Answer = tuple[int, str, bytes]  # status, content type, body

_LONGEST_ID = 100
_LONGEST_NETWORK = 10
# A network allows some 90 characters; what is longer than this was typed by nobody.
_LONGEST_INPUT = 1_000
_FLAGS = {True: True, False: False, "true": True, "false": False, "1": True, "0": False, "": None, None: None}


def parse(body: bytes) -> Fields:
    """Return the fields of a JSON object; raises BadInput (`bad_json`) where the body is none."""
    try:
        # Bytes that are no UTF-8 become a sign that nobody types: the menu asks again, the call lives on.
        written = body.decode("utf-8-sig", "replace")
        found = json.loads(written, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise BadInput("the body is no JSON", code="bad_json") from None
    if not isinstance(found, dict):
        raise BadInput("the body must be a JSON object", code="bad_json")
    return lowered(found)


def lowered(fields: Mapping[str, Any]) -> Fields:
    """Return the fields under names in lower case; of two that differ in case the first one counts."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found.setdefault(name.lower(), value)
    return found


def text(fields: Fields, name: str, code: str = "bad_text") -> str:
    """Return a text, or a number as it was written; empty where it is missing. Raises BadInput."""
    value = fields.get(name.lower())
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(f"{name} must be text", code=code)
    return clean(value[:_LONGEST_INPUT])


def echo(fields: Fields, name: str) -> str:
    """Return what was sent, to send it back; empty where it was missing or is no text."""
    value = fields.get(name.lower())
    return value[:_LONGEST_INPUT] if isinstance(value, str) else ""


def flag(fields: Fields, name: str) -> bool | None:
    """Return a truth value in any usual writing; None where it is missing. Raises BadInput."""
    value = fields.get(name.lower())
    key = value.strip().lower() if isinstance(value, str) else value
    if isinstance(key, (list, dict)) or key not in _FLAGS:
        raise BadInput(f"{name} must be true or false", code="bad_flag")
    return _FLAGS[key]


def identity(given: str) -> str:
    """Return the aggregator's id of a call. Raises BadInput where there is none or it is too long."""
    found = clean(given).strip()
    if not found or len(found) > _LONGEST_ID:
        raise BadInput("the request needs a session id of at most 100 characters", code="bad_session_id")
    return found


def phone(fields: Fields, name: str) -> str:
    """Return the caller's number in E.164; raises BadInput where it is missing or cannot be one."""
    found = text(fields, name, "bad_phone_number")
    if not found:
        raise BadInput(f"the request needs {name}", code="bad_phone_number")
    return from_wire(found)


def network(fields: Fields, name: str) -> str:
    """Return the network as the aggregator calls it. It sets limits only, so a strange one is no error."""
    return clean(echo(fields, name)).strip()[:_LONGEST_NETWORK]


def opening(typed: str, *codes: str, is_first: bool | None) -> tuple[str, bool | None]:
    """Return the text of a hop, and whether it begins a call.

    A hop that begins one keeps only what was dialled beyond the code. Where the aggregator does not say,
    dialling the code is what begins a call.
    """
    if is_first is None and any(typed.startswith(code.rstrip("#")) for code in codes if code):
        is_first = True
    return (history(typed, *codes) if is_first else typed), is_first


def history(typed: str, *codes: str) -> str:
    """Return what a first hop says beyond the code that was dialled: `1*KNY0417` of `*384*7*1*KNY0417#`.

    Which aggregators send the code, and whether with its deep part, is not verified (reference §3 is silent).
    So, with or without stars and hash, whole or in part, the code is never taken for an input. What is no
    code is taken for keys that were dialled after it, as Africa's Talking sends them.
    """
    dialled = typed.strip().removesuffix("#")
    bare = dialled.removeprefix("*")
    for code in sorted((code.strip().strip("*#") for code in codes), key=len, reverse=True):
        if code and (bare == code or code.startswith(bare + "*")):
            return ""
        if code and bare.startswith(code + "*"):
            return bare.removeprefix(code + "*")
    return "" if dialled.startswith("*") else dialled


def answer(value: Mapping[str, Any]) -> Answer:
    """Return status, content type and body of an answer."""
    return 200, "application/json", json.dumps(value).encode()
