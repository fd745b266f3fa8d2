"""Reads what providers send: JSON from strangers, whose numbers are never floats.

Whatever passes here can be stored: texts are short printable ASCII (PostgreSQL refuses NUL, UTF-8 refuses
half surrogates, and JSON can write both).
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from core import money
from core.errors import BadAmount, BadInput, BadMsisdn
from core.msisdn import from_wire

_WORD = re.compile(r"[\x20-\x7e]*", re.ASCII)
_LONGEST_WORD = 64
_LONGEST_CODE = 60
_LARGEST_EXPONENT = 15
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PERIOD = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


def json_of(raw: bytes) -> Any:
    """Return the JSON value of `raw`, numbers with a point as Decimal; raises BadInput."""
    try:
        return json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # also a number too long to convert, and nesting without end
        raise BadInput("this is not JSON", code="bad_json") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def object_of(value: Any) -> dict[str, Any]:
    """Return `value` where it is a JSON object; raises BadInput."""
    if not isinstance(value, dict):
        raise BadInput("a JSON object is missing")
    return value


def word_of(value: Any) -> str | None:
    """Return an id or code, which providers send as text or number; None where absent or empty.

    Raises BadInput where it is neither, longer than 64, or not plain ASCII.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadInput("a text or number is something else")
    word = str(value).strip()
    if len(word) > _LONGEST_WORD or not _WORD.fullmatch(word):
        raise BadInput("a text is too long or not plain")
    return word or None


def code_of(text: str) -> str:
    """Return a provider's own word as operators may see it: short, plain, whatever was sent."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:_LONGEST_CODE]).strip()


def minor_of(value: Any, currency: str) -> int | None:
    """Return minor units of an amount sent as text or number; None where absent. Raises BadAmount."""
    word = word_of(value)
    if word is None:
        return None
    try:
        amount = Decimal(word)
    except InvalidOperation:
        raise BadAmount(f"{word!r} is not an amount") from None
    # `1E999999` is a number too; scaling it would take the machine's time.
    if not amount.is_finite() or abs(amount.adjusted()) > _LARGEST_EXPONENT:
        raise BadAmount(f"{word!r} is not an amount")
    return money.from_decimal(amount, currency)


def msisdn_of(value: Any) -> str | None:
    """Return E.164 for a number sent as `2609…`, text or JSON number; None where absent or masked."""
    try:
        word = word_of(value)
        return from_wire(word) if word else None
    except (BadInput, BadMsisdn):
        return None


def period_words(period: str) -> tuple[str, str]:
    """Return `("nov", "2026")` for `2026-11`, as prompts show it; empty words where it is no period."""
    found = _PERIOD.fullmatch(period)
    return (_MONTHS[int(found[2]) - 1], found[1]) if found else ("", "")
