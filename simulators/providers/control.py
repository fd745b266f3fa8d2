"""`/_sim`: looking at the other parties and telling them how to behave. No real provider has this."""

from collections.abc import Mapping
from dataclasses import asdict
from json import JSONDecodeError
from typing import Any

from aiohttp import web

from simulators.faults import BadFault, Faults, Step
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person

EVERYBODY = "*"


class Control:
    """The handlers of `/_sim` over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sim/book", self._book),
            web.get("/{provider:mtn|daraja}/_sim/book", self._book),
            web.get("/_sim/people", self._people),
            web.post("/_sim/people", self._tell),
            web.delete("/_sim/people/{msisdn}", self._forget),
            web.get("/_sim/prompts", self._prompts),
            web.post("/_sim/prompts/{id}/answer", self._answer),
            web.get("/_sim/faults", self._faults),
            web.put("/_sim/faults", self._set_faults),
            web.post("/_sim/faults/script", self._script),
            web.delete("/_sim/faults/script", self._clear_script),
            web.get("/_sim/callbacks", self._callbacks),
        ]

    async def _book(self, request: web.Request) -> web.Response:
        return web.json_response(self._network.book.report(request.match_info.get("provider")))

    async def _people(self, _request: web.Request) -> web.Response:
        told = {msisdn: asdict(person) for msisdn, person in self._network.people.told().items()}
        return web.json_response(
            {"told": told, "default": asdict(self._network.people.default), "mix": self._network.people.mix}
        )

    async def _tell(self, request: web.Request) -> web.Response:
        values = await _object(request)
        msisdn, person = values.pop("msisdn", None), _person(values)
        if not isinstance(msisdn, str):
            raise _bad("msisdn is missing")
        if msisdn == EVERYBODY:
            self._network.people.default = person
        else:
            self._network.people.tell("+" + msisdn.lstrip("+ "), person)
        return web.json_response({"msisdn": msisdn, **asdict(person)})

    async def _forget(self, request: web.Request) -> web.Response:
        self._network.people.forget("+" + request.match_info["msisdn"].lstrip("+ "))
        return web.Response(status=204)

    async def _prompts(self, request: web.Request) -> web.Response:
        msisdn = request.query.get("msisdn")
        wanted = "+" + msisdn.lstrip("+ ") if msisdn else None
        return web.json_response([prompt.row() for prompt in self._network.handsets.prompts(wanted)])

    async def _answer(self, request: web.Request) -> web.Response:
        person = _person(await _object(request))
        prompt = self._network.handsets.reply(request.match_info["id"], person.answer)
        if prompt is None:
            raise web.HTTPConflict(text="this prompt is not open\n")
        return web.json_response(prompt.row())

    async def _faults(self, _request: web.Request) -> web.Response:
        script = [asdict(step) for step in self._network.faults.script()]
        return web.json_response({**asdict(self._network.faults.settings), "script": script})

    async def _set_faults(self, request: web.Request) -> web.Response:
        values = await _object(request)
        try:
            self._network.faults.settings = Faults(**values)
        except (BadFault, TypeError, AttributeError) as error:
            raise _bad(str(error)) from None
        return await self._faults(request)

    async def _script(self, request: web.Request) -> web.Response:
        values = await _json(request)
        try:
            self._network.faults.add([Step(**step) for step in values])
        except (BadFault, TypeError) as error:
            raise _bad(str(error)) from None
        return await self._faults(request)

    async def _clear_script(self, _request: web.Request) -> web.Response:
        self._network.faults.clear()
        return web.Response(status=204)

    async def _callbacks(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._network.sender.recent))


def _person(values: Mapping[str, Any]) -> Person:
    try:
        person = Person(**values)
        return Person(
            Answer(person.answer), person.after_s, person.prompt_lifetime_s, person.code, person.times
        )
    except (TypeError, ValueError) as error:
        raise _bad(str(error)) from None


async def _object(request: web.Request) -> dict[str, Any]:
    value = await _json(request)
    if not isinstance(value, dict):
        raise _bad("a JSON object is wanted")
    return value


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        raise _bad("the body is not JSON") from None


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=text + "\n")
