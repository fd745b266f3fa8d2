"""Airtel Money on the wire: collection here, what pays out beside it (reference airtel-money)."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, json_object, reply_json, sim_bad_request
from simulators.providers import airtel_checks as check
from simulators.providers import airtel_keys as keys
from simulators.providers import airtel_wire as wire
from simulators.providers.airtel_payouts import Disbursement
from simulators.providers.book import Push
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person

_MOST_TOKENS = 1_000
_KEY_DAYS = 30


class AirtelMoney:
    """The collection product: token, push, enquiry, encryption key; notices to the portal's address.

    And what pays out.
    """

    name = "airtel"
    callback_method = "POST"

    def __init__(self, network: Network) -> None:
        self.config = network.config.airtel
        self.lifetime_s = self.config.prompt_lifetime_s
        self._callback_url = self.config.callback_url
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))
        self._random = random.Random(f"airtel|{network.config.seed}|{network.book.next_serial()}")  # noqa: S311 - repeats
        self._tokens: dict[str, datetime] = {}
        self._disbursement = Disbursement(self, network, self._edge)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`, and what stands for its portal."""
        return [
            web.post(f"{prefix}/auth/oauth2/token", self._serve_token),
            web.post(f"{prefix}/merchant/{{version:v1|v2}}/payments/", self._serve_push),
            web.get(f"{prefix}/standard/v1/payments/{{id}}", self._serve_enquiry),
            web.get(f"{prefix}/v1/rsa/encryption-keys", self._serve_key),
            web.put(f"{prefix}/_sim/portal", self._enter_callback_url),
            *self._disbursement.routes(prefix),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        return (
            f"Pay {push.currency} {push.amount} to {self.payee()}. {push.extra['account']}. Enter your PIN:"
        )

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return the word for an answer that is no approval; a person's own code is Airtel's."""
        return person.code or wire.REASONS.get(answer, "DP00800001002")

    def receipt(self) -> str:
        """Return an airtel_money_id that was never used."""
        return wire.receipt(self._network.timing.now(), self._network.book.next_serial())

    def notice(self, push: Push) -> bytes:
        """Return the callback's body; empty for what only an enquiry tells."""
        is_told = wire.ending(push.code).status in wire.TOLD
        return wire.notice(push, self.config) if is_told else b""

    def stale(self, push: Push) -> Push:
        """Return an older word: notices say nothing of waiting, so it is a failure."""
        return replace(push, code="declined", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt())

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about an id nobody sent."""
        return replace(self.forged_success(push), reference=UUID(int=self._random.getrandbits(128)).hex)

    async def _serve_token(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()

        async def work() -> Reply:
            check.token_request(body, self.config)
            return reply_json(200, self._new_token())

        return await self._edge.serve(request, Subject("token"), work)

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        subject = check.subject(body, self.config)
        return await self._edge.serve(request, subject, lambda: self._push(request, body))

    async def _push(self, request: web.Request, body: bytes) -> Reply:
        self.admit(request, body)
        fields = check.push_body(body, self.config)
        if self._network.book.find(self.name, fields["id"]):
            raise self._refused("external transaction id already exists", result_code="ESB000041")
        if not self._network.people.has_wallet(fields["msisdn"]):
            raise self._refused("Msisdn Not Found", response_code="DP00800001005")
        if self._network.full:
            raise Refused(wire.SPOILT["too_many"])
        push = self._record(fields)
        await self._network.accept(self, push)
        return replace(reply_json(200, wire.prompted(push)), accepted=push.faults)

    def _refused(self, message: str, **codes: str) -> Refused:
        return Refused(wire.refused(self.config.refusal_status, message, **codes))

    def _record(self, fields: dict[str, str]) -> Push:
        return Push(
            self.name,
            fields["id"],
            fields["id"],
            fields["msisdn"],
            fields["amount"],
            self.config.currency,
            self._callback_url,
            rfc3339(self._network.timing.now()),
            {"account": fields["reference"]},
        )

    async def _serve_enquiry(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["id"]
        push = self._network.book.find(self.name, name)

        async def work() -> Reply:
            self.admit(request)
            if push is None or push.outgoing or self._is_too_early(push):
                raise Refused(wire.refused(400, "Transaction not found", result_code="ESB000045"))
            return reply_json(200, wire.enquiry(push, self.config))

        return await self._edge.serve(request, Subject("query", push.msisdn if push else None, name), work)

    def _is_too_early(self, push: Push) -> bool:
        known_from = datetime.fromisoformat(push.accepted_at) + timedelta(seconds=self.config.not_found_for_s)
        return self._network.timing.now() < known_from

    async def _serve_key(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            self.admit(request)
            until = self._network.timing.now() + timedelta(days=_KEY_DAYS)
            data = {
                "key_id": "1",
                "key": keys.public_der(),
                "valid_upto": f"{until:%d-%m-%Y %H:%M:%S}",
            }
            return reply_json(200, {"data": data})

        return await self._edge.serve(request, Subject("token"), work)

    async def _enter_callback_url(self, request: web.Request) -> web.Response:
        url = (await json_object(request)).get("callback_url")
        if url is not None and not isinstance(url, str):
            raise sim_bad_request("callback_url is an address, or null")
        self._callback_url = url
        return web.json_response({"callback_url": url})

    def admit(self, request: web.Request, body: bytes | None = None) -> None:
        """Refuse who has no token, another country, and an order (`body`) whose signature is not right."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._tokens.get(token)
        if scheme != "Bearer" or until is None or until <= self._network.timing.now():
            raise Refused(wire.no_token())
        check.headers(request.headers, self.config)
        is_v2 = request.match_info.get("version") == "v2"
        if body is not None and (self.config.signing or is_v2):
            check.signature(request.headers, body, keys.private_key())

    def _new_token(self) -> dict[str, object]:
        token = UUID(int=self._random.getrandbits(128)).hex
        while len(self._tokens) >= _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[token] = self._network.timing.now() + timedelta(seconds=self.config.token_life_s)
        # Text, not a number (trap 3).
        return {
            "access_token": token,
            "expires_in": str(int(self.config.token_life_s)),
            "token_type": "bearer",
        }
