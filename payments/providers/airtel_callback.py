"""Reads Airtel Money's notices and checks their hash (reference airtel-money §6)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.decoder import JSONDecoder
from typing import Any
from uuid import UUID

from core.errors import BadInput
from payments.providers import airtel_codes
from payments.providers.base import Outcome, Report
from payments.providers.reading import code_of, json_of, object_of, word_of

_SPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Hashed:
    """What a notice's hash turned out to be: which text and key it fits, or what is wrong with it."""

    text: str = ""
    key: str = ""
    fault: str = ""


def read_callback(body: bytes, currency: str) -> Report:
    """Return what the notice says; raises BadInput where it is none. It holds no amount and no payer."""
    transaction = object_of(object_of(json_of(body)).get("transaction"))
    status, name = transaction.get("status_code"), word_of(transaction.get("id"))
    if not isinstance(status, str) or name is None:
        raise BadInput("the status or the transaction's id is missing")
    return report_of(transaction, status, name, currency)


def report_of(transaction: Mapping[str, Any], status: str, name: str, currency: str) -> Report:
    """Return what a status means, and the receipt where it was paid: else it is masked or missing."""
    outcome, message = airtel_codes.status(status), transaction.get("message")
    words = message if isinstance(message, str) else ""
    return Report(
        outcome,
        reason=airtel_codes.failure(words) if outcome is Outcome.NOT_PAID else None,
        code=code_of(status),
        receipt=word_of(transaction.get("airtel_money_id")) if outcome is Outcome.PAID else None,
        currency=currency,
        provider_reference=name,
        reference=our_reference(name),
        # Asked once more before it is believed for good (reference §3).
        is_last_word=outcome is not Outcome.EXPIRED,
    )


def transaction_id(reference: str) -> str:
    """Return our reference as Airtel gets it: without dashes, for which characters it takes is not said."""
    return reference.replace("-", "")


def our_reference(name: str) -> str | None:
    """Return the reference that a transaction id was made from; None where it is not ours."""
    try:
        return str(UUID(hex=name))
    except ValueError:
        return None


def check_hash(body: bytes, keys: Mapping[str, str]) -> Hashed:
    """Say which text under which of the keys the hash fits.

    What Airtel hashes is not settled, so every text that clients are known to use is tried; all need a key
    that only Airtel and we have. Raises BadInput where the body is no notice.
    """
    given = object_of(json_of(body)).get("hash")
    if not isinstance(given, str) or not given:
        return Hashed(fault="no_hash")
    try:
        texts = list(_texts(body.decode("utf-8")))
    except (ValueError, RecursionError):
        raise BadInput("this is not JSON", code="bad_json") from None
    for name, text in texts:
        for key_name, key in keys.items():
            if hmac.compare_digest(hash_of(text, key).encode(), given.encode("utf-8", "replace")):
                return Hashed(text=name, key=key_name)
    return Hashed(fault="bad_hash")


def hash_of(text: str, key: str) -> str:
    """Return base64(HMAC-SHA256)."""
    return base64.b64encode(
        hmac.digest(key.encode(), text.encode("utf-8", "replace"), hashlib.sha256)
    ).decode()


def _texts(body: str) -> Iterator[tuple[str, str]]:
    raw = raw_member(body, "transaction")
    value = json.loads(raw)
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    yield "as_sent", raw
    yield "compact", compact
    yield "spaced", json.dumps(value, ensure_ascii=False)
    yield "whole_as_sent", f'{{"transaction":{raw}}}'
    yield "whole_compact", f'{{"transaction":{compact}}}'


def raw_member(text: str, name: str) -> str:
    """Return the very characters of a member's value in a JSON object; of several the last, as JSON reads it.

    Raises BadInput where there is none.
    """
    decoder, found = JSONDecoder(), None
    at = _past(text, _past(text, 0) + 1)  # the brace
    while at < len(text) and text[at] != "}":
        key, at = decoder.raw_decode(text, _past(text, at))
        start = _past(text, _past(text, at) + 1)  # the colon
        _, at = decoder.raw_decode(text, start)
        found = text[start:at] if key == name else found
        at = _past(text, at)
        at = _past(text, at + 1) if text[at] == "," else at
    if found is None:
        raise BadInput(f"{name} is missing")
    return found


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
