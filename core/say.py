"""How dates and times read on screens and in SMS, in one place for all rooms (reference texts §1).

Day and short month in words, 24-hour clock, local time of Lusaka: nothing that can be read two ways.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Africa/Lusaka")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(moment: datetime) -> str:
    """Return `21 Nov` for an aware moment."""
    local = moment.astimezone(LOCAL)
    return f"{local.day} {_MONTHS[local.month - 1]}"


def time(moment: datetime) -> str:
    """Return `08:15` for an aware moment."""
    local = moment.astimezone(LOCAL)
    return f"{local.hour:02d}:{local.minute:02d}"


def stamp(moment: datetime) -> str:
    """Return `21 Nov 08:15` for an aware moment."""
    return f"{date(moment)} {time(moment)}"


def period(month: str) -> str:
    """Return `Nov` for `2026-11`; raises ValueError where it is no month."""
    number = int(month[5:7])
    if not 1 <= number <= len(_MONTHS):
        raise ValueError(f"{month!r} is no period")
    return _MONTHS[number - 1]


def periods(months: Iterable[str]) -> str:
    """Return `Nov` for one period, `Sep-Nov` from the oldest to the newest of several, empty for none."""
    ordered = sorted(set(months))
    if not ordered:
        return ""
    first, last = period(ordered[0]), period(ordered[-1])
    return first if len(ordered) == 1 else f"{first}-{last}"
