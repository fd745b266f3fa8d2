"""What a change of the history is told as: to the caretaker a result, to the tenant an event.

Both come from the row of the history alone, so that a repeated command gets the same answer.
"""

from collections.abc import Iterator

from taps.tenancies.desk import Desk
from taps.tenancies.events import Event, TenantAdded, TenantRemoved
from taps.tenancies.records import Change, Kind, Tally, Tenancy
from taps.tenancies.results import Counted, Done, Moved, Registered, Removed, Result, Undone, Updated


def result_of(desk: Desk, change: Change) -> Result:
    """Return what the caretaker hears of a change."""
    if change.undoes is None:
        return _done(change)
    undone = desk.changes[change.undoes]
    return Undone(_done(undone), change.there, changed_at=undone.at, at=change.at)


def events_of(desk: Desk, change: Change) -> tuple[Event, ...]:
    """Return what tenants are told of a change; a caretaker who is a tenant himself knows it already."""
    return tuple(
        event for event in _arrivals_and_departures(desk, change) if event.msisdn != change.by_msisdn
    )


def _arrivals_and_departures(desk: Desk, change: Change) -> Iterator[Event]:
    for step in change.steps:
        was, now = _place(step.before), _place(step.after)
        if now and now.is_active and not (was and was.is_active):
            number = desk.taps[now.tap_id].tap_number
            yield TenantAdded(change.change_id, now.tap_id, number, now.msisdn)
        if was and was.is_active and not (now and now.is_active):
            left_minor = desk.owed_minor.get(was.tenant_id, 0)
            currency = desk.taps[was.tap_id].currency
            yield TenantRemoved(change.change_id, was.tap_id, was.msisdn, left_minor, currency)


def _place(state: object) -> Tenancy | None:
    return state if isinstance(state, Tenancy) else None


def _done(change: Change) -> Done:
    first, last = change.steps[0], change.steps[-1]
    if isinstance(last.after, Tally):
        before = last.before.occupants if isinstance(last.before, Tally) else None
        counted = last.after.occupants
        return Counted(change.tap_id, counted, before, change.there, change.undo_until)
    if not isinstance(last.after, Tenancy):
        raise TypeError(f"change {change.change_id} leaves nothing behind")
    told = (last.after.person, change.there, change.undo_until)
    if change.kind is Kind.REGISTERED:
        return Registered(change.tap_id, *told)
    if change.kind is Kind.REMOVED:
        return Removed(change.tap_id, *told)
    if not isinstance(first.before, Tenancy):
        raise TypeError(f"change {change.change_id} starts from nothing")
    person, there, undo_until = told
    if change.kind is Kind.MOVED:
        return Moved(change.tap_id, first.before.tap_id, person, there, undo_until)
    return Updated(change.tap_id, person, first.before.person, there, undo_until)
