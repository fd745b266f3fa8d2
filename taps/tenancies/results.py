"""What became of a caretaker's command: a closed set of values, for any channel to put into words.

Done: Registered, Updated, Moved, Removed, Counted, Undone. Shown: Listed, MyTaps. The others changed nothing.
Nothing in them speaks of a tap that is not the caretaker's own.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Person:
    """A tenant as the caretaker knows them; `name` as it is kept, of any letters, at most 60."""

    msisdn: str
    name: str
    occupants: int


@dataclass(frozen=True, slots=True)
class Registered:
    """The person is on the tap now; `tenants_there` counts them with it."""

    tap_id: str
    person: Person
    tenants_there: int
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class Updated:
    """The person was on the tap already; name or occupants are other than `before`."""

    tap_id: str
    person: Person
    before: Person
    tenants_there: int
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """The person is on `tap_id` and no longer on `from_tap_id`, where their debts stay."""

    tap_id: str
    from_tap_id: str
    person: Person
    tenants_there: int
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class Removed:
    """The person is not on the tap any more; their debts stay."""

    tap_id: str
    person: Person
    tenants_there: int
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """So many people were counted at the tap; `registered_occupants` live in its tenants' homes.

    `before` is the count that stood until then.
    """

    tap_id: str
    occupants: int
    before: int | None
    registered_occupants: int
    undo_until: datetime


Done = Registered | Updated | Moved | Removed | Counted


@dataclass(frozen=True, slots=True)
class Undone:
    """All is as it was before `changed_at`; `tenants_there` counts those on the tap of the change now."""

    undone: Done
    tenants_there: int
    changed_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """Who is on a tap, by name; `counted` is how many people were counted there last."""

    tap_id: str
    tap_number: str
    people: tuple[Person, ...]
    counted: int | None


@dataclass(frozen=True, slots=True)
class MyTaps:
    """The caretaker's taps, each with how many tenants it has; empty for who keeps none."""

    taps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class NoSuchTap:
    """There is no such tap. `near` is the one of the caretaker's own taps that reads almost like it.

    `typed` is empty where it may have been a PIN (reference texts §5, check 5).
    """

    typed: str
    near: str | None


@dataclass(frozen=True, slots=True)
class NotYours:
    """The tap has another caretaker, or none."""

    tap_id: str


@dataclass(frozen=True, slots=True)
class NoSuchTenant:
    """The phone is not on this tap, or, without a tap, on none of the caretaker's."""

    msisdn: str
    tap_id: str | None


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The person is on the tap, just as asked."""

    tap_id: str
    person: Person


@dataclass(frozen=True, slots=True)
class OnSeveralTaps:
    """The phone is on several of the caretaker's taps: which one?"""

    msisdn: str
    tap_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TooManyTenants:
    """The tap has as many tenants as a tap can have."""

    tap_id: str
    most: int


class PhoneFault(StrEnum):
    """Why a phone cannot be a tenant's."""

    BAD = "bad"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class BadPhone:
    """This is no phone number, or none of the tap's country."""

    reason: PhoneFault


@dataclass(frozen=True, slots=True)
class BadName:
    """There is no name in it."""


@dataclass(frozen=True, slots=True)
class BadOccupants:
    """People are a whole number from 1 to `most`."""

    most: int


@dataclass(frozen=True, slots=True)
class NothingToUndo:
    """The caretaker changed nothing within a day, or has undone it all."""


class UndoFault(StrEnum):
    """Why a change cannot be taken back."""

    CHANGED_SINCE = "changed_since"
    NOT_YOURS = "not_yours"


@dataclass(frozen=True, slots=True)
class UndoUnsafe:
    """Somebody else changed the same since, or the tap has another caretaker now; nothing is undone."""

    tap_id: str
    reason: UndoFault


NotDone = (
    NoSuchTap
    | NotYours
    | NoSuchTenant
    | AlreadyThere
    | OnSeveralTaps
    | TooManyTenants
    | BadPhone
    | BadName
    | BadOccupants
    | NothingToUndo
    | UndoUnsafe
)
Result = Done | Undone | Listed | MyTaps | NotDone
