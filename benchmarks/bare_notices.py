"""The floor of callbacks: an aiohttp handler that keeps body, account and time in one row, and answers.

Rows that arrive together are committed together, as durably as Madzi's, on a database of the same kind.
Nothing is looked up, checked, limited or queued.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import uvloop
from aiohttp import web

Row = tuple[str, bytes, datetime]
Write = Callable[[list[Row]], Awaitable[Any]]
TABLE = "bare_notices"


class Group:
    """Has rows written, all that wait in one go; returns once they are safe."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, row: Row) -> None:
        """Return once a row is committed."""
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, safe))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await safe

    async def _write_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whatever is here already comes along
            together, self._waiting = self._waiting, []
            await self._write([row for row, _ in together])
            for _, safe in together:
                safe.set_result(None)
        self._writing = None


def sqlite(file: str) -> Write:
    """Return what writes to a file: statements on the loop, the commit beside it."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, account TEXT, body BLOB, at TEXT)")

    async def write(rows: list[Row]) -> None:
        db.execute("BEGIN IMMEDIATE")
        values = [(account, body, at.isoformat()) for account, body, at in rows]
        db.executemany(f"INSERT INTO {TABLE} (account, body, at) VALUES (?, ?, ?)", values)  # noqa: S608 - our own name
        await asyncio.to_thread(db.execute, "COMMIT")

    return write


async def postgresql(uri: str) -> Write:
    """Return what writes to a server: one statement, which is one transaction."""
    db = await asyncpg.connect(uri)
    await db.execute(
        f"CREATE TABLE {TABLE} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "account text, body bytea, at timestamptz)"
    )
    insert = await db.prepare(
        f"INSERT INTO {TABLE} (account, body, at) "  # noqa: S608 - our own name
        "SELECT * FROM unnest($1::text[], $2::bytea[], $3::timestamptz[])"
    )

    async def write(rows: list[Row]) -> None:
        await insert.fetch(*zip(*rows, strict=True))

    return write


async def _application(where: str) -> web.Application:
    group = Group(await postgresql(where) if where.startswith("postgresql") else sqlite(where))

    async def take(request: web.Request) -> web.Response:
        await group.add((request.match_info["token"], await request.read(), datetime.now(UTC)))
        return web.Response(text="{}", content_type="application/json")

    app = web.Application()
    for path in ("/cb/{token}", "/cb/{token}/{kind}"):
        app.router.add_put(path, take)
        app.router.add_post(path, take)
    return app


def main(port: int, where: str) -> None:
    """Serve until a signal; `where` is a file that does not exist yet, or the address of a PostgreSQL."""
    uvloop.install()
    web.run_app(_application(where), host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
