"""UNDO restores exactly what was before, or says why it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tenancies_world import CHZ, JOHN, KNY, KNY2, MARY, NOW, PETER, RUTH

from taps.tenancies.commands import Count, Move, Register, Remove, SetOccupants, Undo
from taps.tenancies.events import TenantAdded, TenantRemoved
from taps.tenancies.records import Change, Kind, Step, Tally, Tenancy
from taps.tenancies.results import (
    Counted,
    NothingToUndo,
    Registered,
    UndoFault,
    Undone,
    UndoUnsafe,
)

CHANGES = [
    (Register, (KNY, JOHN, "John Phiri", 2)),
    (Register, (KNY, MARY, "Another name", 9)),
    (SetOccupants, (KNY, MARY, 7)),
    (Move, (MARY, KNY2)),
    (Remove, (MARY,)),
    (Count, (KNY, 12)),
]


@pytest.fixture
def home(world):
    """Mary is on a tap, and nine people were counted there."""
    world.do(Register, RUTH, KNY, MARY, "Mary Banda", 4)
    world.do(Count, RUTH, KNY, 9)
    world.later(hours=1)
    return world


@pytest.mark.parametrize(("kind", "args"), CHANGES)
def test_undo_restores_exactly_what_was_before(home, kind, args):
    before = home.everything()
    done = home.do(kind, RUTH, *args).result
    home.later(minutes=5)
    undone = home.do(Undo, RUTH).result
    assert home.everything() == before
    assert undone == Undone(done, undone.tenants_there, home.now - timedelta(minutes=5), home.now)


@pytest.mark.parametrize(("kind", "args"), CHANGES)
def test_history_is_only_added_to_and_marked(home, kind, args):
    home.do(kind, RUTH, *args)
    stood = dict(home.changes)
    home.do(Undo, RUTH)
    assert {i: replace(home.changes[i], undone_at=None) for i in stood} == stood
    assert [c.kind for c in home.changes.values()][-1] is Kind.UNDONE


@pytest.mark.parametrize(
    ("kind", "args", "told"),
    [
        (Register, (KNY, JOHN, "John"), [(TenantRemoved, KNY, JOHN)]),
        (SetOccupants, (KNY, MARY, 7), []),
        (Move, (MARY, KNY2), [(TenantRemoved, KNY2, MARY), (TenantAdded, KNY, MARY)]),
        (Remove, (MARY,), [(TenantAdded, KNY, MARY)]),
        (Count, (KNY, 12), []),
    ],
)
def test_the_tenant_is_told_of_what_undo_changes_for_them(home, kind, args, told):
    home.do(kind, RUTH, *args)
    events = home.do(Undo, RUTH).events
    assert [(type(e), e.tap_id, e.msisdn) for e in events] == told


def test_undo_takes_back_the_last_first_and_is_not_undone_itself(home):
    home.do(SetOccupants, RUTH, KNY, MARY, 5)
    home.do(SetOccupants, RUTH, KNY, MARY, 6)
    people = []
    for _ in range(3):
        home.do(Undo, RUTH)
        people.append(home.tenancies[KNY, MARY].occupants)
    assert people == [5, 4, 4]  # the third took back the count
    assert isinstance(home.do(Undo, RUTH).result.undone, Registered)
    assert home.on(KNY) == {}
    assert home.do(Undo, RUTH).result == NothingToUndo()


def test_a_day_later_nothing_is_undone(home):
    home.do(SetOccupants, RUTH, KNY, MARY, 5)
    home.later(hours=23, minutes=59)
    assert isinstance(home.do(Undo, RUTH).result, Undone)
    home.do(SetOccupants, RUTH, KNY, MARY, 6)
    home.later(hours=24)
    assert home.do(Undo, RUTH).result == NothingToUndo()


def test_who_changed_nothing_has_nothing_to_undo(home):
    assert home.do(Undo, PETER).result == NothingToUndo()


def test_what_somebody_else_changed_since_is_not_overwritten(home):
    home.do(SetOccupants, RUTH, KNY, MARY, 5)
    imported = replace(home.tenancies[KNY, MARY], name="Mary of the file")
    home.tenancies[KNY, MARY] = imported
    assert home.do(Undo, RUTH).result == UndoUnsafe(KNY, UndoFault.CHANGED_SINCE)
    assert home.tenancies[KNY, MARY] == imported


def test_a_move_is_not_undone_where_one_end_of_it_was_changed(home):
    home.do(Move, RUTH, MARY, KNY2)
    home.tenancies[KNY, MARY] = replace(home.tenancies[KNY, MARY], removed_at=None)
    before = home.everything()
    assert home.do(Undo, RUTH).result == UndoUnsafe(KNY2, UndoFault.CHANGED_SINCE)
    assert home.everything() == before


def test_a_newer_count_of_somebody_else_stays(home):
    home.do(Count, RUTH, KNY, 12)
    home.tallies[KNY][home.now + timedelta(hours=1)] = Tally(KNY, home.now + timedelta(hours=1), 20, PETER)
    assert home.do(Undo, RUTH).result == UndoUnsafe(KNY, UndoFault.CHANGED_SINCE)


def test_a_tap_that_was_given_to_another_is_left_alone(home):
    home.do(Move, RUTH, MARY, KNY2)
    home.taps[KNY] = replace(home.taps[KNY], caretaker_msisdn=PETER)
    assert home.do(Undo, RUTH).result == UndoUnsafe(KNY2, UndoFault.NOT_YOURS)
    assert home.do(Undo, PETER).result == NothingToUndo()


def test_two_undos_of_a_batch_take_back_two_changes(home):
    first = home.command(Register, RUTH, KNY, JOHN, "John")
    before = home.everything()
    answers = home.batch(
        first,
        home.command(Count, RUTH, KNY, 10),
        home.command(Undo, RUTH),
        home.command(Undo, RUTH),
    )
    assert [type(a.result) for a in answers] == [Registered, Counted, Undone, Undone]
    assert home.everything() == before


def test_counts_of_one_moment_have_rows_of_their_own(home):
    home.batch(*(home.command(Count, RUTH, KNY, n) for n in (10, 11, 12)))
    assert [t.occupants for _, t in sorted(home.tallies[KNY].items())] == [9, 10, 11, 12]
    home.do(Undo, RUTH)
    home.do(Undo, RUTH)
    assert [t.occupants for _, t in sorted(home.tallies[KNY].items())] == [9, 10]


def test_what_was_undone_can_be_done_again(home):
    home.do(Register, RUTH, KNY, JOHN, "John")
    left = home.tenancies[KNY, JOHN].tenant_id
    home.do(Undo, RUTH)
    assert isinstance(home.do(Register, RUTH, KNY, JOHN, "John").result, Registered)
    assert home.tenancies[KNY, JOHN].tenant_id == left
    home.do(Undo, RUTH)
    assert JOHN not in home.on(KNY)


def test_the_caretaker_of_another_tap_undoes_only_what_is_theirs(home):
    home.do(Register, PETER, CHZ, MARY, "Mary Banda")
    home.do(SetOccupants, RUTH, KNY, MARY, 5)
    assert home.do(Undo, PETER).result.undone.tap_id == CHZ
    assert home.on(KNY) == {MARY: ("Mary Banda", 5)}


def test_a_change_is_read_as_it_was_written(home):
    place = Tenancy("id", KNY, MARY, 'Ŋambi "Ŵ" {x}', 4, None, NOW)
    step = Step(place, place.ended(NOW + timedelta(microseconds=1)))
    tally = Step(None, Tally(KNY, NOW, 9, RUTH))
    change = Change("c", RUTH, 1, "sms:1:0", Kind.MOVED, NOW, KNY, (step, tally), 3, None, NOW)
    row = type("Row", (), change.row())
    assert Change.of(row) == change
