"""The multi-currency gateway's client and simulator, against the assumed format and against each other."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.errors import Refused, Unavailable
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.http import Http, HttpSettings
from payments.providers.kcb_multi import KcbMulti
from payments.providers.kcb_multi_settings import CURRENCIES, KcbMultiSettings
from simulators.faults import Step
from simulators.providers import config as sim
from simulators.providers.app import NETWORK, create
from simulators.providers.people import Answer, Person
from simulators.serve import start

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


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


ALL = vectors("kcb_multi.json", "kcb_multi_codes.json")
PUSHES = [v for v in ALL if v["request"]["method"] == "POST" and v["direction"] == "out"]
QUERIES = [v for v in ALL if v["request"]["method"] == "GET"]


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=5.0, total_s=10.0)) as session:
        yield session


@pytest.fixture
def make(http):
    def build(url, **changes):
        keys = {"api_key": sim.KcbMulti().api_key, "external_origin": sim.KcbMulti().external_origin}
        settings = KcbMultiSettings(**{"base_url": url} | keys | changes)
        return KcbMulti(settings, account_id="kcb_multi:default", http=http)

    return build


class Stub:
    """Answers everything with one reply and keeps what it was asked."""

    def __init__(self):
        self.requests = []
        self.reply = {}

    async def answer(self, request):
        self.requests.append((request, await request.read()))
        return web.json_response(self.reply["body"], status=self.reply["status"])


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_route("*", "/base/{path:.*}", stub.answer)
    async with TestServer(app) as server:
        stub.url = str(server.make_url("/base"))
        yield stub


@pytest.mark.parametrize("vector", PUSHES + QUERIES, ids=lambda v: v["name"])
async def test_the_client_sends_what_is_assumed_once(make, stub, vector):
    stub.reply, meaning, wanted = vector["reply"], vector["meaning"], vector["request"]
    rail = make(stub.url)
    if wanted["method"] == "GET":
        await rail.query(PUSH.reference, None)
    else:
        amount_minor, currency = meaning.get("amount_minor", 3000), meaning.get("currency", "KES")
        await rail.push(replace(PUSH, amount_minor=amount_minor, currency=currency))
    ((request, raw),) = stub.requests
    assert (request.method, request.path) == (wanted["method"], "/base" + wanted["path"])
    assert (json.loads(raw) if raw else None) == wanted.get("body")
    for name, value in wanted["headers"].items():
        assert request.headers[name] == value.replace("{api_key}", sim.KcbMulti().api_key)


@pytest.mark.parametrize(("status", "fault"), [(404, None), (401, Refused), (403, Refused)])
async def test_a_key_is_tried_without_moving_money(make, stub, status, fault):
    stub.reply = {"status": status, "body": {"code": "X"}}
    if fault is None:
        await make(stub.url).check()
        return
    with pytest.raises(fault):
        await make(stub.url).check()


async def test_a_gateway_that_is_not_there_was_not_reached(make):
    assert (await make("http://127.0.0.1:9").push(PUSH)).taken is Taken.NOT_REACHED
    with pytest.raises(Unavailable):
        await make("http://127.0.0.1:9").check()


# With the simulator


class House:
    """A simulated gateway, a client, and what came back."""

    def __init__(self, network, rail, hook):
        self.network, self.rail, self.hook = network, rail, hook
        self.notices = []

    def push(self, **changes):
        return replace(PUSH, callback_url=self.hook, **changes)

    async def hear(self):
        for _ in range(200):
            if self.notices:
                return self.notices[-1]
            await self.network.timing.sleep(0.01)
        raise AssertionError("nothing came")


@pytest.fixture
async def opened(make):
    running = []

    async def begin(person=None, **keys):
        latency = sim.Latency(prompt_s=0, callback_s=0)
        config = sim.Config(latency=latency, person=person or Person(after_s=0.01))
        app = create(config)
        providers = await start(app)
        ours = web.Application()
        gateway = await start(ours_of(ours, notices := []))
        running.extend([providers, gateway])
        house = House(app[NETWORK], make(providers.url + "/kcb_multi", **keys), gateway.url + "/hook")
        house.notices = notices
        return house

    yield begin
    for one in running:
        await one.close()


def ours_of(app, notices):
    async def hook(request):
        notices.append(await request.read())
        return web.json_response({})

    app.router.add_post("/hook", hook)
    return app


AMOUNTS = {"KES": 3005, "UGX": 3000, "TZS": 300_050, "RWF": 3000, "BIF": 3000, "CDF": 3050, "SSP": 3005}


@pytest.mark.parametrize("currency", CURRENCIES)
async def test_every_currency_is_pushed_paid_told_and_found_paid(opened, currency):
    house = await opened()
    push = house.push(currency=currency, amount_minor=AMOUNTS[currency])
    reply = await house.rail.push(push)
    hint = house.rail.read_callback(await house.hear())
    found = await house.rail.query(push.reference, reply.provider_reference)
    assert (reply.taken, hint) == (Taken.ACCEPTED, found)
    assert (found.outcome, found.amount_minor, found.currency) == (Outcome.PAID, AMOUNTS[currency], currency)
    assert (found.reference, found.msisdn) == (push.reference, push.msisdn)
    assert found.provider_reference == reply.provider_reference
    assert [one.receipt for one in house.network.book.debited("kcb_multi")] == [found.receipt]


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (Answer.WRONG_PIN, Outcome.NOT_PAID, Reason.PIN),
        (Answer.CANCEL, Outcome.NOT_PAID, Reason.CANCELLED),
        (Answer.NO_BALANCE, Outcome.NOT_PAID, Reason.BALANCE),
        (Answer.NO_WALLET, Outcome.NOT_PAID, Reason.OTHER),
        (Answer.UNREACHABLE, Outcome.NOT_PAID, Reason.NO_ANSWER),
        (Answer.IGNORE, Outcome.EXPIRED, None),
    ],
)
async def test_who_does_not_pay_is_told_why(opened, answer, outcome, reason):
    house = await opened(Person(answer, after_s=0.01, prompt_lifetime_s=0.02))
    await house.rail.push(house.push())
    report = house.rail.read_callback(await house.hear())
    assert (report.outcome, report.reason, report.receipt) == (outcome, reason, None)
    assert (await house.rail.query(PUSH.reference, None)) == report


async def test_a_reference_is_good_for_one_push(opened):
    house = await opened(Person(Answer.ASK))
    first, second = await house.rail.push(house.push()), await house.rail.push(house.push())
    assert (first.taken, second.taken, second.code) == (Taken.ACCEPTED, Taken.UNKNOWN, "DUPLICATE_REFERENCE")
    assert (await house.rail.query(PUSH.reference, None)).outcome is Outcome.WAITING


@pytest.mark.parametrize(
    ("keys", "taken", "code"),
    [
        ({"api_key": "other"}, Taken.NOT_REACHED, "INVALID_API_KEY"),
        ({"external_origin": "1"}, Taken.REFUSED, "UNKNOWN_ORIGIN"),
    ],
)
async def test_another_key_or_branch_opens_nothing(opened, keys, taken, code):
    house = await opened(**keys)
    reply = await house.rail.push(house.push())
    assert (reply.taken, reply.code, reply.is_config_fault) == (taken, code, True)
    with pytest.raises(Refused):
        await house.rail.check()


async def test_a_number_elsewhere_is_refused(opened):
    house = await opened()
    reply = await house.rail.push(house.push(msisdn="+260961234567"))
    assert (reply.taken, reply.code) == (Taken.REFUSED, "INVALID_PHONE_NUMBER")
    await house.rail.check()


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("error_before", Taken.UNKNOWN),
        ("too_many", Taken.NOT_REACHED),
        ("html", Taken.UNKNOWN),
        ("close_before", Taken.UNKNOWN),
        ("token_refused", Taken.NOT_REACHED),
    ],
)
async def test_a_push_that_failed_before_it_was_taken_debits_nobody(opened, fault, taken):
    house = await opened()
    house.network.faults.add([Step("kcb_multi", "push", fault)])
    assert (await house.rail.push(house.push())).taken is taken
    assert house.network.book.debited() == []
    assert (await house.rail.query(PUSH.reference, None)).outcome is Outcome.NOT_FOUND


async def test_a_push_whose_answer_was_lost_is_found_by_our_own_reference(opened):
    house = await opened()
    house.network.faults.add([Step("kcb_multi", "push", "close")])
    assert (await house.rail.push(house.push())).taken is Taken.UNKNOWN
    await house.hear()
    assert (await house.rail.query(PUSH.reference, None)).outcome is Outcome.PAID


async def test_a_forged_callback_is_contradicted_by_the_query(opened):
    house = await opened(Person(Answer.CANCEL, after_s=0.2))
    house.network.faults.add([Step("kcb_multi", "callback", "forged_early")])
    await house.rail.push(house.push())
    assert house.rail.read_callback(await house.hear()).outcome is Outcome.PAID
    assert (await house.rail.query(PUSH.reference, None)).outcome is Outcome.WAITING
