"""TapIDs and tap numbers: read from loose typing, checked, written, assigned (contract §7).

A TapID is three letters, four digits and a check digit, `KNY-0417-1`: Luhn over the letters as two-digit
alphabet positions followed by the digits. A tap number is six digits, the last one Luhn, for keypads.
"""

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass

from core.errors import BadInput, BadTapId, Conflict

_LONGEST_TYPED = 40
_LOOKS_LIKE_DIGIT = str.maketrans("OIL", "011")
_LETTERS = re.compile(r"[A-Z]{3}", re.ASCII)
_FIRST_NUMBER = 10_000
_NUMBERS = 90_000
_TAP_ID_LENGTH = 8
_TAP_NUMBER_LENGTH = 6
_LARGEST = 9999


@dataclass(frozen=True, slots=True)
class TapId:
    """A TapID whose check digit fits, in display form."""

    value: str

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class TapNumber:
    """A tap number whose check digit fits: six digits."""

    value: str

    def __str__(self) -> str:
        return self.value


def read(text: str) -> TapId | TapNumber:
    """Return what a person typed: `kny 0417 1`, `KNY04171`, `kny 417 1`, `241703`, `24 17 03`.

    Letters that look like digits (O, I, L) count as digits where a digit must stand. A short number is
    filled with zeros only where the check digit stands apart: `KNY0417` could mean two taps.
    Raises BadTapId where it is neither, or the check digit does not fit.
    """
    groups = _groups(text)
    joined = "".join(groups)
    if len(joined) == _TAP_NUMBER_LENGTH and joined.translate(_LOOKS_LIKE_DIGIT).isdigit():
        return TapNumber(_checked_number(joined.translate(_LOOKS_LIKE_DIGIT)))
    letters, rest = joined[:3].replace("0", "O"), joined[3:].translate(_LOOKS_LIKE_DIGIT)
    if len(joined) < _TAP_ID_LENGTH and len(groups) > 1 and len(groups[-1]) == 1:
        rest = rest.rjust(_TAP_ID_LENGTH - 3, "0")
    if not _LETTERS.fullmatch(letters) or len(rest) != _TAP_ID_LENGTH - 3 or not rest.isdigit():
        raise BadTapId("a TapID reads like KNY-0417-1, a tap number like 241703")
    made = make(letters, int(rest[:4]))
    if made[-1] != rest[-1]:
        raise BadTapId("the last digit of this TapID does not fit the others; read the plate again")
    return TapId(made)


def parse(text: str) -> str:
    """Return a TapID in display form; raises BadTapId for anything else, a tap number too."""
    found = read(text)
    if isinstance(found, TapNumber):
        raise BadTapId("this is a tap number; a TapID reads like KNY-0417-1")
    return found.value


def parse_number(text: str) -> str:
    """Return a tap number as six digits; raises BadTapId for anything else."""
    found = read(text)
    if isinstance(found, TapId):
        raise BadTapId("this is a TapID; a tap number has six digits")
    return found.value


def make(letters: str, number: int) -> str:
    """Return the TapID of three letters A to Z and a number of 0 to 9999; raises BadInput for others."""
    if not _LETTERS.fullmatch(letters) or not 0 <= number <= _LARGEST:
        raise BadInput("a TapID has three letters A to Z and a number of at most four digits")
    positions = "".join(f"{ord(letter) - 64:02d}" for letter in letters)
    return f"{letters}-{number:04d}-{check_digit(f'{positions}{number:04d}')}"


def check_digit(digits: str) -> int:
    """Return the Luhn digit (ISO/IEC 7812-1) that belongs behind `digits`."""
    doubled = [int(digit) * 2 for digit in digits[::-2]]
    single = [int(digit) for digit in digits[-2::-2]]
    return -sum(n - 9 if n > 9 else n for n in doubled + single) % 10  # noqa: PLR2004 - of a decimal digit


def tap_number_for(tap_id: str, taken: Container[str]) -> str:
    """Return a free tap number for a tap whose file gives none: the same for the same TapID and `taken`.

    The first try comes from the TapID itself, so that most taps get the same number in every database; the
    next ones follow it. Raises Conflict when every number is taken.
    """
    start = int.from_bytes(hashlib.sha256(tap_id.encode()).digest()[:8], "big")
    for step in range(_NUMBERS):
        digits = str(_FIRST_NUMBER + (start + step) % _NUMBERS)
        number = f"{digits}{check_digit(digits)}"
        if number not in taken:
            return number
    raise Conflict("every tap number is taken", code="no_tap_number_left")


def _groups(text: str) -> list[str]:
    """Return the runs of letters and digits, upper-case; raises BadTapId for too long or foreign ones."""
    if len(text) > _LONGEST_TYPED:
        raise BadTapId("this is too long for a TapID")
    groups = re.findall(r"[^\W_]+", text.upper())
    if not all(group.isascii() for group in groups):
        raise BadTapId("a TapID has only the letters A to Z and digits")
    return groups


def _checked_number(digits: str) -> str:
    if check_digit(digits[:-1]) != int(digits[-1]):
        raise BadTapId("the last digit of this tap number does not fit the others; read the plate again")
    return digits
