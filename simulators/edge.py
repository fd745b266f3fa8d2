"""Between the wire and a party: replies as plain values, refusals as exceptions, faults around both."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from json import dumps, loads
from typing import Any, Protocol

from aiohttp import web

from simulators.faults import AFTER, BEFORE, Fault, FaultPlan
from simulators.timing import Timing

_CHUNKS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back; `accepted` is the list of faults of what this reply took in."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    accepted: list[str] | None = None


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


class Setting(Protocol):
    """What surrounds every operation of a party."""

    @property
    def timing(self) -> Timing:
        """Return what latency is slept through."""
        ...

    @property
    def faults(self) -> FaultPlan:
        """Return where faults are drawn."""
        ...

    def latency_s(self, operation: str) -> float:
        """Return how long this operation takes to answer."""
        ...


Refusals = Callable[[str, Reply, str], None]


def reply_json(status: int, value: Any) -> Reply:
    """Return a JSON reply without spaces, as all parties send it."""
    return Reply(status, dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object in `body`; empty when it is none."""
    try:
        value = loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Edge:
    """Serves one party's operations with latency and faults.

    `spoilt` are its bodies for the faults; `refused` is told of every request that was refused on the spot.
    """

    def __init__(
        self, party: str, setting: Setting, spoilt: Mapping[str, Reply], refused: Refusals | None = None
    ) -> None:
        self._party = party
        self._setting = setting
        self._spoilt = spoilt
        self._refused = refused

    async def serve(
        self, request: web.Request, subject: Subject, work: Callable[[], Awaitable[Reply]]
    ) -> web.StreamResponse:
        """Run `work` unless a fault comes first, then answer unless one comes after."""
        await self._setting.timing.sleep(self._setting.latency_s(subject.operation))
        fault = self._setting.faults.draw(self._party, subject.operation, subject.msisdn, subject.reference)
        if fault and fault.name in BEFORE:
            return await self._spoil(request, fault, Reply(200))
        reply = await self._work(subject, work, request)
        if fault and fault.name in AFTER:
            if reply.accepted is not None:
                reply.accepted.append(f"{subject.operation}.{fault.name}")
            return await self._spoil(request, fault, reply)
        return web.Response(status=reply.status, body=reply.body, content_type=reply.content_type)

    async def _work(
        self, subject: Subject, work: Callable[[], Awaitable[Reply]], request: web.Request
    ) -> Reply:
        try:
            return await work()
        except Refused as refused:
            if self._refused:
                asked = (await request.read()).decode(errors="replace")
                self._refused(subject.operation, refused.reply, asked)
            return refused.reply

    async def _spoil(self, request: web.Request, fault: Fault, reply: Reply) -> web.StreamResponse:
        if fault.name in ("close", "close_before"):
            return hang_up(request)
        if fault.name == "slow_drip":
            return await drip(request, reply, fault.drip_s, self._setting.timing)
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
    step = max(1, len(body) // _CHUNKS)
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        for start in range(0, len(body), step):
            await timing.sleep(seconds / _CHUNKS)
            await response.write(body[start : start + step])
    return response


async def json_body(request: web.Request) -> Any:
    """Return the JSON value of a `/_sim` request, or answer 400."""
    try:
        return await request.json()
    except ValueError:
        raise sim_bad_request("the body is not JSON") from None


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a `/_sim` request, or answer 400."""
    value = await json_body(request)
    if not isinstance(value, dict):
        raise sim_bad_request("a JSON object is wanted")
    return value


def sim_bad_request(text: str) -> web.HTTPBadRequest:
    """Return what answers a `/_sim` request that cannot be understood."""
    return web.HTTPBadRequest(text=text + "\n")
