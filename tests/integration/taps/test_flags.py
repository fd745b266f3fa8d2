import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.errors import BadInput, Conflict, NotFound, Refused
from taps import flags, users
from taps.flags_model import FlagKind, FlagState, Report, Source
from taps.model import Role, User

KNY, EMPTY, NRB = "KNY-0417-1", "KNY-0533-5", "NRB-0001-7"
MARY, JOHN = "+260960000001", "+260970000002"
BURST = Report(FlagKind.BURST, KNY, " by the\tchurch ", MARY, Source.RESIDENT)


@pytest.fixture
def tell(city, ids, clock):
    """Reports what it is given in a transaction of its own."""

    async def tell_(*reports):
        async with city.write() as connection:
            return await flags.report(connection, reports, ids=ids, now=clock.now())

    return tell_


@pytest.fixture
def act(city, ids, clock):
    """Does one thing to a flag, as the office."""

    async def act_(do, *args, **how):
        async with city.write() as connection:
            return await do(connection, *args, actor="office", ids=ids, now=clock.now(), **how)

    return act_


@pytest.fixture
async def people(city, clock):
    async with city.write() as connection:
        for user in (User("Ann", Role.AGENT, ("KNY",)), User("Bob", Role.AGENT, ("NRB",))):
            await users.add_user(connection, user, clock.now())


async def listed(city, **how):
    async with city.read() as connection:
        return [flag.reference for flag in await flags.find(connection, **how)]


async def test_a_report_opens_a_flag_with_a_reference(tell, city, clock):
    (opened,) = await tell(BURST)
    assert (opened.is_new, opened.flag.reference, opened.flag.state) == (True, "F-0001", "open")
    async with city.read() as connection:
        stored = (await flags.by_numbers(connection, [1, 2]))[1]
        assert stored == opened.flag
        (step,) = await flags.history(connection, stored.flag_id)
    assert (stored.words, stored.zone, stored.reported_by) == ("by the church", "KNY", MARY)
    assert (step.at, step.event, step.from_state, step.to_state) == (clock.now(), "open", None, "open")
    assert step.actor == MARY


async def test_the_same_told_again_is_the_first_flag(tell, clock):
    (first,) = await tell(BURST)
    clock.advance(29 * 86400)
    (again,) = await tell(BURST)
    assert (again.is_new, again.flag) == (False, first.flag)
    clock.advance(86400)
    (later,) = await tell(BURST)
    assert (later.is_new, later.flag.number) == (True, 2)


async def test_many_reports_are_answered_in_their_order(tell):
    other = Report(FlagKind.OTHER, None, "behind the market", JOHN, Source.RESIDENT)
    answers = await tell(BURST, other, BURST, other)
    assert [(a.flag.number, a.is_new) for a in answers] == [(1, True), (2, True), (1, False), (2, False)]
    assert answers[1].flag.zone is None


async def test_no_reports_are_no_flags(tell, city):
    assert await tell() == []
    assert await listed(city) == []


async def test_a_tap_that_does_not_exist_opens_nothing(tell, city):
    with pytest.raises(NotFound, match="no_such_tap"):
        await tell(BURST, Report(FlagKind.BURST, "KNY-9999-9", "", MARY, Source.RESIDENT))
    assert await listed(city) == []


async def test_reports_at_once_get_numbers_of_their_own(city, ids, clock):
    async def one(n):
        told = Report(FlagKind.BURST, KNY, "", f"+26096000010{n}", Source.RESIDENT)
        async with city.write() as connection:
            return (await flags.report(connection, [told], ids=ids, now=clock.now()))[0].flag.number

    assert sorted(await asyncio.gather(*(one(n) for n in range(8)))) == list(range(1, 9))


async def test_the_same_report_twice_at_once_is_one_flag(city, ids, clock):
    async def one():
        async with city.write() as connection:
            return (await flags.report(connection, [BURST], ids=ids, now=clock.now()))[0].is_new

    assert sorted(await asyncio.gather(*(one() for _ in range(6)))) == [False] * 5 + [True]
    assert await listed(city) == ["F-0001"]


async def test_a_flag_is_assigned_visited_and_cleared_with_its_history(tell, act, people, city, clock):
    ((opened),) = await tell(BURST)
    clock.advance(60)
    assert (await act(flags.assign, 1, "Ann")).owner == "Ann"
    clock.advance(60)
    assert (await act(flags.resolve, 1, FlagState.VISITED)).state is FlagState.VISITED
    clock.advance(60)
    cleared = await act(flags.resolve, 1, FlagState.CLEARED, note=" mended \x00 ")
    async with city.read() as connection:
        assert (await flags.by_numbers(connection, [1]))[1] == cleared
        steps = await flags.history(connection, opened.flag.flag_id)
    assert [(s.event, s.from_state, s.to_state, s.note) for s in steps] == [
        ("open", None, "open", ""),
        ("assign", "open", "open", "Ann"),
        ("visit", "open", "visited", ""),
        ("clear", "visited", "cleared", "mended"),
    ]
    assert (cleared.owner, cleared.version, cleared.is_resolved) == ("Ann", 3, True)


async def test_a_cleared_flag_stays_and_a_new_report_opens_another(tell, act, city):
    await tell(BURST)
    await act(flags.resolve, 1, FlagState.CLEARED)
    with pytest.raises(Conflict, match="bad_transition"):
        await act(flags.resolve, 1, FlagState.CONFIRMED)
    (again,) = await tell(BURST)
    assert (again.is_new, again.flag.number) == (True, 2)


async def test_assigning_to_the_owner_again_changes_nothing(tell, act, people, city):
    (opened,) = await tell(BURST)
    assert await act(flags.assign, 1, "Ann") == await act(flags.assign, 1, "Ann")
    async with city.read() as connection:
        assert len(await flags.history(connection, opened.flag.flag_id)) == 2


async def test_what_cannot_be_done_is_refused(tell, act, people):
    await tell(BURST)
    for error, code, do in (
        (NotFound, "unknown_flag", act(flags.assign, 7, "Ann")),
        (NotFound, "unknown_flag", act(flags.resolve, 7, FlagState.CLEARED)),
        (NotFound, "unknown_user", act(flags.assign, 1, "nobody")),
        (Refused, "other_zone", act(flags.assign, 1, "Bob")),
        (BadInput, "bad_state", act(flags.resolve, 1, FlagState.OPEN)),
    ):
        with pytest.raises(error) as refusal:
            await do
        assert refusal.value.reason == code
    await act(flags.resolve, 1, FlagState.CONFIRMED)
    with pytest.raises(Conflict, match="flag_resolved"):
        await act(flags.assign, 1, "Ann")


async def test_anybody_may_own_what_is_at_another_place(tell, act, people):
    await tell(Report(FlagKind.BURST, None, "the big road", MARY, Source.RESIDENT))
    assert (await act(flags.assign, 1, "Bob")).owner == "Bob"


async def test_flags_are_found_by_zone_and_state_newest_first(tell, act, city):
    placeless = Report(FlagKind.BURST, None, "the big road", MARY, Source.RESIDENT)
    far = Report(FlagKind.MONEY, NRB, "", MARY, Source.RESIDENT)
    await tell(BURST, placeless, far)
    await act(flags.resolve, 3, FlagState.VISITED)
    assert await listed(city) == ["F-0003", "F-0002", "F-0001"]
    assert await listed(city, zones=["KNY"]) == ["F-0001"]
    assert await listed(city, zones=["KNY", "NRB"], state=FlagState.VISITED) == ["F-0003"]
    assert await listed(city, limit=2) == ["F-0003", "F-0002"]


async def test_what_is_unresolved_at_taps_is_newest_first(tell, act, city, clock):
    await tell(BURST)
    clock.advance(1)
    await tell(Report(FlagKind.RUBBISH, KNY, "", JOHN, Source.CARETAKER), replace_tap(BURST, EMPTY))
    await act(flags.resolve, 3, FlagState.CONFIRMED)
    async with city.read() as connection:
        found = await flags.unresolved_of(connection, [KNY, EMPTY, NRB])
    assert {tap: [f.number for f in of_tap] for tap, of_tap in found.items()} == {
        KNY: [2, 1],
        EMPTY: [],
        NRB: [],
    }


def replace_tap(report, tap_id):
    return Report(report.kind, tap_id, report.words, report.msisdn, report.source)


@pytest.mark.parametrize(
    "words", ["", "   ", "😀" * 160, "\u200f\u202e", "a\x00b", "'; DROP TABLE flags; --", "{{7*7}}"]
)
async def test_any_words_are_kept_safely(tell, city, words):
    (opened,) = await tell(Report(FlagKind.OTHER, KNY, words, MARY, Source.RESIDENT))
    async with city.read() as connection:
        assert (await flags.by_numbers(connection, [1]))[1] == opened.flag
        assert (await connection.execute(sa.text("SELECT count(*) FROM flags"))).scalar() == 1


async def test_a_second_phone_makes_the_rule_open_its_own_flag(tell, city, clock):
    told = Report(FlagKind.UNREGISTERED, KNY, "a pipe at night", MARY, Source.RESIDENT)
    await tell(told)
    clock.advance(timedelta(days=29).total_seconds())
    (second,) = await tell(Report(FlagKind.UNREGISTERED, KNY, "", JOHN, Source.CARETAKER))
    async with city.read() as connection:
        found = await flags.unresolved_of(connection, [KNY])
    assert [(f.number, f.source, f.rule) for f in found[KNY]] == [
        (3, "detected", "two_reports"),
        (2, "caretaker", None),
        (1, "resident", None),
    ]
    assert second.flag.number == 2
    assert found[KNY][0].reported_by is None
