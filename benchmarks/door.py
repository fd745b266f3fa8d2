"""A provider's address that can be let down: calls go through to its simulator, or hang, or are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

_CHUNK = 64 * 1024


class Way(StrEnum):
    """What becomes of calls."""

    THROUGH = "through"
    HANGING = "hanging"  # taken, and never answered
    REFUSED = "refused"  # no connection is made


class Door:
    """One port before another."""

    def __init__(self, port: int, behind: int) -> None:
        self._port = port
        self._behind = behind
        self._way = Way.THROUGH
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def turn(self, way: Way) -> None:
        """Let calls go this way from now on; those that are open when all are refused are cut off."""
        self._way = way
        if way is Way.REFUSED:
            await self.close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open |= {writer, outer}
        try:
            await asyncio.gather(self._carry(reader, outer), self._carry(inner, writer))
        finally:
            self._open -= {writer, outer}

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                if self._way is Way.THROUGH:
                    to.write(chunk)
                    await to.drain()
            to.close()


@asynccontextmanager
async def door(port: int, behind: int) -> AsyncIterator[Door]:
    """Give an open door."""
    made = Door(port, behind)
    await made.turn(Way.THROUGH)
    yield made
    await made.close()
