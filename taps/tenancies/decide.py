"""Decides a caretaker's command over what is on the desk: pure, and one command after the other."""

from dataclasses import dataclass, replace
from datetime import timedelta

from taps.model import Tap
from taps.tap_id import TapNumber
from taps.tenancies import reading
from taps.tenancies.commands import (
    Command,
    Count,
    ListTenants,
    Move,
    Register,
    Remove,
    SetOccupants,
    Undo,
)
from taps.tenancies.desk import Desk
from taps.tenancies.events import Event
from taps.tenancies.near import nearest
from taps.tenancies.reading import MOST_COUNTED, Declined
from taps.tenancies.records import Change, Kind, Step, Tally, Tenancy
from taps.tenancies.results import (
    AlreadyThere,
    Listed,
    MyTaps,
    NoSuchTap,
    NoSuchTenant,
    NothingToUndo,
    NotYours,
    OnSeveralTaps,
    Result,
    TooManyTenants,
    UndoFault,
    UndoUnsafe,
)
from taps.tenancies.telling import events_of, result_of

MOST_TENANTS = 200
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command, and who is to be told of it; a repeat tells nobody again."""

    result: Result
    events: tuple[Event, ...] = ()
    is_repeat: bool = False


def decide(desk: Desk, command: Command) -> Answer:
    """Do a command on the desk; one that was done before gets the answer that it got then."""
    known = desk.by_command.get((command.by_msisdn, command.command_id))
    if known is not None:
        return Answer(result_of(desk, known), is_repeat=True)
    try:
        done = _do(desk, command)
    except Declined as declined:
        return Answer(declined.result)
    if isinstance(done, Change):
        return Answer(result_of(desk, done), events_of(desk, done))
    return Answer(done)


def _do(desk: Desk, command: Command) -> Change | Result:  # noqa: PLR0911 - one line for each command
    match command:
        case Register():
            return _register(desk, command)
        case Move():
            return _move(desk, command)
        case Remove():
            return _remove(desk, command)
        case SetOccupants():
            return _set_occupants(desk, command)
        case Count():
            return _count(desk, command)
        case ListTenants():
            return _list(desk, command)
        case Undo():
            return _undo(desk, command)


def _register(desk: Desk, command: Register) -> Change | Result:
    tap = _own_tap(desk, command, command.tap_id)
    msisdn = reading.phone(command.msisdn, tap.country)
    name = reading.name(command.name)
    there = desk.tenancy(tap.tap_id, msisdn)
    stood = there.occupants if there else 1
    occupants = stood if command.occupants is None else reading.people(command.occupants)
    if there and there.is_active:
        return _update(desk, command, there, replace(there, name=name, occupants=occupants))
    fresh = Tenancy(desk.ids.new(), tap.tap_id, msisdn, name, occupants, None, desk.now)
    return desk.change(command, Kind.REGISTERED, tap.tap_id, [_arrival(desk, fresh)])


def _set_occupants(desk: Desk, command: SetOccupants) -> Change | Result:
    tap = _own_tap(desk, command, command.tap_id)
    there = _tenant(desk, tap, reading.phone(command.msisdn, tap.country))
    return _update(desk, command, there, replace(there, occupants=reading.people(command.occupants)))


def _update(desk: Desk, command: Command, there: Tenancy, wanted: Tenancy) -> Change | Result:
    if wanted == there:
        return AlreadyThere(there.tap_id, there.person)
    return desk.change(command, Kind.UPDATED, there.tap_id, [Step(there, wanted)])


def _move(desk: Desk, command: Move) -> Change | Result:
    to = _own_tap(desk, command, command.to_tap_id)
    msisdn = reading.phone(command.msisdn, to.country)
    at_goal = desk.tenancy(to.tap_id, msisdn)
    if command.from_tap_id is not None:
        leaves = _tenant(desk, _own_tap(desk, command, command.from_tap_id), msisdn)
    else:
        others = [t for t in _tenancies(desk, command, {msisdn}) if t.tap_id != to.tap_id]
        if not others and at_goal and at_goal.is_active:
            return AlreadyThere(to.tap_id, at_goal.person)
        leaves = _only(others, msisdn)
    if at_goal and at_goal.is_active:
        return AlreadyThere(to.tap_id, at_goal.person)
    fresh = Tenancy(desk.ids.new(), to.tap_id, msisdn, leaves.name, leaves.occupants, None, desk.now)
    steps = [Step(leaves, leaves.ended(desk.now)), _arrival(desk, fresh)]
    return desk.change(command, Kind.MOVED, to.tap_id, steps)


def _remove(desk: Desk, command: Remove) -> Change:
    if command.tap_id is not None:
        tap = _own_tap(desk, command, command.tap_id)
        leaves = _tenant(desk, tap, reading.phone(command.msisdn, tap.country))
    else:
        countries = {tap.country for tap in desk.kept[command.by_msisdn]} or {"ZM"}
        meant = reading.readings(command.msisdn, countries)
        if not meant:
            reading.phone(command.msisdn, min(countries))  # says what is wrong with it
        leaves = _only(_tenancies(desk, command, meant), min(meant))
    return desk.change(command, Kind.REMOVED, leaves.tap_id, [Step(leaves, leaves.ended(desk.now))])


def _count(desk: Desk, command: Count) -> Change:
    tap = _own_tap(desk, command, command.tap_id)
    occupants = reading.people(command.occupants, MOST_COUNTED)
    before = desk.tally(tap.tap_id)
    at = max(desk.now, before.counted_at + _TICK) if before else desk.now  # two counts never share a moment
    tally = Tally(tap.tap_id, at, occupants, command.by_msisdn)
    return desk.change(command, Kind.COUNTED, tap.tap_id, [Step(before, tally)])


def _list(desk: Desk, command: ListTenants) -> Result:
    if command.tap_id is None:
        mine = desk.kept[command.by_msisdn]
        return MyTaps(tuple((tap.tap_id, len(desk.active(tap.tap_id))) for tap in mine))
    tap = _own_tap(desk, command, command.tap_id)
    people = tuple(tenancy.person for tenancy in desk.active(tap.tap_id))
    tally = desk.tally(tap.tap_id)
    return Listed(tap.tap_id, tap.tap_number, people, tally.occupants if tally else None)


def _undo(desk: Desk, command: Undo) -> Change | Result:
    change = desk.last_change(command.by_msisdn)
    if change is None:
        return NothingToUndo()
    mine = {tap.tap_id for tap in desk.kept[command.by_msisdn]}
    if not change.tap_ids <= mine:
        return UndoUnsafe(change.tap_id, UndoFault.NOT_YOURS)
    if any(desk.state(step.key) != step.after for step in change.steps):
        return UndoUnsafe(change.tap_id, UndoFault.CHANGED_SINCE)
    desk.mark_undone(change)
    back = [step.back(desk.now) for step in reversed(change.steps)]
    return desk.change(command, Kind.UNDONE, change.tap_id, back, undoes=change.change_id)


def _arrival(desk: Desk, fresh: Tenancy) -> Step:
    """Put somebody on a tap; who was there before gets their old row, and with it what they owe there."""
    if len(desk.active(fresh.tap_id)) >= MOST_TENANTS:
        raise Declined(TooManyTenants(fresh.tap_id, MOST_TENANTS))
    left = desk.tenancy(fresh.tap_id, fresh.msisdn)
    return Step(left, replace(fresh, tenant_id=left.tenant_id) if left else fresh)


def _own_tap(desk: Desk, command: Command, typed: str) -> Tap:
    """Return the caretaker's tap that was typed; declines any other and says nothing about it."""
    mine = desk.kept[command.by_msisdn]
    meant = reading.tap(typed)
    if meant is not None:
        for tap in mine:
            if meant.value == (tap.tap_number if isinstance(meant, TapNumber) else tap.tap_id):
                return tap
        if meant.value in desk.others:
            raise Declined(NotYours(meant.value))
    raise Declined(NoSuchTap(reading.echo(typed), nearest(typed, mine)))


def _tenancies(desk: Desk, command: Command, msisdns: set[str]) -> list[Tenancy]:
    """Return where phones are tenants on the caretaker's taps."""
    places = [
        desk.tenancy(tap.tap_id, msisdn) for tap in desk.kept[command.by_msisdn] for msisdn in sorted(msisdns)
    ]
    return [place for place in places if place and place.is_active]


def _only(places: list[Tenancy], msisdn: str) -> Tenancy:
    if not places:
        raise Declined(NoSuchTenant(msisdn, None))
    if len(places) > 1:
        raise Declined(OnSeveralTaps(places[0].msisdn, tuple(place.tap_id for place in places)))
    return places[0]


def _tenant(desk: Desk, tap: Tap, msisdn: str) -> Tenancy:
    there = desk.tenancy(tap.tap_id, msisdn)
    if there is None or not there.is_active:
        raise Declined(NoSuchTenant(msisdn, tap.tap_id))
    return there
