"""Quiet hours: when nobody is reminded, by the clock of the place. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.say import LOCAL

_CLOCKS = {"KE": ZoneInfo("Africa/Nairobi")}
_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def clock_of(country: str | None) -> ZoneInfo:
    """Return the clock of a country (ISO 3166); Lusaka's where it has none of its own here."""
    return _CLOCKS.get(country or "", LOCAL)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until before `end`, over midnight where `end` is earlier; equal times: never quiet."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "QuietHours":
        """Read `20:00-08:00`; raises ValueError for anything else."""
        found = _WRITTEN.fullmatch(text.strip())
        if not found:
            raise ValueError("write quiet hours like 20:00-08:00, or 00:00-00:00 for none")
        first, second, third, fourth = map(int, found.groups())
        return cls(time(first, second), time(third, fourth))

    def until(self, moment: datetime, country: str | None = None) -> datetime | None:
        """Return when it may be said if `moment` is in quiet hours, else None."""
        local = moment.astimezone(clock_of(country))
        if not self._is_quiet(local.time()):
            return None
        end = local.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return (end if end > local else end + timedelta(days=1)).astimezone(moment.tzinfo)

    def _is_quiet(self, at: time) -> bool:
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


NEVER = QuietHours(time(0), time(0))
