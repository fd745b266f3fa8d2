"""Every error Madzi raises on purpose. An error's docstring is its message to operators.

MadziError
├── BadInput                 the caller can mend it
│   ├── BadAmount
│   ├── BadMsisdn
│   └── BadTapId
├── NotFound
├── Refused                  a rule says no
├── Conflict                 something else got there first
├── Busy                     the queue is full; nothing was started
└── Unavailable              another party does not answer
"""

from typing import ClassVar


class MadziError(Exception):
    """Madzi could not do this."""

    code: ClassVar[str] = "madzi_error"
    may_retry: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        """Say what happened in `detail`; `code` narrows the class's own stable code."""
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.reason = code or self.code
        super().__init__(f"{self.reason}: {self.detail}")


class BadInput(MadziError):
    """The input does not have the form that is needed."""

    code = "bad_input"


class BadAmount(BadInput):
    """The amount is not a positive number with at most the currency's decimals."""

    code = "bad_amount"


class BadMsisdn(BadInput):
    """This is not a phone number that exists."""

    code = "bad_msisdn"


class BadTapId(BadInput):
    """This is not a TapID or tap number; its check digit does not fit."""

    code = "bad_tap_id"


class NotFound(MadziError):
    """There is no such thing here."""

    code = "not_found"


class Refused(MadziError):
    """A rule forbids this."""

    code = "refused"


class Conflict(MadziError):
    """Something else got there first."""

    code = "conflict"


class Busy(MadziError):
    """Too much is waiting already; nothing was started. Try again in a moment."""

    code = "busy"
    may_retry = True


class Unavailable(MadziError):
    """The other party does not answer."""

    code = "unavailable"
    may_retry = True
