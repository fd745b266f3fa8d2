"""What a caretaker and a tenant hear of a change, with longest and shortest data, for `sms.lint`."""

from collections.abc import Iterator
from datetime import timedelta

from core.i18n import Text
from sms.samples import LONGEST, Data, Sample
from sms.tenancy_texts import reply, tell
from taps.tenancies import commands as c
from taps.tenancies import results as r
from taps.tenancies.events import TenantAdded, TenantRemoved

_RUTH, _PHONE = "+260966000001", "+260977123456"
_SHOWN = "0977123456"
_FROM = "KNY-0533-5"
_ASKED = {"command_id": "sms:1:0"}


def samples(data: Data) -> list[Sample]:
    """Return each text of `sms.tenancy_texts`, filled with `data`."""
    said = [*_done(data), *_not_done(data), *_shown(data), *_told(data)]
    return [Sample(text, _SHOWN) for text in said]  # a caretaker sees the number that they typed


def _results(data: Data) -> list[r.Done]:
    tap, until = data.about.tap_id, data.moment + timedelta(hours=24)
    is_long = data is LONGEST
    person, there = _person(data), 200 if is_long else 0
    before = r.Person(_PHONE, "Hamoonga-Lungu Mutinta" if is_long else "Li", 998 if is_long else 2)
    return [
        r.Registered(tap, person, there, until),
        r.Updated(tap, person, before, there, until),
        r.Moved(tap, _FROM, person, there, until),
        r.Removed(tap, person, there, until),
        r.Counted(tap, 9999 if is_long else 1, None, 9999 if is_long else 0, until),
    ]


def _person(data: Data) -> r.Person:
    if data is LONGEST:
        return r.Person(_PHONE, "Mutinta Hamoonga-Lungu of the blue house", 999)
    return r.Person(_PHONE, "Jo", 1)


def _done(data: Data) -> Iterator[Text]:
    now = data.moment + (timedelta(days=1) if data is LONGEST else timedelta())
    for done in _results(data):
        yield reply(c.Undo(_RUTH, **_ASKED), done, data.printed)
        undone = r.Undone(done, 200 if data is LONGEST else 0, data.moment, now)
        yield reply(c.Undo(_RUTH, **_ASKED), undone, data.printed)


def _not_done(data: Data) -> Iterator[Text]:
    tap, person, printed = data.about.tap_id, _person(data), data.printed
    register = c.Register(_RUTH, tap, person.msisdn, person.name, person.occupants, **_ASKED)
    remove, move = c.Remove(_RUTH, _PHONE, tap, **_ASKED), c.Move(_RUTH, _PHONE, tap, **_ASKED)
    several = r.OnSeveralTaps(_PHONE, (tap, _FROM, _FROM, _FROM) if data is LONGEST else (tap, _FROM))
    typed = "CHZ-04173-33" if data is LONGEST else "KNX"
    asked: list[tuple[c.Command, r.NotDone]] = [
        (register, r.NotYours(tap)),
        (register, r.AlreadyThere(tap, person)),
        (register, r.TooManyTenants(tap, 200)),
        (remove, several),
        (move, several),
        (remove, r.NoSuchTenant(_PHONE, tap)),
        (remove, r.NoSuchTenant(_PHONE, None)),
        (register, r.NoSuchTap(typed, tap)),
        (register, r.NoSuchTap("", tap)),
        (register, r.NoSuchTap("", None)),
        (register, r.NoSuchTap(typed, None)),
        (register, r.BadPhone(r.PhoneFault.BAD)),
        (register, r.BadPhone(r.PhoneFault.FOREIGN)),
        (register, r.BadName()),
        (register, r.BadOccupants(9999)),
        (register, r.NothingToUndo()),
        (register, r.UndoUnsafe(tap, r.UndoFault.CHANGED_SINCE)),
        (register, r.UndoUnsafe(tap, r.UndoFault.NOT_YOURS)),
    ]
    for command, result in asked:
        yield reply(command, result, printed)


def _shown(data: Data) -> Iterator[Text]:
    tap, printed = data.about.tap_id, data.printed
    wanted = c.ListTenants(_RUTH, tap, **_ASKED)
    people = (_person(data),) * (200 if data is LONGEST else 1)
    mine = ((tap, 200),) * 200 if data is LONGEST else ((tap, 0),)
    yield reply(wanted, r.Listed(tap, "241703", people, None), printed)
    yield reply(wanted, r.Listed(tap, "241703", (), None), printed)
    yield reply(wanted, r.MyTaps(mine), printed)
    yield reply(wanted, r.MyTaps(()), printed)


def _told(data: Data) -> Iterator[Text]:
    tap, printed = data.about.tap_id, data.printed
    left = (data.left_minor, data.about.currency)
    yield tell(TenantAdded("", tap, "241703", _PHONE), printed, at=data.moment)
    yield tell(TenantRemoved("", tap, _PHONE, *left), printed, at=data.moment)
    yield tell(TenantRemoved("", tap, _PHONE, 0, left[1]), printed, at=data.moment)
