"""The worker: takes what the outbox holds to the outside, and looks after payments whose time has come."""

import asyncio
import itertools
import os
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from core import outbox
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


Ended = tuple[outbox.Message, dict[str, Any]]  # what becomes of a message
Finish = Callable[[Ended], Awaitable[None]]

LOOK_EVERY_S = 0.1  # contract: at least every 250 ms
# A process that died holds its rows no longer than this; one that lives renews them.
LEASE_S = 6.0
RENEW_EVERY_S = 2.0
TICK_S = 1.0
MOST_IN_HAND = 200  # of one kind
MOST_TOGETHER = 16  # unless a lane says otherwise: a slow one keeps its group, so groups are small
MOST_ATTEMPTS = 12
_GATHER_S = 0.003  # after a wake: what comes at the same time is claimed at once


class InHand(NamedTuple):
    """What handles a row, and by which lease."""

    lease: str
    task: asyncio.Task[None]


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
        self._claims = itertools.count(1)
        self.in_hand: dict[str, InHand] = {}

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
        lease = f"{self._worker}-{next(self._claims)}"
        async with self._db.write() as connection:
            messages = await outbox.claim(
                connection, self._kind, worker=lease, now=now, lease_s=LEASE_S, limit=room
            )
        self._hand_out(messages)
        return len(messages)

    async def _until_one_ends(self) -> None:
        tasks = {one.task for one in self.in_hand.values()}
        await asyncio.wait(tasks, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)

    def _hand_out(self, messages: Sequence[outbox.Message]) -> None:
        if self._one:
            for message in messages:
                self._take_in_hand([message], self._handle(message, self._one))
        if self._many:
            for start in range(0, len(messages), self._many.most):
                group = messages[start : start + self._many.most]
                self._take_in_hand(group, self._handle_group(group, self._many.handle))

    def _take_in_hand(self, messages: Sequence[outbox.Message], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.in_hand |= {message.outbox_id: InHand(message.lease, task) for message in messages}

    def _let_go(self, messages: Sequence[outbox.Message]) -> None:
        for message in messages:
            now = self.in_hand.get(message.outbox_id)
            if now and now.lease == message.lease:  # else it was claimed anew meanwhile
                del self.in_hand[message.outbox_id]

    async def _handle_group(self, messages: Sequence[outbox.Message], handle: HandleMany) -> None:
        try:
            await handle(messages)
        except Exception:
            _log.exception("handler_broke", kind=self._kind, messages=len(messages))
            changes = [(message, self._after_error(message, "see the log")) for message in messages]
            await asyncio.gather(*(self._finish(change) for change in changes), return_exceptions=True)
        finally:
            self._let_go(messages)

    async def _handle(self, message: outbox.Message, handle: Handle) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=message.correlation_id)
        try:
            change = await handle(message)
        except Exception as error:
            _log.exception("handler_broke", kind=message.kind, outbox_id=message.outbox_id)
            change = self._after_error(message, repr(error))
        try:
            await self._finish((message, change))
        except Exception:
            # The lease ends and the row is handled again: handlers are made for that.
            _log.exception("outbox_not_finished", outbox_id=message.outbox_id)
        finally:
            self._let_go([message])

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
        tick: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`tick` is called every second."""
        self._db = db
        self._clock = clock
        self._check_due = check_due
        self._tick = tick
        self._finished: Batcher[Ended, None] = Batcher(self._finish, pause_s=0.001 if db.is_sqlite else 0.0)
        # Process ids repeat, in containers above all; a lease must be nobody else's.
        name = f"{name or f'worker-{os.getpid()}'}-{uuid.uuid4().hex[:8]}"
        finish = self._finished.submit
        self._lanes = {kind: Lane(db, clock, name, kind, finish, one=one) for kind, one in handlers.items()}
        self._lanes |= {
            kind: Lane(db, clock, name, kind, finish, many=_together(how)) for kind, how in many.items()
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work in the background."""
        loops = [lane.look for lane in self._lanes.values()]
        loops += [self._renew, self._check, *([self._every_second] if self._tick else [])]
        self._tasks = [asyncio.create_task(loop()) for loop in loops]

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
        in_hand = {one.task for lane in self._lanes.values() for one in lane.in_hand.values()}
        if in_hand:
            await asyncio.wait(in_hand, timeout=5)
        for task in in_hand:
            task.cancel()
        await self._finished.close()

    async def _finish(self, ended: Sequence[Ended]) -> list[Exception | None]:
        async with self._db.write() as connection:
            await outbox.finish(
                connection, (message for message, _ in ended), (change for _, change in ended)
            )
        return [None] * len(ended)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await guarded(self._renew_once, None)

    async def _renew_once(self) -> None:
        leases = {i: one.lease for lane in self._lanes.values() for i, one in lane.in_hand.items()}
        if leases:
            async with self._db.write() as connection:
                await outbox.renew(connection, leases, now=self._clock.now(), lease_s=LEASE_S)

    async def _every_second(self) -> None:
        while self._tick:
            await guarded(self._tick, None)
            await asyncio.sleep(TICK_S)

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
