"""KCB's multi-currency gateway, as we ASSUME it: push, query, unsigned callback (reference kcb-buni §7)."""

from dataclasses import replace

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import kcb_multi_wire as wire
from simulators.providers.book import Push
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person


class KcbMulti:
    """One branch. A reference is good for one push, and is what a query asks by."""

    name = "kcb_multi"
    callback_method = "POST"

    def __init__(self, network: Network) -> None:
        self.config = network.config.kcb_multi
        self.lifetime_s = self.config.prompt_lifetime_s
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`."""
        payments = f"{prefix}/api/v1/payments"
        return [web.post(payments, self._serve_push), web.get(payments + "/{reference}", self._serve_query)]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        account = push.extra["account"]
        return f"Pay {push.currency} {push.amount} to {self.payee()}, account {account}? Enter PIN:"

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return the gateway's reason for an answer that is no approval."""
        return person.code or wire.REASONS.get(answer, "OTHER")

    def receipt(self) -> str:
        """Return a receipt that was never used."""
        return f"ZED{self._network.book.next_serial():010d}"

    def notice(self, push: Push) -> bytes:
        """Return the callback's body."""
        return wire.notice(push)

    def stale(self, push: Push) -> Push:
        """Return what an older notice would have said: that the payer is asked."""
        return replace(push, code="", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt())

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about a payment nobody asked for."""
        stranger = {**push.extra, "transaction_id": self._transaction_id()}
        nobodys = "00000000-0000-4000-8000-000000000001"
        return replace(self.forged_success(push), reference=nobodys, extra=stranger)

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        subject = Subject("push", f"+{body.get('phoneNumber')}")

        async def work() -> Reply:
            wire.admit(request.headers, self.config)
            return await self._push(wire.checked(body))

        return await self._edge.serve(request, subject, work)

    async def _push(self, fields: dict[str, str]) -> Reply:
        if self._network.full:
            raise Refused(wire.SPOILT["too_many"])
        if self._network.book.find(self.name, fields["reference"]):
            raise Refused(wire.DUPLICATE)
        push = self._record(fields)
        reply = reply_json(202, wire.accepted(push))
        await self._network.accept(self, push)
        return replace(reply, accepted=push.faults)

    def _record(self, fields: dict[str, str]) -> Push:
        extra = {"transaction_id": self._transaction_id(), "account": fields["accountReference"]}
        return Push(
            self.name,
            fields["reference"],
            fields["accountReference"],
            "+" + fields["phoneNumber"],
            fields["amount"],
            fields["currency"],
            fields["callbackUrl"],
            rfc3339(self._network.timing.now()),
            extra,
        )

    async def _serve_query(self, request: web.Request) -> web.StreamResponse:
        push = self._network.book.find(self.name, request.match_info["reference"])
        subject = Subject("query", push.msisdn if push else None, request.match_info["reference"])

        async def work() -> Reply:
            wire.admit(request.headers, self.config)
            if push is None:
                raise Refused(wire.MISSING)
            return reply_json(200, wire.told(push))

        return await self._edge.serve(request, subject, work)

    def _transaction_id(self) -> str:
        return f"TXN{self._network.book.next_serial():012d}"
