"""The phone in the browser: a page of plain files, and the few `/_sim` addresses that it needs.

The page speaks to one origin only; this side passes its requests on to the simulators of aggregator and
providers, so that no browser need know their ports. Whatever the gateway gets, it gets from the aggregator's
simulator on the wire format.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Literal

import aiohttp
from aiohttp import web
from yarl import URL

from simulators.phone.watch import Addresses

Side = Literal["aggregator", "providers"]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_API = "/phone/api"
_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PASSED_ON: tuple[tuple[str, str, Side], ...] = (
    ("GET", "/networks", "aggregator"),
    ("GET", "/line", "aggregator"),
    ("POST", "/calls", "aggregator"),
    ("GET", r"/calls/{id:\w{1,40}}", "aggregator"),
    ("POST", r"/calls/{id:\w{1,40}}", "aggregator"),
    ("DELETE", r"/calls/{id:\w{1,40}}", "aggregator"),
    ("GET", "/sms", "aggregator"),
    ("POST", "/sms", "aggregator"),
    ("GET", "/prompts", "providers"),
    ("POST", r"/prompts/{id:\w{1,40}}/answer", "providers"),
    ("POST", "/people", "providers"),
    ("DELETE", r"/people/{msisdn:\d{8,15}}", "providers"),
)
# Longer than the aggregator waits for the gateway, so that the page hears what became of a hop.
_TIMEOUT = aiohttp.ClientTimeout(total=30.0)
_UNSUPPORTED, _UNAVAILABLE, _BAD_GATEWAY = 415, 503, 502


@dataclass(frozen=True, slots=True)
class Number:
    """A phone to pick up: its number, who holds it, whether they answer PIN prompts by themselves."""

    number: str
    who: str
    answers_itself: bool = False


def add_to(app: web.Application, at: Addresses, numbers: Sequence[Number] = ()) -> None:
    """Serve `/phone` on `app`, in front of the simulators `at` these addresses."""
    phone = _Browser(at, numbers)
    app.add_routes(phone.routes())
    app.cleanup_ctx.append(phone.life)


class _Browser:
    """The page's files and its few requests."""

    def __init__(self, at: Addresses, numbers: Sequence[Number]) -> None:
        self._urls: dict[Side, str | None] = {
            "aggregator": at.aggregator_url,
            "providers": at.providers_url,
        }
        self._numbers = [asdict(number) for number in numbers]
        self._http: aiohttp.ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return every route; no other address of a simulator can be reached from the page."""
        return [
            web.get("/phone", self._page),
            web.get(r"/phone/{file:[a-z]+\.(?:css|js|svg)}", self._file),
            web.get(f"{_API}/numbers", self._known_numbers),
            *(web.route(method, _API + path, self._pass_on(side)) for method, path, side in _PASSED_ON),
        ]

    async def life(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep connections to the simulators for as long as the application runs."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as self._http:
            yield

    async def _page(self, _request: web.Request) -> web.Response:
        return _asset("phone.html")

    async def _file(self, request: web.Request) -> web.Response:
        return _asset(request.match_info["file"])

    async def _known_numbers(self, _request: web.Request) -> web.Response:
        return web.json_response(self._numbers)

    def _pass_on(self, side: Side) -> _Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            if request.method == "POST" and request.content_type != "application/json":
                # A form of a strange site can be posted without asking; JSON cannot.
                return web.Response(status=_UNSUPPORTED, text="send JSON\n")
            base = self._urls[side]
            if base is None or self._http is None:
                return web.Response(status=_UNAVAILABLE, text=f"no simulator of the {side} is set\n")
            return await self._ask(self._http, base, side, request)

        return handler

    async def _ask(
        self, http: aiohttp.ClientSession, base: str, side: Side, request: web.Request
    ) -> web.Response:
        url = URL(f"{base}/_sim{request.rel_url.raw_path_qs.removeprefix(_API)}", encoded=True)
        body = await request.read() or None
        headers = {"Content-Type": "application/json"} if body else None
        try:
            async with http.request(request.method, url, data=body, headers=headers) as reply:
                return web.Response(
                    status=reply.status, body=await reply.read(), content_type=reply.content_type
                )
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=_BAD_GATEWAY, text=f"the simulator of the {side} does not answer\n")


def _asset(name: str) -> web.Response:
    file = resources.files("simulators.phone").joinpath("page", name)
    if not file.is_file():
        raise web.HTTPNotFound
    kind = _TYPES[name.rpartition(".")[2]]
    return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8", headers=_HEADERS)
