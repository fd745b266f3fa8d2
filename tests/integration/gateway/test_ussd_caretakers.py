"""Caretakers on the menu over HTTP: tenants, people, counts, flags, undo; on their own taps alone."""

import asyncio

import pytest
import sqlalchemy as sa
from field import (
    BOTH,
    FAR,
    GRACE,
    JOHN,
    KEEPER,
    MARY,
    OTHER_KEEPER,
    SPLIT,
    call,
    noted,
    on_tap,
    settle_field,
)
from town import CALLER, OTHER_TAP, TAP

from taps.tables import flags, tap_counts, taps, tenants

ADD = ("8", "2", "2", "0961234999", "Grace Tembo", "3", "1")  # my taps, the second, add, …, Yes
ON_SPLIT = {MARY: ("Mary Banda", 4), JOHN: ("John Phiri", 2)}


@pytest.fixture
async def field(town):
    await settle_field(town)
    await town.open()
    return town


async def test_a_caretaker_sees_two_keys_more_and_his_taps_alone(field):
    assert (await call(field, KEEPER, session="m")).endswith("6 Help\n7 Tap status\n8 My taps")
    assert await call(field, KEEPER, "8", session="a") == (
        f"CON Your taps, number of tenants:\n1 {TAP}: 0\n2 {SPLIT}: 2\n3 Undo my last change\n0 Back"
    )
    assert f"1 {FAR}: 0\n2 Undo" in await call(field, OTHER_KEEPER, "8", session="b")
    assert (await call(field, CALLER, "8", session="c")).startswith("CON You typed 8.")


async def test_a_tenant_is_added_once_told_by_sms_and_taken_back(field):
    last = await call(field, KEEPER, *ADD, session="a")
    assert last == (
        f"CON Done: Grace Tembo, 0961234999, 3 people, is on {SPLIT} now.\nTenants there: 3.\n"
        "1 Undo my last change\n0 Back"
    )
    assert await call(field, KEEPER, *ADD, session="a") == last
    assert await on_tap(field, SPLIT) == ON_SPLIT | {GRACE: ("Grace Tembo", 3)}
    assert (await field.sms(GRACE))[0].startswith(f"Madzi: Done: you are on tap {SPLIT} now")
    undone = await call(field, KEEPER, *ADD, "1", session="a")
    assert undone.startswith(f"CON Undone: Grace Tembo, 0961234999, is not on {SPLIT} any more.")
    assert await on_tap(field, SPLIT) == ON_SPLIT
    acts = [row for row in await noted(field) if row[2].startswith("tenant.")]
    assert [(row[0], row[1], row[2], row[4]) for row in acts] == [
        (KEEPER, "caretaker", "tenant.register", "done"),
        (KEEPER, "caretaker", "tenant.undo", "done"),
    ]


async def test_the_yes_at_the_same_moment_many_times_adds_once(field):
    await call(field, KEEPER, *ADD[:-1], session="a")
    text = "*".join(ADD)
    replies = await asyncio.gather(*(field.hop(text, session="a", msisdn=KEEPER) for _ in range(6)))
    assert len({body for _, body, _ in replies}) == 1
    assert len(await on_tap(field, SPLIT)) == 3
    assert len(await field.sms(GRACE)) == 1


async def test_two_tenants_added_in_one_call_are_two_changes(field):
    await call(field, KEEPER, *ADD, "0", "2", "0961234998", "Ruth Mumba", "1", "1", session="a")
    assert len(await on_tap(field, SPLIT)) == 4


async def test_people_of_a_home_change(field):
    last = await call(field, KEEPER, "8", "2", "1", "2", "1", "6", session="a")
    assert last.startswith(f"CON Done: Mary Banda, 0967123456, 6 people, on {SPLIT}.")
    assert (await on_tap(field, SPLIT))[MARY] == ("Mary Banda", 6)


async def test_a_tenant_moves_to_another_tap_of_the_caretaker(field):
    last = await call(field, KEEPER, "8", "2", "1", "2", "2", "1", session="a")
    assert last.startswith(f"CON Done: Mary Banda, 0967123456, is on {TAP} now, not on {SPLIT}.")
    assert await on_tap(field, TAP) == {MARY: ("Mary Banda", 4)}


async def test_a_tenant_is_removed_and_told(field):
    last = await call(field, KEEPER, "8", "2", "1", "1", "3", "1", session="a")
    assert last.startswith(f"CON Done: John Phiri, 0966123456, is not on {SPLIT} any more.")
    assert await on_tap(field, SPLIT) == {MARY: ("Mary Banda", 4)}
    assert len(await field.sms(JOHN)) == 1


async def test_a_tenant_who_is_gone_meanwhile_is_said_so(field):
    await call(field, KEEPER, "8", "2", "1", "1", session="a")
    await call(field, KEEPER, "8", "2", "1", "1", "3", "1", session="b")
    reply = (await field.hop("8*2*1*1*3", session="a", msisdn=KEEPER))[1]
    assert reply.startswith("CON Remove John Phiri")
    reply = (await field.hop("8*2*1*1*3*1", session="a", msisdn=KEEPER))[1]
    assert reply.startswith("CON Not done: 0966123456 is not on this tap any more.")
    reply = (await field.hop("8*2*1*1*3*1*0", session="a", msisdn=KEEPER))[1]
    assert reply.startswith(f"CON {SPLIT}: 1 tenant, 4 people")


async def test_people_are_counted_and_a_count_is_taken_back(field):
    last = await call(field, KEEPER, "8", "2", "3", "18", session="a")
    assert last.startswith(f"CON Done: 18 people counted at {SPLIT}. On the list: 6 people.")
    (row,) = await field.rows(sa.select(tap_counts))
    assert (row.tap_id, row.occupants, row.counted_by) == (SPLIT, 18, KEEPER)
    await call(field, KEEPER, "8", "3", "1", session="b")
    assert await field.rows(sa.select(tap_counts)) == []


async def test_a_caretaker_reports_at_his_tap_and_sees_it_there(field):
    last = await call(field, KEEPER, "8", "1", "4", "1", "5", "Pipe behind the wall", session="a")
    assert last.startswith(f"END Reported: Illegal connection, {TAP}. Your report is F-0001.")
    (flag,) = await field.rows(sa.select(flags))
    assert (flag.kind, flag.tap_id, flag.source) == ("unregistered", TAP, "caretaker")
    assert "F-0001 Illegal connection, " in await call(field, KEEPER, "8", "1", "4", session="b")
    assert (KEEPER, "caretaker", "flag.report", "F-0001", "done") in await noted(field)


async def test_a_tap_of_another_caretaker_is_named_and_nothing_more(field):
    for tap_id in (FAR, OTHER_TAP):
        shown = await call(field, KEEPER, "7", tap_id, session=tap_id)
        assert shown == f"CON {tap_id} is not one of your taps.\n0 Back"
    assert (await noted(field))[-1] == (KEEPER, "caretaker", "tap.status", OTHER_TAP, "not_yours")


async def test_a_caretaker_sees_the_status_of_his_tap_without_cash(field):
    shown = await call(field, KEEPER, "8", "2", "5", session="a")
    assert shown.startswith(f"CON {SPLIT}, Nov: K0.00 of K30.05\nPaid by 0, not by 2, waiting 0\n")
    assert shown.endswith("1 Who has paid\n0 Back")


async def test_who_is_no_caretaker_any_more_changes_nothing(field):
    await call(field, KEEPER, *ADD[:-1], session="a")
    async with field.db.write() as connection:
        await connection.execute(sa.update(taps).values(caretaker_msisdn=BOTH))
    reply = (await field.hop("*".join(ADD), session="a", msisdn=KEEPER))[1]
    assert reply.startswith(f"CON Not done: {SPLIT} is not one of your taps.")
    assert await on_tap(field, SPLIT) == ON_SPLIT
    reply = (await field.hop("*".join((*ADD, "0")), session="a", msisdn=KEEPER))[1]
    assert reply.startswith("CON This tap is not yours to see any more.")
    assert (await noted(field))[-1][2:] == ("tenant.register", SPLIT, "not_yours")


NAMES = [
    ("x" * 200, "x" * 60),
    ("\u202eMary \U0001f600 Banda", None),
    ("'; DROP TABLE tenants; --", "'; DROP TABLE tenants; --"),
    ("{name} %s ${x}", "{name} %s ${x}"),
    ("Ŵanga Ng'andu", "Ŵanga Ng'andu"),
]


@pytest.mark.parametrize(("typed", "kept"), NAMES)
async def test_any_name_is_kept_as_a_name(field, typed, kept):
    last = await call(field, KEEPER, *ADD[:4], typed, "3", "1", session="a")
    assert last.startswith("CON Done: ")
    assert len(last) <= 4 + 160
    name, _ = (await on_tap(field, SPLIT))[GRACE]
    assert name == kept or kept is None


@pytest.mark.parametrize("typed", ["", "   ", "\0", "\u200f", "7391", "12", "\U0001f600" * 160, "-- ;"])
async def test_what_is_no_name_is_asked_for_again(sqlite_town, typed):
    await settle_field(sqlite_town)
    await sqlite_town.open()
    shown = await call(sqlite_town, KEEPER, *ADD[:4], typed, session="a")
    assert shown == "CON This is not a name. Type it in letters.\n0 Back"


@pytest.mark.parametrize(
    "typed", ["", "7391", "+254712345678", "+14155550100", "\u202e", "'; --", "x" * 200, "\U0001f4a7" * 160]
)
async def test_what_is_no_phone_of_this_country_is_asked_for_again(sqlite_town, typed):
    await settle_field(sqlite_town)
    await sqlite_town.open()
    shown = await call(sqlite_town, KEEPER, *ADD[:3], typed, session="a")
    assert shown.startswith("CON ")
    assert shown.endswith("Type it like 0961234567\n0 Back")
    assert "7391" not in shown


@pytest.mark.parametrize("typed", ["", "1000", "-3", "two", "\u0663", "1e3", "9" * 150, "\0", "{most}"])
async def test_what_is_no_number_of_people_is_asked_for_again(sqlite_town, typed):
    await settle_field(sqlite_town)
    await sqlite_town.open()
    shown = await call(sqlite_town, KEEPER, *ADD[:5], typed, session="a")
    assert shown.endswith("Type a number from 1 to 999.\n0 Back")
    assert len(await on_tap(sqlite_town, SPLIT)) == 2


async def test_a_long_list_of_tenants_is_paged_and_each_can_be_opened(field):
    rows = [
        {
            "tenant_id": f"00000000-0000-7000-8000-{n:012d}",
            "tap_id": TAP,
            "msisdn": f"+26096555{n:04d}",
            "name": f"Tenant With A Long Name {n:02d}",
            "occupants": n + 1,
        }
        for n in range(20)
    ]
    async with field.db.write() as connection:
        (one,) = (await connection.execute(sa.select(tenants).limit(1))).all()
        common = {"created_at": one.created_at, "removed_at": None}
        await connection.execute(sa.insert(tenants), [row | common for row in rows])
    call_ = await field.hops("8", "1", "1", "9", "9", "1", session="a", msisdn=KEEPER)
    assert call_[3].endswith("9 More\n0 Back")
    assert call_[-1].startswith("CON Tenant With A Long N, 09655500")
    assert all(len(body) <= 4 + 160 for body in call_)
