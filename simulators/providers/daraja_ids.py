"""Daraja's identifiers, made from a serial number so that none comes twice (reference daraja §2, §3)."""

import string
from datetime import datetime

from simulators.providers.daraja_wire import NAIROBI

_ALPHABET = string.digits + string.ascii_uppercase
_SEVEN = 36**7
# Coprime to 36, so that serials in a row give receipts that do not look like a row, and none twice.
_SCRAMBLE = 39_916_801
_FIRST_YEAR = 2006  # the year of the letter A; T is 2025


def receipt(serial: int, at: datetime) -> str:
    """Return ten upper-case alphanumerics: year, month and day, one each, then the serial, scrambled."""
    day = at.astimezone(NAIROBI)
    head = (
        string.ascii_uppercase[(day.year - _FIRST_YEAR) % 26]
        + string.ascii_uppercase[day.month - 1]
        + _ALPHABET[day.day]
    )
    return head + _base36(serial * _SCRAMBLE % _SEVEN)


def checkout_request_id(serial: int, at: datetime, national_number: str) -> str:
    """Return `ws_CO_`, the time in Nairobi with three digits more, and the payer's national number.

    The three digits are a serial instead of milliseconds: two pushes in one millisecond stay apart.
    """
    return f"ws_CO_{at.astimezone(NAIROBI):%d%m%Y%H%M%S}{serial % 1000:03d}{national_number}"


def merchant_request_id(serial: int) -> str:
    """Return four groups that look like a UUID and are none."""
    digits = f"{serial * _SCRAMBLE % 16**12:012x}"
    return (
        f"{digits[:4]}-4{digits[4:7]}-9{digits[7:10]}-b{serial * _SCRAMBLE % 16**8:08x}{serial % 10**7:07d}"
    )


def originator(serial: int) -> str:
    """Return Daraja's own name of a request, in the old shape: never a UUID."""
    return f"{serial * _SCRAMBLE % 10**5:05d}-{serial % 10**8:08d}-1"


def conversation(serial: int, at: datetime) -> str:
    """Return `AG_`, the day in Nairobi, and twenty hexadecimal digits."""
    return f"AG_{at.astimezone(NAIROBI):%Y%m%d}_{serial * _SCRAMBLE % 16**20:020x}"


def _base36(value: int) -> str:
    text = ""
    for _ in range(7):
        value, digit = divmod(value, 36)
        text = _ALPHABET[digit] + text
    return text
