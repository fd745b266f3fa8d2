"""The worker: takes what the outbox holds to the outside, and looks after payments whose time has come."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from core import bulk, outbox
from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.metrics import DEAD

_log = structlog.get_logger()

# Handles one message and returns the outbox change that finishes or postpones it.
Handle = Callable[[outbox.Message], Awaitable[dict[str, Any]]]
# Handles messages together and finishes their outbox rows itself.
HandleMany = Callable[[Sequence[outbox.Message]], Awaitable[None]]

LOOK_EVERY_S = 0.2  # contract: at least every 250 ms
# A process that died holds its rows no longer than this; one that lives renews them.
LEASE_S = 6.0
RENEW_EVERY_S = 2.0
MOST_AT_ONCE = 200
MOST_ATTEMPTS = 12


class Worker:
    """Claims outbox rows and hands each to the handler of its kind; bounded in what it has in hand."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        handlers: Mapping[str, Handle],
        many: Mapping[str, HandleMany],
        check_due: Callable[[], Awaitable[int]],
        *,
        name: str | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._handlers = handlers
        self._many = many
        self._check_due = check_due
        self._name = name or f"worker-{os.getpid()}"
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._finished: Batcher[dict[str, Any], None] = Batcher(
            self._finish, pause_s=0.001 if db.is_sqlite else 0.0
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work in the background."""
        loops = (self._look, self._renew, self._check)
        self._tasks = [asyncio.create_task(loop()) for loop in loops]

    def wake(self) -> None:
        """Look at once: something was put in the outbox by this process."""
        self._wake.set()

    async def stop(self) -> None:
        """Take nothing new, let what is in hand finish for a few seconds, then stop."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self._in_hand:
            await asyncio.wait(self._in_hand.values(), timeout=5)
        for task in list(self._in_hand.values()):
            task.cancel()
        await self._finished.close()

    async def _look(self) -> None:
        while True:
            self._wake.clear()
            took = await self._guarded(self._take, 0)
            if not took:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_EVERY_S)

    async def _take(self) -> int:
        room = MOST_AT_ONCE - len(self._in_hand)
        now = self._clock.now()
        if room <= 0:
            return 0
        async with self._db.read() as connection:
            if not await outbox.is_due(connection, now):
                return 0
        async with self._db.write() as connection:
            messages = await outbox.claim(connection, worker=self._name, now=now, lease_s=LEASE_S, limit=room)
        self._hand_out(messages)
        return len(messages)

    def _hand_out(self, messages: Sequence[outbox.Message]) -> None:
        together: dict[str, list[outbox.Message]] = {}
        for message in messages:
            if message.kind in self._many:
                together.setdefault(message.kind, []).append(message)
            else:
                self._in_hand[message.outbox_id] = asyncio.create_task(self._handle(message))
        for kind, group in together.items():
            task = asyncio.create_task(self._handle_many(kind, group))
            self._in_hand |= {message.outbox_id: task for message in group}

    async def _handle_many(self, kind: str, messages: Sequence[outbox.Message]) -> None:
        try:
            await self._many[kind](messages)
        except Exception:
            _log.exception("handler_broke", kind=kind, messages=len(messages))
            changes = [self._after_error(message, "see the log") for message in messages]
            await asyncio.gather(*(self._finished.submit(change) for change in changes))
        finally:
            for message in messages:
                self._in_hand.pop(message.outbox_id, None)

    async def _handle(self, message: outbox.Message) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=message.correlation_id)
        try:
            change = await self._handlers[message.kind](message)
        except Exception as error:
            _log.exception("handler_broke", kind=message.kind, outbox_id=message.outbox_id)
            change = self._after_error(message, repr(error))
        try:
            await self._finished.submit(change)
        except Exception:
            # The lease ends and the row is handled again: handlers are made for that.
            _log.exception("outbox_not_finished", outbox_id=message.outbox_id)
        finally:
            self._in_hand.pop(message.outbox_id, None)

    def _after_error(self, message: outbox.Message, error: str) -> dict[str, Any]:
        now = self._clock.now()
        if message.attempts + 1 >= MOST_ATTEMPTS:
            DEAD.labels(message.kind).inc()
            return outbox.dead(message.outbox_id, now=now, error=error)
        wait_s = outbox.backoff_s(message.attempts, jitter=random.random())  # noqa: S311 - spreads, hides nothing
        return outbox.again(message, at=now + timedelta(seconds=wait_s), error=error)

    async def _finish(self, changes: Sequence[dict[str, Any]]) -> list[Exception | None]:
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for change in changes:
            by_columns.setdefault(tuple(change), []).append(change)
        async with self._db.write() as connection:
            for rows in by_columns.values():
                await bulk.update(connection, outbox.outbox, rows)
        return [None] * len(changes)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._guarded(self._renew_once, None)

    async def _renew_once(self) -> None:
        ids = list(self._in_hand)
        if ids:
            async with self._db.write() as connection:
                await outbox.renew(connection, ids, now=self._clock.now(), lease_s=LEASE_S)

    async def _check(self) -> None:
        while True:
            took = await self._guarded(self._check_due, 0)
            await asyncio.sleep(0 if took else LOOK_EVERY_S)

    async def _guarded(self, work: Callable[[], Awaitable[Any]], otherwise: Any) -> Any:
        """Run one round; an error is logged and the next round tries again a little later."""
        try:
            return await work()
        except Exception:
            _log.exception("worker_round_failed", work=getattr(work, "__name__", "work"))
            await asyncio.sleep(1)
            return otherwise
