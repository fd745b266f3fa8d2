"""Time comes in from outside, so that a run can be replayed."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

LUSAKA = ZoneInfo("Africa/Lusaka")


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """Return an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told; for tests and replays."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time it was last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += timedelta(seconds=seconds)


def local(moment: datetime) -> datetime:
    """Return `moment` as people in Lusaka read it."""
    return moment.astimezone(LUSAKA)


def rfc3339(moment: datetime) -> str:
    """Return `moment` in UTC as RFC 3339 with a `Z`, whole microseconds kept."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
