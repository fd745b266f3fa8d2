"""Group commit: what arrives while a batch is being written forms the next one.

One commit for hundreds of commands is what makes a durable write cheap (design §5). The queue is bounded:
past the bound a command is refused at once rather than kept beyond its caller's patience.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from core.errors import Busy

Command = TypeVar("Command")
Result = TypeVar("Result")

Handle = Callable[[Sequence[Command]], Awaitable[Sequence[Result | Exception]]]
_log = structlog.get_logger()


class Batcher(Generic[Command, Result]):
    """Collects commands and hands them to `handle` in batches, in the order in which they came.

    `handle` returns one result for each command; an exception in that list is raised to that caller alone.
    Where `handle` itself raises, the batch is tried once more command by command, so that one bad command
    cannot take others down with it. A batch of one is tried again as well: what two processes do at the same
    moment (a unique key, a circle of locks) is answered by what the first of them has written.
    """

    def __init__(
        self,
        handle: Handle[Command, Result],
        *,
        max_batch: int = 500,
        max_waiting: int = 4000,
        writers: int = 1,
        pause_s: float = 0.0,
    ) -> None:
        self._handle = handle
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._pause_s = pause_s
        self._waiting: list[tuple[Command, asyncio.Future[Result]]] = []
        self._in_hand = 0
        self._closed = False
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._write()) for _ in range(writers)]

    def __len__(self) -> int:
        """Return how many commands wait."""
        return len(self._waiting)

    def submit(self, command: Command) -> asyncio.Future[Result]:
        """Return what will be the command's result once its batch is committed; Busy where too many wait."""
        future: asyncio.Future[Result] = self._loop.create_future()
        if self._closed or len(self._waiting) >= self._max_waiting:
            future.set_exception(Busy())
            return future
        if not self._waiting:
            self._arrived.set()
        self._waiting.append((command, future))
        return future

    async def close(self) -> None:
        """Finish what waits, then stop."""
        self._closed = True
        while self._waiting or self._in_hand:  # noqa: ASYNC110 - a stop is rare; an event would cost every batch
            await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            # One turn of the loop lets every request that is already here join the batch.
            await asyncio.sleep(0)
            batch = self._waiting[: self._max_batch]
            del self._waiting[: self._max_batch]
            if not self._waiting:
                self._arrived.clear()
            if batch:
                self._in_hand += 1
                try:
                    await self._answer(batch, may_retry=True)
                finally:
                    self._in_hand -= 1
                # A tight loop of batches starves the other processes that write to the same SQLite file.
                await asyncio.sleep(self._pause_s)

    async def _answer(self, batch: list[tuple[Command, asyncio.Future[Result]]], *, may_retry: bool) -> None:
        try:
            results = await self._handle([command for command, _ in batch])
            answers = list(zip(batch, results, strict=True))
        except Exception as error:
            if not may_retry:
                _settle(batch[0][1], error)
                return
            _log.warning("batch_split", size=len(batch), error=type(error).__name__)
            for entry in batch:
                await self._answer([entry], may_retry=False)
            return
        for (_, future), result in answers:
            _settle(future, result)


def _settle(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():  # the caller has gone; what was written stays written
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
