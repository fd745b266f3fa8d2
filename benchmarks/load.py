"""A load of USSD callers that costs little itself: raw HTTP/1.1 over kept connections."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Served:
    """How many requests were answered, in what time, and how many answers were not a 200."""

    requests: int
    seconds: float
    failed: int


class Connection(asyncio.Protocol):
    """Sends one request at a time and resolves its future with the status and body."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        # uvloop's transports are no asyncio.Transport by class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Resolve the answer once it is whole."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or b"0")
        if len(rest) >= length:
            self._buffer = rest[length:]
            self._answer.set_result((int(head[9:12]), rest[:length]))
            self._answer = None

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell who waits."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()


async def connect(port: int) -> Connection:
    """Return a connection to a server here."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def hop_request(path: str, session: str, msisdn: str, text: str, network_code: str = "64502") -> bytes:
    """Return one hop in the form of Africa's Talking."""
    form = {
        "sessionId": session,
        "phoneNumber": msisdn,
        "networkCode": network_code,
        "serviceCode": "*384*7#",
        "text": text,
    }
    return form_request(path, form)


def form_request(path: str, form: Mapping[str, str]) -> bytes:
    """Return a whole request that posts a form."""
    return request("POST", path, "application/x-www-form-urlencoded", urlencode(form).encode())


def request(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """Return a whole request."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(port: int, requests: Iterable[bytes], senders: int) -> int:
    """Send requests over so many connections; return how many were not answered with 200."""
    waiting, failed = iter(requests), itertools.count()

    async def sender() -> None:
        connection = await connect(port)
        for request in waiting:
            status, _ = await connection.ask(request)
            if status != 200:  # noqa: PLR2004 - HTTP
                next(failed)
        connection.close()

    await asyncio.gather(*(sender() for _ in range(senders)))
    return next(failed)


async def call_all(
    port: int,
    path: str,
    calls: Sequence[tuple[str, Sequence[str]]],
    *,
    callers: int = 64,
    tag: str = "b",
    on_end: Callable[[str, float], None] | None = None,
) -> Served:
    """Make every call (msisdn, texts of its hops) with so many callers at a time."""
    loop = asyncio.get_running_loop()
    waiting = iter(enumerate(calls))
    count, failed = itertools.count(), itertools.count()

    async def caller() -> None:
        connection = await connect(port)
        for number, (msisdn, texts) in waiting:
            for text in texts:
                status, body = await connection.ask(hop_request(path, f"{tag}{number}", msisdn, text))
                next(count)
                if status != 200:  # noqa: PLR2004 - HTTP
                    next(failed)
            if on_end:
                on_end(body.decode(), loop.time())
        connection.close()

    began = loop.time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return Served(next(count), loop.time() - began, next(failed))
