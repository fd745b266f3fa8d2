"""KCB Buni on the wire: token, STK push, M-PESA's callback, the bank's signed notice (reference kcb-buni)."""

import random
import string
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import daraja_ids as ids
from simulators.providers import daraja_wire, kcb_keys
from simulators.providers import kcb_wire as wire
from simulators.providers.book import Push
from simulators.providers.network import Letter, Network
from simulators.providers.people import Answer, Person

_TOKEN_LENGTH = 28
_FORGED = "forged"


class Kcb:
    """One till. Nobody can ask about a push: the callback tells what became of it, the notice proves it."""

    name = "kcb"
    callback_method = "POST"

    def __init__(self, network: Network) -> None:
        self.config = network.config.kcb
        self.lifetime_s = self.config.prompt_lifetime_s
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))
        self._random = random.Random(f"kcb|{network.config.seed}|{network.book.next_serial()}")  # noqa: S311 - repeats
        self._tokens: dict[str, datetime] = {}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`, and where its public key can be read."""
        return [
            web.post(f"{prefix}/token", self._serve_token),
            web.post(f"{prefix}/mm/api/request/1.0.0/stkpush", self._serve_push),
            web.get(f"{prefix}/_sim/public-key", self._serve_key),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows: KCB's paybill, and the account that tells whose money it is."""
        account = f"{self.config.till}-{push.extra['account']}"
        return (
            f"Do you want to pay Ksh {push.amount} to {self.payee()} Account no. {account}? Enter M-PESA PIN:"
        )

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return M-PESA's result code for an answer that is no approval."""
        return person.code or daraja_wire.REASONS.get(answer, self.config.unanswered_code)

    def receipt(self) -> str:
        """Return an M-PESA receipt that was never used."""
        return ids.receipt(self._network.book.next_serial(), self._network.timing.now())

    def notice(self, push: Push) -> bytes:
        """Return the callback's body: Safaricom's, unchanged."""
        return daraja_wire.callback(push)

    def second(self, push: Push) -> Letter | None:
        """Return the bank's own notice of money that came; a forger signs with another key."""
        if not push.paid or not push.callback_url:
            return None
        body = wire.notice(push, self._network.timing.now(), self.config)
        headers = {}
        if self.config.signs:
            who = kcb_keys.FORGER if push.extra.get(_FORGED) else kcb_keys.BANK
            headers = {"Signature": kcb_keys.signature(who, body)}
        url = self.config.ipn_url or push.callback_url + "/ipn"
        return Letter(url, body, headers, self.config.ipn_after_s)

    def stale(self, push: Push) -> Push:
        """Return what an older notice might have said: that nobody answered."""
        return replace(push, code="1037", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt(), extra=push.extra | {_FORGED: "yes"})

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about a CheckoutRequestID nobody was given."""
        return replace(self.forged_success(push), reference=self._checkout_id(push.msisdn))

    async def _serve_key(self, _request: web.Request) -> web.Response:
        return web.Response(text=kcb_keys.public_pem())

    async def _serve_token(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            is_known = request.headers.get("Authorization") == wire.basic(self.config)
            if not is_known or request.query.get("grant_type") != "client_credentials":
                raise Refused(reply_json(401, {"error": "invalid_client"}))
            return reply_json(200, self._new_token())

        return await self._edge.serve(request, Subject("token"), work)

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        subject = Subject("push", f"+{body.get('phoneNumber')}")

        async def work() -> Reply:
            self._admit(request)
            return await self._push(wire.checked(request.headers, body, self.config))

        return await self._edge.serve(request, subject, work)

    async def _push(self, fields: dict[str, str]) -> Reply:
        if self._network.full:
            raise Refused(wire.fault(429, 900800))
        push = self._record(fields)
        reply = reply_json(200, wire.accepted(push, flat=self.config.flat_reply))
        await self._network.accept(self, push)
        return replace(reply, accepted=push.faults)

    def _record(self, fields: dict[str, str]) -> Push:
        serial, now = self._network.book.next_serial(), self._network.timing.now()
        msisdn = "+" + fields["phoneNumber"]
        extra = {
            "merchant_request_id": ids.merchant_request_id(serial),
            "account": fields["reference"],
            "bank_reference": f"FT{now:%y%j}{ids.receipt(serial, now)[-7:]}",
            "description": fields["transactionDescription"],
        }
        checkout_id = self._checkout_id(msisdn)
        invoice, url = fields["invoiceNumber"], fields["callbackUrl"]
        return Push(
            self.name, checkout_id, invoice, msisdn, fields["amount"], "KES", url, rfc3339(now), extra
        )

    def _admit(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._tokens.get(token)
        if scheme != "Bearer" or until is None or until <= self._network.timing.now():
            raise Refused(wire.fault(401, 900901))

    def _new_token(self) -> dict[str, object]:
        token = "".join(self._random.choices(string.ascii_letters + string.digits, k=_TOKEN_LENGTH))
        life_s = int(self.config.token_life_s)
        now = self._network.timing.now()
        alive = {old: until for old, until in self._tokens.items() if until > now}
        self._tokens = alive | {token: now + timedelta(seconds=life_s)}
        return {"access_token": token, "token_type": "Bearer", "expires_in": life_s - 1}

    def _checkout_id(self, msisdn: str) -> str:
        serial = self._network.book.next_serial()
        return ids.checkout_request_id(serial, self._network.timing.now(), msisdn[-9:])
