"""Reads one cell of an imported row: each function raises BadInput with a code and a sentence."""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

from core import money, msisdn
from core.errors import BadAmount, BadInput
from taps.files import unguard

Cells = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)

_LONGEST_NAME = 60
_ZONE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,11}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_DAY = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)


def need(cells: Cells, column: str) -> str:
    """Return a value that must be there."""
    value = cells.get(column, "")
    if not value:
        raise BadInput(f"{column} is empty", code=f"missing_{column}")
    return value


def name(cells: Cells, column: str) -> str:
    """Return a name of a person, place or seller as people write it, of at most 60 characters."""
    value = " ".join(unguard(need(cells, column)).split())
    if len(value) > _LONGEST_NAME:
        raise BadInput(f"{column} is longer than {_LONGEST_NAME} characters", code="too_long")
    if not value.isprintable():
        raise BadInput(f"{column} holds characters that cannot be shown", code="bad_text")
    return value


def zone(cells: Cells) -> str:
    """Return a zone's code, upper-case."""
    return _matching(
        need(cells, "zone").upper(), _ZONE, "bad_zone", "a zone's code has letters and digits, at most 12"
    )


def country(cells: Cells) -> str:
    """Return a country's two letters (ISO 3166)."""
    return _matching(
        need(cells, "country").upper(), _COUNTRY, "bad_country", "a country is two letters like ZM"
    )


def currency(cells: Cells) -> str:
    """Return a currency that Madzi knows (ISO 4217)."""
    value = need(cells, "currency").upper()
    money.exponent(value)
    return value


def language(cells: Cells) -> str | None:
    """Return a language's code, or None."""
    value = cells.get("language", "").lower()
    return (
        _matching(value, _LANGUAGE, "bad_language", "a language is a code like en, ny, bem")
        if value
        else None
    )


def amount_minor(cells: Cells, unit: str) -> int:
    """Return minor units of a decimal amount, zero allowed."""
    value = need(cells, "amount")
    if not _DECIMAL.fullmatch(value):
        raise BadAmount(f"{value[:20]!r} is not an amount like 20.00")
    return money.from_decimal(value, unit)


def position(cells: Cells) -> tuple[float | None, float | None]:
    """Return latitude and longitude in degrees to five decimals (about a metre), or neither."""
    texts = cells.get("latitude", ""), cells.get("longitude", "")
    if not any(texts):
        return None, None
    if not all(_DEGREES.fullmatch(text) for text in texts):
        raise BadInput(
            "coordinates are two decimal numbers like -15.43 and 28.25, or none", code="bad_coordinates"
        )
    latitude, longitude = (round(float(text), 5) for text in texts)
    if abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004 - degrees on a globe
        raise BadInput("latitude is at most 90, longitude at most 180 degrees", code="bad_coordinates")
    return latitude, longitude


def whole(cells: Cells, column: str, *, most: int, least: int = 0) -> int:
    """Return a whole number within bounds."""
    value = need(cells, column)
    if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
        raise BadInput(f"{column} is a whole number from {least} to {most}", code=f"bad_{column}")
    return int(value)


def phone(cells: Cells, column: str, country_code: str) -> str:
    """Return E.164 for a number as people of the country write it."""
    return msisdn.parse(need(cells, column), country_code)


def day(cells: Cells, column: str) -> date:
    """Return a date like 2026-11-01."""
    try:
        return date.fromisoformat(_matching(need(cells, column), _DAY, "bad_date", ""))
    except (ValueError, BadInput):
        raise BadInput(f"{column} is a date like 2026-11-01", code="bad_date") from None


def choice(cells: Cells, column: str, among: type[Choice]) -> Choice:
    """Return one of a few words."""
    value = need(cells, column).lower()
    try:
        return among(value)
    except ValueError:
        raise BadInput(f"{column} is one of {', '.join(among)}", code=f"bad_{column}") from None


def _matching(value: str, pattern: re.Pattern[str], code: str, message: str) -> str:
    if not pattern.fullmatch(value):
        raise BadInput(message, code=code)
    return value
