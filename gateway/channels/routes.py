"""Endpoints of the aggregators that send JSON.

What cannot be a hop (no JSON, no session, no number) is refused with a problem, as for Africa's Talking: that
is a mistake in the set-up, for an operator to read, and there is no call to answer. Every real hop gets 200
and a screen in the aggregator's own form, also where we are busy or broken: any other answer would reach
the person as "invalid MMI code".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
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


def hot(runtime: "Runtime", wake: Wake) -> dict[str, Handler]:
    """Return what answers Hubtel, Nalo and Arkesel, by the path before the token, which is checked elsewhere.

    `wake` tells a worker of a push to send.
    """
    return {
        f"/ussd/{name}": partial(_answering(runtime, wake, ADAPTERS[name]), path={})
        for name in (hubtel.NAME, nalo.NAME, arkesel.NAME)
    }


def infobip_routes(
    runtime: "Runtime", wake: Wake, check: Callable[[web.Request], object]
) -> list[web.RouteDef]:
    """Return Infobip's endpoints, whose paths name the call; `check` refuses a wrong token."""
    answer = _answering(runtime, wake, ADAPTERS[infobip.NAME])

    async def handle(request: web.Request) -> web.Response:
        check(request)
        return await answer(request, path=request.match_info)

    path = "/ussd/infobip/{token}/session/{session_id}/{method:start|response|end}"
    # With which method Infobip calls is not verified.
    return [web.post(path, handle), web.put(path, handle)]


def _answering(runtime: "Runtime", wake: Wake, adapter: Adapter) -> Callable[..., Awaitable[web.Response]]:
    """Return what answers one aggregator's requests; on this hot path nothing is looked up twice."""
    service_code = runtime.settings.service_code

    async def answer(request: web.Request, path: Mapping[str, str]) -> web.Response:
        body = await request.read()
        fields = json_fields.parse(body)
        told = adapter.read(path, fields, service_code)
        if isinstance(told, ends.Ended):
            await ends.let_go(runtime, told, body)
            wake("push")
            return _response(adapter.write_ended(fields))
        reply = await runtime.hops.answer(told)
        if reply.is_end:
            wake("push")
        return _response(adapter.write(fields, reply))

    return answer


def _response(answer: Answer) -> web.Response:
    status, content_type, body = answer
    return web.Response(status=status, content_type=content_type, body=body)
