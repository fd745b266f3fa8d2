"""Many rows in one round trip, on either dialect.

PostgreSQL gets all rows as one JSON text, which costs this process a third of what arrays and `unnest` did,
and the server no more (docs/performance.md); rows that hold bytes still come as arrays. SQLite gets one
statement, worked out once (`core.plain`) and run for every row, inside the process; rows to insert go
several to a statement, whose beginning and end cost a third of what a row does.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core import plain
from core.db import UtcDateTime
from core.errors import Conflict

Row = Mapping[str, Any]
Rows = Sequence[Row] | Sequence[Struct]  # a Struct's fields are columns; it is made quicker than a mapping
Answer = TypeVar("Answer")
# A query, and its column that holds the keys; or what makes the query of a column that gives each key.
Part = tuple[sa.Select[Any] | Callable[[Any], sa.Select[Any]], Any]
_KEYS_A_QUERY = 5000
_WIDTH = 16  # rows in one of SQLite's statements
_ROWS = "v"  # the name of what is given
_encode = msgspec.json.Encoder(enc_hook=dict).encode  # a row may be any mapping


async def insert(connection: AsyncConnection, table: sa.Table, rows: Rows) -> None:
    """Insert rows that all have the same columns; an empty list does nothing."""
    await _insert_all(connection, table, rows, ignore=False)


async def insert_together(connection: AsyncConnection, parts: Sequence[tuple[sa.Table, Rows]]) -> None:
    """Insert rows into several tables, those that others point to first; on PostgreSQL in one round trip."""
    filled = [(table, rows) for table, rows in parts if rows]
    if len(filled) < 2 or _name(connection) == "sqlite":  # noqa: PLR2004 - two are the fewest that go together
        for table, rows in filled:
            await insert(connection, table, rows)
        return
    statement = _inserts(tuple((table, _columns(rows)) for table, rows in filled))
    params: dict[str, Any] = {}
    for i, (table, rows) in enumerate(filled):
        params |= _params(table, rows, f"t{i}")
    await plain.once(connection, statement, params)


async def insert_new(connection: AsyncConnection, table: sa.Table, rows: Rows) -> None:
    """Insert rows, leaving out those that break any unique constraint (they are there already)."""
    await _insert_all(connection, table, rows, ignore=True)


async def _insert_all(connection: AsyncConnection, table: sa.Table, rows: Rows, *, ignore: bool) -> None:
    if rows:
        names, dialect = _columns(rows), _name(connection)
        make = partial(_insert, table, names, dialect, ignore=ignore)
        await _run(connection, table, make(), rows, make)


async def upsert(
    connection: AsyncConnection,
    table: sa.Table,
    rows: Rows,
    *,
    add: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
) -> None:
    """Insert rows or overwrite those with the same primary key.

    Columns in `add` are summed instead; columns in `keep` stay as they were.
    """
    if rows:
        names, dialect = _columns(rows), _name(connection)
        make = partial(_upsert, table, names, add, keep, dialect)
        await _run(connection, table, make(), rows, make)


async def update(connection: AsyncConnection, table: sa.Table, rows: Rows) -> None:
    """Update rows by primary key: each row holds its key and the columns to change.

    A `version` column, where the table has one, moves by compare-and-set: a row's `version` is the new one
    and must be one above what is stored. Raises Conflict where a row is missing or was changed meanwhile.
    """
    if not rows:
        return
    changed = await _run(connection, table, _update(table, _columns(rows), _name(connection)), rows)
    if changed != len(rows):
        raise Conflict(f"{table.name}: {len(rows) - changed} of {len(rows)} rows were changed meanwhile")


async def update_held(connection: AsyncConnection, table: sa.Table, rows: Rows, holder: str) -> int:
    """Update rows by primary key where the column `holder` is still as a row says; return how many were."""
    if not rows:
        return 0
    return await _run(connection, table, _update(table, _columns(rows), _name(connection), holder), rows)


async def fetch(
    connection: AsyncConnection,
    query: sa.Select[Any],
    column: sa.ColumnElement[Any],
    keys: Iterable[Any],
    params: Row | None = None,
) -> list[sa.Row[Any]]:
    """Return the rows of `query`, with its own `params`, whose `column` is one of `keys` (texts, numbers).

    Keys are sorted, so that locks come in order. Where a query is asked often, keep it as a constant: its
    statement is then built once.
    """
    return await _run_keyed(connection, _keyed(query, column, _name(connection)), keys, params)


async def fetch_any(
    connection: AsyncConnection, parts: Sequence[Part], keys: Iterable[Any]
) -> list[sa.Row[Any]]:
    """Return the rows of several (query, column) with the same columns and keys, asked in one statement.

    Each part keeps its own condition: SQLite goes through the whole of a union that is filtered from outside.
    """
    return await _run_keyed(connection, _united(tuple(parts), _name(connection)), keys, None)


@lru_cache(maxsize=64)
def _united(parts: tuple[Part, ...], dialect: str) -> Any:
    return sa.union_all(*(_keyed(query, column, dialect) for query, column in parts))


@dataclass(frozen=True, slots=True)
class Asked(Generic[Answer]):
    """A question about keys: queries with the same columns, in no order, and what their rows mean."""

    parts: tuple[Part, ...]
    read: Callable[[list[Any]], Answer]


async def fetch_together(
    connection: AsyncConnection,
    questions: Sequence[Asked[Any]],
    keys: Iterable[Any],
    params: Row | None = None,
) -> list[Any]:
    """Return the answers to several questions about the same keys, asked in one statement.

    For a few rows the round trip is most of the cost. `params` are those of all the queries.
    """
    parts = tuple(question.parts for question in questions)
    rows: list[list[Any]] = [[] for _ in questions]
    statement = _side_by_side(parts, _name(connection))
    layout = _layout(parts, _name(connection))
    for values in await _run_keyed(connection, statement, keys, params, plain.values):
        own, row = layout[values[0]]
        rows[values[0]].append(row(values[own]))
    return [question.read(found) for question, found in zip(questions, rows, strict=True)]


@lru_cache(maxsize=64)
def _layout(questions: tuple[tuple[Part, ...], ...], dialect: str) -> tuple[tuple[slice, plain.MakeRow], ...]:
    """Return which columns of the one statement are each question's, and what makes a row of them."""
    layout, start = [], 1
    for parts in questions:
        first = _keyed(*parts[0], dialect)
        end = start + len(first.exported_columns)
        layout.append((slice(start, end), plain.reader(first, dialect)))
        start = end
    return tuple(layout)


@lru_cache(maxsize=64)
def _side_by_side(questions: tuple[tuple[Part, ...], ...], dialect: str) -> Any:
    """Unite queries of different columns: each fills its own, and the first says whose a row is."""
    types = [[column.type for column in _keyed(*parts[0], dialect).exported_columns] for parts in questions]
    selects = []
    for number, parts in enumerate(questions):
        before = [type_ for own in types[:number] for type_ in own]
        after = [type_ for own in types[number + 1 :] for type_ in own]
        for query, column in parts:
            keyed = _keyed(query, column, dialect)
            columns = [*map(_empty, before), *keyed.selected_columns, *map(_empty, after)]
            named = [each.label(f"c{place}") for place, each in enumerate(columns)]
            whose = sa.literal_column(str(number), sa.Integer).label("question")
            selects.append(keyed.with_only_columns(whose, *named, maintain_column_froms=True))
    return sa.union_all(*selects)


def _empty(type_: Any) -> Any:
    return sa.cast(sa.null(), type_)


async def _run_keyed(
    connection: AsyncConnection,
    statement: Any,
    keys: Iterable[Any],
    params: Row | None = None,
    ask: Callable[[AsyncConnection, Any, Row], Awaitable[Sequence[Any]]] | None = None,
) -> list[Any]:
    wanted = sorted(set(keys))
    found: list[Any] = []
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        part = wanted[start : start + _KEYS_A_QUERY]
        keys_ = json.dumps(part) if _name(connection) == "sqlite" else part
        found += await (ask or plain.rows)(connection, statement, {"wanted": keys_, **(params or {})})
    return found


@lru_cache(maxsize=256)
def _keyed(statement: Any, column: sa.ColumnElement[Any], dialect: str) -> Any:
    """Return the statement for keys given as one parameter: an array, or JSON on SQLite."""
    if dialect == "postgresql":
        array = sa.bindparam("wanted", type_=ARRAY(column.type))
        if isinstance(statement, sa.Select):
            return statement.where(column == sa.any_(array))
        keys = sa.func.unnest(array).table_valued(sa.column("value", column.type)).render_derived()
        return statement(keys.c.value)
    each = sa.func.json_each(sa.bindparam("wanted", type_=sa.String)).table_valued("value").c.value
    if isinstance(statement, sa.Select):
        return statement.where(column.in_(sa.select(each)))
    return statement(each)


def _name(connection: AsyncConnection) -> str:
    return connection.dialect.name


async def _run(
    connection: AsyncConnection,
    table: sa.Table,
    statement: Any,
    rows: Rows,
    make: Callable[..., Any] | None = None,
) -> int:
    """Write rows; `make` gives an INSERT of a `width`, for SQLite, where several go together."""
    if _name(connection) == "postgresql":
        return await plain.once(connection, statement, _params(table, rows, _ROWS))
    wide = make(width=_WIDTH) if make and len(rows) >= _WIDTH else None
    params = {f"v_{name}": _column(rows, name) for name in _columns(rows)}
    return await plain.many(connection, statement, params, wide=wide, width=_WIDTH)


def _columns(rows: Rows) -> tuple[str, ...]:
    first = rows[0]
    return first.__struct_fields__ if isinstance(first, Struct) else tuple(first)


def _column(rows: Rows, name: str) -> list[Any]:
    of: Callable[[Any], Any] = attrgetter(name) if isinstance(rows[0], Struct) else itemgetter(name)
    return list(map(of, rows))


def _params(table: sa.Table, rows: Rows, given: str) -> dict[str, Any]:
    """Return what `_given_rows` takes."""
    names = _columns(rows)
    if _holds_bytes(table, names):
        return {f"{given}_{name}": _column(rows, name) for name in names}
    if not isinstance(rows[0], Struct):
        _must_hold(rows, names)
    for name in _times(table, names):
        if any(moment is not None and moment.tzinfo is None for moment in _column(rows, name)):
            raise ValueError("a time without a zone cannot be stored")
    return {given: _encode(rows).decode()}


def _must_hold(rows: Sequence[Any], names: tuple[str, ...]) -> None:
    """Refuse a row that lacks a column of the first one: in JSON what is not there is NULL."""
    wanted = set(names)
    if any(not wanted <= row.keys() for row in rows):
        raise KeyError("every row must have the columns of the first")


@lru_cache(maxsize=256)
def _holds_bytes(table: sa.Table, names: tuple[str, ...]) -> bool:
    return any(isinstance(table.c[name].type, sa.LargeBinary) for name in names)


@lru_cache(maxsize=256)
def _times(table: sa.Table, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if isinstance(table.c[name].type, UtcDateTime))


@lru_cache(maxsize=256)
def _given_rows(table: sa.Table, names: tuple[str, ...], given: str = _ROWS) -> sa.TableValuedAlias:
    """Return given rows as a table: from one JSON text, or an array for each column where they hold bytes."""
    columns = [sa.column(name, table.c[name].type) for name in names]
    if not _holds_bytes(table, names):
        text = sa.cast(sa.bindparam(given, type_=sa.Text), sa.JSON)
        rows = sa.func.json_to_recordset(text).table_valued(*columns)
        return rows.render_derived(with_types=True)
    arrays = [sa.bindparam(f"{given}_{name}", type_=ARRAY(table.c[name].type)) for name in names]
    return sa.func.unnest(*arrays).table_valued(*columns).render_derived()


@lru_cache(maxsize=64)
def _inserts(parts: tuple[tuple[sa.Table, tuple[str, ...]], ...]) -> Any:
    """Write all but the last as WITH: foreign keys are looked at when the whole statement has ended."""
    first: list[Any] = []
    for i, (table, names) in enumerate(parts):
        rows = _given_rows(table, names, f"t{i}")
        into = pg_insert(table).from_select(list(names), sa.select(*(rows.c[name] for name in names)))
        first.append(into)
    *before, last = first
    return last.add_cte(*(into.cte(f"w{i}") for i, into in enumerate(before)))


def _values(table: sa.Table, names: tuple[str, ...], place: str = "") -> dict[str, Any]:
    return {name: sa.bindparam(f"v_{name}{place}", type_=table.c[name].type) for name in names}


def _into(table: sa.Table, names: tuple[str, ...], width: int) -> Any:
    """Return SQLite's INSERT of so many rows."""
    if width == 1:
        return sqlite_insert(table).values(_values(table, names))
    return sqlite_insert(table).values([_values(table, names, f"_{place}") for place in range(width)])


@lru_cache(maxsize=256)
def _insert(table: sa.Table, names: tuple[str, ...], dialect: str, *, ignore: bool, width: int = 1) -> Any:
    if dialect == "postgresql":
        rows = _given_rows(table, names)
        into = pg_insert(table).from_select(list(names), sa.select(*(rows.c[name] for name in names)))
        return into.on_conflict_do_nothing() if ignore else into
    into = _into(table, names, width)
    return into.on_conflict_do_nothing() if ignore else into


@lru_cache(maxsize=256)
def _upsert(
    table: sa.Table,
    names: tuple[str, ...],
    add: frozenset[str],
    keep: frozenset[str],
    dialect: str,
    *,
    width: int = 1,
) -> Any:
    keys = [column.name for column in table.primary_key]
    into: Any
    if dialect == "postgresql":
        rows = _given_rows(table, names)
        into = pg_insert(table).from_select(list(names), sa.select(*(rows.c[name] for name in names)))
    else:
        into = _into(table, names, width)
    changes = {
        name: table.c[name] + into.excluded[name] if name in add else into.excluded[name]
        for name in names
        if name not in keys and name not in keep
    }
    if not changes:
        return into.on_conflict_do_nothing()
    return into.on_conflict_do_update(index_elements=keys, set_=changes)


@lru_cache(maxsize=256)
def _update(table: sa.Table, names: tuple[str, ...], dialect: str, holder: str | None = None) -> Any:
    keys = [column.name for column in table.primary_key] + ([holder] if holder else [])
    new: Any = _given_rows(table, names).c if dialect == "postgresql" else _values(table, names)
    same = [table.c[key] == new[key] for key in keys]
    if "version" in names and "version" not in keys:
        same.append(table.c.version == new["version"] - 1)
    return sa.update(table).where(*same).values({n: new[n] for n in names if n not in keys})
