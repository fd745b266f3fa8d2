"""The floor of acceptance: the rows of accepted payments, taken out and written again by hand.

`benchmarks.floor_applied` does the same with what a payment's success changes.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import asyncpg

from benchmarks.databases import Where

# ruff: noqa: S608 - statements are made of names written here
_MINE = (
    "correlation_id IN (SELECT CAST(session_id AS TEXT) FROM ussd_sessions WHERE external_id LIKE '{tag}%')"
)
_OF_PAYMENT = f"payment_id IN (SELECT payment_id FROM payments WHERE {_MINE})"
# In the order in which foreign keys allow writing: which rows are one round's, and what tells their payment.
_TABLES = {
    "checkouts": (f"checkout_id IN (SELECT checkout_id FROM payments WHERE {_MINE})", "checkout_id"),
    "payments": (_MINE, "payment_id"),
    "payment_transitions": (_OF_PAYMENT, "payment_id"),
    "payment_routes": (_OF_PAYMENT, "payment_id"),
    "payment_orders": (_OF_PAYMENT, "payment_id"),
    "claims": (_OF_PAYMENT, "payment_id"),
    "outbox": (_MINE, "correlation_id"),
    "ussd_hops": (
        "is_end AND session_id IN (SELECT session_id FROM ussd_sessions WHERE external_id LIKE '{tag}%')",
        "session_id",
    ),
}
# Once its payment is deleted, a checkout is found by having none.
_GONE = {"checkouts": ("checkout_id NOT IN (SELECT checkout_id FROM payments)", "checkout_id")}

Rows = list[tuple[Any, ...]]


class How(StrEnum):
    """What one bulk statement does with its rows."""

    INSERT = "insert"
    UPDATE = "update"  # found by their keys
    ADD = "add"  # to what is there under their keys, if anything is
    DELETE = "delete"  # found by their keys, which are all that they hold


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table that one transaction writes."""

    table: str
    columns: tuple[str, ...]
    rows: Rows
    how: How = How.INSERT
    keys: tuple[str, ...] = ()  # some of the columns


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be written: a list of parts for each transaction."""

    payments: int
    batches: list[list[Part]]


class Raw(Protocol):
    """A database spoken to without anything of ours."""

    async def select(self, sql: str) -> tuple[tuple[str, ...], Rows]:
        """Return column names and rows."""

    async def execute(self, sql: str) -> None:
        """Run one statement outside a transaction."""

    async def prepare(self, batches: list[list[Part]]) -> list[Any]:
        """Return the batches as the driver wants them; not timed."""

    async def write(self, prepared: Any) -> None:
        """Write one batch in one durable transaction."""

    async def settle(self) -> None:
        """Let nothing of what came before be written during what comes now."""


class Floor:
    """Takes rows out and writes them again."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    async def settle(self) -> None:
        """Let nothing of what came before be written during what comes now."""
        await self._raw.settle()

    async def take(self, tag: str, together: int) -> Work:
        """Read and delete the rows of the round's payments, in batches of so many payments."""
        found = {
            table: await self._raw.select(f"SELECT * FROM {table} WHERE {which.format(tag=tag)}")
            for table, (which, _) in _TABLES.items()
        }
        places = _places(*found["payments"])
        batches: list[list[Part]] = [[] for _ in range(-(-len(found["payments"][1]) // together))]
        for table, (columns, rows) in found.items():
            key = columns.index(_TABLES[table][1])
            for i, batch in enumerate(batches):
                mine = [row for row in rows if places[str(row[key])] // together == i]
                batch.append(Part(table, columns, mine))
        for table, (which, _) in reversed((_TABLES | _GONE).items()):
            await self._raw.execute(f"DELETE FROM {table} WHERE {which.format(tag=tag)}")
        return Work(len(found["payments"][1]), batches)

    async def write(self, work: Work) -> float:
        """Write everything again; return the seconds it took."""
        return await write(self._raw, work.batches)


async def write(raw: Raw, batches: list[list[Part]]) -> float:
    """Write each batch in one transaction; return the seconds it took."""
    prepared = await raw.prepare(batches)
    began = time.perf_counter()
    for batch in prepared:
        await raw.write(batch)
    return time.perf_counter() - began


def _behind(part: Part) -> str:
    """Return what follows the rows of an insert that adds to what is there."""
    if part.how is not How.ADD:
        return ""
    sums = ",".join(f"{c}={part.table}.{c}+excluded.{c}" for c in part.columns if c not in part.keys)
    return f" ON CONFLICT ({','.join(part.keys)}) DO UPDATE SET {sums}"


def sqlite_statement(part: Part) -> str:
    """Return the statement that is run for each row of a part."""
    place = {name: f"?{i}" for i, name in enumerate(part.columns, 1)}
    same = " AND ".join(f"{key}={place[key]}" for key in part.keys)
    match part.how:
        case How.UPDATE:
            changes = ",".join(f"{c}={place[c]}" for c in part.columns if c not in part.keys)
            return f"UPDATE {part.table} SET {changes} WHERE {same}"
        case How.DELETE:
            return f"DELETE FROM {part.table} WHERE {same}"
    into = f"INSERT INTO {part.table} ({','.join(part.columns)}) VALUES ({','.join(place.values())})"
    return into + _behind(part)


def postgresql_statement(part: Part, types: Mapping[str, str]) -> str:
    """Return the one statement for all rows of a part, given as an array for each column."""
    arrays = ",".join(f"${i}::{types[name]}[]" for i, name in enumerate(part.columns, 1))
    rows = f"unnest({arrays}) AS v({','.join(part.columns)})"
    same = " AND ".join(f"{part.table}.{key}=v.{key}" for key in part.keys)
    match part.how:
        case How.UPDATE:
            changes = ",".join(f"{c}=v.{c}" for c in part.columns if c not in part.keys)
            return f"UPDATE {part.table} SET {changes} FROM {rows} WHERE {same}"
        case How.DELETE:
            return f"DELETE FROM {part.table} USING {rows} WHERE {same}"
    return f"INSERT INTO {part.table} ({','.join(part.columns)}) SELECT * FROM {rows}" + _behind(part)


def _places(columns: Sequence[str], rows: Rows) -> dict[str, int]:
    """Return the place of each payment in the order of creation, by each id that other rows know it by."""
    named = [columns.index(name) for name in ("payment_id", "checkout_id", "correlation_id")]
    ordered = sorted(rows, key=lambda row: str(row[named[0]]))
    return {str(row[i]): place for place, row in enumerate(ordered) for i in named}


class _Sqlite:
    def __init__(self, file: str) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            self._db.execute(f"PRAGMA {pragma}")
        mode = self._db.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            raise SystemExit(f"SQLite's journal mode is {mode}")

    async def select(self, sql: str) -> tuple[tuple[str, ...], Rows]:
        cursor = self._db.execute(sql)
        return tuple(column[0] for column in cursor.description), cursor.fetchall()

    async def execute(self, sql: str) -> None:
        self._db.execute(sql)

    async def prepare(self, batches: list[list[Part]]) -> list[Any]:
        return [[(sqlite_statement(part), part.rows) for part in batch] for batch in batches]

    async def write(self, prepared: Any) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for sql, rows in prepared:
            self._db.executemany(sql, rows)
        self._db.execute("COMMIT")

    async def settle(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    async def close(self) -> None:
        self._db.close()


class _Postgresql:
    def __init__(self, db: asyncpg.Connection) -> None:
        self._db = db

    async def select(self, sql: str) -> tuple[tuple[str, ...], Rows]:
        query = await self._db.prepare(sql)
        rows = await query.fetch()
        return tuple(column.name for column in query.get_attributes()), [tuple(row) for row in rows]

    async def execute(self, sql: str) -> None:
        await self._db.execute(sql)

    async def prepare(self, batches: list[list[Part]]) -> list[Any]:
        """Turn rows into columns, and prepare one statement for what is done with a table."""
        statements = {(part.table, part.how): await self._statement(part) for part in batches[0]}
        return [
            [(statements[part.table, part.how], list(zip(*part.rows, strict=True))) for part in batch]
            for batch in batches
        ]

    async def _statement(self, part: Part) -> Any:
        types = await self._db.fetch(
            "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute "
            "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
            part.table,
        )
        named = {row["attname"]: row["type"] for row in types}
        return await self._db.prepare(postgresql_statement(part, named))

    async def write(self, prepared: Any) -> None:
        async with self._db.transaction():
            for statement, columns in prepared:
                await statement.fetch(*columns)

    async def settle(self) -> None:
        # Deleted rows would have to be looked at again by every unique index.
        await self._db.execute("VACUUM ANALYZE")
        await self._db.execute("CHECKPOINT")

    async def close(self) -> None:
        await self._db.close()


@asynccontextmanager
async def opened(where: Where) -> AsyncIterator[Floor]:
    """Open a connection of the driver's own to a database with tables; refuse one that is not durable."""
    async with opened_raw(where) as raw:
        yield Floor(raw)


@asynccontextmanager
async def opened_raw(where: Where) -> AsyncIterator[Raw]:
    """Open a connection as `opened` does, without what it knows of acceptance."""
    raw = _Sqlite(where.raw) if where.is_sqlite else _Postgresql(await _durable(where.raw))
    yield raw
    await raw.close()


async def _durable(uri: str) -> asyncpg.Connection:
    db = await asyncpg.connect(uri)
    for setting in ("fsync", "synchronous_commit"):
        value = await db.fetchval(f"SHOW {setting}")
        if value != "on":
            raise SystemExit(f"PostgreSQL's {setting} is {value}")
    return db
