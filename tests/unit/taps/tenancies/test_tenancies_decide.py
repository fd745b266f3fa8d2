"""What each command does, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tenancies_world import ACHIENG, CHZ, JOHN, KNY, KNY2, MARY, NOW, NRB, ORPHAN, PETER, RUTH

from taps.tenancies.commands import Count, ListTenants, Move, Register, Remove, SetOccupants, Undo
from taps.tenancies.decide import MOST_TENANTS
from taps.tenancies.events import TenantAdded, TenantRemoved
from taps.tenancies.results import (
    AlreadyThere,
    BadName,
    BadOccupants,
    BadPhone,
    Counted,
    Listed,
    Moved,
    MyTaps,
    NoSuchTap,
    NoSuchTenant,
    NothingToUndo,
    NotYours,
    OnSeveralTaps,
    Person,
    PhoneFault,
    Registered,
    Removed,
    TooManyTenants,
    Updated,
)

DAY = NOW + timedelta(hours=24)
BANDA = Person(MARY, "Mary Banda", 4)


def register_mary(world, tap=KNY, by=RUTH, **named):
    return world.do(Register, by, tap, "0977 123 456", "Mary Banda", 4, **named)


# Registering


def test_a_registered_person_is_on_the_tap_and_told(world):
    answer = register_mary(world)
    assert answer.result == Registered(KNY, BANDA, 1, DAY)
    [event] = answer.events
    assert (type(event), event.tap_id, event.tap_number, event.msisdn) == (TenantAdded, KNY, "241703", MARY)
    assert world.on(KNY) == {MARY: ("Mary Banda", 4)}


@pytest.mark.parametrize("typed", ["KNY-0417-1", "kny 0417 1", "KNY04171", "kny-417-1", "241703", "24 17 03"])
def test_a_tap_is_understood_in_every_form(world, typed):
    assert register_mary(world, typed).result.tap_id == KNY


@pytest.mark.parametrize(
    "typed", ["0977123456", "977123456", "260977123456", "+260 977-123-456", "00260977123456", MARY]
)
def test_a_phone_is_understood_in_every_form(world, typed):
    assert world.do(Register, RUTH, KNY, typed, "Mary").result.person == Person(MARY, "Mary", 1)


def test_who_is_on_the_tap_already_gets_the_new_name_and_number_of_people(world):
    register_mary(world)
    answer = world.do(Register, RUTH, KNY, MARY, "Mary B. Banda", 5)
    assert answer.result == Updated(KNY, Person(MARY, "Mary B. Banda", 5), BANDA, 1, DAY)
    assert answer.events == ()


def test_a_new_name_alone_leaves_the_number_of_people(world):
    register_mary(world)
    assert world.do(Register, RUTH, KNY, MARY, "Mary Phiri").result.person == Person(MARY, "Mary Phiri", 4)


def test_the_same_again_is_said_to_be_so_and_changes_nothing(world):
    register_mary(world)
    assert register_mary(world).result == AlreadyThere(KNY, BANDA)
    assert len(world.changes) == 1


def test_who_left_is_back_with_the_row_that_their_debts_belong_to(world):
    register_mary(world)
    before = world.tenancies[KNY, MARY]
    world.later(days=40)
    world.do(Remove, RUTH, MARY, KNY)
    world.later(days=40)
    answer = world.do(Register, RUTH, KNY, MARY, "Mary Banda")
    assert answer.result.person == BANDA
    now = world.tenancies[KNY, MARY]
    assert (now.tenant_id, now.removed_at, now.created_at) == (before.tenant_id, None, world.now)


def test_a_person_may_be_a_tenant_on_two_taps(world):
    register_mary(world)
    assert isinstance(register_mary(world, KNY2).result, Registered)
    assert world.on(KNY) == world.on(KNY2)


def test_a_caretaker_who_lives_at_the_tap_is_not_told_twice(world):
    answer = world.do(Register, RUTH, KNY, RUTH, "Ruth Zulu", 3)
    assert isinstance(answer.result, Registered)
    assert answer.events == ()


def test_a_tap_has_an_end(world):
    for n in range(MOST_TENANTS):
        assert isinstance(world.do(Register, RUTH, KNY, f"09770{n:05d}", "Somebody").result, Registered)
    assert register_mary(world).result == TooManyTenants(KNY, MOST_TENANTS)
    assert isinstance(world.do(Register, RUTH, KNY, "0977000000", "Somebody else").result, Updated)
    register_mary(world, KNY2)
    assert world.do(Move, RUTH, MARY, KNY).result == TooManyTenants(KNY, MOST_TENANTS)


# What is typed badly


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("M" * 200, "M" * 60),
        ("  Mary \t\n Banda ", "Mary Banda"),
        ("Ma\x00ry\u202e Banda", "Mary Banda"),
        ("Ŋambi Ŵiza", "Ŋambi Ŵiza"),
        ("{amount} %s' OR 1=1;--", "{amount} %s' OR 1=1;--"),
        ("Mary 🙂", "Mary 🙂"),
        ("مريم", "مريم"),
    ],
)
def test_a_name_is_kept_as_people_write_it(world, typed, kept):
    assert world.do(Register, RUTH, KNY, MARY, typed).result.person.name == kept


@pytest.mark.parametrize("typed", ["", "   ", "\x00", "\u200f\u202e", "🙂" * 160, "-.,"])
def test_a_name_without_a_letter_is_refused(world, typed):
    assert world.do(Register, RUTH, KNY, MARY, typed).result == BadName()
    assert not world.changes


@pytest.mark.parametrize("number", [0, -1, 1000, 10**12])
def test_so_many_people_cannot_live_in_a_home(world, number):
    assert world.do(Register, RUTH, KNY, MARY, "Mary", number).result == BadOccupants(999)
    register_mary(world)
    assert world.do(SetOccupants, RUTH, KNY, MARY, number).result == BadOccupants(999)


@pytest.mark.parametrize("number", [0, -5, 10_000])
def test_so_many_people_cannot_be_counted(world, number):
    assert world.do(Count, RUTH, KNY, number).result == BadOccupants(9999)


@pytest.mark.parametrize(
    "typed", ["", "Mary", "12", "0977", "0977123456 1", "09771234567890", "\x00", "🙂" * 160]
)
def test_what_is_no_phone_is_refused(world, typed):
    assert world.do(Register, RUTH, KNY, typed, "Mary").result == BadPhone(PhoneFault.BAD)
    assert world.do(Move, RUTH, typed, KNY).result == BadPhone(PhoneFault.BAD)
    assert world.do(Remove, RUTH, typed).result == BadPhone(PhoneFault.BAD)


@pytest.mark.parametrize("typed", [ACHIENG, "+447911123456", "00254712000003"])
def test_a_phone_of_another_country_is_refused(world, typed):
    assert world.do(Register, RUTH, KNY, typed, "Achieng").result == BadPhone(PhoneFault.FOREIGN)


def test_a_phone_of_the_taps_own_country_is_taken_in_its_own_form(world):
    assert world.do(Register, RUTH, NRB, "0712000003", "Achieng").result.person.msisdn == ACHIENG
    assert world.do(Register, RUTH, NRB, MARY, "Mary").result == BadPhone(PhoneFault.FOREIGN)
    assert world.do(Remove, RUTH, "0712000003").result.person.msisdn == ACHIENG


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("KNY-0471-1", KNY),  # neighbours swapped
        ("KNY-0417-2", KNY),
        ("KNX 0417 1", KNY),
        ("KNY-417", None),
        ("24170", KNY),
        ("241730", KNY),
        ("2417033", KNY),
        ("KNY-0533-6", KNY2),
        ("KNY-0999-9", None),
        ("CHZ-0417-9", None),  # near to a tap, but that is Peter's
        ("", None),
        ("hello", None),
        ("🙂" * 160, None),
    ],
)
def test_a_mistyped_tap_is_answered_with_the_one_of_mine_that_it_may_be(world, typed, near):
    result = register_mary(world, typed).result
    assert (type(result), result.near) == (NoSuchTap, near)
    assert not world.changes


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("KNY-0471-1", "KNY-0471-1"),
        (" K" * 100, "K K K K K K"),
        ("K\x00\u202e7", "K7"),
        ("🙂" * 160, "🙂" * 12),
    ],
)
def test_a_mistyped_tap_is_repeated_as_far_as_it_can_be_shown(world, typed, shown):
    assert register_mary(world, typed).result.typed == shown


@pytest.mark.parametrize("pin", ["1234", "12345", " 1234 ", "PIN 1234"])
def test_what_may_be_a_pin_is_not_repeated(world, pin):
    assert register_mary(world, pin).result.typed == ""


# Rights


ABOUT = [
    (Register, (MARY, "Mary"), 0),
    (Move, (MARY,), 1),
    (Remove, (MARY,), 1),
    (SetOccupants, (MARY, 3), 0),
    (Count, (3,), 0),
    (ListTenants, (), 0),
]


@pytest.mark.parametrize(("kind", "args", "at"), ABOUT)
@pytest.mark.parametrize("named", [CHZ, "300004", ORPHAN])
def test_a_tap_of_another_is_refused_with_nothing_about_it(world, kind, args, at, named):
    register_mary(world, CHZ, by=PETER)
    answer = world.do(kind, RUTH, *args[:at], named, *args[at:])
    assert (answer.result, answer.events) == (NotYours(named), ())
    assert world.on(CHZ) == {MARY: ("Mary Banda", 4)}
    assert len(world.changes) == 1


def test_a_tenant_of_another_caretaker_alone_is_not_known(world):
    register_mary(world, CHZ, by=PETER)
    assert world.do(Move, RUTH, MARY, KNY).result == NoSuchTenant(MARY, None)
    assert world.do(Move, RUTH, MARY, KNY, CHZ).result == NotYours(CHZ)
    assert world.do(Remove, RUTH, MARY).result == NoSuchTenant(MARY, None)
    assert world.do(Undo, RUTH).result == NothingToUndo()


def test_a_stranger_changes_and_learns_nothing(world):
    register_mary(world)
    assert register_mary(world, by=JOHN).result == NotYours(KNY)
    assert world.do(ListTenants, JOHN).result == MyTaps(())
    assert world.do(Remove, JOHN, MARY).result == NoSuchTenant(MARY, None)


# Moving and removing


def test_a_moved_tenant_leaves_one_tap_and_is_on_the_other(world):
    register_mary(world)
    world.owed[world.tenancies[KNY, MARY].tenant_id] = 1000
    answer = world.do(Move, RUTH, MARY, KNY2)
    assert answer.result == Moved(KNY2, KNY, BANDA, 1, DAY)
    left, came = answer.events
    assert (left.tap_id, left.msisdn, left.left_minor, left.currency) == (KNY, MARY, 1000, "ZMW")
    assert (came.tap_id, came.tap_number, came.msisdn) == (KNY2, "100008", MARY)
    assert len({left.fact_key, came.fact_key}) == 2
    assert world.on(KNY) == {}
    assert world.on(KNY2) == {MARY: ("Mary Banda", 4)}
    assert world.tenancies[KNY, MARY].tenant_id != world.tenancies[KNY2, MARY].tenant_id


def test_a_move_back_uses_the_row_that_the_old_debts_belong_to(world):
    register_mary(world)
    first = world.tenancies[KNY, MARY].tenant_id
    world.do(Move, RUTH, MARY, KNY2)
    world.do(Move, RUTH, MARY, KNY)
    assert world.tenancies[KNY, MARY].tenant_id == first


def test_on_several_taps_a_move_or_removal_asks_which(world):
    for tap_id in (KNY, KNY2):
        register_mary(world, tap_id)
    assert world.do(Remove, RUTH, MARY).result == OnSeveralTaps(MARY, (KNY, KNY2))
    assert world.do(Remove, RUTH, MARY, KNY2).result == Removed(KNY2, BANDA, 0, DAY)


def test_a_move_asks_from_which_of_two_other_taps(world):
    world.taps[ORPHAN] = replace(world.taps[ORPHAN], caretaker_msisdn=RUTH)
    for tap_id in (KNY, KNY2):
        register_mary(world, tap_id)
    assert world.do(Move, RUTH, MARY, ORPHAN).result == OnSeveralTaps(MARY, (KNY, KNY2))
    assert world.do(Move, RUTH, MARY, ORPHAN, KNY).result == Moved(ORPHAN, KNY, BANDA, 1, DAY)
    assert world.do(Move, RUTH, MARY, KNY2).result == AlreadyThere(KNY2, BANDA)


def test_a_move_to_where_somebody_is_changes_nothing(world):
    register_mary(world)
    assert world.do(Move, RUTH, MARY, KNY).result == AlreadyThere(KNY, BANDA)
    assert world.do(Move, RUTH, MARY, KNY, KNY).result == AlreadyThere(KNY, BANDA)
    assert world.do(Move, RUTH, MARY, KNY2, KNY2).result == NoSuchTenant(MARY, KNY2)


def test_a_removed_tenant_is_told_what_is_left_to_pay(world):
    register_mary(world)
    world.owed[world.tenancies[KNY, MARY].tenant_id] = 1050
    answer = world.do(Remove, RUTH, "0977123456")
    assert answer.result == Removed(KNY, BANDA, 0, DAY)
    [event] = answer.events
    assert (type(event), event.left_minor, event.currency) == (TenantRemoved, 1050, "ZMW")


def test_who_was_removed_cannot_be_again(world):
    register_mary(world)
    world.do(Remove, RUTH, MARY)
    assert world.do(Remove, RUTH, MARY).result == NoSuchTenant(MARY, None)
    assert world.do(Remove, RUTH, MARY, KNY).result == NoSuchTenant(MARY, KNY)
    assert world.do(SetOccupants, RUTH, KNY, MARY, 2).result == NoSuchTenant(MARY, KNY)
    assert world.do(Move, RUTH, MARY, KNY2).result == NoSuchTenant(MARY, None)


# Occupants, counts, lists


def test_occupants_are_set_or_said_to_be_so(world):
    register_mary(world)
    assert world.do(SetOccupants, RUTH, KNY, MARY, 6).result == Updated(
        KNY, Person(MARY, "Mary Banda", 6), BANDA, 1, DAY
    )
    assert isinstance(world.do(SetOccupants, RUTH, KNY, MARY, 6).result, AlreadyThere)


def test_a_count_stands_beside_those_registered_and_the_count_before(world):
    register_mary(world)
    world.do(Register, RUTH, KNY, JOHN, "John", 2)
    assert world.do(Count, RUTH, KNY, 9).result == Counted(KNY, 9, None, 6, DAY)
    assert world.do(Count, RUTH, KNY, 12).result == Counted(KNY, 12, 9, 6, DAY)
    assert len(world.tallies[KNY]) == 2


def test_a_list_is_by_name_and_holds_the_last_count(world):
    world.do(Register, RUTH, KNY, JOHN, "john Phiri", 2)
    register_mary(world)
    world.do(Register, RUTH, KNY, "0966555555", "Abel", 1)
    world.do(Remove, RUTH, "0966555555")
    world.do(Count, RUTH, KNY, 9)
    assert world.do(ListTenants, RUTH, KNY).result == Listed(
        KNY, "241703", (Person(JOHN, "john Phiri", 2), BANDA), 9
    )
    assert world.do(ListTenants, RUTH).result == MyTaps(((KNY, 2), (KNY2, 0), (NRB, 0)))


# Repeats and batches


@pytest.mark.parametrize(("kind", "args"), [(Register, (KNY, JOHN, "John")), (Remove, (MARY,)), (Undo, ())])
def test_a_repeat_gets_the_same_answer_and_does_nothing(world, kind, args):
    register_mary(world)
    first = world.do(kind, RUTH, *args, command_id="sms:77:0")
    before = world.everything(), dict(world.changes)
    world.later(hours=30)
    again = world.do(kind, RUTH, *args, command_id="sms:77:0")
    assert (again.result, again.events, again.is_repeat) == (first.result, (), True)
    assert (world.everything(), world.changes) == before


def test_a_repeat_within_a_batch_does_nothing(world):
    twice = world.command(Register, RUTH, KNY, MARY, "Mary", command_id="sms:1:0")
    first, again = world.batch(twice, twice)
    assert (again.result, again.is_repeat, first.is_repeat) == (first.result, True, False)


def test_the_id_of_one_caretaker_is_nothing_to_another(world):
    register_mary(world, command_id="sms:1:0")
    answer = world.do(Register, PETER, CHZ, JOHN, "John", command_id="sms:1:0")
    assert answer.result.tap_id == CHZ


def test_commands_of_a_batch_see_one_another_in_order(world):
    answers = world.batch(
        world.command(Register, RUTH, KNY, MARY, "Mary Banda", 4),
        world.command(Register, RUTH, KNY, "bad", "Nobody"),
        world.command(Register, PETER, CHZ, JOHN, "John"),
        world.command(Move, RUTH, MARY, KNY2),
        world.command(Count, RUTH, KNY2, 9),
        world.command(Count, RUTH, KNY2, 10),
        world.command(ListTenants, RUTH, KNY2),
    )
    assert [type(a.result) for a in answers] == [
        Registered,
        BadPhone,
        Registered,
        Moved,
        Counted,
        Counted,
        Listed,
    ]
    assert answers[-1].result == Listed(KNY2, "100008", (BANDA,), 10)
    assert sorted(c.seq for c in world.changes.values() if c.by_msisdn == RUTH) == [1, 2, 3, 4]
