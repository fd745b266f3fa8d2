"""Between the wire and a provider: replies as plain values, refusals as exceptions, faults around both."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

from aiohttp import web

from simulators.providers.book import Push
from simulators.providers.faults import AFTER, BEFORE, Fault
from simulators.providers.network import Network
from simulators.timing import Timing

_CHUNKS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back; `accepted` is the push that this reply took in."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    accepted: Push | None = None


class Refused(Exception):
    """The request is refused; `reply` says how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a request is about, so that a scripted fault can be meant for it."""

    operation: str
    msisdn: str | None = None
    reference: str | None = None


def reply_json(status: int, value: Any) -> Reply:
    """Return a JSON reply without spaces, as both providers send it."""
    return Reply(status, dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object in `body`; empty when it is none."""
    try:
        value = loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Edge:
    """Serves one provider's operations with latency and faults. `spoilt` are its bodies for the faults."""

    def __init__(self, provider: str, network: Network, spoilt: Mapping[str, Reply]) -> None:
        self._provider = provider
        self._network = network
        self._spoilt = spoilt

    async def serve(
        self, request: web.Request, subject: Subject, work: Callable[[], Awaitable[Reply]]
    ) -> web.StreamResponse:
        """Run `work` unless a fault comes first, then answer unless one comes after."""
        await self._network.timing.sleep(getattr(self._network.config.latency, f"{subject.operation}_s"))
        fault = self._network.faults.draw(
            self._provider, subject.operation, subject.msisdn, subject.reference
        )
        if fault and fault.name in BEFORE:
            return await self._spoil(request, fault, Reply(200))
        reply = await self._work(subject, work, request)
        if fault and fault.name in AFTER:
            if reply.accepted:
                reply.accepted.faults.append(f"push.{fault.name}")
            return await self._spoil(request, fault, reply)
        return web.Response(status=reply.status, body=reply.body, content_type=reply.content_type)

    async def _work(
        self, subject: Subject, work: Callable[[], Awaitable[Reply]], request: web.Request
    ) -> Reply:
        try:
            return await work()
        except Refused as refused:
            if subject.operation == "push":
                asked = (await request.read()).decode(errors="replace")
                said = refused.reply.body.decode()
                now = self._network.timing.now()
                self._network.book.refuse(self._provider, refused.reply.status, said, asked, now)
            return refused.reply

    async def _spoil(self, request: web.Request, fault: Fault, reply: Reply) -> web.StreamResponse:
        if fault.name in ("close", "close_before"):
            return hang_up(request)
        if fault.name == "slow_drip":
            return await drip(request, reply, fault.drip_s, self._network.timing)
        spoilt = self._spoilt[fault.name.removesuffix("_before").removesuffix("_after")]
        return web.Response(status=spoilt.status, body=spoilt.body, content_type=spoilt.content_type)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def drip(request: web.Request, reply: Reply, seconds: float, timing: Timing) -> web.StreamResponse:
    """Send the headers at once and the body so slowly that a client gives up first."""
    body = reply.body or b" " * _CHUNKS
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
    response.content_length = len(body)
    await response.prepare(request)
    step = max(1, len(body) // _CHUNKS)
    with contextlib.suppress(ConnectionError):
        for start in range(0, len(body), step):
            await timing.sleep(seconds / _CHUNKS)
            await response.write(body[start : start + step])
    return response
