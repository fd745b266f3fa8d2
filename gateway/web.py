"""The web process: every endpoint from outside, each with authentication of its own kind."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web
from multidict import istr
from yarl import query_to_pairs

from core import bulk
from core.errors import BadInput
from gateway import exposition, gauges, pay_pages, problems, serving, sms_inbox
from gateway.api import rest
from gateway.callback_edge import Edge
from gateway.channels import africastalking, routes
from gateway.channels.ends import Ended, let_go
from gateway.runtime import Runtime
from gateway.schema import is_current
from sms import reports
from sms.tables import sms_opt_outs

Wake = Callable[[str], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RUNTIME = web.AppKey("runtime", Runtime)
WAKE: web.AppKey[Callable[[str], None]] = web.AppKey("wake")
MOST_BODY_BYTES = 64 * 1024
_KIND = "[a-z0-9_]{1,20}"
_AFRICASTALKING = "/ussd/africastalking"
_TOKEN = "/{token}"  # noqa: S105 - a place in a path
_HOP_METADATA = istr("at-ussd-hop-metadata")  # comes back with the next hop (reference africastalking §1)
_FORM = "application/x-www-form-urlencoded"  # what `post` would do with it costs as much again
_DURATION = re.compile(r"\d{1,8}", re.ASCII)


def create_app(runtime: Runtime, wake: Wake = lambda _kind: None) -> web.Application:
    """Return the application; `wake` tells a worker in this process that the outbox has something."""
    app = web.Application(client_max_size=MOST_BODY_BYTES)
    app[RUNTIME] = runtime
    app[WAKE] = wake
    edge = Edge(runtime, wake)
    app.on_cleanup.append(lambda _: edge.close())
    hops = {_AFRICASTALKING: ussd(runtime, wake), **routes.hot(runtime, wake)}
    token = runtime.settings.channel_token.get_secret_value()
    app[serving.HOT] = serving.hot(
        {path: problems.guard(handler, path + _TOKEN) for path, handler in hops.items()}, token
    )
    app.add_routes(problems.guarded(_routes(runtime, wake, edge, hops)))
    rest.add_to(app, runtime, lambda: wake("push"))
    # Last, so that what no endpoint takes is answered as a problem too. A middleware would do the same, but
    # hot endpoints go past middlewares.
    app.router.add_route("*", "/{unknown:.*}", problems.guard(problems.nowhere))
    return app


def _routes(runtime: Runtime, wake: Wake, edge: Edge, hops: Mapping[str, Handler]) -> list[web.RouteDef]:
    return [
        *[web.post(path + _TOKEN, _of_channel(handler)) for path, handler in hops.items()],
        *routes.infobip_routes(runtime, wake, _check_channel),
        web.post(_AFRICASTALKING + _TOKEN + "/events", ussd_ended),
        web.post("/sms/africastalking/{token}/inbound", sms_in),
        web.post("/sms/africastalking/{token}/delivery", sms_delivered),
        web.post("/sms/africastalking/{token}/optout", sms_opt_out),
        web.post("/cb/{token}", edge.take),
        web.put("/cb/{token}", edge.take),
        web.post(f"/cb/{{token}}/{{kind:{_KIND}}}", edge.take),
        web.put(f"/cb/{{token}}/{{kind:{_KIND}}}", edge.take),
        web.get("/pay/{token}", pay_pages.open_page(runtime)),
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", _metrics(runtime)),
    ]


def _check_channel(request: web.Request) -> Runtime:
    runtime = request.app[RUNTIME]
    expected = runtime.settings.channel_token.get_secret_value()
    if not serving.is_token(request.match_info["token"], expected.encode()):
        raise web.HTTPNotFound
    return runtime


def _of_channel(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        _check_channel(request)
        return await handler(request)

    return handle


async def _form(request: web.Request, *, is_last: bool = False) -> Mapping[str, Any]:
    """Return the fields of a form; raises BadInput where the body is none.

    `is_last`: nobody reads the body after this, so it need not be kept.
    """
    try:
        if request.headers.get(hdrs.CONTENT_TYPE) != _FORM:
            return await request.post()
        content = request.content
        # Nearly every body came with its head; to wait for it costs more than to read it.
        body = content.read_nowait() if is_last and content.is_eof() else await request.read()
        if len(body) > MOST_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BODY_BYTES)
        return dict(reversed(query_to_pairs(body.decode())))  # the first of a name counts
    except (ValueError, LookupError, AssertionError, RuntimeError):
        # Bytes in no encoding or in one that nobody knows; a multipart body without its boundary.
        raise BadInput("the body is no form", code="bad_form") from None


def ussd(runtime: Runtime, wake: Wake) -> Handler:
    """Return what answers hops of Africa's Talking; on this hot path nothing is looked up twice."""
    answer = runtime.hops.answer

    async def ussd_hop(request: web.Request) -> web.Response:
        goes_on = _HOP_METADATA in request.headers
        reply = await answer(africastalking.read(await _form(request, is_last=True), goes_on=goes_on))
        if reply.is_end:
            wake("push")
        body = africastalking.body(reply.text, is_end=reply.is_end)
        return web.Response(text=body, headers={_HOP_METADATA: reply.screen[:99]})

    return ussd_hop


async def ussd_ended(request: web.Request) -> web.Response:
    """Store an end event; the push of this call need not wait any longer."""
    runtime = _check_channel(request)
    form = await _form(request)
    external_id = africastalking.clean(str(form.get("sessionId") or ""))[:100]
    if not external_id:
        raise BadInput("the form needs sessionId", code="bad_session_id")
    duration = str(form.get("durationInMillis") or "")
    ended = Ended(
        africastalking.NAME,
        external_id,
        africastalking.clean(str(form.get("status") or "")),
        africastalking.clean(str(form.get("hopsMetadata") or "")),
        int(duration) if _DURATION.fullmatch(duration) else None,
    )
    await let_go(runtime, ended, await request.read())
    request.app[WAKE]("push")
    return web.Response(text="stored")


async def sms_in(request: web.Request) -> web.Response:
    """Store a person's SMS before it is understood; the aggregator repeats it until it sees 200."""
    runtime = _check_channel(request)
    form = {name: str(value) for name, value in (await _form(request)).items()}
    await runtime.sms_inbox.store(form)
    request.app[WAKE](sms_inbox.KIND)
    return web.Response(text="stored")


async def sms_delivered(request: web.Request) -> web.Response:
    """Store a delivery report, then move the SMS by it."""
    runtime = _check_channel(request)
    form = {name: str(value) for name, value in (await _form(request)).items()}
    await reports.receive(runtime.db, form, report_id=runtime.ids.new(), now=runtime.clock.now())
    return web.Response(text="stored")


async def sms_opt_out(request: web.Request) -> web.Response:
    """Store that a person wants no SMS but those about payments."""
    runtime = _check_channel(request)
    form = {name: str(value) for name, value in (await _form(request)).items()}
    async with runtime.db.write() as connection:
        await bulk.insert_new(
            connection, sms_opt_outs, [sms_inbox.opt_out_row(form, now=runtime.clock.now())]
        )
    return web.Response(text="stored")


async def healthz(_request: web.Request) -> web.Response:
    """Say that the process is alive."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Say whether this process can serve a hop: database reachable, schema current."""
    runtime = request.app[RUNTIME]
    try:
        await runtime.db.ping()
        current = await is_current(runtime.db)
    except Exception:  # drivers raise errors of their own while they connect
        return web.json_response({"status": "unready", "code": "database_unreachable"}, status=503)
    if not current:
        return web.json_response({"status": "unready", "code": "schema_behind"}, status=503)
    return web.json_response({"status": "ready"})


def _metrics(runtime: Runtime) -> Handler:
    return exposition.page(
        runtime.settings.metrics_token, lambda: gauges.look(runtime.db, runtime.clock.now())
    )
