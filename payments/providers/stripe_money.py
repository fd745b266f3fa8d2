"""Amounts as Stripe counts them: whole numbers of a unit that is Stripe's own for some currencies.

RWF and BIF have no smaller unit there either. UGX has none in life, and two digits at Stripe, which must be
zeros (reference zamtel-and-others §D: "treated specially"). SSP is not taken at all.
"""

from core import money
from core.errors import BadAmount

DIGITS = {"ZMW": 2, "KES": 2, "UGX": 2, "TZS": 2, "RWF": 0, "BIF": 0, "CDF": 2, "EUR": 2, "USD": 2}


def to_stripe(amount_minor: int, currency: str) -> int:
    """Return Stripe's number for our minor units; raises KeyError for a currency that it does not take."""
    return int(amount_minor * 10 ** (DIGITS[currency] - money.exponent(currency)))


def from_stripe(amount: object, currency: str) -> int:
    """Return our minor units; raises BadAmount where they cannot be told."""
    if currency not in DIGITS or isinstance(amount, bool) or not isinstance(amount, int):
        raise BadAmount("this is no amount of Stripe's")
    whole, rest = divmod(amount, 10 ** (DIGITS[currency] - money.exponent(currency)))
    if rest:
        raise BadAmount(f"{amount} is finer than {currency} can be")
    return int(whole)
