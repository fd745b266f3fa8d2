"""What fits a screen or an SMS: septets of the GSM 7-bit alphabet (3GPP TS 23.038), else UCS-2 characters."""

import re
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_NOT_BASIC = re.compile("[^" + re.escape("".join(sorted(_BASIC))) + "]")
_EXTENDED = frozenset("^{}\\[~]|€\f")
# One such letter turns 160 characters into 70 (reference zambia §3), so names are folded before showing.
_FOLDS = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u0175": "w",
        "\u0174": "W",
        "\u014b": "ng'",
        "\u014a": "Ng'",
    }
)


@dataclass(frozen=True, slots=True)
class Length:
    """How much room a text takes: `units` are septets (GSM-7) or UCS-2 code units."""

    encoding: str
    units: int

    @property
    def segments(self) -> int:
        """How many SMS it takes: 160 then 153 each, or 70 then 67 each."""
        single, joined = (160, 153) if self.encoding == "gsm7" else (70, 67)
        return 1 if self.units <= single else -(-self.units // joined)


def measure(text: str) -> Length:
    """Return the encoding a text needs and its length in that encoding."""
    if not _NOT_BASIC.search(text):
        return Length("gsm7", len(text))
    extended = sum(char in _EXTENDED for char in text)
    if all(char in _BASIC or char in _EXTENDED for char in text):
        return Length("gsm7", len(text) + extended)
    return Length("ucs2", len(text.encode("utf-16-be")) // 2)


def fits(text: str, septets: int = 160) -> bool:
    """Say whether a screen of `septets` holds the text (a UCS-2 text gets 7/16 of it: 70 of 160)."""
    length = measure(text)
    return length.units <= (septets if length.encoding == "gsm7" else septets * 7 // 16)


def fold(text: str) -> str:
    """Replace letters that would force UCS-2 by their plain form; anything else unknown becomes `?`."""
    plain = text.translate(_FOLDS)
    if not _NOT_BASIC.search(plain):
        return plain
    return "".join(char if char in _BASIC or char in _EXTENDED else "?" for char in plain)
