"""SQLite statements worked out once: their text, what converts their parameters, what converts their columns.

SQLAlchemy's cache of compiled statements still walks the whole statement at every execution to find it
there, and sorts parameters for every row; for a few rows by key that is most of the cost.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

_SQLITE = aiosqlite.dialect()
_Take = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement's text; takes its parameters from a mapping in order; makes a row of what comes back."""

    sql: str
    takes: tuple[_Take, ...]
    row: Callable[[Sequence[Any]], Any]
    converts: tuple[tuple[int, Callable[[Any], Any]], ...]


async def many(connection: AsyncConnection, statement: Any, params: Sequence[Mapping[str, Any]]) -> int:
    """Run a writing statement for each mapping of parameters; return how many rows were touched."""
    known = _plain(statement)
    takes = known.takes
    values = [tuple([take(given) for take in takes]) for given in params]
    return (await connection.exec_driver_sql(known.sql, values)).rowcount


async def rows(connection: AsyncConnection, statement: Any, params: Mapping[str, Any]) -> list[Any]:
    """Run a statement; return its rows as named tuples."""
    known = _plain(statement)
    result = await connection.exec_driver_sql(known.sql, tuple([take(params) for take in known.takes]))
    found = result.all()
    if not known.converts:
        return [known.row(values) for values in found]
    return [known.row(_converted(values, known.converts)) for values in found]


def _converted(values: Sequence[Any], converts: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    changed = list(values)
    for i, convert in converts:
        changed[i] = convert(changed[i])
    return changed


@lru_cache(maxsize=512)
def _plain(statement: Any) -> Plain:
    compiled = statement.compile(dialect=_SQLITE)
    given = {name for name, parameter in compiled.binds.items() if parameter.required}
    # Expanding writes lists of constants out, `IN (?, ?)`; what is given has a value only later.
    state = compiled.construct_expanded_state(dict.fromkeys(given))
    columns = list(getattr(statement, "exported_columns", ()))
    converters = ((i, _result_converter(column)) for i, column in enumerate(columns))
    return Plain(
        state.statement,
        tuple(
            _from_given(name, _bind_converter(compiled.binds[name]))
            if name in given
            else _constant(state.parameters[name], _bind_converter(compiled.binds.get(name)))
            for name in state.positiontup or ()
        ),
        _row_class(tuple(column.key for column in columns)),
        tuple((i, convert) for i, convert in converters if convert),
    )


def _row_class(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes rows with these fields, which can be read as SQLAlchemy's rows can."""
    base: Any = namedtuple("base", names)  # type: ignore[misc]  # noqa: PYI024 - known only at run time
    made: Any = type("Row", (base,), {"__slots__": (), "_mapping": property(lambda row: row._asdict())})
    return made._make  # type: ignore[no-any-return]  # made at run time


def _bind_converter(parameter: Any) -> Any:
    """Return what converts a parameter; one of a written-out list has no type of its own and is plain."""
    return None if parameter is None else parameter.type.dialect_impl(_SQLITE).bind_processor(_SQLITE)


def _from_given(name: str, convert: Any) -> _Take:
    if convert is None:
        return itemgetter(name)
    return lambda given: convert(given[name])


def _constant(value: Any, convert: Any) -> _Take:
    converted = convert(value) if convert else value
    return lambda _given: converted


def _result_converter(column: Any) -> Callable[[Any], Any] | None:
    convert: Callable[[Any], Any] | None = column.type.dialect_impl(_SQLITE).result_processor(_SQLITE, None)
    return convert
