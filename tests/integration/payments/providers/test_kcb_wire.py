"""KCB's client and simulator, against the vectors of the reference and against each other."""

import asyncio
import base64
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import ManualClock, SystemClock
from core.errors import Refused
from payments.providers.account_reference import account_reference
from payments.providers.base import Outcome, Push, Reason, Taken, Vouch
from payments.providers.http import Http, HttpSettings
from payments.providers.kcb import Kcb
from payments.providers.kcb_settings import KcbSettings
from payments.providers.tokens import MemoryTokens
from simulators.faults import Faults
from simulators.providers import config as sim
from simulators.providers.app import NETWORK, create
from simulators.providers.kcb_keys import public_pem
from simulators.providers.people import Answer, Person
from simulators.serve import start

NOW = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)
PUSH = Push(
    reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    external_id="pay_01JDAB7Q",
    msisdn="+254708374149",
    amount_minor=3000,
    currency="KES",
    tap_id="KNY-0417-1",
    period="2025-11",
    callback_url="https://pay.example.org/cb/k3yPathToken",
)
TAKEN = {
    "W": Taken.ACCEPTED,
    "C": Taken.REFUSED,
    "T": Taken.NOT_REACHED,
    "R": Taken.NOT_REACHED,
    "U": Taken.UNKNOWN,
}


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


ALL = vectors("kcb.json", "kcb_codes.json")
PUSHES = [v for v in ALL if v["request"]["path"].endswith("/stkpush")]


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=1.0, total_s=2.0)) as session:
        yield session


@pytest.fixture
def make(http):
    def build(url, clock=None, **keys):
        values = {"consumer_key": "ck", "consumer_secret": "cs", "till": "7941675"} | keys
        settings = KcbSettings(base_url=url, ipn_public_key=public_pem(), **values)
        clock = clock or ManualClock(NOW)
        return Kcb(settings, account_id="kcb:default", http=http, clock=clock, store=MemoryTokens())

    return build


class Stub:
    """Hands out t1, t2 … and answers pushes with one reply."""

    def __init__(self):
        self.requests = []
        self.reply = {}
        self.issued = 0

    async def token(self, request):
        self.requests.append((request, await request.read()))
        self.issued += 1
        return web.json_response({"access_token": f"t{self.issued}", "expires_in": 3599})

    async def push(self, request):
        self.requests.append((request, await request.read()))
        return web.json_response(self.reply["body"], status=self.reply["status"])


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_post("/base/token", stub.token)
    app.router.add_post("/base/mm/api/request/1.0.0/stkpush", stub.push)
    async with TestServer(app) as server:
        stub.url = str(server.make_url("/base"))
        yield stub


@pytest.mark.parametrize("vector", PUSHES, ids=lambda v: v["name"])
async def test_the_client_sends_the_request_of_the_reference_and_reads_its_reply(make, stub, vector):
    stub.reply = vector["reply"]
    reply = await make(stub.url).push(PUSH)
    assert reply.taken is TAKEN[vector["meaning"]["class"]]
    request, raw = stub.requests[-1]
    assert json.loads(raw) == vector["request"]["body"]
    headers = {
        k: v.replace("{access_token}", f"t{stub.issued}") for k, v in vector["request"]["headers"].items()
    }
    assert {name: request.headers[name] for name in headers} == headers
    # A refused token took nothing: it is renewed once, and nothing else is sent again.
    assert len(stub.requests) == (4 if vector["meaning"]["class"] == "T" else 2)


async def test_the_token_call_is_that_of_the_reference(make, stub):
    await make(stub.url).check()
    (request, raw) = stub.requests[0]
    assert (request.method, request.path_qs, raw) == (
        "POST",
        "/base/token?grant_type=client_credentials",
        b"",
    )
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"ck:cs").decode()
    elsewhere = make("http://127.0.0.1:9", token_url=stub.url + "/token")
    await elsewhere.check()
    assert len(stub.requests) == 2


# The simulator


class Inbox:
    """Where KCB calls back: keeps path, body and signature, in order."""

    def __init__(self):
        self.got = asyncio.Queue()

    async def take(self, request):
        await self.got.put((request.path, await request.read(), request.headers.get("Signature", "")))
        return web.Response()

    async def next(self):
        return await asyncio.wait_for(self.got.get(), 20)


@pytest.fixture
async def inbox():
    inbox = Inbox()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", inbox.take)
    async with TestServer(app) as server:
        inbox.url = str(server.make_url("/cb/tok"))
        yield inbox


@pytest.fixture
async def world(make, inbox):
    """Start a simulator where everybody answers in one way; return a client, and what pushes to the inbox."""
    running = []

    async def begin(answer=Answer.APPROVE, code=None, kcb=None, **settings):
        person = Person(answer, after_s=0.0, prompt_lifetime_s=0.05, code=code)
        latency = sim.Latency(prompt_s=0.0, callback_s=0.0)
        keys = kcb or sim.Kcb()
        config = sim.Config(latency=latency, person=person, number_rules={}, kcb=keys, **settings)
        app = create(config)
        running.append(await start(app))
        client = make(
            running[-1].url + "/kcb",
            SystemClock(),
            consumer_key=keys.consumer_key,
            consumer_secret=keys.consumer_secret,
        )
        return client, app[NETWORK]

    yield begin
    for server in running:
        await server.close()


@pytest.fixture
def push(inbox):
    return replace(PUSH, callback_url=inbox.url)


PEOPLE = [
    (Answer.APPROVE, Outcome.PAID, None),
    (Answer.CANCEL, Outcome.NOT_PAID, Reason.CANCELLED),
    (Answer.WRONG_PIN, Outcome.NOT_PAID, Reason.PIN),
    (Answer.NO_BALANCE, Outcome.NOT_PAID, Reason.BALANCE),
    (Answer.UNREACHABLE, Outcome.UNKNOWN, Reason.NO_ANSWER),
]


@pytest.mark.parametrize(("answer", "outcome", "reason"), PEOPLE)
async def test_from_push_to_callback(world, inbox, push, answer, outcome, reason):
    client, _ = await world(answer)
    reply = await client.push(push)
    assert reply.taken is Taken.ACCEPTED
    path, body, signature = await inbox.next()
    report = client.read_callback(body)
    assert (path, signature) == ("/cb/tok", "")
    assert (report.outcome, report.reason) == (outcome, reason)
    assert report.provider_reference == reply.provider_reference
    assert client.vouch(body, signature, SystemClock().now()) is Vouch.NONE


CODES = [v for v in ALL if "result_code" in v.get("meaning", {})]


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["name"])
async def test_the_simulator_calls_back_as_the_reference_says(world, inbox, push, vector):
    code = vector["meaning"]["result_code"]
    client, _ = await world(Answer.REFUSED, code=code)
    await client.push(push)
    _, body, _ = await inbox.next()
    told, shown = json.loads(body)["Body"]["stkCallback"], vector["request"]["body"]["Body"]["stkCallback"]
    assert set(told) == set(shown)
    assert told["ResultCode"] == shown["ResultCode"]


def shape(value):
    """Return the keys of nested objects, without their values."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value)


@pytest.mark.parametrize("kind", ["nested", "flat"])
async def test_the_banks_notice_has_the_shape_of_the_reference_and_is_proof(world, inbox, push, kind):
    client, network = await world(kcb=sim.Kcb(ipn_shape=kind))
    await client.push(push)
    await inbox.next()
    path, body, signature = await inbox.next()
    vector = next(v for v in ALL if v["name"] == f"ipn_{kind}")
    assert path == "/cb/tok/ipn"
    assert shape(json.loads(body)) == shape(vector["request"]["body"])
    assert client.vouch(body, signature, SystemClock().now()) is Vouch.GENUINE
    assert client.vouch(body.replace(b"30", b"31"), signature, SystemClock().now()) is Vouch.FORGED
    report = client.read_callback(body)
    (debit,) = network.book.report()["debited"]
    assert (report.amount_minor, report.msisdn) == (3000, PUSH.msisdn)
    assert report.account_reference == account_reference(PUSH.tap_id, PUSH.external_id)
    if kind == "nested":
        assert report.receipt == debit["receipt"]


async def test_thousands_are_told_with_separators(world, inbox, push):
    client, _ = await world(kcb=sim.Kcb(thousands_separators=True))
    await client.push(replace(push, amount_minor=2_000_000))
    await inbox.next()
    _, body, _ = await inbox.next()
    assert b'"20,000"' in body
    assert client.read_callback(body).amount_minor == 2_000_000


async def test_the_notice_may_be_faster_than_the_callback(world, inbox, push):
    client, _ = await world(kcb=sim.Kcb(ipn_after_s=-1))
    await client.push(push)
    assert [(await inbox.next())[0] for _ in range(2)] == ["/cb/tok/ipn", "/cb/tok"]


async def test_a_forger_has_another_key(world, inbox, push):
    client, _ = await world(Answer.CANCEL, faults=Faults(rates={"callback.forged": 1.0}))
    await client.push(push)
    await inbox.next()
    await inbox.next()
    _, body, signature = await inbox.next()
    assert client.vouch(body, signature, SystemClock().now()) is Vouch.FORGED


async def test_an_envelope_may_be_missing(world, push):
    client, _ = await world(kcb=sim.Kcb(flat_reply=True))
    assert (await client.push(push)).taken is Taken.ACCEPTED


async def test_other_keys_get_no_token(world, push, make):
    client, network = await world()
    stranger = make(client._settings.base_url)
    assert (await stranger.push(push)).taken is Taken.NOT_REACHED
    with pytest.raises(Refused):
        await stranger.check()
    assert not network.book.open_pushes()


@pytest.mark.parametrize(
    "changes",
    [{"till": "555"}, {"route_code": " "}, {"separator": "-", "callback_url": "https://x/" + "y" * 50}],
    ids=["till", "header", "address"],
)
async def test_what_the_bank_refuses(world, push, changes):
    client, network = await world()
    push = replace(push, callback_url=changes.pop("callback_url", push.callback_url))
    client._settings = client._settings.model_copy(update=changes)
    assert (await client.push(push)).taken in {Taken.REFUSED, Taken.UNKNOWN}
    assert not network.book.debited()


FAULTS = [
    ("error_before", Taken.UNKNOWN),
    ("error_after", Taken.UNKNOWN),
    ("too_many", Taken.NOT_REACHED),
    ("html", Taken.UNKNOWN),
    ("html_after", Taken.UNKNOWN),
    ("close", Taken.UNKNOWN),
    ("close_before", Taken.UNKNOWN),
    ("slow_drip", Taken.UNKNOWN),
    ("token_refused", Taken.NOT_REACHED),
]


@pytest.mark.parametrize(("fault", "taken"), FAULTS)
async def test_a_push_into_a_fault(world, push, fault, taken):
    client, _ = await world(faults=Faults(rates={f"push.{fault}": 1.0}, drip_s=5.0))
    assert (await client.push(push)).taken is taken


@pytest.mark.parametrize("fault", ["error_before", "too_many", "html", "close", "token_refused"])
async def test_without_a_token_nothing_is_sent(world, push, fault):
    client, network = await world(faults=Faults(rates={f"token.{fault}": 1.0}))
    assert (await client.push(push)).taken is Taken.NOT_REACHED
    assert network.book.report()["open"] == network.book.report()["debited"] == []


async def test_no_log_holds_the_keys(world, push, inbox, caplog):
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as told:
        client, network = await world()
        await client.push(push)
        await inbox.next()
    text = json.dumps(told, default=repr) + caplog.text + json.dumps(network.book.report())
    assert "provider_call" in text
    keys = network.config.kcb
    pair = f"{keys.consumer_key}:{keys.consumer_secret}".encode()
    for secret in (keys.consumer_key, keys.consumer_secret, base64.b64encode(pair).decode()):
        assert secret not in text
