"""Keeps an account's queries below the provider's rate, without ever making a caller wait for long."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Spaces calls evenly. Seconds are of a clock that only goes forward."""

    def __init__(
        self,
        per_minute: int,
        *,
        most_wait_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._interval_s = 60.0 / per_minute
        self._most_wait_s = most_wait_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_s = monotonic()

    async def enter(self) -> float:
        """Wait for a turn and return 0; where that would take too long return at once how long it would."""
        now_s = self._monotonic()
        turn_s = max(self._next_s, now_s)
        wait_s = turn_s - now_s
        if wait_s > self._most_wait_s:
            return wait_s
        self._next_s = turn_s + self._interval_s
        if wait_s > 0:
            await self._sleep(wait_s)
        return 0.0

    def pause(self, seconds: float) -> None:
        """Let no one in for `seconds`."""
        self._next_s = max(self._next_s, self._monotonic() + seconds)
