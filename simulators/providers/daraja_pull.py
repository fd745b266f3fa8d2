"""Daraja's list of what came in the last 48 hours (reference daraja §11)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import daraja_ids as ids
from simulators.providers import daraja_wire as wire
from simulators.providers.book import Push
from simulators.providers.daraja_result_wire import settled_at
from simulators.providers.network import Network

_NAME = "daraja"
_LOOKS_BACK = timedelta(hours=48)


class DarajaPull:
    """The list of one short code."""

    def __init__(self, network: Network, edge: Edge, admit: Callable[[web.Request], None]) -> None:
        self._network = network
        self._book = network.book
        self._config = network.config.daraja
        self._edge = edge
        self._admit = admit

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the endpoints under `prefix`; a query is documented as GET, and clients send POST."""
        return [
            web.post(f"{prefix}/pulltransactions/v1/register", self._serve_register),
            web.post(f"{prefix}/pulltransactions/v1/query", self._serve_query),
            web.get(f"{prefix}/pulltransactions/v1/query", self._serve_query),
        ]

    async def _serve_register(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            if body.get("ShortCode") != self._config.shortcode or body.get("RequestType") != "Pull":
                raise Refused(wire.invalid("ShortCode"))
            is_known = self._book.recall("daraja.pull") is not None
            self._book.remember("daraja.pull", str(body.get("CallBackURL", "")))
            said = "1001" if is_known else "1000"
            name = ids.originator(self._book.next_serial())
            words = "Shortcode already registered" if is_known else "Shortcode registered successfully"
            told = {"ResponseRefID": name, "ResponseStatus": said, "ShortCode": self._config.shortcode}
            return reply_json(200, told | {"ResponseDescription": words})

        return await self._edge.serve(request, Subject("lookup"), work)

    async def _serve_query(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            if body.get("ShortCode") != self._config.shortcode:
                raise Refused(wire.invalid("ShortCode"))
            since, until = (_nairobi(body.get(name), name) for name in ("StartDate", "EndDate"))
            offset = str(body.get("OffSetValue", ""))
            if not offset.isdigit():
                raise Refused(wire.invalid("OffSetValue"))
            rows = self._rows(since, until)[int(offset) :][: self._config.pull_page]
            name = ids.originator(self._book.next_serial())
            code, words = ("1000", "Success") if rows else ("1001", "No transactions")
            told = {"ResponseRefID": name, "ResponseCode": code, "ResponseMessage": words}
            return reply_json(200, told | {"Response": [rows]})

        return await self._edge.serve(request, Subject("lookup"), work)

    def _rows(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        since = max(since, self._network.timing.now() - _LOOKS_BACK)
        return [self._row(push) for push in self._book.debited(_NAME) if since <= settled_at(push) <= until]

    def _row(self, push: Push) -> dict[str, Any]:
        at = settled_at(push).astimezone(wire.NAIROBI)
        return {
            "transactionId": push.receipt,
            "trxDate": f"{at:%Y-%m-%dT%H:%M:%SZ}",  # the hour of Nairobi, whatever the Z says
            "msisdn": int(push.msisdn),
            "sender": "MPESA",
            "transactiontype": "c2b-pay-bill-debit",
            "billreference": push.extra["account"],
            "amount": f"{push.amount}.0",
            "organizationname": self._config.payee,
        }


def _nairobi(value: Any, name: str) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=wire.NAIROBI)
    except ValueError:
        raise Refused(wire.invalid(name)) from None
