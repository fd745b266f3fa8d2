"""Statements worked out once: their text, what converts their parameters, what converts their columns.

SQLAlchemy's cache of compiled statements still walks the whole statement at every execution to find it
there, and hands it through a greenlet to the driver; for a few rows by key that is most of the cost. Here a
statement's text goes straight to the driver, inside the transaction that SQLAlchemy has begun, and errors
come back as SQLAlchemy's own.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core import onloop
from core.pool import adapter_of

_DIALECTS = {"sqlite": aiosqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]
_Convert = Callable[[Any], Any]
MakeRow = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """One parameter: what is given under a name, converted; or, without a name, always the same."""

    name: str | None
    convert: _Convert | None = None
    constant: Any = None

    def value(self, given: Mapping[str, Any]) -> Any:
        if self.name is None:
            return self.constant
        return self.convert(given[self.name]) if self.convert else given[self.name]

    def column(self, given: Mapping[str, Sequence[Any]]) -> Iterable[Any]:
        if self.name is None:
            return repeat(self.constant)
        values = given[self.name]
        if not self.convert:
            return values
        first = values[0]  # rows of one batch often carry the very same moment
        if len(set(map(id, values))) == 1:
            return [self.convert(first)] * len(values)
        return map(self.convert, values)


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement's text; takes its parameters from a mapping in order; makes a row of what comes back."""

    sql: str
    places: tuple[_Place, ...]
    row: MakeRow
    converts: tuple[tuple[int, _Convert], ...]

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in the order of the statement."""
        return tuple([place.value(given) for place in self.places])

    def read(self, values: Sequence[Any]) -> Any:
        """Return the row of what the driver gives."""
        if not self.converts:
            return self.row(values)
        changed = list(values)
        for i, convert in self.converts:
            changed[i] = convert(changed[i])
        return self.row(changed)

    def rows(self, given: Mapping[str, Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """Return the parameters of many executions, given as a list for each name."""
        columns = [place.column(given) for place in self.places]
        return zip(*columns, strict=False)  # a constant goes on for ever


async def many(
    connection: AsyncConnection,
    statement: Any,
    params: Mapping[str, Sequence[Any]],
    *,
    wide: Any = None,
    width: int = 1,
) -> int:
    """Run a writing statement many times, with a list of values for each name; return the rows it touched.

    `wide` is the same INSERT with `width` rows of VALUES; what is left over is inserted by `statement`.
    """
    known = _plain(statement, connection.dialect.name)
    values = known.rows(params)
    on_loop = _on_loop(connection)
    if on_loop is None:
        return (await connection.exec_driver_sql(known.sql, list(values))).rowcount
    count = 0
    try:
        if wide is not None:
            together = _plain(wide, connection.dialect.name).sql
            while len(part := list(islice(values, width))) == width:
                count += on_loop.execute(together, list(chain.from_iterable(part))).rowcount
            values = iter(part)
        return count + on_loop.executemany(known.sql, values).rowcount
    except sqlite3.Error as error:
        raise _told(known.sql, error, sqlite3.Error) from error


async def once(connection: AsyncConnection, statement: Any, params: Mapping[str, Any]) -> int:
    """Run a writing statement; return how many rows were touched."""
    if connection.dialect.name == "sqlite":
        return await many(connection, statement, {name: [value] for name, value in params.items()})
    known = _plain(statement, "postgresql")
    status: str = await _ask(connection, known, params, "execute")
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else -1


async def rows(connection: AsyncConnection, statement: Any, params: Mapping[str, Any]) -> list[Any]:
    """Run a statement; return its rows as named tuples."""
    known = _plain(statement, connection.dialect.name)
    found = await _found(connection, known, params)
    return [known.read(values) for values in found]


async def values(connection: AsyncConnection, statement: Any, params: Mapping[str, Any]) -> Sequence[Any]:
    """Run a statement; return its rows as the driver gives them, for those who know what to make of each."""
    return await _found(connection, _plain(statement, connection.dialect.name), params)


def reader(statement: Any, dialect: str) -> MakeRow:
    """Return what makes a row, as `rows` does, of what a statement's columns hold at the driver."""
    return _plain(statement, dialect).read


async def _found(
    connection: AsyncConnection, known: Plain, params: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    if connection.dialect.name == "postgresql":
        return await _ask(connection, known, params, "fetch")  # type: ignore[no-any-return]  # asyncpg has no types
    on_loop = _on_loop(connection)
    if on_loop is None:
        return (await connection.exec_driver_sql(known.sql, known.values(params))).all()
    try:
        return on_loop.execute(known.sql, known.values(params)).fetchall()
    except sqlite3.Error as error:
        raise _told(known.sql, error, sqlite3.Error) from error


async def _ask(connection: AsyncConnection, known: Plain, params: Mapping[str, Any], how: str) -> Any:
    """Call asyncpg's `fetch` or `execute`, in the transaction that the adapter keeps (it begins late)."""
    adapter = adapter_of(connection)
    try:
        if adapter._transaction is None:  # noqa: SLF001 - as its own cursors do
            await adapter._start_transaction()  # noqa: SLF001
        return await getattr(adapter.driver_connection, how)(known.sql, *known.values(params))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        try:
            adapter._handle_exception(error)  # noqa: SLF001 - translates, and forgets a closed connection
        except adapter.dbapi.Error as translated:
            raise _told(known.sql, translated, adapter.dbapi.Error) from error
        raise


def _told(sql: str, error: Exception, base: Any) -> BaseException:
    """Return a driver's error as SQLAlchemy would raise it, without the parameters: they may be personal."""
    return sa.exc.DBAPIError.instance(sql, None, error, base, hide_parameters=True)


def _on_loop(connection: AsyncConnection) -> sqlite3.Connection | None:
    """Return the driver's own connection where its statements run on the loop; None where in a thread."""
    driver = adapter_of(connection).driver_connection
    return driver.raw if isinstance(driver, onloop.Connection) else None


@lru_cache(maxsize=1024)
def _plain(statement: Any, name: str) -> Plain:
    dialect = _DIALECTS[name]
    compiled = statement.compile(dialect=dialect)
    given = {key for key, parameter in compiled.binds.items() if parameter.required}
    # Expanding writes lists of constants out, `IN (?, ?)`; what is given has a value only later.
    state = compiled.construct_expanded_state(dict.fromkeys(given))
    columns = list(getattr(statement, "exported_columns", ()))
    converters = ((i, _result_converter(column, dialect)) for i, column in enumerate(columns))
    return Plain(
        state.statement,
        tuple(
            _place(key, _bind_converter(compiled.binds.get(key), dialect), state.parameters, given)
            for key in state.positiontup or ()
        ),
        _row_class(tuple(column.key for column in columns)),
        tuple((i, convert) for i, convert in converters if convert),
    )


def _row_class(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes rows with these fields, which can be read as SQLAlchemy's rows can."""
    base: Any = namedtuple("base", names)  # type: ignore[misc]  # noqa: PYI024 - known only at run time
    made: Any = type("Row", (base,), {"__slots__": (), "_mapping": property(lambda row: row._asdict())})
    return made._make  # type: ignore[no-any-return]  # made at run time


def _bind_converter(parameter: Any, dialect: Any) -> Any:
    """Return what converts a parameter; one of a written-out list has no type of its own and is plain."""
    if parameter is None:
        return None
    if isinstance(parameter.type, sa.Boolean):
        return _as_int if dialect.name == "sqlite" else None
    return parameter.type.dialect_impl(dialect).bind_processor(dialect)


def _as_int(value: bool | None) -> int | None:  # noqa: FBT001 - a parameter of a statement
    """Spare SQLite's driver the search for what adapts a bool, which takes it 0.5 µs."""
    return value if value is None else int(value)


def _place(name: str, convert: _Convert | None, constants: Mapping[str, Any], given: set[str]) -> _Place:
    if name in given:
        return _Place(name, convert)
    return _Place(None, constant=convert(constants[name]) if convert else constants[name])


def _result_converter(column: Any, dialect: Any) -> Callable[[Any], Any] | None:
    if isinstance(column.type, sa.Float):  # floats as they come; SQLAlchemy would ask for a wire type
        return None
    convert: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return convert
