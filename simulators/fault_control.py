"""`/_sim/faults`: what goes wrong, changed while the simulator runs."""

from dataclasses import asdict

from aiohttp import web

from simulators.edge import json_body, json_object, sim_bad_request
from simulators.faults import BadFault, FaultPlan, Faults, Step


class FaultControl:
    """The handlers over one fault plan."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sim/faults", self._show),
            web.put("/_sim/faults", self._set),
            web.post("/_sim/faults/script", self._add),
            web.delete("/_sim/faults/script", self._clear),
        ]

    async def _show(self, _request: web.Request) -> web.Response:
        script = [asdict(step) for step in self._plan.script()]
        return web.json_response({**asdict(self._plan.settings), "script": script})

    async def _set(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        try:
            self._plan.settings = Faults(**values)
        except (BadFault, TypeError, AttributeError) as error:
            raise sim_bad_request(str(error)) from None
        return await self._show(request)

    async def _add(self, request: web.Request) -> web.Response:
        values = await json_body(request)
        try:
            self._plan.add([Step(**step) for step in values])
        except (BadFault, TypeError) as error:
            raise sim_bad_request(str(error)) from None
        return await self._show(request)

    async def _clear(self, _request: web.Request) -> web.Response:
        self._plan.clear()
        return web.Response(status=204)
