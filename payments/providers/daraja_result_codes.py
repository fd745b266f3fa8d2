"""Every code of an asynchronous result, each in one row (reference daraja §8, §9, §10).

They are other codes than those of a push (`daraja_codes`): here 1 is our own account without money, and 2001
our own operator's password. What is not in the table is UNKNOWN, and so is what says nothing of the money.
"""

from payments.providers.base import Outcome, Reason
from payments.providers.daraja_codes import Result
from payments.providers.unknown import note_unknown

UNKNOWN_RESULT = Result(Outcome.UNKNOWN)
_REFUSED = Result(Outcome.NOT_PAID, Reason.OTHER)
_LIMIT = Result(Outcome.NOT_PAID, Reason.LIMIT)
_OURS = Result(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True)
_BUSY = Result(Outcome.UNKNOWN, Reason.DOWN)
_LOOK = Result(Outcome.UNKNOWN, Reason.OTHER)
_ALARM = Result(Outcome.UNKNOWN, Reason.OTHER, is_config_fault=True)

RESULTS = {
    "0": Result(Outcome.PAID),
    "1": _OURS,  # our account has too little: an operator has to move money there
    "2": _REFUSED,  # below the minimum
    "3": _LIMIT,
    "4": _LIMIT,  # of a day
    "8": _LIMIT,  # the receiver's wallet is full
    "11": _OURS,  # the debited account is in no state to pay
    "21": _OURS,  # the operator may not do this
    "2001": _OURS,  # the operator's credential
    "2006": _OURS,
    "2028": _OURS,  # the product does not allow it
    "2040": _REFUSED,  # the receiver is not registered
    "8006": _OURS,  # the credential is locked
    "SFC_IC0003": _OURS,
    # The money of this payment went back already, by whoever reversed it: a person has to look.
    "R000001": _LOOK,
    "R000002": _REFUSED,  # no such receipt
    # Listed for account balance only (reference §10); of money out they prove nothing.
    "15": _LOOK,  # a duplicate: the first one counts
    "17": _BUSY,
    "18": _ALARM,  # the credential
    "20": _ALARM,
    "24": _ALARM,
    "25": _ALARM,
    "26": _BUSY,
}


def result(code: str) -> Result:
    """Return what a result code says; any other code is UNKNOWN, and counted."""
    if code not in RESULTS:
        note_unknown("daraja", code)
    return RESULTS.get(code, UNKNOWN_RESULT)


# What a status question may say of the payment itself (reference §10); other words are UNKNOWN.
STATES = {
    "completed": Outcome.PAID,
    "cancelled": Outcome.NOT_PAID,
    "declined": Outcome.NOT_PAID,
    "expired": Outcome.EXPIRED,
    "authorized": Outcome.WAITING,
}


def state(word: str | None) -> Outcome:
    """Return what a `TransactionStatus` says."""
    return STATES.get((word or "").lower(), Outcome.UNKNOWN)
