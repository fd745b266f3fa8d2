"""Serves an application on a port; the endpoints named as hot are answered before its router is asked.

aiohttp's router takes an eighth of what a bare handler costs: it decodes the path, walks up its parts,
matches a pattern and makes an object of the match. An aggregator calls the same address with every hop of
every call, so that address is compared as it came. Whatever differs from it by a letter goes the router's
way, and is answered there by the same handler.
"""

import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from core.errors import Refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Finds the handler of a request that no router has seen: such a handler has no `match_info` and no `app`.
HOT: web.AppKey[Callable[[Any], Handler | None]] = web.AppKey("hot")
_SHUTDOWN_S = 5.0


def hot(endpoints: Mapping[str, Handler], token: str) -> Callable[[web.BaseRequest], Handler | None]:
    """Return what finds the handler of a POST to one of the paths followed by `/` and the token."""
    expected = token.encode()

    def find(request: web.BaseRequest) -> Handler | None:
        path, _, given = request.raw_path.rpartition("/")
        handler = endpoints.get(path)
        if handler is None or request.method != hdrs.METH_POST or hdrs.EXPECT in request.headers:
            return None
        return handler if is_token(given, expected) else None

    return find


def is_token(given: str, expected: bytes) -> bool:
    """Say whether a part of a path is the token, in a time that tells nothing; an empty one never is."""
    # Bytes that are no UTF-8 stand in a path as lone surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected) and given != ""


async def listen(
    app: web.Application, host: str = "127.0.0.1", port: int = 0, *, reuse_port: bool = False
) -> web.AppRunner:
    """Serve an application; port 0 takes a free one. Raises Refused where the port is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    try:
        await runner.setup()
        _answer_hot_ones_first(runner)
        await _open(web.TCPSite(runner, host, port, reuse_port=reuse_port or None), port)
    except BaseException:  # also where it is stopped before it stands
        await runner.cleanup()
        raise
    return runner


async def _open(site: web.TCPSite, port: int) -> None:
    try:
        await site.start()
    except OSError as taken:
        raise Refused(
            f"port {port} cannot be used: {os.strerror(taken.errno or 0)}; choose another", code="port_taken"
        ) from None


def _answer_hot_ones_first(runner: web.AppRunner) -> None:
    find, server = runner.app.get(HOT), runner.server
    if find is None or server is None:
        return
    if runner.app.middlewares or runner.app.on_response_prepare:
        raise RuntimeError("hot endpoints would go past the application's middlewares and signals")
    routed = server.request_handler

    def answer(request: Any) -> Awaitable[web.StreamResponse]:
        return (find(request) or routed)(request)

    server.request_handler = answer
