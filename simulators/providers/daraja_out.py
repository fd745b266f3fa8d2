"""Daraja's money out and its questions: taken on the spot, answered later (reference daraja §8 to §10)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, read_json, reply_json
from simulators.providers import daraja_checks as check
from simulators.providers import daraja_ids as ids
from simulators.providers import daraja_keys as keys
from simulators.providers import daraja_result_wire as told
from simulators.providers import daraja_wire as wire
from simulators.providers.book import Push
from simulators.providers.network import Network, Provider

_NAME = "daraja"
_ACCEPTED = "Accept the service request successfully."
_WHOLE = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_LEAST, _MOST = 10, 250_000
_COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment")
_ORIGINATOR = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)


class DarajaOut:
    """Transfers, reversals, status and balance of one short code."""

    def __init__(
        self, provider: Provider, network: Network, edge: Edge, admit: Callable[[web.Request], None]
    ) -> None:
        self._provider = provider
        self._network = network
        self._book = network.book
        self._config = network.config.daraja
        self._edge = edge
        self._admit = admit

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the endpoints under `prefix`, and where the environment's certificate can be read."""
        return [
            web.post(f"{prefix}/mpesa/b2c/v3/paymentrequest", self._serve_transfer),
            web.post(f"{prefix}/mpesa/reversal/v1/request", self._serve_reversal),
            web.post(f"{prefix}/mpesa/transactionstatus/v1/query", self._serve_status),
            web.post(f"{prefix}/mpesa/accountbalance/v1/query", self._serve_balance),
            web.get(f"{prefix}/_sim/certificate", self._serve_certificate),
        ]

    def notice(self, push: Push) -> bytes:
        """Return the result of money out."""
        return told.payout(push, self.funds(), self._us())

    def funds(self) -> Decimal:
        """Return what the utility account holds: what it was opened with, less what went out."""
        spent = sum((Decimal(push.amount) for push in self._book.paid_out(_NAME)), Decimal(0))
        return Decimal(self._config.opening_balance) - spent

    async def _serve_certificate(self, _request: web.Request) -> web.Response:
        return web.Response(text=keys.certificate_pem())

    async def _serve_transfer(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        subject = Subject("payout", f"+{body.get('PartyB')}", str(body.get("OriginatorConversationID", "")))

        async def work() -> Reply:
            self._admit(request)
            check.json_only(request)
            return await self._transfer(check.fields(body, self._transfer_rules()))

        return await self._edge.serve(request, subject, work)

    def _transfer_rules(self) -> Mapping[str, Callable[[str], bool]]:
        return {
            "OriginatorConversationID": lambda text: _ORIGINATOR.fullmatch(text) is not None,
            "InitiatorName": lambda text: text == self._config.initiator,
            "CommandID": lambda text: text in _COMMANDS,
            "Amount": lambda text: bool(_WHOLE.fullmatch(text)) and _LEAST <= int(text) <= _MOST,
            "PartyA": lambda text: text == (self._config.b2c_shortcode or self._config.shortcode),
            "PartyB": check.is_phone,
            **check.LATER,
        }

    async def _transfer(self, fields: dict[str, str]) -> Reply:
        if self._book.find(_NAME, fields["OriginatorConversationID"]):
            raise Refused(wire.error(500, "500.002.1001", "Duplicate OriginatorConversationID"))
        msisdn = "+" + fields["PartyB"]
        push = self._record("transfer", fields["OriginatorConversationID"], msisdn, fields)
        if not self._network.people.has_wallet(msisdn):
            push.extra["preset"] = "2040"
        return await self._accept(push, fields)

    async def _serve_reversal(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())
        original = self._by_receipt(str(body.get("TransactionID")))
        subject = Subject("payout", original.msisdn if original else None, str(body.get("TransactionID")))

        async def work() -> Reply:
            self._admit(request)
            check.json_only(request)
            return await self._reversal(check.fields(body, self._reversal_rules()), original)

        return await self._edge.serve(request, subject, work)

    def _reversal_rules(self) -> Mapping[str, Callable[[str], bool]]:
        return {
            "Initiator": lambda text: text == self._config.initiator,
            "CommandID": lambda text: text == "TransactionReversal",
            "TransactionID": bool,
            "Amount": lambda text: _WHOLE.fullmatch(text) is not None,
            "ReceiverParty": lambda text: text == self._config.shortcode,
            "RecieverIdentifierType": lambda text: text == "11",
            **check.LATER,
        }

    async def _reversal(self, fields: dict[str, str], original: Push | None) -> Reply:
        if original and Decimal(fields["Amount"]) != Decimal(original.amount):
            raise Refused(wire.invalid("Amount"))  # assumed: the reference says only that it is the whole
        msisdn = original.msisdn if original else ""
        push = self._record("reversal", ids.originator(self._book.next_serial()), msisdn, fields)
        push.original = original.reference if original else None
        push.extra["original_receipt"] = fields["TransactionID"]
        if original is None:
            push.extra["preset"] = "R000002"
        elif self._is_reversed(fields["TransactionID"]):
            push.extra["preset"] = "R000001"
        return await self._accept(push, fields)

    def _is_reversed(self, receipt: str) -> bool:
        going = [push for push in self._book.open_pushes() if push.provider == _NAME]
        return any(
            push.outgoing == "reversal" and push.extra["original_receipt"] == receipt
            for push in (*going, *self._book.paid_out(_NAME))
        )

    def _record(self, kind: str, reference: str, msisdn: str, fields: dict[str, str]) -> Push:
        now = self._network.timing.now()
        extra = {
            "conversation": ids.conversation(self._book.next_serial(), now),
            "transaction": ids.receipt(self._book.next_serial(), now),
        }
        url, amount = fields["ResultURL"], fields["Amount"]
        return Push(
            _NAME, reference, reference, msisdn, amount, "KES", url, rfc3339(now), extra, outgoing=kind
        )

    async def _accept(self, push: Push, fields: dict[str, str]) -> Reply:
        if keys.password_in(fields["SecurityCredential"]) != self._config.initiator_password:
            push.extra["preset"] = "2001"
        elif Decimal(push.amount) > self.funds():
            push.extra.setdefault("preset", "1")
        fault = self._network.faults.draw(_NAME, "result", push.msisdn, push.reference)
        if fault:
            push.extra["shape"] = fault.name
            push.faults.append(f"result.{fault.name}")
        if fault and fault.name == "timed_out":
            notice = told.timed_out(told.Names(push.reference, push.extra["conversation"]))
            self._network.spawn(self._network.sender.send("POST", fields["QueueTimeOutURL"], notice))
        reply = _taken(push.reference, push.extra["conversation"])
        await self._network.accept(self._provider, push)
        return replace(reply, accepted=push.faults)

    async def _serve_status(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            check.json_only(request)
            fields = check.fields(body, self._question_rules("TransactionStatusQuery"))
            receipt, conversation = body.get("TransactionID"), body.get("OriginalConversationID")
            if not receipt and not conversation:
                raise Refused(wire.invalid("TransactionID"))
            push = self._by_receipt(str(receipt)) if receipt else self._book.find(_NAME, str(conversation))
            # No code for "no such receipt" is documented: that of a reversal is taken.
            found = told.status(push, self._us()) if push else None
            return self._answer_later(fields, found, "R000002")

        return await self._edge.serve(request, Subject("lookup"), work)

    async def _serve_balance(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            check.json_only(request)
            fields = check.fields(body, self._question_rules("AccountBalance"))
            return self._answer_later(fields, told.balance(self.funds()), "", as_text=True)

        return await self._edge.serve(request, Subject("lookup"), work)

    def _question_rules(self, command: str) -> Mapping[str, Callable[[str], bool]]:
        return {
            "Initiator": lambda text: text == self._config.initiator,
            "CommandID": lambda text: text == command,
            "PartyA": lambda text: text == self._config.shortcode,
            "IdentifierType": lambda text: text == "4",
            **check.LATER,
        }

    def _answer_later(
        self, fields: dict[str, str], found: told.Parameters | None, code: str, *, as_text: bool = False
    ) -> Reply:
        serial = self._book.next_serial()
        names = told.Names(ids.originator(serial), ids.conversation(serial, self._network.timing.now()))
        if keys.password_in(fields["SecurityCredential"]) != self._config.initiator_password:
            found, code = None, "18"
        fault = self._network.faults.draw(_NAME, "result", None, names.originator)
        shape = fault.name if fault else ""
        body = told.result("0" if found else code, names, found, shape, as_text=as_text)
        if shape == "timed_out":
            notice = told.timed_out(names)
            self._network.spawn(self._network.sender.send("POST", fields["QueueTimeOutURL"], notice))
        self._network.spawn(self._send_later(fields["ResultURL"], body))
        return _taken(names.originator, names.conversation)

    async def _send_later(self, url: str, body: bytes) -> None:
        await self._network.timing.sleep(self._network.config.latency.result_s)
        await self._network.sender.send("POST", url, body)

    def _by_receipt(self, receipt: str) -> Push | None:
        return next((push for push in self._book.debited(_NAME) if push.receipt == receipt), None)

    def _us(self) -> str:
        return f"{self._config.shortcode} - {self._config.payee}"


def _taken(originator: str, conversation: str) -> Reply:
    return reply_json(
        200,
        {
            "ConversationID": conversation,
            "OriginatorConversationID": originator,
            "ResponseCode": "0",
            "ResponseDescription": _ACCEPTED,
        },
    )
