"""What a caretaker may ask for, by SMS or on the menu.

Taps and phones stand as they were typed: a tap in any form of a TapID or as its tap number, a phone as
people of the tap's country write it. `command_id` names the request itself (one word of one SMS, one hop):
the same one again does nothing and gets the first answer.
"""

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True, slots=True)
class _Asked:
    """`by_msisdn` is the caretaker's phone, E.164; `channel` where he asks (`sms`, `ussd`)."""

    by_msisdn: str
    _: KW_ONLY
    command_id: str
    channel: str = "sms"


@dataclass(frozen=True, slots=True)
class Register(_Asked):
    """Put a person on a tap; a phone that is there already gets the new name and occupants.

    Without `occupants` a new tenant counts as one person, and one who is or was there keeps theirs.
    """

    tap_id: str
    msisdn: str
    name: str
    occupants: int | None = None


@dataclass(frozen=True, slots=True)
class Move(_Asked):
    """Take a tenant from one of the caretaker's taps to another; `from_tap_id` where they are on several."""

    msisdn: str
    to_tap_id: str
    from_tap_id: str | None = None


@dataclass(frozen=True, slots=True)
class Remove(_Asked):
    """Take a tenant off a tap; `tap_id` where they are on several of the caretaker's taps."""

    msisdn: str
    tap_id: str | None = None


@dataclass(frozen=True, slots=True)
class SetOccupants(_Asked):
    """Say how many people live in a tenant's home."""

    tap_id: str
    msisdn: str
    occupants: int


@dataclass(frozen=True, slots=True)
class Count(_Asked):
    """Say how many people were counted at a tap, registered or not."""

    tap_id: str
    occupants: int


@dataclass(frozen=True, slots=True)
class ListTenants(_Asked):
    """Show who is on a tap; without `tap_id`, the caretaker's taps."""

    tap_id: str | None = None


@dataclass(frozen=True, slots=True)
class Undo(_Asked):
    """Take back the caretaker's last change that is not undone and younger than a day."""


Command = Register | Move | Remove | SetOccupants | Count | ListTenants | Undo
