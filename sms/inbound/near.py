"""What may have been meant: keywords one letter off or cut short, taps one slip off."""

from collections.abc import Iterator
from functools import lru_cache

from core.errors import BadTapId
from sms.inbound.commands import Word
from sms.inbound.keywords import MEANS
from taps import tap_id

_SHORTEST = 3
_LONGEST = 14
_TAP_NUMBER_DIGITS = 6
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(maxsize=4096)
def words(typed: str) -> tuple[Word, ...]:
    """Return the keywords one slip from what was typed, or that it begins: `STAT`.

    A slip is a letter more, less, another, or two swapped.
    """
    upper = typed.upper()
    if not upper.isalpha() or not _SHORTEST <= len(upper) <= _LONGEST:
        return ()
    return tuple(dict.fromkeys(word for text, word in MEANS.items() if _is_near(upper, text)))


def _is_near(typed: str, keyword: str) -> bool:
    return typed != keyword and (keyword.startswith(typed) or _one_slip(typed, keyword))


def _one_slip(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(longer) - len(shorter) > 1 or shorter == longer:
        return False
    start = next((i for i, char in enumerate(shorter) if char != longer[i]), len(shorter))
    if len(shorter) < len(longer):
        return shorter[start:] == longer[start + 1 :]
    swapped = shorter[start : start + 2] == longer[start : start + 2][::-1]
    return shorter[start + 1 :] == longer[start + 1 :] or (
        swapped and shorter[start + 2 :] == longer[start + 2 :]
    )


@lru_cache(maxsize=1024)
def taps(typed: str) -> tuple[str, ...]:
    """Return the taps with a fitting check digit that are one slip away from a TapID or tap number.

    First those with two digits swapped, then with one other, one more or one less. `typed` is in display
    form; it need not be a tap itself.
    """
    plain = typed.replace("-", "")
    found = dict.fromkeys(tap for slip in _slips(plain) if (tap := _checked(slip)))
    return tuple(tap for tap in found if tap != typed)


def _slips(plain: str) -> Iterator[str]:
    places = range(len(plain))
    yield from (plain[:i] + plain[i + 1] + plain[i] + plain[i + 2 :] for i in places[:-1])
    for i in reversed(places):  # the last is the check digit, which costs least to have wrong
        for other in _DIGITS if plain[i].isdigit() else _LETTERS:
            yield plain[:i] + other + plain[i + 1 :]
    if len(plain) != _TAP_NUMBER_DIGITS:
        yield from (plain[:i] + plain[i + 1 :] for i in places)
        yield from (plain[:i] + digit + plain[i:] for i in range(3, len(plain) + 1) for digit in _DIGITS)


def _checked(plain: str) -> str | None:
    if len(plain) not in (_TAP_NUMBER_DIGITS, 8):
        return None
    try:
        return tap_id.read(plain).value
    except BadTapId:
        return None
