"""Clients with made-up keys, and a provider that answers whatever a test tells it to."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import ManualClock
from payments.providers.airtel import Airtel
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Push
from payments.providers.daraja import Daraja
from payments.providers.http import Http, HttpSettings
from payments.providers.mtn import Mtn
from payments.providers.settings import DarajaSettings, MtnSettings
from payments.providers.tokens import MemoryTokens

# Half past nine in Nairobi: the time of the wire vectors.
NOW = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=5.0, total_s=10.0)) as session:
        yield session


class Stub:
    """A provider under `/base`: hands out t1, t2 …, checks them, and answers the rest from a queue."""

    def __init__(self):
        self.requests = []
        self.replies = []
        self.issued = []
        self.dead = set()
        self.token_reply = None

    async def token(self, request):
        await self._note(request)
        await asyncio.sleep(0.01)
        if self.token_reply is not None:
            return self.token_reply()
        self.issued.append(f"t{len(self.issued) + 1}")
        return web.json_response({"access_token": self.issued[-1], "expires_in": "3599"})

    async def other(self, request):
        await self._note(request)
        if request.headers["Authorization"].removeprefix("Bearer ") in self.dead:
            return web.json_response(
                {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}, status=self.refusal
            )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return web.Response(status=reply["status"], headers=reply.get("headers"), body=reply.get("body", b""))

    refusal = 404

    async def _note(self, request):
        self.requests.append((request, await request.read()))

    def app(self):
        app = web.Application()
        app.router.add_post("/base/collection/token/", self.token)
        app.router.add_get("/base/oauth/v1/generate", self.token)
        app.router.add_post("/base/auth/oauth2/token", self.token)
        app.router.add_route("*", "/{path:.*}", self.other)
        return app


@pytest.fixture
async def stub():
    stub = Stub()
    async with TestServer(stub.app()) as server:
        stub.url = str(server.make_url("/base"))
        yield stub


@pytest.fixture
def make_mtn(http, clock):
    def make(base_url, **changes):
        values = {
            "base_url": base_url,
            "subscription_key": "sub",
            "api_user": "user",
            "api_key": "key==",
            "target_environment": "mtnzambia",
        }
        settings = MtnSettings(**values | changes)
        return Mtn(settings, account_id="mtn:default", http=http, clock=clock, store=MemoryTokens())

    return make


@pytest.fixture
def make_airtel(http, clock):
    def make(base_url, **changes):
        settings = AirtelSettings(
            **{"base_url": base_url, "client_id": "id", "client_secret": "cs"} | changes
        )
        return Airtel(
            settings, account_id="airtel:default", http=http, clock=clock, store=MemoryTokens(), random=bytes
        )

    return make


@pytest.fixture
def make_daraja(http, clock):
    def make(base_url, **changes):
        values = {
            "base_url": base_url,
            "consumer_key": "ck",
            "consumer_secret": "cs",
            "shortcode": "174379",
            "passkey": PASSKEY,
            "queries_per_minute": 60_000,
        }
        settings = DarajaSettings(**values | changes)
        return Daraja(settings, account_id="daraja:default", http=http, clock=clock, store=MemoryTokens())

    return make


@pytest.fixture
def push_zmw():
    return Push(
        reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
        external_id="pay_01JDAB7Q",
        msisdn="+260961234567",
        amount_minor=3000,
        currency="ZMW",
        tap_id="TAP-KNY-0417",
        period="2025-11",
        callback_url="https://pay.example.org/cb/k3yPathToken",
    )


@pytest.fixture
def push_kes():
    return Push(
        reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
        external_id="pay_01JDAB7Q",
        msisdn="+254708374149",
        amount_minor=3000,
        currency="KES",
        tap_id="TAP-KNY-0417",
        period="2025-11",
        callback_url="https://pay.example.org/cb/k3yPathToken/stk",
    )


@pytest.fixture
def push_airtel(push_zmw):
    """The push of Airtel's vectors; its reference is what their ids are made of."""
    return replace(push_zmw, reference="pay01JDAB7Q", msisdn="+260971234567")
