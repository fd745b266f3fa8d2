"""The database: one metadata, two dialects.

SQLite gets one connection that writes and several that read, which never wait for a writer (WAL). Their
statements run on the loop's own thread (`core.onloop`); long scans have connections whose statements do not.
PostgreSQL needs one pool.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from core.onloop import begin, connect, connect_reader
from core.pool import Pool, unite

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Lent = AbstractAsyncContextManager[AsyncConnection]

# UUIDs are text in Python; PostgreSQL keeps them in 16 bytes.
Id = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")


_LONGEST_TURN_S = 30.0
_LONGEST_WAIT_S = 10.0  # for one of PostgreSQL's connections
_LONGEST_LOCK_S = 10.0
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-16000",  # KiB
    "wal_autocheckpoint=4000",  # pages: a page that is written often is copied back less often
)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on PostgreSQL, sortable RFC 3339 text on SQLite.

    SQLAlchemy's own type gives back naive local time from SQLite.
    """

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Choose the column type of the dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times; write UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        if dialect.name == "postgresql":
            return value
        return _as_text(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Read UTC."""
        if value is None or isinstance(value, datetime):
            return value.astimezone(UTC) if value is not None else None
        return datetime.fromisoformat(value)


@lru_cache(maxsize=512)
def _as_text(moment: datetime) -> str:
    """Rows of one batch carry the same moment, so it is written once."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Database:
    """Opens connections for writing (one transaction each) and for reading."""

    def __init__(self, url: str, *, pool_size: int = 8, longest_s: float = 0) -> None:
        """Prepare engines for a `sqlite+aiosqlite` or `postgresql+asyncpg` URL; nothing is opened yet.

        PostgreSQL gives a statement, or a transaction in which nothing is asked, up after `longest_s`; 0 is
        never. SQLite runs inside the process, where there is nobody else to lose.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._kept: _File | Pool
        if self.is_sqlite:
            _make_folder(self.url)
            self._kept = _File(self.url)
        else:
            engine = create_async_engine(
                self.url,
                poolclass=sa.pool.NullPool,
                connect_args={"server_settings": _server_settings(longest_s)},
            )
            self._kept = Pool(engine, pool_size, _LONGEST_WAIT_S)

    def write(self) -> Lent:
        """Give a connection inside a transaction that commits at the end, or rolls back on an error."""
        return self._kept.begin()

    def write_each(self) -> Lent:
        """Give a connection like `write`; on PostgreSQL each statement commits by itself until `unite`.

        It spares two round trips where all that is written is written by one statement, the last.
        """
        return self._kept.each()

    def unite(self, connection: AsyncConnection) -> None:
        """From here on, make one transaction of the statements on a connection of `write_each`."""
        if not self.is_sqlite:
            unite(connection)

    def read(self) -> Lent:
        """Give a connection that sees one consistent snapshot; for a few rows, found by an index."""
        return self._kept.snapshot()

    def scan(self) -> Lent:
        """Give a connection like `read`, for queries that may take long: nobody else waits for them."""
        return self._kept.scan()

    async def ping(self) -> None:
        """Raise where the database cannot be reached."""
        async with asyncio.timeout(5), self.read() as connection:
            await connection.execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._kept.close()


class _File:
    """Connections to a SQLite file: one that writes, several that read, several whose queries take long."""

    def __init__(self, url: URL) -> None:
        self._writer = _Writer(_sqlite(url, size=1, on_loop=True, begins=False))
        self._reader = _sqlite(url, size=4, on_loop=True)
        self._scanner = _sqlite(url, size=2)

    def begin(self) -> Lent:
        return self._writer.begin()

    each = begin  # a commit is the same cost for one statement

    def snapshot(self) -> Lent:
        return _snapshot(self._reader)

    def scan(self) -> Lent:
        return _snapshot(self._scanner)

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()
        await self._scanner.dispose()


@asynccontextmanager
async def _snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        await connection.begin()  # `core.plain` goes past SQLAlchemy, which would begin only when asked
        yield connection
        await connection.rollback()


class _Writer:
    """The one SQLite connection that writes, kept open; one transaction at a time, in the order of asking.

    SQLAlchemy is told of one transaction that never ends. Ours begin and end on the driver: through the pool
    and its greenlets an empty one took 250 µs of CPU, more than what most of them do. They begin as
    IMMEDIATE, because a deferred transaction that writes later fails at once when another process writes.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._driver: Any = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        if self._turn.locked():
            async with asyncio.timeout(_LONGEST_TURN_S):
                await self._turn.acquire()
        else:
            await self._turn.acquire()  # at once
        try:
            connection = self._connection or await self._open()
            await _transaction_begins(self._driver)
            try:
                yield connection
                await self._driver.commit()
            except BaseException:
                await _to_the_end(self._driver.rollback())
                raise
        finally:
            self._turn.release()

    async def _open(self) -> AsyncConnection:
        connection = await self._engine.connect()
        self._driver = (await connection.get_raw_connection()).driver_connection
        await connection.begin()
        self._connection = connection
        return connection

    async def dispose(self) -> None:
        if self._connection:
            await self._connection.close()
            self._connection = None
        await self._engine.dispose()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for what a thread does even where the waiter is cancelled, and be cancelled only then.

    A ROLLBACK that came when the next transaction has begun would take that one back.
    """
    task, stopped = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            stopped = error
    if stopped:
        raise stopped


async def _transaction_begins(driver: Any) -> None:
    try:
        await begin(driver.raw, "BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance("BEGIN IMMEDIATE", None, error, sqlite3.Error) from error


def _server_settings(longest_s: float) -> dict[str, str]:
    """Return what PostgreSQL is told at the start of a connection."""
    if not longest_s:
        return {}
    limits = {
        "statement_timeout": longest_s,
        "idle_in_transaction_session_timeout": longest_s,
        "lock_timeout": min(longest_s, _LONGEST_LOCK_S),
    }
    return {name: str(max(1, round(seconds * 1000))) for name, seconds in limits.items()}  # 0 would be never


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _sqlite(url: URL, *, size: int, on_loop: bool = False, begins: bool = True) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=30,
        poolclass=sa.pool.AsyncAdaptedQueuePool,
        # The driver must not begin transactions of its own: the event below does.
        connect_args={
            "isolation_level": None,
            "timeout": 15,
            **({"async_creator_fn": connect_reader if begins else connect} if on_loop else {}),
        },
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if begins:
            connection.exec_driver_sql("BEGIN")

    return engine
