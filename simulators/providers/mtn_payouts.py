"""MTN MoMo disbursement on the wire: transfer and refund (reference mtn-momo §6)."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Refused, Reply, Subject, read_json, reply_json
from simulators.providers import mtn_checks as check
from simulators.providers import mtn_wire as wire
from simulators.providers.book import Push
from simulators.providers.mtn_door import Door, Surroundings
from simulators.providers.network import Network, Provider

_CANNOT = "COULD_NOT_PERFORM_TRANSACTION"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Disbursement:
    """The product that pays out. What was paid out stands in the same book as what came in."""

    def __init__(self, rail: Provider, network: Network, around: Surroundings) -> None:
        self._rail = rail
        self._network = network
        self._around = around
        self._door = Door(around, check.disbursement(around.config))

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the product's endpoints under `prefix`."""
        path = f"{prefix}/disbursement"
        return [
            web.post(f"{path}/token/", self._door.serve_token),
            *(
                route
                for kind in ("transfer", "refund")
                for route in (
                    web.post(f"{path}/v1_0/{kind}", self._taking(kind)),
                    web.get(f"{path}/v1_0/{kind}/{{reference}}", self._telling(kind)),
                )
            ),
        ]

    def _taking(self, kind: str) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            body = read_json(await request.read())
            subject = Subject("payout", self._payee(kind, body), request.headers.get("X-Reference-Id"))
            return await self._around.edge.serve(request, subject, lambda: self._take(kind, request, body))

        return serve

    def _telling(self, kind: str) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            reference = request.match_info["reference"].lower()
            found = self._network.book.find(self._rail.name, reference)

            async def work() -> Reply:
                self._door.admit(request)
                if found is None or found.outgoing != kind:
                    raise Refused(wire.error(404, "RESOURCE_NOT_FOUND"))
                as_object = self._around.config.reason_as_object
                return reply_json(200, wire.status_body(found, reason_as_object=as_object))

            subject = Subject("lookup", found.msisdn if found else None, reference)
            return await self._around.edge.serve(request, subject, work)

        return serve

    def _payee(self, kind: str, body: dict[str, Any]) -> str | None:
        if kind == "refund":
            original = self._original(str(body.get("referenceIdToRefund", "")))
            return original.msisdn if original else None
        payee = body.get("payee")
        return f"+{payee.get('partyId')}" if isinstance(payee, dict) else None

    def _original(self, reference: str) -> Push | None:
        found = self._network.book.find(self._rail.name, reference.lower())
        return found if found and found.paid and not found.outgoing else None

    async def _take(self, kind: str, request: web.Request, body: dict[str, Any]) -> Reply:
        self._door.admit(request)
        reference = check.reference_id(request.headers.get("X-Reference-Id", ""))
        url = check.callback_url(request.headers.get("X-Callback-Url"), self._around.config)
        read = check.refund_body if kind == "refund" else check.transfer_body
        fields = read(body, self._around.config)
        if self._network.book.find(self._rail.name, reference):
            raise Refused(wire.error(409, "RESOURCE_ALREADY_EXIST"))
        if self._network.full:
            raise Refused(wire.error(503, "SERVICE_UNAVAILABLE"))
        payout = self._record(kind, reference, url, fields)
        await self._network.accept(self._rail, payout)
        return Reply(202, accepted=payout.faults)

    def _record(self, kind: str, reference: str, url: str | None, fields: dict[str, str]) -> Push:
        original = self._original(fields["referenceIdToRefund"]) if kind == "refund" else None
        msisdn = "+" + fields["partyId"] if kind == "transfer" else original.msisdn if original else ""
        extra: dict[str, str] = {
            name: fields[name] for name in ("payerMessage", "payeeNote") if name in fields
        }
        if why_not := self._why_not(kind, msisdn, fields, original):
            extra["preset"] = why_not
        return Push(
            self._rail.name,
            reference,
            fields["externalId"],
            msisdn,
            fields["amount"],
            fields["currency"],
            url,
            rfc3339(self._network.timing.now()),
            extra,
            outgoing=kind,
            original=original.reference if original else None,
        )

    def _why_not(self, kind: str, msisdn: str, fields: dict[str, str], original: Push | None) -> str:
        # What MTN says of a refund of nothing, or of more than was paid, is not known: our choice.
        if kind == "refund" and (original is None or Decimal(fields["amount"]) > Decimal(original.amount)):
            return _CANNOT
        return "" if self._network.people.has_wallet(msisdn) else "PAYEE_NOT_FOUND"
