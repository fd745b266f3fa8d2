"""Airtel Money's refund and disbursement on the wire (reference airtel-money §7)."""

from dataclasses import replace
from typing import Protocol

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, reply_json
from simulators.providers import airtel_checks as check
from simulators.providers import airtel_wire as wire
from simulators.providers.book import Push
from simulators.providers.config import Airtel
from simulators.providers.network import Network, Provider
from simulators.providers.people import Answer

_DUPLICATE, _BAD_NUMBER, _NOT_FOUND = "DP00900001017", "DP00900001012", "DP00900001015"
_FAMILY = "DP009"


class Rail(Provider, Protocol):
    """The application that both products belong to."""

    config: Airtel

    def admit(self, request: web.Request, body: bytes | None = None) -> None:
        """Refuse who may not."""
        ...


class Disbursement:
    """The products that pay out: a refund is done at once, a disbursement may be asked about.

    Whether Airtel refunds a payment twice is not said; here it does, so that the book shows who asked twice.
    """

    def __init__(self, rail: Rail, network: Network, edge: Edge) -> None:
        self._rail = rail
        self._network = network
        self._edge = edge

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the endpoints under `prefix`."""
        return [
            web.post(f"{prefix}/standard/v1/payments/refund", self._serve_refund),
            web.post(f"{prefix}/standard/{{version:v1|v2}}/disbursements/", self._serve_transfer),
            web.get(f"{prefix}/standard/v1/disbursements/{{id}}", self._serve_enquiry),
        ]

    async def _serve_refund(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        original = self._paid(check.refund_receipt(body))
        subject = Subject("payout", original.msisdn if original else None)
        return await self._edge.serve(request, subject, lambda: self._refund(request, body, original))

    async def _refund(self, request: web.Request, body: bytes, original: Push | None) -> Reply:
        self._rail.admit(request, body)
        if not check.refund_receipt(body):
            raise self._refused("Field validation", result_code="ESB000008")
        if original is None:
            raise self._refused("Transaction not found", result_code="ESB000045")
        refund = replace(
            original,
            reference=f"refund{self._network.book.next_serial()}",
            callback_url=None,
            accepted_at=rfc3339(self._network.timing.now()),
            extra={"preset": "paid"},
            code="",
            receipt=None,
            settled_at=None,
            faults=[],
            outgoing="refund",
            original=original.reference,
        )
        await self._network.decide(self._rail, refund)
        return replace(reply_json(200, wire.refunded(refund)), accepted=refund.faults)

    def _paid(self, receipt: str) -> Push | None:
        debits = self._network.book.debited(self._rail.name)
        return next((push for push in debits if push.receipt == receipt), None)

    async def _serve_transfer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        subject = check.payee(body, self._rail.config)
        return await self._edge.serve(request, subject, lambda: self._transfer(request, body))

    async def _transfer(self, request: web.Request, body: bytes) -> Reply:
        self._rail.admit(request, body)
        fields = check.transfer_body(body, self._rail.config, is_v2=request.match_info["version"] == "v2")
        if self._network.book.find(self._rail.name, fields["id"]):
            raise self._refused("Duplicate transaction id", response_code=_DUPLICATE)
        ending = self._ending(fields["msisdn"])
        if ending.startswith(_FAMILY):
            raise self._refused("Refused", response_code=ending)
        if self._network.full:
            raise Refused(wire.SPOILT["too_many"])
        payout = self._record(fields, ending)
        await self._network.accept(self._rail, payout)
        return replace(reply_json(200, wire.disbursed(payout)), accepted=payout.faults)

    def _ending(self, msisdn: str) -> str:
        """Return how it ends: by the person's own word, one of this family of codes being a refusal."""
        person = self._network.people.meet(msisdn)
        if person.answer is Answer.NO_WALLET:
            return _BAD_NUMBER
        return person.code or "failed" if person.answer is Answer.REFUSED else "paid"

    def _record(self, fields: dict[str, str], ending: str) -> Push:
        return Push(
            self._rail.name,
            fields["id"],
            fields["id"],
            fields["msisdn"],
            fields["amount"],
            self._rail.config.currency,
            None,
            rfc3339(self._network.timing.now()),
            {"account": fields["reference"], "preset": ending},
            outgoing="transfer",
        )

    async def _serve_enquiry(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["id"]
        payout = self._network.book.find(self._rail.name, name)

        async def work() -> Reply:
            self._rail.admit(request)
            if payout is None or payout.outgoing != "transfer":
                raise self._refused("Transaction not found", response_code=_NOT_FOUND)
            return reply_json(200, wire.disbursement_enquiry(payout))

        return await self._edge.serve(
            request, Subject("lookup", payout.msisdn if payout else None, name), work
        )

    def _refused(self, message: str, **codes: str) -> Refused:
        return Refused(wire.refused(self._rail.config.refusal_status, message, **codes))
