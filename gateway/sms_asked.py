"""Inbound SMS as the answering code sees them: who asks, and one line for each thing asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import msisdn as numbers
from core.errors import BadMsisdn
from core.i18n import Text
from core.ids import derived
from gateway.sms_inbox import reference
from sms.inbound import Answerable, Word, read
from taps.model import Role, User

_COUNTRIES = {"+254": "KE"}
_STAFF = frozenset({Role.AGENT, Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Person:
    """Whose phone it is: a caretaker of `kept` taps, staff as `users` say, or a resident."""

    msisdn: str
    language: str = "en"
    users: tuple[User, ...] = ()
    kept: tuple[str, ...] = ()  # TapIDs
    known: tuple[str, ...] = ()  # TapIDs this phone lives on or has paid for, last used first

    @property
    def is_caretaker(self) -> bool:
        """Whether the caretaker's words are allowed."""
        return bool(self.kept) or any(user.role is Role.CARETAKER for user in self.users)

    @property
    def staff(self) -> User | None:
        """The user by which the agents' words are allowed."""
        return next((user for user in self.users if user.role in _STAFF), None)

    def covering(self, zone: str) -> User | None:
        """Return the user by which the agents' words are allowed in a zone."""
        return next((user for user in self.users if user.role in _STAFF and user.covers(zone)), None)

    @property
    def own_taps(self) -> tuple[str, ...]:
        """Taps that this person may be shown as an example: those they keep, then those they know."""
        return tuple(dict.fromkeys((*self.kept, *self.known)))


@dataclass(slots=True)
class Line:
    """One thing asked, and its answer once there is one; `language` where it is to be in another one."""

    inbound_id: str
    number: int
    country: str
    asked: Answerable
    person: Person
    text: Text | None = None
    language: str | None = None

    @property
    def command_id(self) -> str:
        """Name this line for ever: what it starts is started once."""
        return f"sms:{self.inbound_id}:{self.number}"

    @property
    def request_id(self) -> str:
        """Return the idempotency key of a payment that this line starts."""
        return derived("sms", self.inbound_id, str(self.number))

    @property
    def correlation_id(self) -> str:
        """Return by what all that follows is found in logs."""
        return reference(self.inbound_id)

    @property
    def word(self) -> Word | None:
        """The keyword, if there was one."""
        return self.asked.word


@dataclass(slots=True)
class Sms:
    """One SMS: `msisdn` is None where its sender cannot be answered."""

    inbound_id: str
    recipient: str
    msisdn: str | None
    country: str
    asked: tuple[Answerable, ...]
    lines: list[Line] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        """Whether there is anything to say."""
        return any(line.text for line in self.lines)


def understood(row: Any) -> Sms:
    """Read a row of `sms_inbound`. A name or a short code as sender cannot be answered."""
    msisdn = _msisdn(row.sender)
    country = _COUNTRIES.get((msisdn or "")[:4], "ZM")
    can_answer = msisdn is not None and row.sender != row.recipient
    asked = read(row.text, country) if can_answer else ()
    return Sms(row.inbound_id, row.recipient, msisdn if can_answer else None, country, asked)


def _msisdn(sender: str) -> str | None:
    try:
        return numbers.from_wire(sender)
    except BadMsisdn:
        return None


def lines_of(messages: Iterable[Sms], people: Mapping[str, Person]) -> list[Line]:
    """Give every SMS its lines, and return them all."""
    for sms in messages:
        if sms.msisdn:
            person = people[sms.msisdn]
            sms.lines = [
                Line(sms.inbound_id, i, sms.country, asked, person) for i, asked in enumerate(sms.asked)
            ]
    return [line for sms in messages for line in sms.lines]
