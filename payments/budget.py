"""How often a call may be tried again: a share of the first calls, so that retries never double a load. Pure.

A bucket of tokens for each gateway account: a first call adds a tenth of one, a further try takes one. A
quiet account earns little, so time adds some too: at most a few extra calls a minute.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

_TENTHS = 10  # counted in tenths: a first call earns one of them
_MOST = 20 * _TENTHS
_EARNED_A_MINUTE = 6 * _TENTHS


class Budget(Struct, frozen=True):
    """What is left, in tenths of a further try, at a moment."""

    at: datetime
    tenths: int = _MOST

    def earn(self, now: datetime) -> "Budget":
        """Return the budget after a first call."""
        later = self.passed(now)
        return replace(later, tenths=min(_MOST, later.tenths + 1))

    def take(self, now: datetime) -> "Budget":
        """Return the budget after a further try; what is spent already stays at nothing."""
        later = self.passed(now)
        return replace(later, tenths=max(0, later.tenths - _TENTHS))

    def is_spent(self, now: datetime) -> bool:
        """Say whether no further try may be made now."""
        return self.passed(now).tenths < _TENTHS

    def passed(self, now: datetime) -> "Budget":
        """Return the budget with what time has added; from now on, where the clock was set back."""
        if now < self.at:
            return replace(self, at=now)
        earned = int((now - self.at).total_seconds() * _EARNED_A_MINUTE / 60)
        return self if earned <= 0 else Budget(now, min(_MOST, self.tenths + earned))
