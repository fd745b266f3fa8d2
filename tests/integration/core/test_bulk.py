from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
import sqlalchemy as sa
from msgspec import Struct

from core import bulk
from core.db import Id, UtcDateTime, metadata
from core.errors import Conflict
from core.ids import derived

things = sa.Table(
    "test_things",
    metadata,
    sa.Column("thing_id", Id, primary_key=True),
    sa.Column("name", sa.String(20), unique=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("open", sa.Boolean),
    sa.Column("at", UtcDateTime),
    sa.Column("version", sa.Integer, nullable=False),
)
oddities = sa.Table(
    "test_oddities",
    metadata,
    sa.Column("oddity_id", sa.Integer, primary_key=True),
    sa.Column("words", sa.Text),
    sa.Column("code", sa.String(4)),
    sa.Column("day", sa.Date),
    sa.Column("share", sa.Float),
    sa.Column("large", sa.BigInteger),
    sa.Column("at", UtcDateTime),
    sa.Column("body", sa.LargeBinary),
)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Thing(Struct):
    thing_id: str
    name: str
    amount_minor: int
    open: bool | None
    at: datetime | None
    version: int


def thing(n, **changes):
    row = {"thing_id": derived(str(n)), "name": f"n{n}", "amount_minor": n, "open": n % 2 == 0, "at": NOON}
    return {**row, "version": 1, **changes}


async def rows_of(db):
    async with db.read() as connection:
        found = (await connection.execute(sa.select(things).order_by(things.c.amount_minor))).all()
    return [dict(row._mapping) for row in found]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 33, 1000])
@pytest.mark.parametrize("made", [dict, lambda row: Thing(**row)], ids=["mapping", "struct"])
async def test_rows_come_back_as_they_went_in(db, count, made):
    rows = [thing(n, at=None if n == 3 else NOON, open=(True, False, None)[n % 3]) for n in range(count)]
    async with db.write() as connection:
        await bulk.insert(connection, things, [made(row) for row in rows])
    assert await rows_of(db) == rows


ODD = {
    "oddity_id": 1,
    "words": '"quoted" \\ back\nline \u20ac \U0001f4a7 \u200f {json} $1 :v NULL',
    "code": "null",
    "day": date(2026, 2, 28),
    "share": 0.1,
    "large": 2**62 + 1,
    "at": datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("body", [{}, {"body": b"\x00\xff'"}], ids=["without bytes", "with bytes"])
async def test_odd_values_come_back_as_they_went_in(db, body):
    empty = dict.fromkeys(ODD) | {"oddity_id": 2, "words": "", "at": NOON}
    rows = [{**ODD, **body}, {**empty, **({"body": None} if body else {})}]
    async with db.write() as connection:
        await bulk.insert(connection, oddities, [MappingProxyType(row) for row in rows])
    async with db.read() as connection:
        found = (await connection.execute(sa.select(oddities).order_by(oddities.c.oddity_id))).all()
    assert [dict(row._mapping) for row in found] == [{"body": None, **row} for row in rows]


async def test_a_time_of_another_zone_is_the_same_moment(db):
    there = NOON.astimezone(timezone(timedelta(hours=2)))
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(1, at=there), thing(2)])
    assert [row["at"] for row in await rows_of(db)] == [NOON, NOON]


async def test_a_text_that_is_too_long_is_refused_and_never_cut(db):
    if db.is_sqlite:
        pytest.skip("SQLite knows no lengths")
    with pytest.raises(sa.exc.DBAPIError, match="too long"):
        async with db.write() as connection:
            await bulk.insert(connection, oddities, [{"oddity_id": 1, "code": "12345"}])


async def test_nul_is_refused_where_no_text_can_hold_it(db):
    if db.is_sqlite:
        pytest.skip("SQLite keeps it")
    with pytest.raises(sa.exc.DBAPIError):
        async with db.write() as connection:
            await bulk.insert(connection, oddities, [{"oddity_id": 1, "words": "a\x00b"}])


async def test_insert_new_leaves_what_is_there(db):
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(1)])
        await bulk.insert_new(connection, things, [thing(1, amount_minor=9), thing(2)])
    assert [row["amount_minor"] for row in await rows_of(db)] == [1, 2]


async def test_of_many_rows_those_that_are_there_are_left_or_overwritten_each_by_itself(db):
    there = [thing(n) for n in range(0, 40, 3)]
    async with db.write() as connection:
        await bulk.insert(connection, things, there)
        await bulk.insert_new(connection, things, [thing(n, version=2) for n in range(40)])
    assert [row["version"] for row in await rows_of(db)] == [1 if n % 3 == 0 else 2 for n in range(40)]
    async with db.write() as connection:
        rows = [thing(n, open=n == 7, version=3) for n in range(40)]
        await bulk.upsert(connection, things, rows, keep=frozenset({"version"}))
    assert [row["version"] for row in await rows_of(db)] == [1 if n % 3 == 0 else 2 for n in range(40)]
    assert [row["amount_minor"] for row in await rows_of(db) if row["open"]] == [7]


async def test_upsert_overwrites_or_adds(db):
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(5)])
        rows = [thing(5, name="new"), thing(6)]
        await bulk.upsert(connection, things, rows, add=frozenset({"amount_minor"}))
    assert [(row["name"], row["amount_minor"]) for row in await rows_of(db)] == [("n6", 6), ("new", 10)]


async def test_update_moves_only_from_the_version_before(db):
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(1), thing(2)])
        change = {"thing_id": derived("1"), "name": "moved", "version": 2}
        await bulk.update(connection, things, [change])
    assert [(row["name"], row["version"]) for row in await rows_of(db)] == [("moved", 2), ("n2", 1)]
    with pytest.raises(Conflict):
        async with db.write() as connection:
            await bulk.update(connection, things, [change, {**change, "thing_id": derived("2"), "name": "x"}])
    assert [row["name"] for row in await rows_of(db)] == ["moved", "n2"]


async def test_fetch_finds_many_keys(db):
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(n) for n in range(6000)])
        keys = [derived(str(n)) for n in range(0, 12000, 2)]
        found = await bulk.fetch(connection, sa.select(things.c.name), things.c.thing_id, keys)
    assert len(found) == 3000


@pytest.mark.parametrize("write", [bulk.insert, bulk.upsert, bulk.update])
async def test_a_row_that_lacks_a_column_of_the_first_is_refused(db, write):
    there = [thing(1), thing(2)]
    async with db.write() as connection:
        await bulk.insert(connection, things, there)
    lacking = {name: value for name, value in thing(2, version=2).items() if name != "name"}
    with pytest.raises(KeyError):
        async with db.write() as connection:
            await write(connection, things, [thing(1, version=2), lacking])
    assert await rows_of(db) == there


async def test_a_naive_time_is_refused(db):
    with pytest.raises((sa.exc.StatementError, ValueError), match="without a zone"):
        async with db.write() as connection:
            await bulk.insert(connection, things, [thing(1, at=datetime(2026, 1, 1))])  # noqa: DTZ001 - the point


async def test_a_failed_transaction_leaves_nothing(db):
    with pytest.raises(sa.exc.IntegrityError):
        async with db.write() as connection:
            await bulk.insert(connection, things, [thing(1)])
            await bulk.insert(connection, things, [thing(1)])
    assert await rows_of(db) == []


# Several questions in one statement.

NAMES = bulk.Asked(
    ((sa.select(things.c.thing_id, things.c.name), things.c.thing_id),),
    lambda rows: {row.thing_id: row.name for row in rows},
)
STATES = bulk.Asked(
    (
        (sa.select(things.c.thing_id, things.c.open, things.c.at).where(things.c.open), things.c.thing_id),
        (sa.select(things.c.thing_id, things.c.open, things.c.at).where(~things.c.open), things.c.thing_id),
    ),
    lambda rows: sorted((row.thing_id, row.open, row.at) for row in rows),
)
SINCE = bulk.Asked(
    (
        (
            sa.select(things.c.amount_minor).where(
                things.c.amount_minor > sa.bindparam("least", type_=sa.BigInteger)
            ),
            things.c.thing_id,
        ),
    ),
    lambda rows: sorted(row.amount_minor for row in rows),
)


async def test_questions_are_answered_together_as_they_are_apart(db):
    async with db.write() as connection:
        await bulk.insert(connection, things, [thing(n) for n in range(6)])
    wanted = [derived(str(n)) for n in (1, 2, 4, 99)]
    async with db.read() as connection:
        names, states, since = await bulk.fetch_together(
            connection, (NAMES, STATES, SINCE), wanted, {"least": 1}
        )
        again = await bulk.fetch_together(connection, (STATES,), wanted)
    assert names == {derived("1"): "n1", derived("2"): "n2", derived("4"): "n4"}
    assert states == sorted((derived(str(n)), n % 2 == 0, NOON) for n in (1, 2, 4))
    assert since == [2, 4]
    assert again == [states]


async def test_nobody_asked_about_gets_empty_answers(db):
    async with db.read() as connection:
        assert await bulk.fetch_together(connection, (NAMES, STATES), []) == [{}, []]


parents = sa.Table(
    "test_parents",
    metadata,
    sa.Column("parent_id", Id, primary_key=True),
    sa.Column("at", UtcDateTime),
)
children = sa.Table(
    "test_children",
    metadata,
    sa.Column("parent_id", Id, sa.ForeignKey("test_parents.parent_id"), primary_key=True),
    sa.Column("at", UtcDateTime, primary_key=True),
)


async def test_rows_go_into_several_tables_together_or_not_at_all(db):
    mine = [{"parent_id": derived(str(n)), "at": NOON} for n in range(3)]
    async with db.write() as connection:
        await bulk.insert_together(connection, [(parents, mine), (children, mine)])
        await bulk.insert_together(connection, [(parents, []), (children, [])])
        await bulk.insert_together(
            connection, [(parents, [{"parent_id": derived("9"), "at": None}]), (children, [])]
        )
    orphan = {"parent_id": derived("nobody"), "at": NOON}
    with pytest.raises(sa.exc.IntegrityError):
        async with db.write() as connection:
            more = [{"parent_id": derived("8"), "at": NOON}]
            await bulk.insert_together(connection, [(parents, more), (children, [*more, orphan])])
    async with db.read() as connection:
        counts = [
            (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            for table in (parents, children)
        ]
    assert counts == [4, 3]
