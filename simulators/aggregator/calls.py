"""Calls over HTTP, so that a phone in a browser can dial; each ends by END, hang-up or time-out."""

import asyncio
from dataclasses import asdict
from typing import Any

from simulators.aggregator.dialler import Call, CallOver, Dialler

_LOOK_EVERY_S = 5.0


class TooManyCalls(Exception):
    """No line is free."""


class Calls:
    """The calls that are going on."""

    def __init__(self, dialler: Dialler, most: int) -> None:
        self._dialler = dialler
        self._most = most
        self._calls: dict[str, tuple[Call, asyncio.Lock]] = {}

    async def dial(
        self, msisdn: str, code: str | None, network: str | None, wire: str | None = None
    ) -> dict[str, Any]:
        """Start a call and return its first screen. Raises TooManyCalls; KeyError for an unknown wire."""
        if len(self._calls) >= self._most:
            raise TooManyCalls
        call = await self._dialler.dial(msisdn, code, network, wire)
        if not call.over:
            self._calls[call.session_id] = (call, asyncio.Lock())
        return _row(call)

    async def enter(self, call_id: str, text: str | None) -> dict[str, Any]:
        """Type `text`, or with None send the last hop again. Raises CallOver for a call that is not there."""
        call, lock = self._find(call_id)
        async with lock:
            await (call.repeat() if text is None else call.enter(text))
            self._drop_if_over(call)
            return _row(call)

    async def look(self, call_id: str) -> dict[str, Any]:
        """Return a call as it stands, ended if its time is over. Raises CallOver where it is not there."""
        call, lock = self._find(call_id)
        async with lock:
            await self._end_if_late(call)
            return _row(call)

    async def hang_up(self, call_id: str) -> None:
        """End a call. Raises CallOver for a call that is not there."""
        call, lock = self._find(call_id)
        async with lock:
            await call.hang_up()
            self._drop_if_over(call)

    async def watch(self) -> None:
        """End the calls that nobody types into, until cancelled."""
        while True:
            await self._dialler.timing.sleep(_LOOK_EVERY_S)
            for call, lock in list(self._calls.values()):
                if call.timed_out and not lock.locked():
                    async with lock:
                        await self._end_if_late(call)

    async def _end_if_late(self, call: Call) -> None:
        if call.timed_out:
            await call.time_out()
            self._drop_if_over(call)

    def _find(self, call_id: str) -> tuple[Call, asyncio.Lock]:
        if call_id not in self._calls:
            raise CallOver(call_id)
        return self._calls[call_id]

    def _drop_if_over(self, call: Call) -> None:
        if call.over:
            self._calls.pop(call.session_id, None)


def _row(call: Call) -> dict[str, Any]:
    screen = call.screen
    return {
        "id": call.session_id,
        "text": screen.text,
        "continues": screen.continues,
        "status": screen.status,
        "error": screen.error,
        "history": call.history,
        "hops": call.hops,
        "network_code": call.network,
        "limits": asdict(call.limits),
        "left_s": round(max(0.0, call.left_s), 3) if screen.continues else 0,
    }
