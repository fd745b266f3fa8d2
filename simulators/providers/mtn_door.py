"""The way into one product of MTN MoMo: subscription key, user, tokens (reference mtn-momo §1, §2)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from simulators.edge import Edge, Refused, Reply, Subject, reply_json
from simulators.providers import mtn_checks as check
from simulators.providers import mtn_wire as wire
from simulators.providers.config import Mtn
from simulators.timing import Timing

_MOST_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What both products share."""

    config: Mtn
    timing: Timing
    edge: Edge
    random: random.Random


class Door:
    """Hands out tokens and lets in who has one of this product's."""

    def __init__(self, around: Surroundings, keys: check.Keys) -> None:
        self._around = around
        self._keys = keys
        self._tokens: dict[str, datetime] = {}

    async def serve_token(self, request: web.Request) -> web.StreamResponse:
        """Answer a token call."""
        body = await request.read()

        async def work() -> Reply:
            check.token_request(request.headers, body, self._around.config, self._keys)
            return reply_json(200, self._new_token())

        return await self._around.edge.serve(request, Subject("token"), work)

    def admit(self, request: web.Request) -> None:
        """Refuse a wrong subscription key, token or target environment."""
        check.subscription(request.headers, self._keys)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._tokens.get(token)
        if scheme != "Bearer" or until is None or until <= self._around.timing.now():
            raise Refused(wire.error(401, "LOGIN_FAILED"))
        check.environment(request.headers, self._around.config)

    def _new_token(self) -> dict[str, object]:
        life_s = self._around.config.token_life_s
        token = "eyJ0" + UUID(int=self._around.random.getrandbits(128)).hex
        while len(self._tokens) >= _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[token] = self._around.timing.now() + timedelta(seconds=life_s)
        return {"access_token": token, "token_type": "access_token", "expires_in": int(life_s)}
