"""The worker: takes what the outbox holds to the outside, and looks after payments whose time has come."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Together:
    """Handles up to `most` messages at once; where that is quick, `most` may be large."""

    handle: HandleMany
    most: int


Finish = Callable[[dict[str, Any]], Awaitable[None]]

LOOK_EVERY_S = 0.1  # contract: at least every 250 ms
# A process that died holds its rows no longer than this; one that lives renews them.
LEASE_S = 6.0
RENEW_EVERY_S = 2.0
MOST_IN_HAND = 200  # of one kind
MOST_TOGETHER = 16  # unless a lane says otherwise: a slow one keeps its group, so groups are small
MOST_ATTEMPTS = 12
_GATHER_S = 0.003  # after a wake: what comes at the same time is claimed at once


class Lane:
    """Claims outbox rows of one kind and has them handled; a kind that is slow keeps no other waiting."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        worker: str,
        kind: str,
        finish: Finish,
        *,
        one: Handle | None = None,
        many: Together | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._worker = worker
        self._kind = kind
        self._finish = finish
        self._one = one
        self._many = many
        self._wake = asyncio.Event()
        self.in_hand: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def look(self) -> None:
        """Claim and hand out, for ever."""
        while True:
            if not await guarded(self._take, 0):
                # Not wait_for: before Python 3.12 it forgets to stop where it is woken and cancelled at once.
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._wake.wait()
                    await asyncio.sleep(_GATHER_S)
            self._wake.clear()

    async def _take(self) -> int:
        # Room for a second group while the first one is handled, however large groups are.
        most = max(MOST_IN_HAND, 2 * self._many.most if self._many else 0)
        room = most - len(self.in_hand)
        now = self._clock.now()
        if room <= 0:
            await self._until_one_ends()
            return 0
        async with self._db.read() as connection:
            if not await outbox.is_due(connection, self._kind, now):
                return 0
        async with self._db.write() as connection:
            messages = await outbox.claim(
                connection, self._kind, worker=self._worker, now=now, lease_s=LEASE_S, limit=room
            )
        self._hand_out(messages)
        return len(messages)

    async def _until_one_ends(self) -> None:
        tasks = set(self.in_hand.values())
        await asyncio.wait(tasks, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)

    def _hand_out(self, messages: Sequence[outbox.Message]) -> None:
        if self._one:
            for message in messages:
                self.in_hand[message.outbox_id] = asyncio.create_task(self._handle(message, self._one))
        if self._many:
            for start in range(0, len(messages), self._many.most):
                group = messages[start : start + self._many.most]
                task = asyncio.create_task(self._handle_group(group, self._many.handle))
                self.in_hand |= {message.outbox_id: task for message in group}

    async def _handle_group(self, messages: Sequence[outbox.Message], handle: HandleMany) -> None:
        try:
            await handle(messages)
        except Exception:
            _log.exception("handler_broke", kind=self._kind, messages=len(messages))
            changes = [self._after_error(message, "see the log") for message in messages]
            await asyncio.gather(*(self._finish(change) for change in changes), return_exceptions=True)
        finally:
            for message in messages:
                self.in_hand.pop(message.outbox_id, None)

    async def _handle(self, message: outbox.Message, handle: Handle) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=message.correlation_id)
        try:
            change = await handle(message)
        except Exception as error:
            _log.exception("handler_broke", kind=message.kind, outbox_id=message.outbox_id)
            change = self._after_error(message, repr(error))
        try:
            await self._finish(change)
        except Exception:
            # The lease ends and the row is handled again: handlers are made for that.
            _log.exception("outbox_not_finished", outbox_id=message.outbox_id)
        finally:
            self.in_hand.pop(message.outbox_id, None)

    def _after_error(self, message: outbox.Message, error: str) -> dict[str, Any]:
        now = self._clock.now()
        if message.attempts + 1 >= MOST_ATTEMPTS:
            DEAD.labels(message.kind).inc()
            return outbox.dead(message.outbox_id, now=now, error=error)
        wait_s = outbox.backoff_s(message.attempts, jitter=random.random())  # noqa: S311 - spreads, hides nothing
        return outbox.again(message, at=now + timedelta(seconds=wait_s), error=error)


class Worker:
    """A lane for each kind of outbox row, and a look at payments whose time has come."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        handlers: Mapping[str, Handle],
        many: Mapping[str, HandleMany | Together],
        check_due: Callable[[], Awaitable[int]],
        *,
        name: str | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._check_due = check_due
        self._finished: Batcher[dict[str, Any], None] = Batcher(
            self._finish, pause_s=0.001 if db.is_sqlite else 0.0
        )
        name = name or f"worker-{os.getpid()}"
        finish = self._finished.submit
        self._lanes = {kind: Lane(db, clock, name, kind, finish, one=one) for kind, one in handlers.items()}
        self._lanes |= {
            kind: Lane(db, clock, name, kind, finish, many=_together(how)) for kind, how in many.items()
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work in the background."""
        loops = [lane.look for lane in self._lanes.values()]
        self._tasks = [asyncio.create_task(loop()) for loop in (*loops, self._renew, self._check)]

    def wake(self, kind: str = "push") -> None:
        """Look at once: this process has put a row of this kind into the outbox."""
        self._lanes[kind].wake()

    async def stop(self) -> None:
        """Take nothing new, let what is in hand finish for a few seconds, then stop."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        in_hand = {task for lane in self._lanes.values() for task in lane.in_hand.values()}
        if in_hand:
            await asyncio.wait(in_hand, timeout=5)
        for task in in_hand:
            task.cancel()
        await self._finished.close()

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
            await guarded(self._renew_once, None)

    async def _renew_once(self) -> None:
        ids = [outbox_id for lane in self._lanes.values() for outbox_id in lane.in_hand]
        if ids:
            async with self._db.write() as connection:
                await outbox.renew(connection, ids, now=self._clock.now(), lease_s=LEASE_S)

    async def _check(self) -> None:
        while True:
            took = await guarded(self._check_due, 0)
            await asyncio.sleep(0 if took else LOOK_EVERY_S)


def _together(how: HandleMany | Together) -> Together:
    return how if isinstance(how, Together) else Together(how, MOST_TOGETHER)


async def guarded(work: Callable[[], Awaitable[Any]], otherwise: Any) -> Any:
    """Run one round; an error is logged and the next round tries again a little later."""
    try:
        return await work()
    except Exception:
        _log.exception("worker_round_failed", work=getattr(work, "__name__", "work"))
        await asyncio.sleep(1)
        return otherwise
