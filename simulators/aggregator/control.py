"""`/_sim`: the aggregator's controls. No real aggregator has this."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from core.errors import BadMsisdn
from core.msisdn import parse
from simulators.aggregator.calls import Calls, TooManyCalls
from simulators.aggregator.config import Recipient
from simulators.aggregator.dialler import CallOver
from simulators.aggregator.inbound import Inbound
from simulators.aggregator.networks import network_code, table
from simulators.aggregator.sms import STATUSES, World
from simulators.aggregator.wires import WIRES
from simulators.edge import json_object, sim_bad_request
from simulators.fault_control import FaultControl

_MOST_COPIES = 100


class Control:
    """The handlers of `/_sim`."""

    def __init__(self, world: World, inbound: Inbound, calls: Calls) -> None:
        self._world = world
        self._inbound = inbound
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sim/sms", self._read_sms),
            web.post("/_sim/sms", self._send_sms),
            web.post("/_sim/optout", self._opt_out),
            web.post("/_sim/recipients", self._set_recipient),
            web.put("/_sim/settings", self._set_gateway),
            web.get("/_sim/networks", self._networks),
            web.get("/_sim/line", self._line),
            web.post("/_sim/calls", self._dial),
            web.get("/_sim/calls/{id}", self._look),
            web.post("/_sim/calls/{id}", self._enter),
            web.delete("/_sim/calls/{id}", self._hang_up),
            *FaultControl(self._world.faults).routes(),
        ]

    async def _read_sms(self, request: web.Request) -> web.Response:
        to, since = request.query.get("to"), request.query.get("since")
        found = self._world.inbox.find(
            "+" + to.lstrip("+ ") if to else None,
            _moment(since) if since else None,
            lost_too="all" in request.query,
        )
        return web.json_response([message.row() for message in found])

    async def _send_sms(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        sender, text, copies = values.pop("from", None), values.pop("text", None), values.pop("copies", 1)
        if not isinstance(sender, str) or not isinstance(text, str):
            raise sim_bad_request("from and text are needed")
        if not isinstance(copies, int) or not 1 <= copies <= _MOST_COPIES:
            raise sim_bad_request(f"copies is a number from 1 to {_MOST_COPIES}")
        given = {name: str(value) for name, value in values.items()}
        return web.json_response(await self._inbound.send("+" + sender.lstrip("+ "), text, given, copies))

    async def _opt_out(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        status = await self._inbound.opt_out(_msisdn(values), str(values.get("sender_id", "MADZI")))
        return web.json_response({"status": status})

    async def _set_recipient(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        msisdn = _msisdn(values)
        delivery = values.get("delivery", ["Success"])
        if values.get("code", 101) not in STATUSES or not isinstance(delivery, list):
            raise sim_bad_request("code is one of the reference's, delivery a list of states")
        rule = Recipient(values.get("code", 101), tuple(map(str, delivery)), values.get("failure_reason"))
        self._world.recipients[msisdn] = rule
        return web.json_response({"msisdn": msisdn, **asdict(rule)})

    async def _set_gateway(self, request: web.Request) -> web.Response:
        values, gateway = await json_object(request), self._world.gateway
        gateway.url = str(values.get("gateway_url", gateway.url)).rstrip("/")
        gateway.token = str(values.get("channel_token", gateway.token))
        return web.json_response({"gateway_url": gateway.url})

    async def _networks(self, _request: web.Request) -> web.Response:
        config = self._world.config
        about = {"service_code": config.service_code, "short_code": config.short_code, "wires": list(WIRES)}
        return web.json_response({**about, "networks": table(config.limits)})

    async def _line(self, request: web.Request) -> web.Response:
        try:
            msisdn = parse(request.query.get("number", ""))
        except BadMsisdn as wrong:
            raise sim_bad_request(wrong.detail) from None
        return web.json_response({"msisdn": msisdn, "network_code": network_code(msisdn)})

    async def _look(self, request: web.Request) -> web.Response:
        return web.json_response(await _or_404(self._calls.look(request.match_info["id"])))

    async def _dial(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        wire = str(values.get("wire") or self._world.config.wire)
        if wire not in WIRES:
            raise sim_bad_request(f"wire is one of {', '.join(WIRES)}")
        called = _msisdn(values), values.get("code"), values.get("network_code")
        try:
            row = await self._calls.dial(*called, wire)
        except TooManyCalls:
            raise web.HTTPServiceUnavailable(text="no line is free\n") from None
        return web.json_response(row, status=201)

    async def _enter(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        text = None if values.get("repeat") else str(values.get("input", ""))
        return web.json_response(await _or_404(self._calls.enter(request.match_info["id"], text)))

    async def _hang_up(self, request: web.Request) -> web.Response:
        await _or_404(self._calls.hang_up(request.match_info["id"]))
        return web.Response(status=204)


async def _or_404(work: Any) -> Any:
    try:
        return await work
    except CallOver:
        raise web.HTTPNotFound(text="this call is over\n") from None


def _msisdn(values: dict[str, Any]) -> str:
    msisdn = values.get("msisdn")
    if not isinstance(msisdn, str):
        raise sim_bad_request("msisdn is missing")
    return "+" + msisdn.lstrip("+ ")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise sim_bad_request("since is a time like 2026-11-21T08:15:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
