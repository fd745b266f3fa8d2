"""Errors on the wire: `application/problem+json` (RFC 9457) with a stable code."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import hdrs, web

from core.errors import BadInput, Busy, Conflict, MadziError, NotFound, Refused, Unavailable

_STATUS: tuple[tuple[type[MadziError], int], ...] = (
    (BadInput, 400),
    (NotFound, 404),
    (Refused, 403),
    (Conflict, 409),
    (Busy, 503),
    (Unavailable, 503),
)
_log = structlog.get_logger()
_CODES = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem(status: int, code: str, detail: str, **more: Any) -> web.Response:
    """Return a problem document."""
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code}
    body |= {"detail": detail, **more}
    headers = {"Retry-After": "1"} if status == web.HTTPServiceUnavailable.status_code else None
    return web.Response(
        text=json.dumps(body), status=status, content_type="application/problem+json", headers=headers
    )


def of(error: MadziError) -> web.Response:
    """Return the problem of one of our own errors."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return problem(status, error.reason, error.detail)


def guard(handler: _Handler, place: str = "") -> _Handler:
    """Turn every error of a handler into a problem; an unexpected one is logged and not shown outside.

    `place` names the endpoint where no router has found it.
    """

    async def guarded_handler(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except MadziError as error:
            _log.info("refused", path=place or _place(request), code=error.reason)
            return of(error)
        except web.HTTPException as error:
            return _of_http(error)
        except web.RequestPayloadError:
            answer = problem(400, "bad_body", "The body is not what its headers say: see Content-Encoding.")
            answer.force_close()  # where the next request would begin nobody knows
            return answer
        except Exception as error:
            if isinstance(error, ConnectionResetError) and request.transport is None:
                # Nobody hears this; what had come of the body is nothing to act on.
                return problem(400, "bad_body", "The body did not come whole.")
            _log.exception("handler_broke", path=place or _place(request))
            detail = "This went wrong on our side. Try again; nothing is half done."
            return problem(500, "internal_error", detail)

    return guarded_handler


def guarded(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Return the routes with every handler guarded."""
    return [web.RouteDef(r.method, r.path, guard(r.handler), r.kwargs) for r in routes]


async def nowhere(request: web.Request) -> web.StreamResponse:
    """Refuse what no endpoint takes: 405 where another method would do, else 404."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        _, methods = await resource.resolve(request)
        allowed |= methods
    allowed.discard(hdrs.METH_ANY)
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound


def _of_http(error: web.HTTPException) -> web.Response:
    if error.status < 400:  # noqa: PLR2004 - redirects are no errors
        raise error
    answer = problem(error.status, _code(error), error.reason)
    for name in (hdrs.ALLOW, hdrs.WWW_AUTHENTICATE, hdrs.RETRY_AFTER):
        if name in error.headers:
            answer.headers[name] = error.headers[name]
    return answer


def _place(request: web.Request) -> str:
    """Name the endpoint without the token in its path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def _code(error: web.HTTPException) -> str:
    return _CODES.get(error.status, "http_error")
