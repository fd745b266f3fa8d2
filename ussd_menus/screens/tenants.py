"""The tenants of a caretaker's tap: who they are, adding one, how many people, moving, removing."""

from core.i18n import Text
from core.msisdn import local_form
from taps.tenancies import reading
from taps.tenancies.commands import Move, Register, Remove, SetOccupants
from taps.tenancies.reading import Declined
from taps.tenancies.results import BadPhone, PhoneFault
from ussd_menus.facts import KeptTaps, Lodger
from ussd_menus.screens.kept import GONE, change, kept_tap, read_people
from ussd_menus.screens.paying import wrong_number
from ussd_menus.screens.status import short
from ussd_menus.typed import may_be_pin
from ussd_menus.view import Again, Go, Option, Shown, Spec, Taken, View

_YES = Option("yes", Text("option.yes"))
_OF_A_TENANT = tuple(Option(does, Text(f"option.{does}")) for does in ("people", "move", "remove"))
_ASK_PHONE = Shown((Text("add.phone"),), keeps_head=False, is_constant=True)
_ASK_NAME = Shown((Text("add.name"),), keeps_head=False, is_constant=True)
_LONGEST_NAME = 20


def named(msisdn: str, name: str, occupants: int) -> dict[str, object]:
    """Return what texts about a tenant may name."""
    return {
        "name": short(name, _LONGEST_NAME),
        "number": local_form(msisdn),
        "people": Text("people", {"count": occupants}),
    }


# Who they are


def _list(view: View) -> Shown | Go:
    tap = kept_tap(view)
    if tap is None:
        return GONE
    if not tap.tenants:
        return Shown((Text("tenants.none", {"tap": tap.tap_id}),), keeps_head=False)
    options = (Option(f"tenant:{one.msisdn}", _entry(one)) for one in tap.tenants)
    return Shown((Text("tenants.of", {"tap": tap.tap_id}),), tuple(options))


def _entry(one: Lodger) -> Text:
    return Text("as_is", {"words": f"{short(one.name)} {one.msisdn[-4:]}"})


def _pick(_view: View, event: str, msisdn: str) -> Taken:
    return Go(event, {"person": msisdn})


def _tenant(view: View) -> Shown | Go:
    tap = kept_tap(view)
    if tap is None:
        return GONE
    one = next((one for one in tap.tenants if one.msisdn == view.session.person), None)
    if one is None:
        number = local_form(view.session.person or "")
        return Go("left", {"person": None}, error=Text("tenant.notthere", {"number": number}))
    words = named(one.msisdn, one.name, one.occupants) | {"tap": tap.tap_id}
    keep = {"name": one.name, "people": one.occupants}
    return Shown((Text("tenant", words),), _OF_A_TENANT, keep=keep)


# How many people


def _ask_people(view: View) -> Shown:
    return Shown((Text("people.ask", {"name": short(view.session.name, _LONGEST_NAME)}),), keeps_head=False)


def _read_people(view: View, text: str) -> Taken:
    number = read_people(text, reading.MOST_OCCUPANTS)
    if isinstance(number, Text):
        return Again(number)
    session = view.session
    command = SetOccupants(
        session.msisdn, session.tap_id or "", session.person or "", number, command_id="", channel="ussd"
    )
    return change(view, "people", command)


# Moving and removing


def _where_to(view: View) -> Shown:
    taps = view.fact(KeptTaps(view.session.msisdn))
    others = [tap.tap_id for tap in taps if tap.tap_id != view.session.tap_id]
    if not others:
        return Shown((Text("move.none"),), keeps_head=False)
    options = tuple(Option(f"to:{tap_id}", Text("as_is", {"words": tap_id})) for tap_id in others)
    return Shown((Text("move.ask", {"name": short(view.session.name, _LONGEST_NAME)}),), options)


def _move(view: View, event: str, to_tap_id: str) -> Taken:
    session = view.session
    command = Move(
        session.msisdn, session.person or "", to_tap_id, session.tap_id, command_id="", channel="ussd"
    )
    return change(view, event, command)


def _sure(view: View) -> Shown:
    session = view.session
    words = named(session.person or "", session.name, session.people) | {"tap": session.tap_id}
    return Shown((Text("remove.ask", words),), (_YES,))


def _remove(view: View, event: str, _argument: str) -> Taken:
    session = view.session
    command = Remove(session.msisdn, session.person or "", session.tap_id, command_id="", channel="ussd")
    return change(view, event, command)


# Adding


def _read_phone(view: View, text: str) -> Taken:
    tap = kept_tap(view)
    if tap is None:
        return GONE
    try:
        return Go("phone", {"person": reading.phone(text, tap.country)})
    except Declined as declined:
        if isinstance(declined.result, BadPhone) and declined.result.reason is PhoneFault.FOREIGN:
            return Again(Text("add.foreign"))
        return Again(wrong_number(text))


def _read_name(_view: View, text: str) -> Taken:
    try:
        name = reading.name(text)
    except Declined:
        return Again(Text("add.noname"))
    if may_be_pin(text) or not any(char.isalpha() for char in name):
        return Again(Text("add.noname"))
    return Go("name", {"name": name})


def _read_occupants(_view: View, text: str) -> Taken:
    number = read_people(text, reading.MOST_OCCUPANTS)
    return Again(number) if isinstance(number, Text) else Go("people", {"people": number})


def _sure_to_add(view: View) -> Shown:
    session = view.session
    words = named(session.person or "", session.name, session.people) | {"tap": session.tap_id}
    return Shown((Text("add.sure", words),), (_YES,))


def _add(view: View, event: str, _argument: str) -> Taken:
    session = view.session
    command = Register(
        session.msisdn,
        session.tap_id or "",
        session.person or "",
        session.name,
        session.people,
        command_id="",
        channel="ussd",
    )
    return change(view, event, command)


SCREENS = (
    Spec("tenants", _list, {"tenant": "tenant", "gone": "kept", "back": "kept_tap"}, _pick),
    Spec(
        "tenant",
        _tenant,
        {
            "people": "people",
            "move": "move",
            "remove": "remove_sure",
            "left": "tenants",
            "gone": "kept",
            "back": "tenants",
        },
    ),
    Spec("people", _ask_people, {"people": "changing", "back": "tenant"}, read=_read_people),
    Spec("move", _where_to, {"to": "changing", "back": "tenant"}, _move),
    Spec("remove_sure", _sure, {"yes": "changing", "back": "tenant"}, _remove),
    Spec(
        "add_phone",
        lambda _view: _ASK_PHONE,
        {"phone": "add_name", "gone": "kept", "back": "kept_tap"},
        read=_read_phone,
    ),
    Spec("add_name", lambda _view: _ASK_NAME, {"name": "add_people", "back": "add_phone"}, read=_read_name),
    Spec("add_people", _ask_people, {"people": "add_sure", "back": "add_name"}, read=_read_occupants),
    Spec("add_sure", _sure_to_add, {"yes": "changing", "back": "add_people"}, _add),
)
