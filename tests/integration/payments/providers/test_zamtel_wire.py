"""Zamtel's client and simulator, against the vectors of the reference and against each other."""

import asyncio
import base64
import json
import logging
from importlib.resources import files
from urllib.parse import quote, quote_plus

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.errors import Unavailable
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.http import Http, HttpSettings
from payments.providers.zamtel import Zamtel
from payments.providers.zamtel_settings import ZamtelSettings
from simulators.faults import Faults
from simulators.providers import config as sim
from simulators.providers.app import NETWORK, create
from simulators.providers.people import Answer, Person
from simulators.serve import start

VECTORS = json.loads((files("fixtures") / "wire" / "zamtel.json").read_text(encoding="utf-8"))["vectors"]
PASSWORD = "c2Vj/cmV0+c2VjcmV0=="
PUSH = Push(
    reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    external_id="pay_01JDAB7Q",
    msisdn="+260955123456",
    amount_minor=3000,
    currency="ZMW",
    tap_id="KNY-0417-1",
    period="2026-11",
    callback_url="",
)
OUTCOMES = {"P": Taken.ACCEPTED, "N": Taken.REFUSED, "U": Taken.UNKNOWN}


def changed(**changes):
    from dataclasses import replace

    return replace(PUSH, **changes)


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=0.4, total_s=0.8, keep_alive=False)) as session:
        yield session


@pytest.fixture
def make(http):
    def build(url, **keys):
        values = {"third_party_id": "Caller", "password": PASSWORD, "shortcode": "000127"} | keys
        return Zamtel(ZamtelSettings(base_url=url, **{"answer_within_s": 0.8} | values), http=http)

    return build


class Stub:
    """Answers every request with one reply and keeps what was asked."""

    def __init__(self):
        self.requests = []
        self.reply = {"status": 200, "body": b"{}"}

    async def take(self, request):
        self.requests.append(request)
        return web.Response(**self.reply)


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.take)
    async with TestServer(app) as server:
        stub.url = str(server.make_url("/base/ZampayRest"))
        yield stub


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
async def test_the_client_sends_the_request_of_the_reference_and_reads_its_reply(make, stub, vector):
    reply = vector["reply"]
    text = json.dumps(reply["body"]) if "body" in reply else reply["body_text"]
    stub.reply = {"status": reply["status"], "headers": reply["headers"], "body": text.encode()}
    wanted = vector["request"]
    minor = round(float(wanted["query"]["Amount"]) * 100)
    answer = await make(stub.url).push(changed(amount_minor=minor))
    assert answer.taken is OUTCOMES[vector["meaning"]["class"]]
    (request,) = stub.requests
    assert (request.method, request.path) == ("GET", "/base/ZampayRest" + wanted["path"])
    words = {"{third_party_id}": "Caller", "{password}": PASSWORD, "{shortcode}": "000127"}
    assert dict(request.query) == {name: words.get(v, v) for name, v in wanted["query"].items()}


async def test_the_password_is_percent_encoded_and_no_cache_may_answer(make, stub):
    await make(stub.url).push(PUSH)
    (request,) = stub.requests
    assert f"Password={quote_plus(PASSWORD)}&" in request.raw_path
    assert request.headers["Cache-Control"] == "no-store"


async def test_a_redirect_does_not_carry_the_keys_elsewhere(make, stub):
    stub.reply = {"status": 302, "headers": {"Location": stub.url + "/elsewhere"}}
    assert (await make(stub.url).push(PUSH)).taken is Taken.UNKNOWN
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "push",
    [changed(currency="KES"), changed(amount_minor=0), changed(msisdn="+254708374149")],
    ids=["currency", "amount", "number"],
)
async def test_what_zamtel_cannot_move_is_not_sent(make, stub, push):
    assert (await make(stub.url).push(push)).taken is Taken.REFUSED
    assert not stub.requests


async def test_the_address_is_checked_without_moving_money(make, stub):
    await make(stub.url).check()
    (request,) = stub.requests
    assert (request.path, dict(request.query)) == ("/base/ZampayRest", {})
    with pytest.raises(Unavailable):
        await make("http://127.0.0.1:9").check()


# The simulator


@pytest.fixture
async def world(make):
    """Start a simulator where everybody answers in one way; return its client and its network."""
    running = []

    async def begin(answer=Answer.APPROVE, after_s=0.0, within_s=0.8, **settings):
        person = Person(answer, after_s=after_s, prompt_lifetime_s=0.1)
        latency = sim.Latency(prompt_s=0.0, callback_s=0.0)
        config = sim.Config(latency=latency, person=person, number_rules={}, **settings)
        app = create(config)
        running.append(await start(app))
        keys = config.zamtel
        client = make(
            running[-1].url + "/zamtel",
            third_party_id=keys.third_party_id,
            password=keys.password,
            shortcode=keys.shortcode,
            answer_within_s=within_s,
        )
        return client, app[NETWORK]

    yield begin
    for server in running:
        await server.close()


# A proxy's page is no reply of Zamtel's.
ITS_OWN = [vector for vector in VECTORS if "status" in vector["meaning"]]


@pytest.mark.parametrize("vector", ITS_OWN, ids=lambda v: v["name"])
async def test_the_simulator_answers_as_the_reference_says(world, http, vector):
    """Every status comes over the wire: the person's, or the network's own by its code."""
    status = vector["meaning"]["status"]
    client, network = await world()
    if status != "0":
        network.people.default = Person(Answer.REFUSED, code=status)
    minor = round(float(vector["request"]["query"]["Amount"]) * 100)
    reply = await client.push(changed(amount_minor=minor))
    assert (reply.taken, reply.code) == (OUTCOMES[vector["meaning"]["class"]], status)
    if status == "0":
        assert reply.word.receipt.startswith("CK")


PEOPLE = [
    (Answer.WRONG_PIN, Taken.REFUSED, Reason.PIN),
    (Answer.NO_BALANCE, Taken.REFUSED, Reason.BALANCE),
    (Answer.CANCEL, Taken.UNKNOWN, None),
    (Answer.IGNORE, Taken.UNKNOWN, None),
    (Answer.NO_WALLET, Taken.UNKNOWN, None),
]


@pytest.mark.parametrize(("answer", "taken", "reason"), PEOPLE)
async def test_a_payer_who_does_not_pay(world, answer, taken, reason):
    client, network = await world(answer)
    reply = await client.push(PUSH)
    assert (reply.taken, reply.reason, reply.word) == (taken, reason, None)
    assert not network.book.debited()


async def test_the_call_stays_open_until_the_payer_has_decided(world):
    client, network = await world(after_s=0.09)
    call = asyncio.create_task(client.push(PUSH))
    await asyncio.sleep(0.04)
    assert not call.done()
    reply = await call
    (debit,) = network.book.report()["debited"]
    assert reply.word.outcome is Outcome.PAID
    assert (debit["receipt"], debit["provider_reference"]) == (reply.word.receipt, reply.provider_reference)
    assert (debit["external_id"], debit["msisdn"], debit["amount"]) == ("pay01JDAB7Q", PUSH.msisdn, "30")


async def test_who_stops_waiting_does_not_know_and_the_payer_is_debited(world):
    client, network = await world(after_s=0.09, within_s=0.05)
    reply = await client.push(PUSH)
    assert (reply.taken, reply.code) == (Taken.UNKNOWN, "timeout")
    await asyncio.sleep(0.1)
    assert len(network.book.debited()) == 1


async def test_the_same_conversation_again_is_a_second_debit(world):
    client, network = await world()
    receipts = {(await client.push(PUSH)).word.receipt for _ in range(2)}
    assert len(receipts) == len(network.book.debited()) == 2


async def test_other_keys_are_refused(world, http):
    client, network = await world(zamtel=sim.Zamtel(password="another"))
    client._settings = client._settings.model_copy(update={"shortcode": "999"})
    reply = await client.push(PUSH)
    assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.REFUSED, "2001", True)
    assert not network.book.debited()


FAULTS = [
    ("error_before", Taken.UNKNOWN, 0),
    ("error_after", Taken.UNKNOWN, 1),
    ("too_many", Taken.UNKNOWN, 0),
    ("html", Taken.UNKNOWN, 0),
    ("html_after", Taken.UNKNOWN, 1),
    ("close_before", Taken.UNKNOWN, 0),
    ("close", Taken.UNKNOWN, 1),
    ("slow_drip", Taken.UNKNOWN, 1),
    ("token_refused", Taken.REFUSED, 0),
]


@pytest.mark.parametrize(("fault", "taken", "debits"), FAULTS)
async def test_a_push_into_a_fault_is_sent_once_and_settles_nothing(world, fault, taken, debits):
    client, network = await world(faults=Faults(rates={f"push.{fault}": 1.0}, drip_s=5.0))
    reply = await client.push(PUSH)
    assert (reply.taken, reply.word) == (taken, None)
    assert len(network.book.debited()) == debits


async def test_only_so_many_calls_are_open_at_once(world):
    client, network = await world(after_s=0.09)
    client._settings = client._settings.model_copy(update={"most_open": 2})
    pushes = [changed(external_id=f"p{n}", msisdn=f"+26095512345{n}") for n in range(3)]
    replies = await asyncio.gather(*(client.push(push) for push in pushes))
    assert sorted(reply.taken for reply in replies) == [Taken.ACCEPTED, Taken.ACCEPTED, Taken.NOT_REACHED]
    assert len(network.book.debited()) == 2
    assert (await client.push(PUSH)).taken is Taken.ACCEPTED  # there is room again


@pytest.mark.parametrize("fault", [None, "close", "html", "slow_drip", "token_refused"])
async def test_no_log_holds_the_keys(world, caplog, fault):
    rates = {f"push.{fault}": 1.0} if fault else {}
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as told:
        client, network = await world(faults=Faults(rates=rates, drip_s=5.0))
        await client.push(PUSH)
        await client.check()
    secret = client._settings.password.get_secret_value()
    text = json.dumps(told, default=repr) + caplog.text + json.dumps(network.book.report())
    assert "provider_call" in text
    for form in (secret, quote(secret), quote_plus(secret), base64.b64encode(secret.encode()).decode()):
        assert form not in text
    assert client._settings.third_party_id not in text
