"""Errors on the wire: `application/problem+json` (RFC 9457) with a stable code."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

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


@web.middleware
async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every error into a problem; what nobody expected is logged and says nothing to the outside."""
    try:
        return await handler(request)
    except MadziError as error:
        _log.info("refused", path=_place(request), code=error.reason)
        return of(error)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirects are no errors
            raise
        return problem(error.status, _code(error), error.reason)
    except Exception:
        _log.exception("handler_broke", path=_place(request))
        return problem(500, "internal_error", "This went wrong on our side. Try again; nothing is half done.")


def _place(request: web.Request) -> str:
    """Name the endpoint without the token in its path."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def _code(error: web.HTTPException) -> str:
    return {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status, "http_error")
