"""SQLite statements on the event loop's own thread.

aiosqlite hands every call to a thread and back: four times for one statement, some 250 µs of CPU, which is
many times what a statement of ours takes inside SQLite. So statements run right here, and only what waits
for the disk goes to aiosqlite's thread: connecting, COMMIT, ROLLBACK. A lock that another process holds is
waited for by asking again, without blocking the loop. Long scans use a connection without this
(`Database.scan`).
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import aiosqlite

_LONGEST_WAIT_S = 15.0
_ASK_AGAIN_S = 0.002


class Cursor:
    """Looks like a cursor of aiosqlite; nothing in it waits but BEGIN."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._cursor = raw(connection).cursor()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cursor.close()

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement."""
        if sql.startswith("BEGIN"):
            await begin(self._cursor, sql)
        else:
            self._cursor.execute(sql, parameters)
        return self

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Self:
        """Run a statement for every row."""
        self._cursor.executemany(sql, rows)
        return self

    async def fetchall(self) -> list[Any]:
        """Return every row."""
        return self._cursor.fetchall()

    async def close(self) -> None:
        """Let go of the statement."""
        self._cursor.close()

    def __getattr__(self, name: str) -> Any:
        """Give `description`, `rowcount`, `lastrowid` of the real cursor."""
        return getattr(self._cursor, name)


class Connection:
    """An aiosqlite connection whose cursors work on the loop; all else is aiosqlite's."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._real = connection
        self.raw = raw(connection)

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._real)

    def __getattr__(self, name: str) -> Any:
        """Give everything else as aiosqlite does: commit, rollback, close and so on."""
        return getattr(self._real, name)


class Reader(Connection):
    """One that only reads: its ROLLBACK ends a snapshot and waits for no disk.

    In aiosqlite's thread it waited for the interpreter instead, milliseconds where the loop was busy, and
    kept the connection from whoever would read next.
    """

    async def rollback(self) -> None:
        """End the snapshot, if there is one."""
        self.raw.rollback()


async def begin(cursor: sqlite3.Cursor | sqlite3.Connection, sql: str) -> None:
    """Begin as soon as no other process writes; raises OperationalError after fifteen seconds."""
    end = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            cursor.execute(sql)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            return


def raw(connection: aiosqlite.Connection) -> sqlite3.Connection:
    """Return the driver's own connection."""
    return connection._conn  # noqa: SLF001 - aiosqlite has no public name for it


async def connect(database: str, **options: Any) -> Connection:
    """Open a connection whose cursors work on the loop."""
    return Connection(await _opened(database, **options))


async def connect_reader(database: str, **options: Any) -> Reader:
    """Open a connection for reading whose cursors and rollbacks work on the loop."""
    return Reader(await _opened(database, **options))


async def _opened(database: str, **options: Any) -> aiosqlite.Connection:
    made = aiosqlite.connect(database, **{**options, "check_same_thread": False, "timeout": 0})
    made._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: a thread must not keep the process
    return await made
