"""What a caretaker and a tenant hear of a change: values in, a Text out (reference texts §3, M10, and §4).

Every answer says what was understood and how to undo it. Names and numbers are the caretaker's own words;
they are folded and cut here, so that any name leaves the SMS in one segment.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import gsm, say
from core.i18n import Text
from core.money import display
from core.msisdn import local_form
from sms.inbound import texts
from sms.inbound.commands import Command as Line
from sms.inbound.commands import Why, Word
from sms.inbound.writing import EXAMPLE_PHONE, EXAMPLES, canonical, example
from sms.templates import Printed
from taps.tenancies import commands as c
from taps.tenancies import results as r
from taps.tenancies.events import Event, TenantAdded

_LONGEST_NAME = 20
_LONGEST_OF_TWO = 15
_LONGEST_IN_LINE = 40
_ROOM_FOR_LIST = 60
_LONGEST_PHONE = 16
_MOST_TAPS_NAMED = 3
_EXAMPLE = EXAMPLES[Word.REG]
_EXAMPLE_PHONES = {"KE": "+254712345678"}
_WORDS: dict[type[c.Command], Word] = {
    c.Register: Word.REG,
    c.SetOccupants: Word.REG,
    c.Move: Word.MOVE,
    c.Remove: Word.REMOVE,
    c.Count: Word.COUNT,
    c.ListTenants: Word.LIST,
    c.Undo: Word.UNDO,
}


def tell(event: Event, printed: Printed, *, at: datetime) -> Text:
    """Say to a tenant that they are on a tap now, or not any more."""
    about = {"tap": event.tap_id, "phone": printed.support_phone}
    if isinstance(event, TenantAdded):
        return Text("tenant.added", {**about, "tap_number": event.tap_number, "code": printed.service_code})
    if not event.left_minor:
        return Text("tenant.removed.clear", {**about, "date": say.date(at)})
    left = display(event.left_minor, event.currency)
    return Text("tenant.removed", {**about, "date": say.date(at), "left": left})


def reply(command: c.Command, result: r.Result, printed: Printed) -> Text:
    """Answer a caretaker's command."""
    match result:
        case r.Registered() | r.Updated() | r.Moved() | r.Removed() | r.Counted():
            return _done(result)
        case r.Undone():
            return _undone(result)
        case r.Listed():
            return _listed(result, printed)
        case r.MyTaps():
            return _my_taps(result, printed)
        case _:
            return _not_done(command, result, printed)


# Done


def _done(done: r.Done) -> Text:
    until = {"tap": done.tap_id, "until": say.stamp(done.undo_until)}
    match done:
        case r.Registered():
            return Text("reg.ok", {**_person(done.person), **until, "tenants": done.tenants_there})
        case r.Updated():
            was = {"was": shown(done.before.name, _LONGEST_OF_TWO), "were": _people(done.before.occupants)}
            return Text("reg.changed", {**_person(done.person, _LONGEST_OF_TWO), **was, **until})
        case r.Moved():
            there = {"from": done.from_tap_id, "tenants": done.tenants_there}
            return Text("move.ok", {**_person(done.person), **until, **there})
        case r.Removed():
            return Text("remove.ok", {**_person(done.person), **until, "tenants": done.tenants_there})
        case r.Counted():
            people = {"people": _people(done.occupants), "registered": done.registered_occupants}
            return Text("count.ok", {**people, **until})


def _undone(result: r.Undone) -> Text:
    done = result.undone
    about = {"tap": done.tap_id, "since": _since(result.changed_at, result.at)}
    match done:
        case r.Registered():
            return Text("undo", {**_person(done.person), **about, "tenants": result.tenants_there})
        case r.Updated():
            return Text("undo.changed", {**_person(done.before), **about})
        case r.Moved():
            return Text("undo.moved", {**_person(done.person), **about, "from": done.from_tap_id})
        case r.Removed():
            return Text("undo.removed", {**_person(done.person), **about, "tenants": result.tenants_there})
        case r.Counted():
            return Text("undo.counted", {**about, "people": _people(done.occupants)})


# Shown


def _listed(listed: r.Listed, printed: Printed) -> Text:
    about = {"tap": listed.tap_id, "code": printed.service_code}
    if not listed.people:
        return Text(
            "list.empty", {"tap": listed.tap_id, "line": canonical(replace(_EXAMPLE, tap=listed.tap_id))}
        )
    people = _people(sum(person.occupants for person in listed.people))
    # The end of the phone tells two of one name apart, and is what MOVE and REMOVE are looked up by.
    names = [f"{shown(person.name)} {person.msisdn[-4:]}" for person in listed.people]
    tenants = Text("part.tenants", {"count": len(names)})
    return Text("list.tap", {**about, "tenants": tenants, "people": people, "list": _fitting(names, ". ")})


def _my_taps(mine: r.MyTaps, printed: Printed) -> Text:
    if not mine.taps:
        return Text("list.none", {"phone": printed.support_phone})
    taps = [f"{tap_id}: {tenants}" for tap_id, tenants in mine.taps]
    line = canonical(Line(Word.LIST, mine.taps[0][0]))
    return Text("list.taps", {"list": _fitting(taps, ", "), "line": line, "code": printed.service_code})


# Not done


def _not_done(  # noqa: C901, PLR0911 - a flat list of cases
    command: c.Command, result: r.NotDone, printed: Printed
) -> Text:
    help_ = {"phone": printed.support_phone}
    match result:
        case r.NoSuchTap():
            return _no_tap(command, result, printed)
        case r.NotYours():
            return texts.not_yours(result.tap_id, printed)
        case r.NoSuchTenant():
            return _no_tenant(result)
        case r.AlreadyThere():
            return Text("reg.already", {**_person(result.person), "tap": result.tap_id})
        case r.OnSeveralTaps():
            return _which(command, result)
        case r.TooManyTenants():
            return Text("reg.full", {**help_, "tap": result.tap_id, "tenants": result.most})
        case r.BadPhone() | r.BadName() | r.BadOccupants():
            return _bad(command, result)
        case r.NothingToUndo():
            return Text("undo.nothing")
        case r.UndoUnsafe(reason=r.UndoFault.NOT_YOURS):
            return Text("undo.notyours", {**help_, "tap": result.tap_id})
        case r.UndoUnsafe():
            line = canonical(Line(Word.LIST, result.tap_id))
            return Text("undo.unsafe", {**help_, "tap": result.tap_id, "line": line})


def _no_tap(command: c.Command, result: r.NoSuchTap, printed: Printed) -> Text:
    typed = shown(result.typed)
    if result.near:
        line = canonical(_as_line(command, result.near), _country(command))
        if typed:
            return texts.near_tap(typed, result.near, line)
        return texts.needs(Why.NO_TAP, _WORDS[type(command)], line)
    if typed:
        return texts.no_tap(typed, printed)
    return texts.needs(Why.NO_TAP, _WORDS[type(command)], example(_WORDS[type(command)]))


def _no_tenant(result: r.NoSuchTenant) -> Text:
    number = {"number": local_form(result.msisdn)}
    if result.tap_id is None:
        return Text("tenant.nowhere", number)
    line = canonical(Line(Word.LIST, result.tap_id))
    return Text("tenant.none", {**number, "tap": result.tap_id, "line": line})


def _which(command: c.Command, result: r.OnSeveralTaps) -> Text:
    key = "move.which" if isinstance(command, c.Move) else "remove.which"
    line = canonical(Line(Word.REMOVE, result.tap_ids[0], result.msisdn), _country(command))
    taps = ", ".join(result.tap_ids[:_MOST_TAPS_NAMED])
    return Text(key, {"number": local_form(result.msisdn), "taps": taps, "line": line})


def _bad(command: c.Command, result: r.BadPhone | r.BadName | r.BadOccupants) -> Text:
    """Say what a command needs, with its own line mended by an example."""
    word, country = _WORDS[type(command)], _country(command)
    line = _as_line(command, _tap_of(command))
    if isinstance(result, r.BadOccupants):
        return Text("reg.people", {"most": result.most, "line": canonical(replace(line, number=4), country)})
    if isinstance(result, r.BadName):
        return texts.needs(Why.NO_NAME, word, canonical(replace(line, text=_EXAMPLE.text), country))
    phone = _EXAMPLE_PHONES.get(country, EXAMPLE_PHONE)
    mended = canonical(replace(line, msisdn=phone), country)
    if result.reason is r.PhoneFault.FOREIGN:
        return Text("reg.foreign", {"line": mended})
    return texts.needs(Why.NO_PHONE, word, mended)


# Pieces


def shown(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name in letters of the basic GSM-7 table, cut to `most`; accents go, emoji go."""
    plain = " ".join("".join(_letter(char) for char in name).split())[:most].rstrip()
    return plain or ("?" if name else "")


def _letter(char: str) -> str:
    folded = gsm.fold(char)
    if folded == "?" != char:
        folded = "".join(base for base in unicodedata.normalize("NFKD", char) if base.isascii())
    return folded if gsm.measure(folded) == gsm.Length("gsm7", len(folded)) else ""


def _person(person: r.Person, most: int = _LONGEST_NAME) -> dict[str, Any]:
    number = local_form(person.msisdn)
    return {"name": shown(person.name, most), "number": number, "people": _people(person.occupants)}


def _people(number: int) -> Text:
    return Text("part.people", {"count": number})


def _since(moment: datetime, now: datetime) -> str:
    is_same_day = say.date(moment) == say.date(now)
    return say.time(moment) if is_same_day else say.stamp(moment)


def _fitting(items: Sequence[str], between: str) -> str:
    """Return as many items as one SMS has room for, in one line, and how many more there are."""
    found = list(items[:1])
    for item in items[1:]:
        if len(between.join([*found, item])) > _ROOM_FOR_LIST:
            break
        found.append(item)
    more = len(items) - len(found)
    return between.join([*found, f"+{more}"] if more else found)


def _country(command: c.Command) -> str:
    """Return where the caretaker is at home; a stranger's phone may be of no country at all."""
    return "KE" if command.by_msisdn.startswith("+254") else "ZM"


def _tap_of(command: c.Command) -> str | None:
    return command.to_tap_id if isinstance(command, c.Move) else getattr(command, "tap_id", None)


def _as_line(command: c.Command, tap_id: str | None) -> Line:
    """Return a command as it would be sent, for another tap."""
    word = _WORDS[type(command)]
    match command:
        case c.Register():
            name = shown(command.name, _LONGEST_IN_LINE)
            return Line(word, tap_id, _phone(command.msisdn), number=command.occupants, text=name)
        case c.Move() | c.Remove():
            return Line(word, tap_id, _phone(command.msisdn))
        case c.SetOccupants():
            return Line(word, tap_id, _phone(command.msisdn), number=command.occupants)
        case c.Count():
            return Line(word, tap_id, number=command.occupants)
        case c.ListTenants() | c.Undo():
            return Line(word, tap_id)


def _phone(typed: str) -> str:
    return shown(typed, _LONGEST_PHONE)
