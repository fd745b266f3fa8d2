"""Why an SMS did not arrive, in a few stable words: for metrics, dead letters and reports of staff.

The aggregator's own word stands beside it in `provider_status`.
"""

from enum import StrEnum


class Reason(StrEnum):
    """One word for one cause. What no table knows is `other`: kept and counted, never guessed."""

    # Our account: an operator can mend it.
    NO_CREDIT = "no_credit"
    SENDER_NAME = "sender_name"  # not registered
    KEYS = "keys"  # user name or API key refused
    ADDRESS = "address"  # the base URL leads nowhere
    FORM = "form"  # the aggregator does not understand our request
    RISK_HOLD = "risk_hold"  # held for a person at the aggregator
    # The number: nobody can mend it.
    BAD_NUMBER = "bad_number"
    NUMBER_TYPE = "number_type"
    NOT_SUBSCRIBER = "not_subscriber"
    BLACKLIST = "blacklist"
    DO_NOT_DISTURB = "do_not_disturb"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"
    # The way there.
    NO_CONNECTION = "no_connection"
    BUSY = "busy"
    NO_ROUTE = "no_route"
    GATEWAY = "gateway"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"  # it may have been taken
    OTHER = "other"
