"""MTN MoMo on the wire: collection here, what pays out beside it (reference mtn-momo)."""

import random
from dataclasses import replace
from decimal import Decimal
from json import dumps

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import mtn_checks as check
from simulators.providers import mtn_wire as wire
from simulators.providers.book import Push
from simulators.providers.mtn_door import Door, Surroundings
from simulators.providers.mtn_payouts import Disbursement
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person


class MtnMomo:
    """The collection product: token, request to pay, status, balance, wallet check; and disbursement."""

    name = "mtn"
    callback_method = "PUT"

    def __init__(self, network: Network) -> None:
        self.config = network.config.mtn
        self.lifetime_s = self.config.prompt_lifetime_s
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))
        self._random = random.Random(f"mtn|{network.config.seed}|{network.book.next_serial()}")  # noqa: S311 - repeats
        around = Surroundings(self.config, network.timing, self._edge, self._random)
        self._door = Door(around, check.collection(self.config))
        self._disbursement = Disbursement(self, network, around)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`."""
        pay = f"{prefix}/collection/v1_0/requesttopay"
        return [
            web.post(f"{prefix}/collection/token/", self._door.serve_token),
            web.post(pay, self._serve_push),
            web.get(pay + "/{reference}", self._serve_status),
            web.get(f"{prefix}/collection/v1_0/account/balance", self._serve_balance),
            web.get(f"{prefix}/collection/v1_0/accountholder/msisdn/{{msisdn}}/active", self._serve_active),
            *self._disbursement.routes(prefix),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        note = push.extra.get("payerMessage", "")
        return f"Pay {push.currency} {push.amount} to {self.payee()}. {note}. Enter your MoMo PIN:"

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return MTN's reason for an answer that is no approval."""
        return person.code or wire.REASONS.get(answer, "COULD_NOT_PERFORM_TRANSACTION")

    def receipt(self) -> str:
        """Return a financialTransactionId: digits only."""
        return str(self._network.book.next_serial())

    def notice(self, push: Push) -> bytes:
        """Return the callback's body: the same JSON as the status."""
        return dumps(self._shown(push), separators=(",", ":")).encode()

    def stale(self, push: Push) -> Push:
        """Return what was true before the payer decided."""
        return replace(push, code="", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt())

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about an externalId nobody sent."""
        return replace(self.forged_success(push), external_id=f"pay_forged_{push.receipt}")

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        payer = body.get("payer")
        number = payer.get("partyId") if isinstance(payer, dict) else None
        reference = request.headers.get("X-Reference-Id", "")
        subject = Subject("push", f"+{number}", reference.lower())
        return await self._edge.serve(request, subject, lambda: self._push(request, body))

    async def _push(self, request: web.Request, body: dict[str, object]) -> Reply:
        self._door.admit(request)
        reference = check.reference_id(request.headers.get("X-Reference-Id", ""))
        url = check.callback_url(request.headers.get("X-Callback-Url"), self.config)
        fields = check.push_body(body, self.config)
        if self._network.book.find(self.name, reference):
            raise Refused(wire.error(409, "RESOURCE_ALREADY_EXIST"))
        if self._network.full:
            raise Refused(wire.error(503, "SERVICE_UNAVAILABLE"))
        push = self._record(reference, url, fields)
        await self._network.accept(self, push)
        return Reply(202, accepted=push.faults)

    def _record(self, reference: str, url: str | None, fields: dict[str, str]) -> Push:
        extra: dict[str, str] = {
            name: fields[name] for name in ("payerMessage", "payeeNote") if name in fields
        }
        return Push(
            self.name,
            reference,
            fields["externalId"],
            "+" + fields["partyId"],
            fields["amount"],
            fields["currency"],
            url,
            rfc3339(self._network.timing.now()),
            extra,
        )

    async def _serve_status(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["reference"].lower()
        push = self._network.book.find(self.name, reference)

        async def work() -> Reply:
            self._door.admit(request)
            if push is None or push.outgoing:
                raise Refused(wire.error(404, "RESOURCE_NOT_FOUND"))
            return reply_json(200, self._shown(push))

        subject = Subject("query", push.msisdn if push else None, reference)
        return await self._edge.serve(request, subject, work)

    async def _serve_balance(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            self._door.admit(request)
            paid = sum((Decimal(push.amount) for push in self._network.book.debited(self.name)), Decimal(0))
            available = wire.reformatted(str(Decimal(self.config.opening_balance) + paid))
            return reply_json(200, {"availableBalance": available, "currency": self.config.currency})

        return await self._edge.serve(request, Subject("query"), work)

    async def _serve_active(self, request: web.Request) -> web.StreamResponse:
        msisdn = "+" + request.match_info["msisdn"]

        async def work() -> Reply:
            self._door.admit(request)
            return reply_json(200, {"result": self._network.people.has_wallet(msisdn)})

        return await self._edge.serve(request, Subject("query", msisdn), work)

    def _shown(self, push: Push) -> dict[str, object]:
        return wire.status_body(push, reason_as_object=self.config.reason_as_object)
