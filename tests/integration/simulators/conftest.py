"""A provider simulator on a stepped clock, a gateway that only listens, and the wire vectors."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, web

from simulators.providers.app import create
from simulators.providers.config import Config, Latency
from simulators.providers.daraja_checks import password
from simulators.serve import Running, start
from simulators.timing import SteppedTime

START = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)
REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], dict[str, dict[str, Any]]]:
    def read(name: str) -> dict[str, dict[str, Any]]:
        text = files("fixtures").joinpath("wire", f"{name}.json").read_text("utf-8")
        return {vector["name"]: vector for vector in json.loads(text)["vectors"]}

    return read


@pytest.fixture
def clock() -> SteppedTime:
    return SteppedTime(START)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Awaitable[Any]]:
    async def wait(fact: Callable[[], Any]) -> Any:
        for _ in range(1_000):
            if found := fact():
                return found
            await asyncio.sleep(0.005)
        raise AssertionError("it never came true")

    return wait


@dataclass
class Listener:
    """The gateway's side: what was called back, in order."""

    url: str = ""
    got: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 200

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.method, request.path_qs, await request.text()))
        return web.Response(status=self.status)


@pytest.fixture
async def gateway() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", listener.take)
    running = await start(app)
    listener.url = running.url
    yield listener
    await running.close()


@dataclass
class Speaker:
    """Speaks to the simulator as a gateway would; knows the demo credentials."""

    config: Config
    http: ClientSession
    url: str
    callback: str
    tokens: dict[str, str] = field(default_factory=dict)

    async def ask(self, provider: str, request: dict[str, Any]) -> ClientResponse:
        headers = {name: self._fill(provider, value) for name, value in request.get("headers", {}).items()}
        body = request.get("body_text")
        if "body" in request:
            body = self._fill(provider, json.dumps(request["body"]))
        url = f"{self.url}/{provider}{request['path']}"
        reply = await self.http.request(
            request["method"], url, params=request.get("query"), headers=headers, data=body
        )
        await reply.read()
        return reply

    async def sim(self, method: str, path: str, value: Any = None) -> Any:
        async with self.http.request(method, self.url + path, json=value) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json() if reply.status != 204 else None

    async def login(self) -> None:
        for provider, request in (("mtn", MTN_TOKEN), ("daraja", DARAJA_TOKEN)):
            reply = await self.ask(provider, request)
            self.tokens[provider] = (await reply.json())["access_token"]

    async def mtn_push(self, msisdn: str = "260961234567", **changes: Any) -> ClientResponse:
        headers = {**MTN_AUTH, "X-Callback-Url": self.callback + "/cb/tok?k=1", **changes.pop("headers", {})}
        headers.setdefault("X-Reference-Id", REFERENCE)
        body = {
            "amount": "30.00",
            "currency": "ZMW",
            "externalId": "pay_01JDAB7Q",
            "payer": {"partyIdType": "MSISDN", "partyId": msisdn},
            "payerMessage": "Water TAP-KNY-0417",
            "payeeNote": "nov 2025",
        }
        request = {"method": "POST", "path": PAY, "headers": headers, "body": body | changes}
        return await self.ask("mtn", request)

    async def mtn_status(self, reference: str = REFERENCE) -> dict[str, Any]:
        reply = await self.ask("mtn", {"method": "GET", "path": f"{PAY}/{reference}", "headers": MTN_AUTH})
        return await reply.json()

    async def daraja_push(self, phone: str = "254708374149", **changes: Any) -> ClientResponse:
        body = {
            "BusinessShortCode": 174379,
            "Password": "{password:20251121093000}",
            "Timestamp": "20251121093000",
            "TransactionType": "CustomerPayBillOnline",
            "Amount": "30",
            "PartyA": phone,
            "PartyB": "174379",
            "PhoneNumber": phone,
            "CallBackURL": self.callback + "/cb/tok?k=1",
            "AccountReference": "TAP-KNY-0417",
            "TransactionDesc": "water nov",
        }
        request = {"method": "POST", "path": STK, "headers": DARAJA_AUTH, "body": body | changes}
        return await self.ask("daraja", request)

    async def daraja_query(self, checkout: str) -> ClientResponse:
        body = {
            "BusinessShortCode": "174379",
            "Password": "{password:20251121093000}",
            "Timestamp": "20251121093000",
            "CheckoutRequestID": checkout,
        }
        request = {"method": "POST", "path": QUERY, "headers": DARAJA_AUTH, "body": body}
        return await self.ask("daraja", request)

    def _fill(self, provider: str, text: str) -> str:
        mtn, daraja = self.config.mtn, self.config.daraja
        pair = {
            "mtn": f"{mtn.api_user}:{mtn.api_key}",
            "daraja": f"{daraja.consumer_key}:{daraja.consumer_secret}",
        }
        signed = password(daraja.shortcode, daraja.passkey, "20251121093000")
        for name, value in {
            "{basic}": b64encode(pair[provider].encode()).decode(),
            "{subscription_key}": mtn.subscription_key,
            "{access_token}": self.tokens.get(provider, ""),
            "{password:20251121093000}": signed,
        }.items():
            text = text.replace(name, value)
        return text


PAY = "/collection/v1_0/requesttopay"
STK, QUERY = "/mpesa/stkpush/v1/processrequest", "/mpesa/stkpushquery/v1/query"
_KEY = {"Ocp-Apim-Subscription-Key": "{subscription_key}"}
MTN_AUTH = {"Authorization": "Bearer {access_token}", "X-Target-Environment": "mtnzambia", **_KEY}
DARAJA_AUTH = {"Authorization": "Bearer {access_token}", "Content-Type": "application/json"}
MTN_TOKEN = {
    "method": "POST",
    "path": "/collection/token/",
    "headers": {"Authorization": "Basic {basic}", **_KEY},
}
DARAJA_TOKEN = {
    "method": "GET",
    "path": "/oauth/v1/generate",
    "query": {"grant_type": "client_credentials"},
    "headers": {"Authorization": "Basic {basic}"},
}


@pytest.fixture
async def speak(clock: SteppedTime, gateway: Listener) -> AsyncIterator[Callable[..., Awaitable[Speaker]]]:
    """Starts a simulator with these settings, logs in at both providers, gives a Speaker."""
    running: list[Running] = []
    http = ClientSession(timeout=ClientTimeout(total=10))

    async def begin(**settings: Any) -> Speaker:
        config = Config(timing=clock, latency=Latency(), number_rules={}, **settings)
        running.append(await start(create(replace(config))))
        speaker = Speaker(config, http, running[-1].url, gateway.url)
        await speaker.login()
        return speaker

    yield begin
    await http.close()
    for server in running:
        await server.close()
