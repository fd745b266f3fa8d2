"""Africa's Talking's messaging endpoint and delivery reports (reference africastalking §2)."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulators.aggregator.config import Config, Recipient
from simulators.aggregator.gateway import Gateway, Unanswered
from simulators.aggregator.inbox import Inbox, Message
from simulators.aggregator.networks import cost, network_code, price
from simulators.edge import Edge, Refused, Reply, Subject, reply_json
from simulators.faults import COPIES, Fault, FaultPlan
from simulators.timing import Timing

PARTY = "africastalking"
STATUSES = {
    100: "Processed",
    101: "Success",
    102: "Queued",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}
_FIRST_REFUSAL = 400
_BAD_NUMBER = 403
_E164 = re.compile(r"\+[1-9]\d{7,14}", re.ASCII)
_TEXT = "text/plain"
_UNAUTHORIZED = Reply(401, b"The supplied authentication is invalid", _TEXT)
_SPOILT = {
    "error": Reply(500, b"Internal Server Error", _TEXT),
    "too_many": Reply(429, b"Too Many Requests", _TEXT),
    "html": Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
    "token_refused": _UNAUTHORIZED,
}


@dataclass(frozen=True, slots=True)
class World:
    """What the aggregator's parts share; an operation's setting for `Edge`."""

    config: Config
    timing: Timing
    faults: FaultPlan
    gateway: Gateway
    inbox: Inbox
    recipients: dict[str, Recipient]

    def latency_s(self, _operation: str) -> float:
        """Return how long sending takes to answer."""
        return self.config.send_s


class Messaging:
    """Takes SMS of the gateway and reports on their delivery."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._edge = Edge(PARTY, world, _SPOILT)
        self._reports: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoint."""
        return [web.post("/version1/messaging", self._serve)]

    async def close(self) -> None:
        """Drop the reports that are still to come."""
        for task in self._reports:
            task.cancel()
        await asyncio.gather(*self._reports, return_exceptions=True)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        subject = Subject("sms", form.get("to"))
        return await self._edge.serve(request, subject, lambda: self._send(request, form))

    async def _send(self, request: web.Request, form: dict[str, str]) -> Reply:
        config = self._world.config
        if (request.headers.get("apiKey"), form.get("username")) != (config.api_key, config.username):
            raise Refused(_UNAUTHORIZED)
        if not form.get("to") or not form.get("message"):
            raise Refused(Reply(400, b"Request is missing required form fields", _TEXT))
        numbers = [number.strip() for number in form["to"].split(",")]
        messages = [await self._take(number, form) for number in numbers]
        faults = messages[0].faults if messages else None
        return Reply(201, reply_json(201, _reply(messages)).body, accepted=faults)

    async def _take(self, number: str, form: dict[str, str]) -> Message:
        rule = self._world.recipients.get(number, Recipient())
        code = rule.code if _E164.fullmatch(number) else _BAD_NUMBER
        sender = form.get("from", "AFRICASTKNG")
        message = self._world.inbox.put(number, sender, form["message"], self._world.timing.now(), code)
        if code < _FIRST_REFUSAL:
            message.delivery = rule.delivery[-1] if rule.delivery else ""
            await self._plan_report(message, rule)
        return message

    async def _plan_report(self, message: Message, rule: Recipient) -> None:
        config = self._world.config
        if not config.delivery_reports or len(self._reports) >= config.most_reports:
            return
        fault = self._world.faults.draw(PARTY, "delivery", message.to, message.id)
        if fault:
            message.faults.append(f"delivery.{fault.name}")
        work = self._report(message, rule, fault)
        if fault and fault.name == "before_reply":
            await work
            return
        task = asyncio.create_task(work)
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, message: Message, rule: Recipient, fault: Fault | None) -> None:
        name = fault.name if fault else ""
        for state in reversed(rule.delivery) if name == "out_of_order" else rule.delivery:
            await self._world.timing.sleep(self._world.config.delivery_after_s)
            if fault and name == "late":
                await self._world.timing.sleep(fault.late_s)
            for _ in range(COPIES.get(name, 1)):
                await self._tell(_report_form(message, state, rule.failure_reason))

    async def _tell(self, form: dict[str, str]) -> None:
        try:
            await self._world.gateway.post("sms", "/delivery", form)
        except Unanswered:
            return  # whether reports are repeated is not documented: a report that nobody took is lost


def _reply(messages: list[Message]) -> dict[str, Any]:
    sent = [message for message in messages if message.code < _FIRST_REFUSAL]
    currency = price(sent[0].to)[0] if sent else ""
    total = cost(currency, sum(price(message.to)[1] for message in sent))
    told = f"Sent to {len(sent)}/{len(messages)} Total Cost: {total}"
    return {"SMSMessageData": {"Message": told, "Recipients": [_recipient(message) for message in messages]}}


def _recipient(message: Message) -> dict[str, Any]:
    sent = message.code < _FIRST_REFUSAL
    return {
        "statusCode": message.code,
        "number": message.to,
        "status": STATUSES.get(message.code, "Unknown"),
        "cost": cost(*price(message.to)) if sent else "0",
        "messageId": message.id if sent else "None",
    }


def _report_form(message: Message, state: str, reason: str | None) -> dict[str, str]:
    form = {
        "id": message.id,
        "status": state,
        "phoneNumber": message.to,
        "networkCode": network_code(message.to),
        "retryCount": "0",
    }
    lost = state in ("Failed", "Rejected")
    return form | ({"failureReason": reason} if reason and lost else {})
