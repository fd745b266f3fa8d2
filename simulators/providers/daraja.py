"""M-PESA Daraja on the wire: oauth, STK push, STK query; the rest stands beside (reference daraja)."""

import random
import string
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import daraja_checks as check
from simulators.providers import daraja_ids as ids
from simulators.providers import daraja_wire as wire
from simulators.providers.book import Push
from simulators.providers.daraja_c2b import DarajaC2b
from simulators.providers.daraja_out import DarajaOut
from simulators.providers.daraja_pull import DarajaPull
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person

_MINUTE_S = 60.0
_MOST_RECENT = 10_000
_TOKEN_LENGTH = 28


class Daraja:
    """One paybill. Only the newest token is good: a new one kills the one before."""

    name = "daraja"
    callback_method = "POST"

    def __init__(self, network: Network) -> None:
        self.config = network.config.daraja
        self.lifetime_s = self.config.prompt_lifetime_s
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))
        self._random = random.Random(f"daraja|{network.config.seed}|{network.book.next_serial()}")  # noqa: S311 - repeats
        self._c2b = DarajaC2b(network, self._edge, self._admit)
        self._pull = DarajaPull(network, self._edge, self._admit)
        self._out = DarajaOut(self, network, self._edge, self._admit)
        self._token: tuple[str, datetime] | None = None
        self._last_query: datetime | None = None
        self._recent: deque[tuple[datetime, str, str]] = deque(maxlen=_MOST_RECENT)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`."""
        return [
            *self._c2b.routes(prefix),
            *self._out.routes(prefix),
            *self._pull.routes(prefix),
            web.get(f"{prefix}/oauth/v1/generate", self._serve_token),
            web.post(f"{prefix}/mpesa/stkpush/v1/processrequest", self._serve_push),
            web.post(f"{prefix}/mpesa/stkpushquery/v1/query", self._serve_query),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        account = push.extra["account"]
        return (
            f"Do you want to pay Ksh {push.amount} to {self.payee()} Account no. {account}? Enter M-PESA PIN:"
        )

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return Daraja's result code for an answer that is no approval."""
        return person.code or wire.REASONS.get(answer, self.config.unanswered_code)

    def receipt(self) -> str:
        """Return a receipt number that was never used."""
        return ids.receipt(self._network.book.next_serial(), self._network.timing.now())

    def notice(self, push: Push) -> bytes:
        """Return the body of the callback, or of the result of money out."""
        return self._out.notice(push) if push.outgoing else wire.callback(push)

    def took(self, push: Push) -> None:
        """Tell of a payment by the other channel too."""
        self._c2b.took(push)

    def stale(self, push: Push) -> Push:
        """Return what an older notice might have said: that nobody answered, or that the system was busy."""
        return replace(push, code="26" if push.outgoing else "1037", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt())

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about a CheckoutRequestID nobody was given."""
        return replace(self.forged_success(push), reference=self._checkout_id(push.msisdn))

    async def _serve_token(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            check.oauth(request.headers, request.query, self.config)
            return reply_json(200, self._new_token())

        return await self._edge.serve(request, Subject("token"), work)

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        subject = Subject("push", f"+{body.get('PhoneNumber')}")
        return await self._edge.serve(request, subject, lambda: self._push(request, body))

    async def _push(self, request: web.Request, body: dict[str, Any]) -> Reply:
        self._admit(request)
        check.merchant(request.headers, body, self.config)
        fields = check.push_body(body)
        if self._network.full:
            raise Refused(wire.error(500, "500.003.02", "System is busy. Please try again in few minutes."))
        push = self._record(fields)
        preset = check.preset(fields, self.prompt_text(push), self.config) or self._same_again(push)
        if preset:
            push.extra["preset"] = preset
        accepted = reply_json(200, wire.push_accepted(push))
        await self._network.accept(self, push)
        return replace(accepted, accepted=push.faults)

    def _record(self, fields: dict[str, str]) -> Push:
        msisdn = "+" + fields["PhoneNumber"]
        return Push(
            self.name,
            self._checkout_id(msisdn),
            fields["AccountReference"],
            msisdn,
            fields["Amount"],
            "KES",
            fields["CallBackURL"],
            rfc3339(self._network.timing.now()),
            {
                "merchant_request_id": ids.merchant_request_id(self._network.book.next_serial()),
                "account": fields["AccountReference"],
                "type": fields["TransactionType"],
            },
        )

    async def _serve_query(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        reference = str(body.get("CheckoutRequestID", ""))
        push = self._network.book.find(self.name, reference)
        subject = Subject("query", push.msisdn if push else None, reference)
        return await self._edge.serve(request, subject, lambda: self._query(request, body, push))

    async def _query(self, request: web.Request, body: dict[str, Any], push: Push | None) -> Reply:
        self._pace_queries()
        self._admit(request)
        check.merchant(request.headers, body, self.config)
        if push is None:
            raise Refused(wire.invalid("CheckoutRequestID"))
        if not push.open:
            return reply_json(200, wire.query_reply(push, wire.result_code(push)))
        if self._says_4999():
            return reply_json(200, wire.query_reply(push, "4999"))
        return wire.error(500, "500.001.1001", wire.STILL, push.reference)

    def _says_4999(self) -> bool:
        way = self.config.still_processing
        return way == "4999" or (way == "mixed" and self._random.getrandbits(1) == 1)

    def _pace_queries(self) -> None:
        """Refuse a query that comes sooner than the limit allows; a burst of one means evenly spaced."""
        limit, now = self.config.queries_per_minute, self._network.timing.now()
        if limit is None:
            return
        if self._last_query and (now - self._last_query).total_seconds() < _MINUTE_S / limit:
            raise Refused(wire.spike_arrest())
        self._last_query = now

    def _same_again(self, push: Push) -> str | None:
        """Return result 17 for the same amount from the same customer inside the window."""
        now = self._network.timing.now()
        since = now - timedelta(seconds=self.config.same_amount_window_s)
        while self._recent and self._recent[0][0] <= since:
            self._recent.popleft()
        repeated = any(entry[1:] == (push.msisdn, push.amount) for entry in self._recent)
        if self.config.same_amount_rule:
            self._recent.append((now, push.msisdn, push.amount))
        return "17" if repeated else None

    def _admit(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        good = self._token and self._token[0] == token and self._network.timing.now() < self._token[1]
        if scheme != "Bearer" or not good:
            raise Refused(wire.error(404, "404.001.03", "Invalid Access Token"))

    def _new_token(self) -> dict[str, object]:
        letters = self._random.choices(string.ascii_letters + string.digits, k=_TOKEN_LENGTH)
        token, life = "".join(letters), int(self.config.token_life_s)
        self._token = (token, self._network.timing.now() + timedelta(seconds=life))
        left = life - 1
        return {"access_token": token, "expires_in": str(left) if self.config.expires_in_as_text else left}

    def _checkout_id(self, msisdn: str) -> str:
        serial = self._network.book.next_serial()
        return ids.checkout_request_id(serial, self._network.timing.now(), msisdn[-9:])
