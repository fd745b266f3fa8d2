"""Every status, reason and error of KCB's multi-currency gateway, a row each. ASSUMED, as the whole format.

No document of the gateway is public (reference kcb-buni §7): these words are ours, chosen as such gateways
commonly have them. What is not here is UNKNOWN and settles nothing, so a real gateway with other words loses
no money: it only leaves payments for a person to look at.
"""

from dataclasses import dataclass

from payments.providers.base import Outcome, Reason, Taken


@dataclass(frozen=True, slots=True)
class Error:
    """What an error says of a push that was not accepted."""

    taken: Taken
    reason: Reason | None = None
    is_config_fault: bool = False


STATUSES = {
    "PENDING": Outcome.WAITING,
    "PROCESSING": Outcome.WAITING,
    "SUCCESS": Outcome.PAID,
    "FAILED": Outcome.NOT_PAID,
    "CANCELLED": Outcome.NOT_PAID,
    "EXPIRED": Outcome.EXPIRED,
}
REASONS = {
    "INSUFFICIENT_FUNDS": Reason.BALANCE,
    "WRONG_PIN": Reason.PIN,
    "CANCELLED_BY_USER": Reason.CANCELLED,
    "NO_ANSWER": Reason.NO_ANSWER,
    "LIMIT_EXCEEDED": Reason.LIMIT,
    "WALLET_UNAVAILABLE": Reason.DOWN,
    "NO_WALLET": Reason.OTHER,
}
_CONFIG = Error(Taken.REFUSED, Reason.OTHER, is_config_fault=True)
ERRORS = {
    "INVALID_API_KEY": Error(Taken.NOT_REACHED, is_config_fault=True),
    "UNKNOWN_ORIGIN": _CONFIG,
    "CURRENCY_NOT_SUPPORTED": _CONFIG,
    "INVALID_REQUEST": _CONFIG,
    "INVALID_PHONE_NUMBER": Error(Taken.REFUSED, Reason.OTHER),
    "INVALID_AMOUNT": Error(Taken.REFUSED, Reason.LIMIT),
    "DUPLICATE_REFERENCE": Error(Taken.UNKNOWN),  # an earlier try was taken: only its outcome counts
    "TOO_MANY_REQUESTS": Error(Taken.NOT_REACHED),
    "INTERNAL_ERROR": Error(Taken.UNKNOWN),
}
NOT_FOUND = "NOT_FOUND"


def error(code: str) -> Error:
    """Return what an error means; without a word that we know it proves nothing."""
    return ERRORS.get(code, Error(Taken.UNKNOWN))
