"""The five forms in which M-PESA writes a time; all are Nairobi's (reference daraja §13, trap 8)."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# The documentation names no zone (reference §2); Nairobi is what its samples fit.
NAIROBI = ZoneInfo("Africa/Nairobi")
_FORMS = (
    (re.compile(r"\d{14}", re.ASCII), "%Y%m%d%H%M%S"),  # a number or a text
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{2}:\d{2}:\d{2}", re.ASCII), "%d.%m.%Y %H:%M:%S"),
    # The Z is likely no UTC: what the customer's phone shows is the same hour.
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII), "%Y-%m-%dT%H:%M:%SZ"),
    (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII), "%Y-%m-%d %H:%M:%S"),
)


def read_time(value: Any) -> datetime | None:
    """Return UTC for a time in any of the forms; None where it is none: no money hangs on it."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    for form, pattern in _FORMS:
        if form.fullmatch(text):
            try:
                return datetime.strptime(text, pattern).replace(tzinfo=NAIROBI).astimezone(UTC)
            except (ValueError, OverflowError):
                return None
    return None


def compact(moment: datetime) -> str:
    """Return Nairobi's time as `20251121093000`, as requests want it."""
    return moment.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def spaced(moment: datetime) -> str:
    """Return Nairobi's time as `2025-11-21 09:30:00`, as the pull query wants it (reference §11)."""
    return moment.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")
