"""Periods: the months for which taps are billed, as text that sorts (`2026-11`)."""

import re
from datetime import date, datetime

from core.clock import local
from core.errors import BadInput

# Before every period: a new tap's billing holds from here.
START = "0000-00"
_PERIOD = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)
_DECEMBER = 12


def check(text: str) -> str:
    """Return a period as it is written; raises BadInput (bad_period) for anything but `2026-11`."""
    if not _PERIOD.fullmatch(text.strip()):
        raise BadInput(f"{text[:20]!r} is not a month like 2026-11", code="bad_period")
    return text.strip()


def period_of(moment: datetime) -> str:
    """Return the month in which `moment` lies for people in Lusaka."""
    return f"{local(moment):%Y-%m}"


def next_period(period: str) -> str:
    """Return the month after."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + 1}-01" if month == _DECEMBER else f"{year}-{month + 1:02d}"


def first_day(period: str) -> date:
    """Return the day on which a period starts."""
    return date(int(period[:4]), int(period[5:]), 1)
