"""Which of a few taps a mistyped one was meant to be."""

import re
from collections.abc import Iterable

from taps.model import Tap

_SHORTEST = 5


def nearest(typed: str, among: Iterable[Tap]) -> str | None:
    """Return the TapID that is one slip away from what was typed, by its TapID or its tap number.

    A slip is one letter or digit wrong, missing, too many, or two neighbours swapped. None where there is
    no such tap or more than one.
    """
    plain = _plain(typed)
    if len(plain) < _SHORTEST:
        return None
    found = {
        tap.tap_id
        for tap in among
        if _is_one_slip(plain, _plain(tap.tap_id)) or _is_one_slip(plain, tap.tap_number)
    }
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _is_one_slip(typed: str, meant: str) -> bool:
    if len(typed) > len(meant):
        typed, meant = meant, typed
    start = 0
    while start < len(typed) and typed[start] == meant[start]:
        start += 1
    rest, other = typed[start:], meant[start:]
    if len(rest) != len(other):
        return rest == other[1:]
    return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
