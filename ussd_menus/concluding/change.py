"""What a caretaker is told of a change: what was understood, and how to take it back."""

from typing import Any

from msgspec.structs import replace

from core.i18n import Text
from core.msisdn import local_form
from taps.tenancies import results as r
from ussd_menus import outcome as o
from ussd_menus.arrive import put
from ussd_menus.machine import fire
from ussd_menus.screens.kept import UNCHANGED
from ussd_menus.screens.tenants import named
from ussd_menus.view import Shown, View


def told(view: View, _act: o.Change, result: o.Result) -> o.Outcome:
    """Say what became of it; a change that was made can be taken back at once."""
    done = result.result if isinstance(result, o.Changed) else None
    text = _said(done, view.settings.support_phone)
    options = (UNCHANGED,) if isinstance(done, r.Done) else ()
    session = replace(view.session, state=fire(view.session.state, "told"), person=None, name="", people=0)
    return put(replace(view, session=session), Shown((text,), options, name=text.key))


def _said(result: r.Result | None, support: str) -> Text:
    match result:
        case r.Registered() | r.Updated() | r.Moved() | r.Removed() | r.Counted():
            return _done("done", result, {})
        case r.Undone(undone, tenants_there):
            return _undone(undone, tenants_there)
        case _:
            return _not_done(result, support)


def _done(outcome: str, done: r.Done, more: dict[str, Any]) -> Text:
    words = more | {"tap": done.tap_id}
    match done:
        case r.Counted():
            people = Text("people", {"count": done.occupants})
            registered = Text("people", {"count": done.registered_occupants})
            return Text(f"{outcome}.counted", words | {"people": people, "registered": registered})
        case r.Updated():
            shown = done.before if outcome == "undone" else done.person
            return Text(f"{outcome}.updated", words | _person(shown))
        case r.Moved():
            words |= {"from": done.from_tap_id}
            return Text(f"{outcome}.moved", {"tenants": done.tenants_there} | words | _person(done.person))
    key = "added" if isinstance(done, r.Registered) else "removed"
    return Text(f"{outcome}.{key}", {"tenants": done.tenants_there} | words | _person(done.person))


def _undone(done: r.Done, tenants_there: int) -> Text:
    return _done("undone", done, {"tenants": tenants_there})


def _person(person: r.Person) -> dict[str, Any]:
    return named(person.msisdn, person.name, person.occupants)


def _not_done(result: r.Result | None, support: str) -> Text:  # noqa: PLR0911 - a flat list of cases
    match result:
        case r.NotYours(tap_id):
            return Text("kept.notyours", {"tap": tap_id, "support": support})
        case r.NoSuchTenant(msisdn):
            return Text("tenant.notthere", {"number": local_form(msisdn)})
        case r.AlreadyThere(tap_id, person):
            return Text("tenant.same", _person(person) | {"tap": tap_id})
        case r.TooManyTenants(tap_id, most):
            return Text("tap.full", {"tap": tap_id, "most": most, "support": support})
        case r.NothingToUndo():
            return Text("undo.nothing")
        case r.UndoUnsafe(tap_id):
            return Text("undo.unsafe", {"tap": tap_id, "support": support})
        case _:
            return Text("change.not", {"support": support})
