"""Rows by a key, for many who ask at the same time: what is asked within a turn of the loop is one query.

A crowd of callbacks asks for its rows one by one, and opening a snapshot costs more than finding a row.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core import bulk
from core.batching import Batcher
from core.db import Database


class Lookup:
    """Finds rows of a query by one of its columns, which is unique."""

    def __init__(self, db: Database, query: sa.Select[Any], column: sa.Column[Any]) -> None:
        self._db = db
        self._query = query
        self._column = column
        self._batcher: Batcher[str, Any] = Batcher(self._read)

    async def get(self, key: str) -> Any:
        """Return the row as it was committed last, or None. Raises Busy where too many ask."""
        return await self._batcher.submit(key)

    async def close(self) -> None:
        """Answer who waits."""
        await self._batcher.close()

    async def _read(self, keys: Sequence[str]) -> list[Any]:
        async with self._db.read() as connection:
            rows = await bulk.fetch(connection, self._query, self._column, keys)
        found = {getattr(row, self._column.key): row for row in rows}
        return [found.get(key) for key in keys]
