"""Money: whole minor units with their currency. No float ever touches it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from core.errors import BadAmount, BadInput

# Minor-unit digits by ISO 4217.
EXPONENTS = {
    "ZMW": 2,
    "KES": 2,
    "UGX": 0,
    "TZS": 2,
    "RWF": 0,
    "BIF": 0,
    "CDF": 2,
    "SSP": 2,
    "EUR": 2,
    "USD": 2,
}

_SYMBOLS = {"ZMW": "K"}
_LARGEST_MINOR = 10**12
_LARGEST_EXPONENT = 20
_TYPED = re.compile(r"\s*([A-Za-z]{1,3})?\s*(\d{1,10})(?:[.,](\d{1,2}))?\s*([A-Za-z]{1,3})?\s*", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """`amount_minor` whole minor units (ngwee, cents) of `currency` (ISO 4217)."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        return display(self.amount_minor, self.currency)


def exponent(currency: str) -> int:
    """Return how many decimals `currency` has; raises BadInput for one that we do not know."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise BadInput(f"currency {currency!r} is not known here", code="bad_currency") from None


def display(amount_minor: int, currency: str) -> str:
    """Return `K30.00` or `KES 30.00`: all the currency's decimals, no thousands comma (contract §5)."""
    symbol = _SYMBOLS.get(currency)
    number = plain(amount_minor, currency)
    return f"{symbol}{number}" if symbol else f"{currency} {number}"


def plain(amount_minor: int, currency: str) -> str:
    """Return the decimal number alone, `30.00`, as wires and files want it."""
    digits = exponent(currency)
    if not digits:
        return str(amount_minor)
    sign = "-" if amount_minor < 0 else ""
    whole, part = divmod(abs(amount_minor), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def from_decimal(text: str | Decimal, currency: str) -> int:
    """Return minor units for a decimal as wires and files carry it (`30`, `30.00`, `30.0`).

    Raises BadAmount where it is no finite number or finer than the currency's minor unit.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise BadAmount(f"{str(text)[:40]!r} is not an amount") from None
    # `1E900000` is a number too; as a whole one it takes most of a minute.
    if not amount.is_finite() or abs(amount.adjusted()) > _LARGEST_EXPONENT:
        raise BadAmount(f"{str(text)[:40]!r} is not an amount")
    scaled = amount.scaleb(exponent(currency))
    minor = int(scaled)
    if scaled != minor or abs(minor) > _LARGEST_MINOR:
        raise BadAmount(f"{str(text)[:40]!r} does not fit {currency}")
    return minor


def typed(text: str, currency: str) -> int:
    """Return minor units for what a person typed: `12`, `12.50`, `12,50`, `K12.5`.

    Raises BadAmount where it cannot be read, is zero, or has more decimals than the currency.
    """
    found = _TYPED.fullmatch(text)
    if not found:
        raise BadAmount(f"{text[:20]!r} is not an amount")
    before, whole, part, after = found.groups()
    if (before and after) or not _names(before or after, currency):
        raise BadAmount(f"{text[:20]!r} is in another currency")
    digits = exponent(currency)
    if part and len(part) > digits:
        raise BadAmount(f"{text[:20]!r} has too many decimals")
    amount_minor = int(whole + (part or "").ljust(digits, "0"))
    if not amount_minor:
        raise BadAmount("the amount is zero")
    return amount_minor


def _names(word: str | None, currency: str) -> bool:
    return word is None or word.upper() in {currency, _SYMBOLS.get(currency, currency)}


def share(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to `weights` by largest remainder; ties go to the earlier one.

    The parts add up to the amount exactly. Raises ValueError where the weights add up to nothing.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative and add up to more than zero")
    parts = [amount_minor * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount_minor * weights[i] % total))
    for i in by_remainder[: amount_minor - sum(parts)]:
        parts[i] += 1
    return parts
