"""Zamtel Kwacha: a GET answered when the payer has decided, another that pays out (reference §A)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject
from simulators.providers import zamtel_wire as wire
from simulators.providers.book import Push
from simulators.providers.config import Zamtel as Config
from simulators.providers.network import Network
from simulators.providers.people import Answer, Person

Check = Callable[[Mapping[str, str], Config], dict[str, str]]


class Zamtel:
    """One short code. Nothing is called back, nothing can be asked.

    The same request again is a second debit, or a second payment.
    """

    name = "zamtel"
    callback_method = "POST"  # never used: no push has an address to call back

    def __init__(self, network: Network) -> None:
        self.config = network.config.zamtel
        self.lifetime_s = self.config.prompt_lifetime_s
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`; a GET alone, HEAD is nobody's."""
        return [
            web.get(f"{prefix}/Req", self._serve_push, allow_head=False),
            web.get(f"{prefix}/B2CReq", self._serve_payout, allow_head=False),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        return f"Pay K{push.amount} to {self.payee()}? Enter your Zamtel Kwacha PIN:"

    def payee(self) -> str:
        """Return the name that the handset shows."""
        return self.config.payee

    def reason(self, answer: Answer, person: Person) -> str:
        """Return Zamtel's status for an answer that is no approval."""
        return person.code or wire.REASONS.get(answer, "E8027")

    def receipt(self) -> str:
        """Return a number that was never used; a push has its own from the beginning."""
        return wire.transaction_id(self._network.book.next_serial())

    def notice(self, push: Push) -> bytes:
        """Return nothing: Zamtel does not call back."""
        raise NotImplementedError(push.reference)

    def stale(self, push: Push) -> Push:
        """Return the push itself: there is no older notice."""
        return push

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt())

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about a push nobody asked for."""
        return replace(self.forged_success(push), reference=self.receipt())

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        subject = Subject("push", f"+{request.query.get('Msisdn')}")
        return await self._edge.serve(request, subject, lambda: self._move(request.query, wire.checked))

    async def _serve_payout(self, request: web.Request) -> web.StreamResponse:
        subject = Subject("payout", f"+{request.query.get('Msisdn')}")
        return await self._edge.serve(
            request, subject, lambda: self._move(request.query, wire.checked_payout, "transfer")
        )

    async def _move(self, query: Mapping[str, str], check: Check, outgoing: str = "") -> Reply:
        fields = check(query, self.config)
        if self._network.full:
            raise Refused(wire.says("E8027"))
        push = self._record(fields, outgoing)
        await self._network.decide(self, push)
        return replace(wire.outcome(push), accepted=push.faults)

    def _record(self, fields: dict[str, str], outgoing: str) -> Push:
        transaction_id = self.receipt()
        return Push(
            self.name,
            transaction_id,
            fields["ConversationId"],
            "+" + fields["Msisdn"],
            fields["Amount"],
            "ZMW",
            None,
            rfc3339(self._network.timing.now()),
            {"receipt": transaction_id},
            outgoing=outgoing,
        )
