"""Endpoints of the aggregators that send JSON.

What cannot be a hop (no JSON, no session, no number) is refused with a problem, as for Africa's Talking: that
is a mistake in the set-up, for an operator to read, and there is no call to answer. Every real hop gets 200
and a screen in the aggregator's own form, also where we are busy or broken: any other answer would reach
the person as "invalid MMI code".
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.channels import arkesel, ends, hubtel, infobip, json_fields, nalo
from gateway.channels.hop import Hop, Reply
from gateway.channels.json_fields import Answer, Fields

if TYPE_CHECKING:
    from gateway.runtime import Runtime

Wake = Callable[[str], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one aggregator's requests are read and answered; the last one where it tells of ends."""

    read: Callable[[Mapping[str, str], Fields, str], Hop | ends.Ended]
    write: Callable[[Fields, Reply], Answer]
    write_ended: Callable[[Fields], Answer] = lambda _fields: json_fields.answer({})


ADAPTERS: Mapping[str, Adapter] = {
    hubtel.NAME: Adapter(hubtel.read, hubtel.write, hubtel.write_ended),
    nalo.NAME: Adapter(nalo.read, nalo.write),
    arkesel.NAME: Adapter(arkesel.read, arkesel.write),
    infobip.NAME: Adapter(infobip.read, infobip.write, infobip.write_ended),
}


def routes(runtime: "Runtime", wake: Wake) -> list[web.RouteDef]:
    """Return the endpoints of Hubtel, Nalo, Arkesel and Infobip; `wake` tells a worker of a push to send."""
    found = [
        web.post(f"/ussd/{name}/{{token}}", answering(runtime, wake, ADAPTERS[name]))
        for name in (hubtel.NAME, nalo.NAME, arkesel.NAME)
    ]
    path = "/ussd/infobip/{token}/session/{session_id}/{method:start|response|end}"
    handler = answering(runtime, wake, ADAPTERS[infobip.NAME])
    # With which method Infobip calls is not verified.
    return [*found, web.post(path, handler), web.put(path, handler)]


def answering(runtime: "Runtime", wake: Wake, adapter: Adapter) -> Handler:
    """Return what answers one aggregator's requests; on this hot path nothing is looked up twice."""
    expected = runtime.settings.channel_token.get_secret_value().encode()
    service_code = runtime.settings.service_code

    async def handle(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.match_info["token"].encode(), expected):
            raise web.HTTPNotFound
        body = await request.read()
        fields = json_fields.parse(body)
        told = adapter.read(request.match_info, fields, service_code)
        if isinstance(told, ends.Ended):
            await ends.let_go(runtime, told, body)
            wake("push")
            return _response(adapter.write_ended(fields))
        reply = await runtime.hops.answer(told)
        if reply.is_end:
            wake("push")
        return _response(adapter.write(fields, reply))

    return handle


def _response(answer: Answer) -> web.Response:
    status, content_type, body = answer
    return web.Response(status=status, content_type=content_type, body=body)
