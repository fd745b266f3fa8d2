"""`/_sim`: looking at the other parties and telling them how to behave. No real provider has this."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulators.edge import json_object, sim_bad_request
from simulators.fault_control import FaultControl
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person

EVERYBODY = "*"
_LONGEST_LEASE_S = 3600


class Control:
    """The handlers of `/_sim` over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._leases: dict[str, asyncio.TimerHandle] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sim/book", self._book),
            web.get("/{provider:mtn|airtel|daraja|zamtel|kcb|kcb_multi|stripe}/_sim/book", self._book),
            web.get("/_sim/people", self._people),
            web.post("/_sim/people", self._tell),
            web.delete("/_sim/people/{msisdn}", self._forget),
            web.get("/_sim/prompts", self._prompts),
            web.post("/_sim/prompts/{id}/answer", self._answer),
            web.get("/_sim/callbacks", self._callbacks),
            *FaultControl(self._network.faults).routes(),
        ]

    async def _book(self, request: web.Request) -> web.Response:
        return web.json_response(self._network.book.report(request.match_info.get("provider")))

    async def _people(self, _request: web.Request) -> web.Response:
        told = {msisdn: asdict(person) for msisdn, person in self._network.people.told().items()}
        return web.json_response(
            {"told": told, "default": asdict(self._network.people.default), "mix": self._network.people.mix}
        )

    async def _tell(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        msisdn, for_s = values.pop("msisdn", None), values.pop("for_s", None)
        person = _person(values)
        if not isinstance(msisdn, str):
            raise sim_bad_request("msisdn is missing")
        if msisdn == EVERYBODY:
            self._network.people.default = person
        else:
            number = "+" + msisdn.lstrip("+ ")
            self._lease(number, for_s)
            self._network.people.tell(number, person)
        return web.json_response({"msisdn": msisdn, **asdict(person)})

    async def _forget(self, request: web.Request) -> web.Response:
        number = "+" + request.match_info["msisdn"].lstrip("+ ")
        self._lease(number, None)
        self._network.people.forget(number)
        return web.Response(status=204)

    def _lease(self, number: str, for_s: object) -> None:
        """Forget what `number` was told after `for_s` seconds of the machine's time; None holds for good.

        A page that asks its person must not leave the number waiting for answers once it is closed.
        """
        if for_s is not None and not (isinstance(for_s, int | float) and 0 < for_s <= _LONGEST_LEASE_S):
            raise sim_bad_request(f"for_s is a number of seconds up to {_LONGEST_LEASE_S}")
        if number in self._leases:
            self._leases.pop(number).cancel()
        if isinstance(for_s, int | float):
            self._leases[number] = asyncio.get_running_loop().call_later(for_s, self._lapse, number)

    def _lapse(self, number: str) -> None:
        self._leases.pop(number, None)
        self._network.people.forget(number)

    async def _prompts(self, request: web.Request) -> web.Response:
        msisdn = request.query.get("msisdn")
        wanted = "+" + msisdn.lstrip("+ ") if msisdn else None
        return web.json_response([prompt.row() for prompt in self._network.handsets.prompts(wanted)])

    async def _answer(self, request: web.Request) -> web.Response:
        person = _person(await json_object(request))
        prompt = self._network.handsets.reply(request.match_info["id"], person.answer)
        if prompt is None:
            raise web.HTTPConflict(text="this prompt is not open\n")
        return web.json_response(prompt.row())

    async def _callbacks(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._network.sender.recent))


def _person(values: Mapping[str, Any]) -> Person:
    try:
        person = Person(**values)
        return Person(
            Answer(person.answer), person.after_s, person.prompt_lifetime_s, person.code, person.times
        )
    except (TypeError, ValueError) as error:
        raise sim_bad_request(str(error)) from None
