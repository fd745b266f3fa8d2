"""Phone numbers: any usual form in, E.164 inside, masked in logs."""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import carrier

from core.errors import BadMsisdn

_E164 = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
# Zambian and Kenyan numbers as they are written at home or abroad, and any other that has its plus.
_IN_TEXT = re.compile(
    r"(?<!\d)(?:"
    r"(\+?(?:260|254)\d{2})\d{4,5}(\d{3})|(0[1579]\d)\d{4}(\d{3})|(\+[1-9]\d{4})\d{1,7}(\d{3})"
    r")(?!\d)",
    re.ASCII,
)
_LONGEST_TYPED = 32
_TYPED = re.compile(r"[\d\s+()./\-\u2010-\u2015]+")


@dataclass(frozen=True, slots=True)
class Network:
    """The holder of a number's prefix: a default that the payer may override (reference zambia §1)."""

    name: str
    country: str


def from_wire(text: str) -> str:
    """Return E.164 for a number that an aggregator sends (`+260…`, `260…`); no look-up of ranges.

    Raises BadMsisdn where it is no international number.
    """
    number = text.strip()
    number = number if number.startswith("+") else "+" + number
    if not _E164.fullmatch(number):
        raise BadMsisdn("the phone number is not in international form, like +260961234567")
    return number


@lru_cache(maxsize=4096)
def parse(text: str, country: str = "ZM") -> str:
    """Return E.164 for a number as a person of `country` types it: `0961…`, `961…`, `260…`, `00260…`.

    Raises BadMsisdn where no such number can exist.
    """
    try:
        if len(text) > _LONGEST_TYPED:
            raise BadMsisdn("this is too long for a phone number")
        # The library reads letters as a keypad's digits and drops extensions: that would be someone else.
        if not _TYPED.fullmatch(text):
            raise BadMsisdn("this is not a phone number; type it like 0961234567")
        number = phonenumbers.parse(_international(text), country)
    except phonenumbers.NumberParseException:
        raise BadMsisdn("this is not a phone number; type it like 0961234567") from None
    if not phonenumbers.is_valid_number(number):
        raise BadMsisdn("no such phone number exists; type it like 0961234567")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _international(text: str) -> str:
    digits = text.strip()
    if digits.startswith("00"):
        return "+" + digits[2:]
    return digits


@lru_cache(maxsize=4096)
def network(msisdn: str) -> Network:
    """Return who holds the prefix of an E.164 number; the name is empty where nobody is known to."""
    number = phonenumbers.parse(msisdn, None)
    name = carrier.name_for_number(number, "en").upper()
    return Network(name, phonenumbers.region_code_for_number(number) or "")


def local_form(msisdn: str) -> str:
    """Return the number as its owner writes it: `0961234567` for `+260961234567`."""
    for prefix in ("+260", "+254"):
        if msisdn.startswith(prefix):
            return "0" + msisdn[len(prefix) :]
    return msisdn


def mask(msisdn: str) -> str:
    """Return `26096****567` for logs (reference zambia §4)."""
    digits = msisdn.lstrip("+")
    return f"{digits[:5]}****{digits[-3:]}" if len(digits) > 8 else "****"  # noqa: PLR2004 - 5 + 3 shown


def mask_in(text: str) -> str:
    """Mask every number inside a text: Zambian and Kenyan ones in any form, others that have their plus."""
    return _IN_TEXT.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    first, last = (group for group in found.groups() if group)
    return f"{first.lstrip('+')}****{last}"
