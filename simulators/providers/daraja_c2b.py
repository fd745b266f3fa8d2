"""Daraja's payments by hand: registered addresses, validation, confirmation (reference daraja §7).

A real person takes the phone and pays; here `POST /daraja/_sim/payments` or the sandbox's own simulate does.
With addresses registered every STK payment is confirmed as well, under the same receipt.
"""

import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, json_object, read_json, reply_json, sim_bad_request
from simulators.faults import COPIES
from simulators.providers import daraja_checks as check
from simulators.providers import daraja_ids as ids
from simulators.providers import daraja_wire as wire
from simulators.providers.book import Push
from simulators.providers.daraja_result_wire import dump, first_name, money, settled_at
from simulators.providers.network import Network
from simulators.timing import first_of

_NAME = "daraja"
_REGISTERED = "daraja.c2b"
_RESPONSE_TYPES = ("Completed", "Cancelled")
_LONGEST_ACCOUNT = 20
_AMOUNT = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_MOST_SHILLINGS = 250_000
_REJECTED = re.compile(r"C2B000\d\d", re.ASCII)


class DarajaC2b:
    """Payments by hand to one short code."""

    def __init__(self, network: Network, edge: Edge, admit: Callable[[web.Request], None]) -> None:
        self._network = network
        self._book = network.book
        self._config = network.config.daraja
        self._edge = edge
        self._admit = admit
        self._balance = sum((Decimal(push.amount) for push in network.book.debited(_NAME)), Decimal(0))

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the endpoints under `prefix`, and how a person is made to pay."""
        return [
            *(web.post(f"{prefix}/mpesa/c2b/{v}/registerurl", self._serve_register) for v in ("v1", "v2")),
            *(web.post(f"{prefix}/mpesa/c2b/{v}/simulate", self._serve_simulate) for v in ("v1", "v2")),
            web.post(f"{prefix}/_sim/payments", self._serve_payment),
        ]

    def took(self, push: Push) -> None:
        """Tell of an STK payment here too, where addresses are registered."""
        self._balance += Decimal(push.amount)
        if self._urls():
            self._network.spawn(self._confirm(push, self._config.c2b_after_s))

    async def pay(self, msisdn: str, account: str, amount: str) -> Push:
        """Let a person pay by hand; `code` of the push says whether the money moved."""
        now = self._network.timing.now()
        receipt = ids.receipt(self._book.next_serial(), now)
        extra = {"account": account, "by_hand": "yes"}
        push = Push(_NAME, receipt, account, msisdn, amount, "KES", None, rfc3339(now), extra)
        refusal = await self._validate(push)
        self._book.accept(push)
        self._book.settle(push, refusal or "paid", None if refusal else receipt, self._network.timing.now())
        if not refusal:
            self._balance += Decimal(amount)
            self._network.spawn(self._confirm(push, 0))
        return push

    async def _validate(self, push: Push) -> str:
        """Return why the payment is refused; empty where it goes on. Whoever is late is not heard."""
        urls = self._urls()
        if not urls or not self._config.external_validation:
            return ""
        asking = self._network.sender.ask("POST", urls["ValidationURL"], self._body(push, balance=""))
        said = await first_of(self._network.timing, asking, self._config.validation_limit_s)
        code, own_id = _decision(said)
        push.extra["third_party_id"] = own_id
        if code == "0":
            return ""
        return code or ("" if urls["ResponseType"] == "Completed" else "no_validation")

    async def _confirm(self, push: Push, after_s: float) -> None:
        fault = self._network.faults.draw(_NAME, "arrival", push.msisdn, push.receipt)
        if fault:
            push.faults.append(f"arrival.{fault.name}")
        await self._network.timing.sleep(after_s + (fault.late_s if fault and fault.name == "late" else 0))
        urls = self._urls()
        body = self._body(push, balance=str(money(self._balance)))
        for _ in range(COPIES.get(fault.name if fault else "", 1)):
            if urls:
                await self._network.sender.send("POST", urls["ConfirmationURL"], body)

    def _body(self, push: Push, *, balance: str) -> bytes:
        is_goods = push.extra.get("type") == check.BUY_GOODS
        return dump(
            {
                "TransactionType": "Buy Goods" if is_goods else "Pay Bill",
                "TransID": push.receipt or push.reference,
                "TransTime": wire.nairobi(settled_at(push)),
                "TransAmount": str(money(push.amount)),
                "BusinessShortCode": self._config.shortcode,
                "BillRefNumber": push.extra["account"],
                "InvoiceNumber": "",
                "OrgAccountBalance": balance,
                "ThirdPartyTransID": push.extra.get("third_party_id", ""),
                "MSISDN": self._masked(push.msisdn.lstrip("+")),
                "FirstName": first_name(push.msisdn),
                "MiddleName": "",
                "LastName": "",
            }
        )

    def _masked(self, number: str) -> str:
        if self._urls().get("version") == "v1":
            return hashlib.sha256(number.encode()).hexdigest()
        match self._config.mask:
            case "starred":
                return f"{number[:5]}****{number[-3:]}"
            case "none":
                return number
            case _:
                return f"{number[:4]} ***** {number[-3:]}"

    def _urls(self) -> dict[str, str]:
        kept = self._book.recall(_REGISTERED)
        found: dict[str, str] = json.loads(kept) if kept else {}
        return found

    async def _serve_register(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            if body.get("ShortCode") != self._config.shortcode:
                raise Refused(wire.invalid("ShortCode"))
            if body.get("ResponseType") not in _RESPONSE_TYPES:
                raise Refused(wire.invalid("ResponseType"))
            for name in ("ConfirmationURL", "ValidationURL"):
                if not check.is_url(str(body.get(name, ""))):
                    raise Refused(wire.invalid(name))
            if self._config.registers_once and self._urls():
                raise Refused(wire.error(500, "500.003.1001", "Urls are already registered."))
            version = request.path.rsplit("/", 2)[-2]
            self._book.remember(_REGISTERED, json.dumps(body | {"version": version}))
            return reply_json(200, self._taken("Success"))

        return await self._edge.serve(request, Subject("lookup"), work)

    def _taken(self, words: str) -> dict[str, str]:
        name = ids.merchant_request_id(self._book.next_serial())
        return {"OriginatorCoversationID": name, "ResponseCode": "0", "ResponseDescription": words}

    async def _serve_simulate(self, request: web.Request) -> web.StreamResponse:
        body = read_json(await request.read())

        async def work() -> Reply:
            self._admit(request)
            account = str(body.get("BillRefNumber", ""))
            holds = {
                "ShortCode": body.get("ShortCode") == self._config.shortcode,
                "CommandID": body.get("CommandID") in (check.PAYBILL, check.BUY_GOODS),
                "Amount": _is_amount(str(body.get("Amount"))),
                "Msisdn": check.is_phone(str(body.get("Msisdn"))),
                "BillRefNumber": len(account) <= _LONGEST_ACCOUNT,
            }
            for name, is_good in holds.items():
                if not is_good:
                    raise Refused(wire.invalid(name))
            self._network.spawn(self._pay_later(f"+{body['Msisdn']}", account, str(body["Amount"])))
            return reply_json(200, self._taken("Accept the service request successfully."))

        return await self._edge.serve(request, Subject("lookup"), work)

    def _pay_later(self, msisdn: str, account: str, amount: str) -> Coroutine[Any, Any, None]:
        async def later() -> None:
            await self.pay(msisdn, account, amount)

        return later()

    async def _serve_payment(self, request: web.Request) -> web.Response:
        values = await json_object(request)
        number = str(values.get("msisdn", "")).lstrip("+ ")
        account, amount = values.get("account", ""), str(values.get("amount", ""))
        if not check.is_phone(number):
            raise sim_bad_request("msisdn: a Kenyan mobile, like 254708374149")
        if not isinstance(account, str) or len(account) > _LONGEST_ACCOUNT:
            raise sim_bad_request(f"account: up to {_LONGEST_ACCOUNT} characters, as typed")
        if not _is_amount(amount):
            raise sim_bad_request("amount: whole shillings, up to 250000")
        push = await self.pay(f"+{number}", account, amount)
        return web.json_response(push.row(), status=201)


def _decision(said: tuple[int, str] | None) -> tuple[str, str]:
    """Return the code of a validation's answer and the id it gave; empty where it said nothing we know."""
    status, text = said or (0, "")
    body = read_json(text.encode())
    code = str(body.get("ResultCode", ""))
    is_known = code == "0" or _REJECTED.fullmatch(code) is not None
    if status != 200 or not is_known:  # noqa: PLR2004 - HTTP
        return "", ""
    return code, str(body.get("ThirdPartyTransID", ""))


def _is_amount(text: str) -> bool:
    return _AMOUNT.fullmatch(text) is not None and int(text) <= _MOST_SHILLINGS
