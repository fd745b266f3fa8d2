"""Every status, reason and error code of MTN MoMo, each in one row (reference mtn-momo §3, §4)."""

from dataclasses import dataclass

from payments.providers.base import Outcome, Reason, Taken
from payments.providers.unknown import note_unknown


@dataclass(frozen=True, slots=True)
class PushMeaning:
    """What a reply to a request to pay, to a transfer or to a refund says."""

    taken: Taken
    is_config_fault: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status says."""

    outcome: Outcome
    reason: Reason | None = None
    is_config_fault: bool = False


STATUSES = {"PENDING": Outcome.WAITING, "SUCCESSFUL": Outcome.PAID, "FAILED": Outcome.NOT_PAID}

# Why a request FAILED. A limit or fault of the payee is ours: the payer can do nothing about it.
REASONS = {
    "PAYER_NOT_FOUND": Reason.OTHER,
    "PAYEE_NOT_FOUND": Reason.OTHER,
    "NOT_ENOUGH_FUNDS": Reason.BALANCE,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.OTHER,
    "PAYER_LIMIT_REACHED": Reason.LIMIT,
    "PAYEE_LIMIT_REACHED": Reason.OTHER,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.OTHER,
    "SENDER_ACCOUNT_NOT_ACTIVE": Reason.OTHER,
    "APPROVAL_REJECTED": Reason.CANCELLED,
    "PAYMENT_NOT_APPROVED": Reason.CANCELLED,
    "TRANSACTION_CANCELED": Reason.CANCELLED,
    "EXPIRED": Reason.NO_ANSWER,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.OTHER,
    # Mostly too little money, but also a wallet that cannot be reached: it guesses nothing.
    "INTERNAL_PROCESSING_ERROR": Reason.OTHER,
}
_EXPIRED = frozenset({"EXPIRED"})

# Why money did not go out: here the payer is us, and what is wrong with the payer is for the operator.
PAYOUT_REASONS = {
    "PAYEE_NOT_FOUND": Reason.OTHER,
    "PAYEE_LIMIT_REACHED": Reason.LIMIT,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.OTHER,
    "APPROVAL_REJECTED": Reason.OTHER,
    "PAYMENT_NOT_APPROVED": Reason.OTHER,
    "TRANSACTION_CANCELED": Reason.OTHER,
    "EXPIRED": Reason.OTHER,
    "COULD_NOT_PERFORM_TRANSACTION": Reason.OTHER,
    # Mostly too little money, and that would be ours; yet it is a catch-all.
    "INTERNAL_PROCESSING_ERROR": Reason.OTHER,
    "PAYER_NOT_FOUND": Reason.OTHER,
    "NOT_ENOUGH_FUNDS": Reason.OTHER,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.OTHER,
    "PAYER_LIMIT_REACHED": Reason.OTHER,
    "SENDER_ACCOUNT_NOT_ACTIVE": Reason.OTHER,
}
OURS = frozenset(
    {
        "PAYER_NOT_FOUND",
        "NOT_ENOUGH_FUNDS",
        "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
        "PAYER_LIMIT_REACHED",
        "SENDER_ACCOUNT_NOT_ACTIVE",
    }
)

NOT_FOUND = frozenset({"RESOURCE_NOT_FOUND", "TRANSACTION_NOT_FOUND"})

_CONFIG = PushMeaning(Taken.REFUSED, is_config_fault=True)
_ERRORS = {
    "RESOURCE_ALREADY_EXIST": PushMeaning(Taken.ACCEPTED),
    # These four come with a 500 that no repetition will ever pass (trap 3).
    "NOT_ALLOWED": _CONFIG,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": _CONFIG,
    "INVALID_CALLBACK_URL_HOST": _CONFIG,
    "INVALID_CURRENCY": _CONFIG,
    "INTERNAL_PROCESSING_ERROR": PushMeaning(Taken.UNKNOWN),
    "SERVICE_UNAVAILABLE": PushMeaning(Taken.NOT_REACHED),
    "RESOURCE_NOT_FOUND": PushMeaning(Taken.UNKNOWN),
    "TRANSACTION_NOT_FOUND": PushMeaning(Taken.UNKNOWN),
}
_HTTP = {
    202: PushMeaning(Taken.ACCEPTED),
    400: _CONFIG,
    401: PushMeaning(Taken.NOT_REACHED, is_config_fault=True),
    403: _CONFIG,
    404: _CONFIG,
    409: PushMeaning(Taken.ACCEPTED),
    429: PushMeaning(Taken.NOT_REACHED),
    503: PushMeaning(Taken.NOT_REACHED),
}


def meaning(status: str, reason: str) -> Meaning:
    """Return what a push's status and its reason say.

    FAILED is final whatever the reason: reasons vary by country and only choose the words for the person.
    """
    outcome = _outcome(status)
    if outcome is not Outcome.NOT_PAID:
        return Meaning(outcome)
    return Meaning(Outcome.EXPIRED if reason in _EXPIRED else outcome, REASONS.get(reason, Reason.OTHER))


def _outcome(status: str) -> Outcome:
    if status not in STATUSES:
        note_unknown("mtn", status)
    return STATUSES.get(status, Outcome.UNKNOWN)


def payout_meaning(status: str, reason: str) -> Meaning:
    """Return what a payout's status and its reason say; FAILED is final here too."""
    outcome = _outcome(status)
    if outcome is not Outcome.NOT_PAID:
        return Meaning(outcome)
    return Meaning(outcome, PAYOUT_REASONS.get(reason, Reason.OTHER), reason in OURS)


def push_meaning(status: int, code: str) -> PushMeaning:
    """Return what a reply to a POST says: by its code, else by its HTTP status, else UNKNOWN."""
    return _ERRORS.get(code) or _HTTP.get(status, PushMeaning(Taken.UNKNOWN))
