"""Tells the gateway: which notices go out for a push, and the sending of them."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import aiohttp

from core.clock import rfc3339
from simulators.faults import COPIES, Fault
from simulators.providers.book import Push
from simulators.timing import Timing

_RECENT = 1_000
_AFTERTHOUGHT = frozenset({"out_of_order", "forged"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One callback: what it claims (which may not be what happened) and how long it waits before."""

    claims: Push
    delay_s: float = 0.0


class Forger(Protocol):
    """Makes up claims that the provider's book does not hold."""

    def stale(self, push: Push) -> Push:
        """Return what an older notice of this push would have said."""
        ...

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid, with an invented receipt."""
        ...

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim that a push was paid which nobody asked for."""
        ...


def plan(push: Push, fault: Fault | None, forger: Forger) -> list[Notice]:
    """Return the notices of a settled push, in order."""
    if fault and fault.name in _AFTERTHOUGHT:
        return [Notice(push), Notice(_afterthought(push, fault, forger))]
    if fault and fault.name == "late":
        return [Notice(push, fault.late_s)]
    if fault and fault.name == "other_amount":
        return [Notice(replace(push, amount=other_amount(push, fault)))]
    return [Notice(push)] * COPIES.get(fault.name if fault else "", 1)


def _afterthought(push: Push, fault: Fault, forger: Forger) -> Push:
    if fault.name == "out_of_order":
        return forger.stale(push)
    return forger.forged_stranger(push) if push.paid else forger.forged_success(push)


def other_amount(push: Push, fault: Fault) -> str:
    """Return the scripted amount, or one whole unit more than was asked."""
    if fault.amount:
        return fault.amount
    whole, dot, rest = push.amount.partition(".")
    return f"{int(whole) + 1}{dot}{rest}"


class Sender:
    """Sends callbacks over one pooled session, a bounded number at a time; a failure is noted, never raised.

    Neither provider repeats a callback that failed (reference mtn-momo §5, daraja §12).
    """

    def __init__(self, timing: Timing, at_once: int, timeout_s: float) -> None:
        self._timing = timing
        self._slots = asyncio.Semaphore(at_once)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._at_once = at_once
        self._session: aiohttp.ClientSession | None = None
        self.recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)

    async def open(self) -> None:
        """Open the session; must run inside the loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._at_once), timeout=self._timeout
        )

    async def close(self) -> None:
        """Close the session."""
        if self._session:
            await self._session.close()

    async def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send one callback, with headers of its own, and note what came of it."""
        if self._session is None:
            return
        async with self._slots:
            outcome = await self._try(self._session, method, url, body, headers or {})
        self._note(url, outcome, body)

    async def ask(self, method: str, url: str, body: bytes) -> tuple[int, str] | None:
        """Send a question and return status and text of the answer; None where there is none."""
        if self._session is None:
            return None
        headers = {"Content-Type": "application/json"}
        try:
            async with self._slots, self._session.request(method, url, data=body, headers=headers) as reply:
                said = reply.status, await reply.text()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._note(url, f"{type(error).__name__}: {error}", body)
            return None
        self._note(url, said[0], body)
        return said

    def _note(self, url: str, outcome: int | str, body: bytes) -> None:
        self.recent.append(
            {"at": rfc3339(self._timing.now()), "url": url, "outcome": outcome, "body": body.decode()}
        )

    async def _try(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> int | str:
        sent = {"Content-Type": "application/json", **headers}
        try:
            async with session.request(method, url, data=body, headers=sent) as reply:
                await reply.read()
                return reply.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
