"""Time for the other parties: told and slept through one object, so that a run can be repeated or hurried."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

_TURNS = 20
_T = TypeVar("_T")


class Timing(Protocol):
    """Tells the time in UTC and waits."""

    def now(self) -> datetime:
        """Return an aware datetime in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this object's time."""
        ...


class WallTime:
    """The machine's time; waits are divided by `speed` (2 makes everybody twice as quick)."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` divided by the speed."""
        await asyncio.sleep(seconds / self.speed)


class SteppedTime:
    """Time that moves only when `advance` is awaited; for tests and replays."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the time it was last moved to."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until somebody has advanced by `seconds`; nothing or less waits for one turn of the loop."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (due, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move forward, waking every sleeper on the way at its own moment."""
        end = self._now + timedelta(seconds=seconds)
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await _let_others_run()
        self._now = end
        await _let_others_run()


async def first_of(timing: Timing, event: Awaitable[_T], seconds: float) -> _T | None:
    """Return what `event` gives, or None when `seconds` pass before."""
    waiting = asyncio.ensure_future(event)
    timer = asyncio.ensure_future(timing.sleep(seconds))
    try:
        await asyncio.wait({waiting, timer}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()
        timer.cancel()


async def _let_others_run() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
