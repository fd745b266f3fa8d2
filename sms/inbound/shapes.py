"""What words look like: a tap, a phone number, an amount, a number of people.

People write a tap or a phone in several words (`kny 0417 1`, `0977 123 456`), so each function looks at
words that stand together; `most_words` says how many.
"""

import re
from collections.abc import Sequence

from core import msisdn
from core.errors import BadMsisdn, BadTapId
from sms.inbound.keywords import CURRENCY_WORDS
from taps import tap_id

MOST_TAP_WORDS = 4
MOST_PHONE_WORDS = 6
MOST_PEOPLE = 999

_FEWEST_TAP_DIGITS = 3
_TAP_NUMBER_DIGITS = 6
_LEAST_PHONE_DIGITS, _MOST_PHONE_DIGITS = 7, 15
# A digit or a letter that is taken for one; letters of a TapID stand together, whatever parts the rest.
_TAP_ID = re.compile(r"([A-Z0]{3})[-./]*([\dOIL]{1,5}(?:[-./]*[\dOIL]{1,5}){0,3})", re.ASCII | re.IGNORECASE)
_NUMBER_WORD = re.compile(r"\+?\(?\d[\d()./-]*", re.ASCII)
_TAP_NUMBER_WORD = re.compile(r"[\dOIL][\dOIL.-]*", re.ASCII | re.IGNORECASE)
# Six digits or more are a tap number or a phone, unless a currency or decimals say otherwise.
_PLAIN_AMOUNT = re.compile(r"\d{1,5}", re.ASCII)
_MARKED_AMOUNT = re.compile(
    r"(?:(?:K|ZMW|KES|KSH)\d{1,10}(?:[.,]\d{1,2})?|\d{1,10}(?:[.,]\d{1,2})?(?:K|ZMW|KES|KSH)|\d{1,10}[.,]\d{1,2})",
    re.ASCII | re.IGNORECASE,
)
_PEOPLE = re.compile(r"\d{1,3}", re.ASCII)


def tap(words: Sequence[str]) -> str | None:
    """Return the tap that these words name together, if its check digit fits."""
    if not _may_be_tap(words):
        return None
    try:
        return tap_id.read(" ".join(words)).value
    except BadTapId:
        return None


def wrong_tap(words: Sequence[str]) -> str | None:
    """Return what looks like a tap but has another check digit, as it would be printed."""
    if tap(words) or not _may_be_tap(words):
        return None
    joined = "".join(re.findall(r"[A-Z0-9]+", " ".join(words).upper()))
    if joined.isdigit():
        return joined if len(joined) in (_TAP_NUMBER_DIGITS, _TAP_NUMBER_DIGITS + 1) else None
    digits = joined[3:].translate(str.maketrans("OIL", "011"))
    if digits.isdigit() and 4 <= len(digits) <= 6:  # noqa: PLR2004 - one too few, one too many
        return f"{joined[:3].replace('0', 'O')}-{digits[:-1]}-{digits[-1]}"
    return None


def _may_be_tap(words: Sequence[str]) -> bool:
    joined = " ".join(words)
    if len(joined) > 20 or sum(char.isdigit() for char in joined) < _FEWEST_TAP_DIGITS:  # noqa: PLR2004 - loosely typed
        return False
    if _TAP_ID.fullmatch("".join(words)) and not words[0].isdigit():
        return True
    return all(_TAP_NUMBER_WORD.fullmatch(word) for word in words)


def phone(words: Sequence[str], country: str) -> str | None:
    """Return E.164 for the phone number that these words are together."""
    if not looks_like_phone(words):
        return None
    try:
        return msisdn.parse("".join(words), country)
    except BadMsisdn:
        return None


def looks_like_phone(words: Sequence[str]) -> bool:
    """Say whether these words have as many digits as a phone number, and nothing else."""
    if not all(_NUMBER_WORD.fullmatch(word) for word in words) or any("+" in word for word in words[1:]):
        return False
    digits = sum(char.isdigit() for word in words for char in word)
    return _LEAST_PHONE_DIGITS <= digits <= _MOST_PHONE_DIGITS


def amount(words: Sequence[str]) -> str | None:
    """Return an amount as typed, without blanks: `30`, `12,50` as `12.50`, `30 kwacha` as `30K`."""
    if len(words) > 1:
        if sum(word.upper() in CURRENCY_WORDS for word in words) != 1:
            return None  # two numbers are not one amount
        words = [CURRENCY_WORDS.get(word.upper(), word) for word in words]
    joined = "".join(words).upper().replace("KSH", "KES").replace(",", ".")
    plain = len(words) == 1 and _PLAIN_AMOUNT.fullmatch(joined)
    return joined if plain or _MARKED_AMOUNT.fullmatch(joined) else None


def people(words: Sequence[str]) -> int | None:
    """Return a number of people, 1 to MOST_PEOPLE."""
    (word,) = words
    return int(word) or None if _PEOPLE.fullmatch(word) else None
