"""Every status of Zamtel Kwacha, each in one row (reference zamtel-and-others §A); any other is UNKNOWN.

Statuses are texts, `-1` included. 2001 and 2005 are documented for payouts, the others for collections; each
is refused by the other's words, should it ever be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from payments.providers.base import Outcome, Reason
from payments.providers.unknown import note_unknown


@dataclass(frozen=True, slots=True)
class Status:
    """What a status says."""

    outcome: Outcome
    reason: Reason | None = None
    is_config_fault: bool = False


UNKNOWN = Status(Outcome.UNKNOWN)
STATUSES = {
    "0": Status(Outcome.PAID),
    "E8003": Status(Outcome.NOT_PAID, Reason.PIN),
    "2006": Status(Outcome.NOT_PAID, Reason.BALANCE),
    "E8027": UNKNOWN,  # "system unable to process": it does not say what it had processed by then
    "-1": UNKNOWN,
    "2001": Status(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),  # our own authentication
    "2005": Status(Outcome.NOT_PAID, Reason.LIMIT),
}
# Of a payout the money and the PIN are ours: an operator has to look.
PAYOUT_STATUSES = STATUSES | {
    "E8003": Status(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),
    "2006": Status(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),
}


def status(code: str) -> Status:
    """Return what a collection's status says; any other is UNKNOWN."""
    return _found(STATUSES, code)


def payout_status(code: str) -> Status:
    """Return what a payout's status says; any other is UNKNOWN."""
    return _found(PAYOUT_STATUSES, code)


def _found(table: Mapping[str, Status], code: str) -> Status:
    if code not in table:
        note_unknown("zamtel", code)
    return table.get(code, UNKNOWN)
