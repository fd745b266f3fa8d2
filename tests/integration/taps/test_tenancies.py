"""Caretakers' changes on both databases: what is stored, what is owed, who is told, who wins."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from core import bulk
from core.audit import audit_log
from core.ids import derived
from taps import store
from taps.importing import import_file
from taps.raising import raise_debts
from taps.tables import customers, tap_billings, tap_counts, taps, tenants
from taps.tap_id import make
from taps.tenancies.commands import Count, ListTenants, Move, Register, Remove, SetOccupants, Undo
from taps.tenancies.results import (
    Counted,
    Listed,
    Moved,
    MyTaps,
    NoSuchTap,
    NothingToUndo,
    NotYours,
    Person,
    Registered,
    Removed,
    UndoFault,
    Undone,
    UndoUnsafe,
    Updated,
)
from taps.tenancies.service import execute
from taps.tenancies.tables import tenancy_changes

KNY, NRB, EMPTY = "KNY-0417-1", "NRB-0001-7", "KNY-0533-5"
MARY, JOHN, ACHIENG = "+260960000001", "+260970000002", "+254700000003"
RUTH, PETER, NEW = "+260966000001", "+260966000002", "+260977123456"


@pytest.fixture
async def kept(city):
    """Ruth keeps the two taps in Kanyama, of which one is individualized; Peter the one in Nairobi."""
    async with city.write() as connection:
        for tap_id, msisdn in ((KNY, RUTH), (EMPTY, RUTH), (NRB, PETER)):
            await connection.execute(
                sa.update(taps).where(taps.c.tap_id == tap_id).values(caretaker_msisdn=msisdn)
            )
        await connection.execute(sa.update(tap_billings).values(billing="individualized"))
    return city


@pytest.fixture
def do(kept, ids, clock):
    """Do commands in one transaction: (kind, by, *args) each; the command's id may be given."""
    numbers = iter(range(10**6))

    async def run(*asked, command_id=None):
        commands = [kind(*args, command_id=command_id or f"sms:{next(numbers)}:0") for kind, *args in asked]
        async with kept.write() as connection:
            return await execute(connection, commands, now=clock.now(), ids=ids)

    return run


async def rows(db, query):
    async with db.read() as connection:
        return (await connection.execute(query)).all()


async def on(db, tap_id):
    async with db.read() as connection:
        found = (await store.tenants_of(connection, [tap_id]))[tap_id]
    return [(t.msisdn, t.name, t.occupants) for t in found]


async def owed(db, tap_id):
    async with db.read() as connection:
        parts = (await store.open_parts(connection, [tap_id]))[tap_id]
    return sorted((p.period, p.tenant_id, p.component, p.amount_minor, p.paid_minor) for p in parts)


async def bill(db, period, ids, clock):
    async with db.write() as connection:
        return await raise_debts(connection, period, ids=ids, clock=clock)


# What is stored


async def test_a_day_of_a_caretaker(do, kept, clock):
    answers = await do(
        (Register, RUTH, "kny 417 1", "0977123456", "Ŋambi Ŵiza", 3),
        (Register, RUTH, KNY, MARY, "Mary Phiri"),
        (SetOccupants, RUTH, KNY, JOHN, 2),
        (Count, RUTH, "241703", 12),
        (Move, RUTH, JOHN, EMPTY),
        (Remove, RUTH, MARY),
        (ListTenants, RUTH, KNY),
        (ListTenants, RUTH),
        (Count, RUTH, KNY, 14),
        (Undo, RUTH),
        (Undo, RUTH),
    )
    assert [type(a.result) for a in answers] == [
        Registered, Updated, Updated, Counted, Moved, Removed, Listed, MyTaps, Counted, Undone, Undone,
    ]  # fmt: skip
    assert answers[6].result == Listed(KNY, "241703", (Person(NEW, "Ŋambi Ŵiza", 3),), 12)
    assert answers[7].result == MyTaps(((KNY, 1), (EMPTY, 1)))
    assert await on(kept, KNY) == [(MARY, "Mary Phiri", 4), (NEW, "Ŋambi Ŵiza", 3)]
    assert await on(kept, EMPTY) == [(JOHN, "John Phiri", 2)]
    [count] = await rows(kept, sa.select(tap_counts))
    assert (count.tap_id, count.occupants, count.counted_by) == (KNY, 12, RUTH)
    history = await rows(kept, sa.select(tenancy_changes).order_by(tenancy_changes.c.seq))
    assert [(r.seq, r.kind, r.undone_at is not None) for r in history] == [
        (1, "registered", False), (2, "updated", False), (3, "updated", False), (4, "counted", False),
        (5, "moved", False), (6, "removed", True), (7, "counted", True), (8, "undone", False),
        (9, "undone", False),
    ]  # fmt: skip
    assert [r.undoes for r in history[-2:]] == [history[6].change_id, history[5].change_id]
    assert {r.at for r in history} == {clock.now()}


async def test_what_one_transaction_did_the_next_one_sees_and_undoes(do, kept, clock):
    before = await rows(kept, sa.select(tenants).order_by(tenants.c.tenant_id))
    for change in [
        (Register, RUTH, KNY, MARY, "Other", 9),
        (Remove, RUTH, MARY),
        (Move, RUTH, JOHN, KNY),
        (Move, RUTH, JOHN, EMPTY),
        (Count, RUTH, KNY, 3),
    ]:
        clock.advance(60)
        await do(change)
    clock.advance(60)
    results = [(await do((Undo, RUTH)))[0].result for _ in range(4)]
    assert [type(r.undone) for r in results] == [Counted, Moved, Removed, Updated]
    old = {row.tenant_id for row in before}
    now = await rows(kept, sa.select(tenants).order_by(tenants.c.tenant_id))
    assert [tuple(row) for row in now if row.tenant_id in old] == [tuple(row) for row in before]
    assert [row.removed_at for row in now if row.tenant_id not in old] == [clock.now()]
    assert await rows(kept, sa.select(tap_counts)) == []
    assert (await do((Undo, RUTH)))[0].result == NothingToUndo()


async def test_a_repeated_sms_does_nothing_twice(do, kept, clock):
    first = await do((Register, RUTH, KNY, NEW, "Mary", 2), command_id="sms:77:0")
    undone = await do((Undo, RUTH), command_id="sms:78:0")
    clock.advance(12 * 3600)
    before = await rows(kept, sa.select(tenants)), await rows(kept, sa.select(tenancy_changes))
    audited = len(await rows(kept, sa.select(audit_log)))
    again = await do((Register, RUTH, KNY, NEW, "Mary", 2), command_id="sms:77:0")
    again += await do((Undo, RUTH), command_id="sms:78:0")
    assert [a.result for a in again] == [a.result for a in first + undone]
    assert [a.events for a in again] == [(), ()]
    assert (await rows(kept, sa.select(tenants)), await rows(kept, sa.select(tenancy_changes))) == before
    assert len(await rows(kept, sa.select(audit_log))) == audited


async def test_a_registered_phone_is_known_and_its_tap_is_the_new_one(do, kept, clock):
    await do((Register, RUTH, KNY, NEW, "Mary"))
    async with kept.write() as connection:
        await store.remember_language(connection, {NEW: ("bem", None)}, clock.now())
    clock.advance(60)
    await do((Move, RUTH, NEW, EMPTY))
    clock.advance(60)
    await do((Move, RUTH, NEW, KNY), (Register, RUTH, EMPTY, MARY, "Mary Banda"))
    async with kept.read() as connection:
        known = await store.known_taps(connection, [NEW, MARY])
        language = (await store.customers(connection, [NEW]))[NEW].language
    assert [k.tap_id for k in known[NEW]] == [KNY]
    assert [k.tap_id for k in known[MARY]] == [EMPTY, KNY]  # the newest first
    assert language == "bem"
    assert {row.msisdn for row in await rows(kept, sa.select(customers))} == {NEW, MARY}


async def test_nothing_of_others_is_told_or_changed(do, kept):
    before = await rows(kept, sa.select(tenants))
    answers = await do(
        (Register, PETER, KNY, NEW, "Mary"),
        (ListTenants, PETER, "241703"),
        (Remove, PETER, MARY, KNY),
        (Move, RUTH, "0960000001", EMPTY, NRB),
        (ListTenants, JOHN),
        (Undo, JOHN),
    )
    assert [a.result for a in answers] == [
        NotYours(KNY), NotYours("241703"), NotYours(KNY), NotYours(NRB), MyTaps(()), NothingToUndo(),
    ]  # fmt: skip
    assert await rows(kept, sa.select(tenants)) == before
    assert await rows(kept, sa.select(tenancy_changes)) == []


async def test_each_act_is_audited_refused_ones_too(do, kept):
    await do((Register, RUTH, KNY, NEW, "Mary"), (Register, PETER, KNY, NEW, "Mary"), (Undo, RUTH))
    await do((ListTenants, RUTH, "KNY\x00" * 99))
    found = await rows(kept, sa.select(audit_log).order_by(audit_log.c.at, audit_log.c.source))
    assert [(r.actor, r.channel, r.source, r.action, r.result) for r in found] == [
        (RUTH, "sms", "sms:0:0", "tenant.register", "done"),
        (PETER, "sms", "sms:1:0", "tenant.register", "not_yours"),
        (RUTH, "sms", "sms:2:0", "tenant.undo", "done"),
        (RUTH, "sms", "sms:3:0", "tenant.list", "no_such_tap"),
    ]
    assert [r.subject for r in found[:3]] == [KNY] * 3
    assert "change_id" in json.loads(found[0].detail)


@pytest.mark.parametrize(
    "typed", ["", "\x00", "🙂" * 160, "'; DROP TABLE taps;--", "{tap}", "\u202eKNY", "K" * 5000]
)
async def test_what_no_database_takes_is_answered_all_the_same(do, kept, typed):
    answers = await do(
        (Register, RUTH, typed, typed, typed),
        (Register, RUTH, KNY, typed, typed),
        (Remove, RUTH, typed, typed or None),
        (Move, RUTH, typed, typed),
        (Register, RUTH, KNY, NEW, f"Mary {typed}"),
    )
    assert isinstance(answers[0].result, NoSuchTap)
    assert isinstance(answers[-1].result, Registered)


async def test_nothing_asked_nothing_done(kept, ids, clock):
    async with kept.write() as connection:
        assert await execute(connection, [], now=clock.now(), ids=ids) == []


# What is owed


async def test_a_new_tenant_shares_from_the_next_period_on(do, kept, ids, clock):
    await bill(kept, "2026-11", ids, clock)
    before = await owed(kept, KNY)
    assert sorted(n for _, _, _, n, _ in before) == [500, 500, 1000, 1000]
    await do((Register, RUTH, KNY, NEW, "Chanda"))
    assert await owed(kept, KNY) == before
    await bill(kept, "2026-11", ids, clock)
    assert await owed(kept, KNY) == before
    await bill(kept, "2026-12", ids, clock)
    after = await owed(kept, KNY)
    assert [part for part in after if part[0] == "2026-11"] == before
    december = [(component, n) for period, _, component, n, _ in after if period == "2026-12"]
    assert sorted(n for component, n in december if component == "water") == [666, 667, 667]
    assert sorted(n for component, n in december if component == "refuse") == [333, 333, 334]


async def test_who_leaves_keeps_their_debt_and_hears_of_it(do, kept, ids, clock):
    await bill(kept, "2026-11", ids, clock)
    before = await owed(kept, KNY)
    [moved] = await do((Move, RUTH, MARY, EMPTY))
    [removed] = await do((Remove, RUTH, JOHN))
    assert [(e.tap_id, e.msisdn, getattr(e, "left_minor", None)) for e in moved.events] == [
        (KNY, MARY, 1500),
        (EMPTY, MARY, None),
    ]
    assert [(e.msisdn, e.left_minor, e.currency) for e in removed.events] == [(JOHN, 1500, "ZMW")]
    assert await owed(kept, KNY) == before
    await bill(kept, "2026-12", ids, clock)
    assert await owed(kept, KNY) == before  # nobody is left there to share December
    assert {(p, n) for p, _, _, n, _ in await owed(kept, EMPTY)} == {("2026-12", 2000), ("2026-12", 1000)}


async def test_a_registration_that_was_billed_can_still_be_undone_and_its_debt_stays(do, kept, ids, clock):
    await do((Register, RUTH, EMPTY, NEW, "Chanda"))
    await bill(kept, "2026-12", ids, clock)
    before = await owed(kept, EMPTY)
    [answer] = await do((Undo, RUTH))
    assert isinstance(answer.result, Undone)
    assert [e.left_minor for e in answer.events] == [3000]
    assert await owed(kept, EMPTY) == before
    assert await on(kept, EMPTY) == []


async def test_what_was_paid_is_no_longer_left(do, kept, ids, clock):
    await bill(kept, "2026-11", ids, clock)
    async with kept.write() as connection:
        parts = (await store.open_parts(connection, [KNY], lock=True))[KNY]
        await store.credit_parts(
            connection, [(p, p.amount_minor) for p in parts if p.tenant_id == derived(MARY)]
        )
    [removed] = await do((Remove, RUTH, MARY))
    assert [e.left_minor for e in removed.events] == [0]


async def test_a_shared_tap_owes_for_itself_whoever_comes_or_goes(do, kept, ids, clock):
    async with kept.write() as connection:
        await connection.execute(sa.update(tap_billings).values(billing="shared"))
    await bill(kept, "2026-11", ids, clock)
    before = await owed(kept, KNY)
    await do((Register, RUTH, KNY, NEW, "Chanda"))
    [removed] = await do((Remove, RUTH, MARY))
    assert [e.left_minor for e in removed.events] == [0]
    assert await owed(kept, KNY) == before


# Others at the same time


async def test_an_import_on_top_is_not_overwritten(do, kept, ids, clock):
    await do((SetOccupants, RUTH, KNY, MARY, 7))
    file = f"tap_id,name,msisdn,occupants,language\n{KNY},Mary Zulu,{MARY},5,\n".encode()
    async with kept.write() as connection:
        assert (await import_file(connection, "tenants", file, ids=ids, clock=clock)).changed == 1
    assert (await do((Undo, RUTH)))[0].result == UndoUnsafe(KNY, UndoFault.CHANGED_SINCE)
    assert (MARY, "Mary Zulu", 5) in await on(kept, KNY)


async def test_a_tap_given_to_another_caretaker_is_his(do, kept):
    await do((SetOccupants, RUTH, KNY, MARY, 7))
    async with kept.write() as connection:
        await connection.execute(sa.update(taps).where(taps.c.tap_id == KNY).values(caretaker_msisdn=PETER))
    answers = await do((Undo, RUTH), (SetOccupants, RUTH, KNY, MARY, 2), (SetOccupants, PETER, KNY, MARY, 2))
    assert [type(a.result) for a in answers] == [UndoUnsafe, NotYours, Updated]


async def test_two_transactions_at_once_come_one_after_the_other(do, kept):
    answers = await asyncio.gather(
        *(do((Register, RUTH, KNY, NEW, "Chanda", 3)) for _ in range(4)),
        *(do((Register, RUTH, EMPTY, f"09770000{n:02d}", "Somebody")) for n in range(4)),
        *(do((Count, RUTH, KNY, n)) for n in (8, 9)),
    )
    kinds = [type(answer.result) for [answer] in answers]
    assert sorted(k.__name__ for k in kinds[:4]) == ["AlreadyThere"] * 3 + ["Registered"]
    assert len(await on(kept, EMPTY)) == 4
    history = await rows(kept, sa.select(tenancy_changes.c.seq).order_by(tenancy_changes.c.seq))
    assert [row.seq for row in history] == list(range(1, 8))
    assert len(await rows(kept, sa.select(tap_counts))) == 2


async def test_the_same_sms_at_once_in_two_processes_is_done_once(do, kept):
    answers = await asyncio.gather(
        *(do((Register, RUTH, KNY, NEW, "Chanda", 3), command_id="sms:1:0") for _ in range(3))
    )
    assert len({answer.result for [answer] in answers}) == 1
    assert sorted(answer.is_repeat for [answer] in answers) == [False, True, True]


async def test_many_commands_of_many_caretakers_in_one_batch(do, kept, clock):
    ids = [make("BLN", n) for n in range(100)]
    rows_of_taps = [
        {
            "tap_id": tap_id,
            "tap_number": f"9{n:05d}",
            "zone": "KNY",
            "caretaker_msisdn": f"+26096500{n:04d}",
            "created_at": clock.now(),
        }
        for n, tap_id in enumerate(ids)
    ]
    async with kept.write() as connection:
        await bulk.insert(connection, taps, rows_of_taps)
    answers = await do(
        *((Register, row["caretaker_msisdn"], row["tap_id"], NEW, "Chanda") for row in rows_of_taps),
        *((Move, row["caretaker_msisdn"], NEW, KNY) for row in rows_of_taps[:50]),
        *((Undo, row["caretaker_msisdn"]) for row in rows_of_taps[50:]),
    )
    kinds = [type(answer.result) for answer in answers]
    assert kinds == [Registered] * 100 + [NotYours] * 50 + [Undone] * 50
    async with kept.read() as connection:
        places = (await store.tenancies_by_msisdn(connection, [NEW]))[NEW]
    assert sum(place.active for place in places) == 50


async def test_batches_of_two_caretakers_about_one_phone_wait_in_no_circle(do, kept):
    await do(
        (Register, RUTH, KNY, "+254700000009", "Amina"), (Register, PETER, NRB, "+254700000009", "Amina")
    )
    answers = await asyncio.gather(
        *(do((Remove, by, MARY), (Remove, other, MARY)) for by, other in ((RUTH, PETER), (PETER, RUTH)) * 4)
    )
    done = [answer for batch in answers for answer in batch if isinstance(answer.result, Removed)]
    assert [answer.result.tap_id for answer in done] == [KNY]
