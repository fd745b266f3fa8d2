"""Reads what a caretaker typed: each function returns a clean value or declines with a result."""

import re
from collections.abc import Iterable

from core import msisdn as phones
from core.errors import BadMsisdn, BadTapId
from taps import tap_id as tap_ids
from taps.tenancies.results import BadName, BadOccupants, BadPhone, NotDone, PhoneFault

MOST_OCCUPANTS = 999
MOST_COUNTED = 9999
_LONGEST_NAME = 60
_LONGEST_ECHO = 12
_MAYBE_PIN = re.compile(r"\D*\d{4,5}\D*")


class Declined(Exception):
    """A command cannot be done; nothing of it was."""

    def __init__(self, result: NotDone) -> None:
        super().__init__(type(result).__name__)
        self.result = result


def tap(text: str) -> tap_ids.TapId | tap_ids.TapNumber | None:
    """Return what was typed for a tap, or None where it is no tap's name at all."""
    try:
        return tap_ids.read(text)
    except BadTapId:
        return None


def echo(text: str) -> str:
    """Return what may be repeated of a tap that was typed: nothing of what may be a PIN."""
    shown = " ".join(_printable(text).split())[:_LONGEST_ECHO].rstrip()
    return "" if _MAYBE_PIN.fullmatch(shown) else shown


def phone(text: str, country: str) -> str:
    """Return a tenant's phone, E.164; declines another country's."""
    try:
        number = phones.parse(text, country)
    except BadMsisdn:
        raise Declined(BadPhone(PhoneFault.BAD)) from None
    if phones.network(number).country != country:
        raise Declined(BadPhone(PhoneFault.FOREIGN))
    return number


def readings(text: str, countries: Iterable[str]) -> set[str]:
    """Return every number that the text can mean to people of these countries; for looking up only."""
    found = set()
    for country in countries:
        try:
            found.add(phones.parse(text, country))
        except BadMsisdn:
            continue
    return found


def name(text: str) -> str:
    """Return a name of at most 60 printable characters."""
    clean = " ".join(_printable(text).split())[:_LONGEST_NAME].rstrip()
    if not any(char.isalnum() for char in clean):
        raise Declined(BadName())
    return clean


def people(number: int, most: int = MOST_OCCUPANTS) -> int:
    """Return a number of people from 1 to `most`."""
    if not 1 <= number <= most:
        raise Declined(BadOccupants(most))
    return number


def _printable(text: str) -> str:
    """Leave out what cannot be seen: NUL, marks that turn the writing around, line ends become blanks."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)
