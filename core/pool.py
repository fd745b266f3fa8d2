"""PostgreSQL connections kept open, whose transactions begin and end on the driver.

SQLAlchemy is told of one transaction that never ends: through its pool and greenlets an empty one took 110 µs
of CPU, as much as two round trips. asyncpg begins ours with the first statement (SQLAlchemy's adapter sees to
that, and so does `core.plain`); here they end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_EACH_BY_ITSELF = "autocommit"
_SNAPSHOT = "repeatable_read"
_Transaction = AbstractAsyncContextManager[AsyncConnection]


class Pool:
    """Gives one of at most `size` connections at a time to each who asks; the last one used comes first."""

    def __init__(self, engine: AsyncEngine, size: int, patience_s: float) -> None:
        """`engine` must keep none itself; who waits longer than `patience_s` gets a TimeoutError."""
        self._engine = engine
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(size)
        self._free: list[AsyncConnection] = []
        self._is_closed = False

    def begin(self) -> _Transaction:
        """Give a connection for a transaction, which commits at the end and rolls back on an error."""
        return self._lend(None, commits=True)

    def each(self) -> _Transaction:
        """Give a connection on which every statement commits by itself, until `unite` is called."""
        return self._lend(_EACH_BY_ITSELF, commits=True)

    def snapshot(self) -> _Transaction:
        """Give a connection that sees one moment's rows, and changes none."""
        return self._lend(_SNAPSHOT, commits=False)

    scan = snapshot  # the server does the work

    @asynccontextmanager
    async def _lend(self, isolation: str | None, *, commits: bool) -> AsyncIterator[AsyncConnection]:
        async with asyncio.timeout(self._patience_s):
            await self._turns.acquire()
        try:
            connection = await self._take()
            adapter = adapter_of(connection)
            adapter.isolation_level = isolation
            try:
                yield connection
                await _end(adapter, "commit" if commits else "rollback")
            except BaseException:
                with suppress(sa.exc.DBAPIError, asyncpg.InterfaceError, OSError):  # the first error counts
                    await _end(adapter, "rollback")
                raise
            finally:
                await self._take_back(connection, adapter)
        finally:
            self._turns.release()

    async def _take(self) -> AsyncConnection:
        while self._free:
            connection = self._free.pop()
            if not adapter_of(connection).driver_connection.is_closed():
                return connection
            await _forget(connection)  # the server has closed it meanwhile
        connection = await self._engine.connect()
        await connection.begin()
        return connection

    async def _take_back(self, connection: AsyncConnection, adapter: Any) -> None:
        driver = adapter.driver_connection
        if driver.is_closed() or connection.invalidated:
            await _forget(connection)
        elif self._is_closed or driver.is_in_transaction() or driver._top_xact:  # noqa: SLF001
            # Its end was broken off, or its beginning: then only asyncpg knows, and would make savepoints of
            # the next one's BEGIN and COMMIT, whose rows were lost.
            driver.terminate()
            await _forget(connection)
        else:
            self._free.append(connection)

    async def close(self) -> None:
        """Close those that nobody uses; the others are closed when they come back."""
        self._is_closed = True
        while self._free:
            await self._free.pop().close()
        await self._engine.dispose()


async def _end(adapter: Any, how: str) -> None:
    """End the transaction, if one has begun; a driver's error is told as SQLAlchemy's own."""
    transaction = adapter._transaction  # noqa: SLF001 - as the adapter's own `commit`, without its greenlet
    if transaction is None:
        return
    adapter._transaction = None  # noqa: SLF001 - whether or not it ends well, it has ended
    try:
        await getattr(transaction, how)()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        try:
            adapter._handle_exception(error)  # noqa: SLF001 - translates
        except adapter.dbapi.Error as translated:
            raise sa.exc.DBAPIError.instance(how, None, translated, adapter.dbapi.Error) from error
        raise


async def _forget(connection: AsyncConnection) -> None:
    """Let go of a connection that is broken."""
    with suppress(sa.exc.SQLAlchemyError, asyncpg.InterfaceError, OSError):
        if not connection.invalidated:
            await connection.invalidate()
        await connection.close()


def adapter_of(connection: AsyncConnection) -> Any:
    """Return what stands between SQLAlchemy and the driver."""
    return connection.sync_connection.connection.dbapi_connection  # type: ignore[union-attr]  # it is open


def unite(connection: AsyncConnection) -> None:
    """From here on, make one transaction of a connection's statements."""
    adapter = adapter_of(connection)
    if adapter.isolation_level == _EACH_BY_ITSELF:
        adapter.isolation_level = None
