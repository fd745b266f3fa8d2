"""One pooled HTTP session for all providers: every call is bounded, and none raises.

What matters to money is not why a call failed but whether the other side may have taken it, so an answer
says first how far the call got: no connection is proof that nothing was taken, silence after sending is not.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog
from pydantic import BaseModel, Field, model_validator
from yarl import URL

from core.errors import BadInput
from payments.providers.reading import json_of

log = structlog.get_logger(__name__)

_TEXT_KEPT = 300
_LONGEST_RETRY_AFTER_S = 3600
# Below what servers commonly keep, so that a push seldom meets a connection closed under it: whether such a
# push was taken cannot be told.
_KEEP_ALIVE_S = 8.0


class HttpSettings(BaseModel):
    """Bounds of every call; the connecting time includes waiting for a free connection."""

    connect_s: float = Field(default=5.0, gt=0, le=60)
    total_s: float = Field(default=20.0, gt=0, le=120)
    most_bytes: int = Field(default=64 * 1024, ge=1024)
    connections: int = Field(default=64, ge=1, le=1000)
    keep_alive: bool = True  # False: a connection for each call

    @model_validator(mode="after")
    def _connecting_ends_first(self) -> Self:
        # Else the total would run out while connecting, and "never connected" would look like "unclear".
        if self.connect_s >= self.total_s:
            raise ValueError("connect_s must be below total_s")
        return self


class Reach(StrEnum):
    """How far a call got."""

    NEVER = "never"  # no connection was made: provably not taken
    UNCLEAR = "unclear"  # it may have been sent; no whole answer came back
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a provider. `total_s` replaces the settings' bound where a call is known to be slow.

    `is_once`: it moves money although its method says that it may be repeated, so nothing on our side does.
    """

    provider: str
    operation: str
    method: str
    url: URL = field(repr=False)  # it may hold credentials
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    total_s: float | None = None
    is_once: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` where it was a JSON object, else the start of the `text` (HTML, mostly)."""

    reach: Reach
    status: int = 0
    body: Mapping[str, Any] | None = None
    text: str = ""
    fault: str = ""  # why there is no whole answer, in one word
    retry_after_s: float | None = None

    def says(self, key: str) -> str:
        """Return a text of the body, empty where there is none."""
        value = self.body.get(key) if self.body is not None else None
        return value if isinstance(value, str) else ""


class Http:
    """The session; it opens with the first call and is closed once, at the end."""

    def __init__(
        self, settings: HttpSettings | None = None, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._settings = settings or HttpSettings()
        self._timer = timer
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; calls from now on are never sent."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    async def call(self, call: Call) -> Answer:
        """Send a request and read the whole answer, within the bounds; never raises for the other side."""
        began = self._timer()
        answer = await self._guarded(call)
        log.info(
            "provider_call",
            provider=call.provider,
            operation=call.operation,
            status=answer.status or answer.fault,
            ms=round((self._timer() - began) * 1000),
        )
        return answer

    async def _guarded(self, call: Call) -> Answer:
        if self._is_closed:
            return Answer(Reach.NEVER, fault="closed")
        try:
            return await self._send(call)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return Answer(Reach.NEVER, fault="no_connection")
        except TimeoutError:
            return Answer(Reach.UNCLEAR, fault="timeout")
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(Reach.UNCLEAR, fault="dropped")

    async def _send(self, call: Call) -> Answer:
        # A redirect is never followed: it would carry a token, or a payment, to somewhere else.
        async with self._open().request(
            call.method,
            call.url,
            headers=call.headers,
            data=call.body,
            allow_redirects=False,
            timeout=self._timeout(call),
            middlewares=(_once,) if call.is_once else None,
        ) as response:
            raw = await _read(response, self._settings.most_bytes)
            if raw is None:
                return Answer(Reach.UNCLEAR, response.status, fault="oversize")
            return read_answer(response.status, raw, response.headers.get("Retry-After", ""))

    def _timeout(self, call: Call) -> aiohttp.ClientTimeout:
        total_s = call.total_s or self._settings.total_s
        return aiohttp.ClientTimeout(total=total_s, connect=self._settings.connect_s)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Else a call without a body would be given one's type.
                skip_auto_headers=("Content-Type",),
                # A firewall answers one well-known client's name with HTML (reference mtn-momo §2).
                headers={"User-Agent": "madzi", "Accept": "application/json", "Accept-Encoding": "identity"},
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        limit = self._settings.connections
        if not self._settings.keep_alive:
            return aiohttp.TCPConnector(limit=0, limit_per_host=limit, force_close=True)
        return aiohttp.TCPConnector(limit=0, limit_per_host=limit, keepalive_timeout=_KEEP_ALIVE_S)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Let no dropped connection be answered by sending again: aiohttp does so, once, for every GET."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        # Another kind of error, without the address in it; this one is not tried again.
        raise aiohttp.ClientPayloadError("dropped") from None


def endpoint(base_url: str, path: str) -> URL:
    """Append a reference's path to a base URL that may carry a path itself (contract §3)."""
    return URL(base_url.rstrip("/") + path)


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > most_bytes:
            response.close()
            return None
    return bytes(raw)


def read_answer(status: int, raw: bytes, retry_after: str = "") -> Answer:
    """Read a whole reply: its JSON object, or what else stands there; `retry_after` is the header."""
    seconds = _seconds(retry_after)
    try:
        body = json_of(raw)
    except BadInput:
        body = None
    if isinstance(body, dict):
        return Answer(Reach.ANSWERED, status, body, retry_after_s=seconds)
    text = raw[:_TEXT_KEPT].decode("utf-8", "replace").strip()
    return Answer(Reach.ANSWERED, status, None, text, retry_after_s=seconds)


def _seconds(retry_after: str) -> float | None:
    # The header's other form, a date, is not worth a parser: callers have defaults.
    if not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return float(min(int(retry_after[:9]), _LONGEST_RETRY_AFTER_S))
