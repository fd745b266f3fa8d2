"""Every error of Stripe that matters to a request, a row each; what no row knows follows its HTTP status.

Stripe's own reading of statuses: 4xx was not done, 429 was not begun, 5xx may have been. A key that was used
for other parameters (`idempotency_error`) tells that an earlier try was taken.
"""

from dataclasses import dataclass

from payments.providers.base import Reason, Taken

_CLIENT_FAULTS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Error:
    """What an error says of a request."""

    taken: Taken
    reason: Reason | None = None
    is_config_fault: bool = False


REFUSED = Error(Taken.REFUSED, Reason.OTHER, is_config_fault=True)
KEY = Error(Taken.NOT_REACHED, is_config_fault=True)
LATER = Error(Taken.NOT_REACHED)
UNKNOWN = Error(Taken.UNKNOWN)

CODES = {
    "amount_too_large": Error(Taken.REFUSED, Reason.LIMIT),
    "amount_too_small": Error(Taken.REFUSED, Reason.LIMIT),
    "balance_insufficient": Error(Taken.REFUSED, Reason.DOWN, is_config_fault=True),  # ours, for a refund
    "charge_already_refunded": Error(Taken.REFUSED, Reason.OTHER),
    "charge_disputed": Error(Taken.REFUSED, Reason.OTHER),
    "charge_exceeds_source_limit": Error(Taken.REFUSED, Reason.LIMIT),
    "idempotency_key_in_use": UNKNOWN,  # the earlier try is still in work
    "lock_timeout": LATER,
    "rate_limit": LATER,
    "api_key_expired": KEY,
    "secret_key_required": KEY,
    "testmode_charges_only": REFUSED,
    "account_invalid": REFUSED,
    "country_unsupported": REFUSED,
    "parameter_invalid_integer": REFUSED,
    "parameter_missing": REFUSED,
    "parameter_unknown": REFUSED,
    "resource_missing": REFUSED,
    "url_invalid": REFUSED,
}
TYPES = {
    "idempotency_error": Error(Taken.UNKNOWN, is_config_fault=True),
    "card_error": Error(Taken.REFUSED, Reason.OTHER),
    "api_error": UNKNOWN,
}
MISSING = "resource_missing"

# A card that was declined: the page stays open and another card may be tried, so none of these is an end.
DECLINES = {
    "insufficient_funds": Reason.BALANCE,
    "withdrawal_count_limit_exceeded": Reason.LIMIT,
    "card_velocity_exceeded": Reason.LIMIT,
    "incorrect_pin": Reason.PIN,
    "processing_error": Reason.DOWN,
    "issuer_not_available": Reason.DOWN,
}


def error(status: int, kind: str, code: str) -> Error:
    """Return what an error means; `kind` is its type. A word that no row knows follows the HTTP status."""
    known = CODES.get(code) or TYPES.get(kind)
    if known is not None:
        return known
    match status:
        case 401:
            return KEY
        case 409:
            return UNKNOWN
        case 429:
            return LATER
        case _:
            return REFUSED if status in _CLIENT_FAULTS else UNKNOWN


def decline(code: str) -> Reason:
    """Return why a card was declined, as far as the payer can do something about it."""
    return DECLINES.get(code, Reason.OTHER)
