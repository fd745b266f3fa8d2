"""Stripe's client and simulator, against the vectors and against each other."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.errors import Refused, Unavailable
from payments.providers.base import Outcome, Payout, PayoutKind, Push, Reason, Taken, Vouch
from payments.providers.http import Http, HttpSettings
from payments.providers.stripe import Stripe
from payments.providers.stripe_settings import StripeSettings
from simulators.faults import Step
from simulators.providers import config as sim
from simulators.providers.app import NETWORK, create
from simulators.providers.people import Answer
from simulators.serve import start

PUSH = Push(
    reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    external_id="0193a7c2-5d11-7c3e-8f00-2b8c1d5e9a10",
    msisdn="+260961234567",
    amount_minor=3000,
    currency="ZMW",
    tap_id="KNY-0417-1",
    period="2025-11",
    callback_url="",
    asked_at=datetime(2025, 11, 21, 6, 30, tzinfo=UTC),
)
PAYOUT = Payout(
    kind=PayoutKind.REFUND,
    reference="5b1f0a52-7d0e-4c7e-9d19-0b7c6a3f2e11",
    payout_id="0193a7c2-9a00-7d3e-8f00-2b8c1d5e9a11",
    msisdn="+260961234567",
    amount_minor=1000,
    currency="ZMW",
    remarks="paid twice",
    original_receipt="pi_3QNbTa2eZvKYlo2C1x2y3z4A",
    original_amount_minor=3000,
)
ALL_CURRENCIES = "ZMW KES UGX TZS RWF BIF CDF EUR USD"


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


ALL = vectors("stripe.json", "stripe_codes.json")
PUSHES = [v for v in ALL if v["request"]["path"] == "/v1/checkout/sessions"]
QUERIES = [v for v in ALL if v["name"].startswith("query_")]
REFUNDS = [v for v in ALL if v["request"]["path"] == "/v1/refunds"]


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=5.0, total_s=10.0)) as session:
        yield session


@pytest.fixture
def make(http):
    def build(url, **changes):
        values = {
            "base_url": url,
            "secret_key": sim.Stripe().secret_key,
            "webhook_secret": sim.Stripe().webhook_secret,
            "success_url": "https://madzi.example.org/thanks",
            "currencies": ALL_CURRENCIES,
        }
        return Stripe(StripeSettings(**values | changes), account_id="stripe:default", http=http)

    return build


class Stub:
    """Answers everything with one reply and keeps what it was asked."""

    def __init__(self):
        self.requests = []
        self.reply = {}

    async def answer(self, request):
        self.requests.append((request, dict(await request.post())))
        return web.json_response(self.reply["body"], status=self.reply["status"])


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_route("*", "/base/{path:.*}", stub.answer)
    async with TestServer(app) as server:
        stub.url = str(server.make_url("/base"))
        yield stub


def asked(stub, vector):
    ((request, form),) = stub.requests  # nothing is repeated behind our back
    wanted = vector["request"]
    assert (request.method, request.path) == (wanted["method"], "/base" + wanted["path"])
    assert form == wanted.get("form", {})
    assert dict(request.query) == wanted.get("query", {})
    for name, value in wanted["headers"].items():
        assert request.headers[name] == value.replace("{secret_key}", sim.Stripe().secret_key)
    assert "X-Stripe-Client-User-Agent" not in request.headers


@pytest.mark.parametrize("vector", PUSHES, ids=lambda v: v["name"])
async def test_the_client_asks_for_a_page_as_the_vectors_say(make, stub, vector):
    stub.reply, meaning = vector["reply"], vector["meaning"]
    push = replace(
        PUSH, amount_minor=meaning.get("amount_minor", 3000), currency=meaning.get("currency", "ZMW")
    )
    reply = await make(stub.url).push(push)
    asked(stub, vector)
    assert reply.provider_reference == meaning.get("provider_reference")
    assert reply.pay_url == meaning.get("pay_url", reply.pay_url)
    if "pay_until" in meaning:
        assert reply.pay_until == datetime.fromtimestamp(meaning["pay_until"], UTC)
        assert reply.pay_until - PUSH.asked_at == timedelta(days=1)


@pytest.mark.parametrize("vector", QUERIES, ids=lambda v: v["name"])
async def test_the_client_asks_about_a_page_as_the_vectors_say(make, stub, vector):
    stub.reply = vector["reply"]
    await make(stub.url).query(PUSH.reference, vector["request"]["path"].rpartition("/")[2])
    asked(stub, vector)


@pytest.mark.parametrize("vector", REFUNDS, ids=lambda v: v["name"])
async def test_the_client_refunds_as_the_vectors_say(make, stub, vector):
    stub.reply = vector["reply"]
    await make(stub.url).pay_out(PAYOUT)
    asked(stub, vector)


@pytest.mark.parametrize(("status", "fault"), [(401, Refused), (403, Refused), (500, Unavailable)])
async def test_a_key_is_tried_without_moving_money(make, stub, status, fault):
    stub.reply = {"status": 200, "body": {"object": "balance"}}
    await make(stub.url).check()
    stub.reply = {"status": status, "body": {"error": {"type": "api_error"}}}
    with pytest.raises(fault):
        await make(stub.url).check()
    with pytest.raises(Unavailable):
        await make("http://127.0.0.1:9").check()


async def test_a_page_that_nobody_could_ask_for_was_not_made(make):
    assert (await make("http://127.0.0.1:9").push(PUSH)).taken is Taken.NOT_REACHED


# With the simulator


class House:
    """A simulated Stripe, a client, and what came to the webhook."""

    def __init__(self, url, network, rail):
        self.url, self.network, self.rail = url, network, rail
        self.notices = []

    async def use(self, page, card="good"):
        async with (
            aiohttp.ClientSession() as session,
            session.post(page, data={"card": card}, allow_redirects=False) as reply,
        ):
            return reply.status, await reply.text()

    async def close_page(self):
        """Let the page close as it would after a day."""
        for _ in range(200):
            for prompt in self.network.handsets.prompts():
                if self.network.handsets.reply(prompt.id, Answer.IGNORE):
                    return
            await self.network.timing.sleep(0.01)

    async def hear(self, kind):
        for _ in range(200):
            for body, signature in self.notices:
                if json.loads(body)["type"] == kind:
                    return body, signature
            await self.network.timing.sleep(0.01)
        raise AssertionError(f"no {kind} among {self.notices}")


def push_now(**changes):
    return replace(PUSH, asked_at=datetime.now(UTC), **changes)


@pytest.fixture
async def opened(make):
    running = []

    async def begin(**changes):
        latency = sim.Latency(prompt_s=0, callback_s=0, result_s=0.05)
        app = create(sim.Config(stripe=sim.Stripe(**changes), latency=latency))
        network = app[NETWORK]
        providers = await start(app)
        house = House(providers.url, network, make(providers.url + "/stripe"))

        async def webhook(request):
            house.notices.append((await request.read(), request.headers["Stripe-Signature"]))
            return web.json_response({})

        ours = web.Application()
        ours.router.add_post("/hook", webhook)
        gateway = await start(ours)
        running.extend([providers, gateway])
        async with aiohttp.request(
            "PUT", f"{providers.url}/stripe/_sim/webhook", json={"url": gateway.url + "/hook"}
        ) as reply:
            assert reply.status == 200
        return house

    yield begin
    for one in running:
        await one.close()


async def paid(house, **changes):
    push = push_now(**changes)
    reply = await house.rail.push(push)
    assert (await house.use(reply.pay_url))[0] == 303
    body, signature = await house.hear("checkout.session.completed")
    return push, reply, body, signature


async def test_a_page_is_opened_paid_told_and_found_paid(opened):
    house = await opened()
    push, reply, body, signature = await paid(house)
    report = house.rail.read_callback(body)
    assert house.rail.vouch(body, signature, datetime.now(UTC)) is Vouch.GENUINE
    assert (report.outcome, report.amount_minor, report.currency) == (Outcome.PAID, 3000, "ZMW")
    assert (report.external_id, report.reference) == (push.external_id, push.reference)
    asked_about = await house.rail.query(push.reference, reply.provider_reference)
    assert (asked_about.outcome, asked_about.receipt) == (Outcome.PAID, report.receipt)
    ((debit),) = house.network.book.debited("stripe")
    assert (debit.amount, debit.currency, debit.receipt) == ("30.00", "ZMW", report.receipt)


@pytest.mark.parametrize("currency", ALL_CURRENCIES.split())
async def test_every_currency_is_taken_and_comes_back_as_it_went(opened, currency):
    house = await opened()
    _, _, body, _ = await paid(house, currency=currency, amount_minor=5000)
    report = house.rail.read_callback(body)
    assert (report.amount_minor, report.currency) == (5000, currency)


async def test_the_same_push_again_finds_the_same_page(opened):
    house, push = await opened(), push_now()
    first, second = await house.rail.push(push), await house.rail.push(push)
    assert (first.provider_reference, first.pay_url) == (second.provider_reference, second.pay_url)
    assert len(house.network.book.open_pushes()) == 1
    other = await house.rail.push(replace(push, amount_minor=4000))
    assert (other.taken, other.code, other.is_config_fault) == (Taken.UNKNOWN, "idempotency_error", True)


async def test_a_declined_card_leaves_the_page_open(opened):
    house, push = await opened(), push_now()
    reply = await house.rail.push(push)
    status, page = await house.use(reply.pay_url, card="bad")
    assert (status, "declined" in page) == (200, True)
    body, signature = await house.hear("payment_intent.payment_failed")
    report = house.rail.read_callback(body)
    assert house.rail.vouch(body, signature, datetime.now(UTC)) is Vouch.GENUINE
    assert (report.outcome, report.reason) == (Outcome.WAITING, Reason.BALANCE)
    assert (await house.rail.query(push.reference, reply.provider_reference)).outcome is Outcome.WAITING
    assert (await house.use(reply.pay_url))[0] == 303
    await house.hear("checkout.session.completed")


async def test_a_page_that_closes_is_told_and_found_expired(opened):
    house, push = await opened(), push_now()
    reply = await house.rail.push(push)
    await house.close_page()
    body, _ = await house.hear("checkout.session.expired")
    assert house.rail.read_callback(body).outcome is Outcome.EXPIRED
    assert (await house.rail.query(push.reference, reply.provider_reference)).outcome is Outcome.EXPIRED
    assert "closed" in (await house.use(reply.pay_url, card="none"))[1]


@pytest.mark.parametrize("fault", ["error", "too_many", "html", "close_before", "token_refused"])
async def test_nothing_is_made_of_a_push_that_failed(opened, fault):
    house = await opened()
    name = "error_before" if fault == "error" else fault
    house.network.faults.add([Step("stripe", "push", name)])
    reply = await house.rail.push(push_now())
    assert reply.taken in (Taken.UNKNOWN, Taken.NOT_REACHED)
    assert house.network.book.open_pushes() == []
    assert (await house.rail.push(push_now())).taken is Taken.ACCEPTED


async def test_a_lost_answer_is_found_again_by_the_same_key(opened):
    house, push = await opened(), push_now()
    house.network.faults.add([Step("stripe", "push", "close")])
    assert (await house.rail.push(push)).taken is Taken.UNKNOWN
    assert (await house.rail.push(push)).taken is Taken.ACCEPTED
    assert len(house.network.book.open_pushes()) == 1


async def test_a_forged_notice_is_not_believed(opened):
    house = await opened()
    house.network.faults.add([Step("stripe", "callback", "forged_early")])
    await house.rail.push(push_now())
    body, signature = await house.hear("checkout.session.completed")
    assert house.rail.vouch(body, signature, datetime.now(UTC)) is Vouch.FORGED


async def test_another_key_opens_nothing(opened, make):
    house = await opened()
    stranger = make(house.url + "/stripe", secret_key="sk_of_somebody")
    reply = await stranger.push(push_now())
    assert (reply.taken, reply.is_config_fault) == (Taken.NOT_REACHED, True)
    with pytest.raises(Refused):
        await stranger.check()
    await house.rail.check()


def refund_of(report, **changes):
    return replace(PAYOUT, original_receipt=report.receipt, **changes)


async def test_a_payment_is_given_back_in_parts_and_never_more_than_it_was(opened):
    house = await opened()
    _, _, body, _ = await paid(house)
    report = house.rail.read_callback(body)
    part = refund_of(report)
    first = await house.rail.pay_out(part)
    assert (first.taken, first.word.outcome, first.word.amount_minor) == (Taken.ACCEPTED, Outcome.PAID, 1000)
    again = await house.rail.pay_out(part)
    assert again.provider_reference == first.provider_reference  # the same key: nothing more has gone
    assert (await house.rail.query_payout(part, first.provider_reference)).outcome is Outcome.PAID
    assert (await house.rail.query_payout(part, None)).provider_reference == first.provider_reference
    rest = refund_of(report, reference="6c1f0a52-7d0e-4c7e-9d19-0b7c6a3f2e12", amount_minor=2500)
    assert (await house.rail.pay_out(rest)).taken is Taken.REFUSED
    assert (await house.rail.query_payout(rest, None)).outcome is Outcome.NOT_FOUND
    exact = replace(rest, reference="7d1f0a52-7d0e-4c7e-9d19-0b7c6a3f2e13", amount_minor=2000)
    assert (await house.rail.pay_out(exact)).taken is Taken.ACCEPTED
    once_more = replace(exact, reference="8e1f0a52-7d0e-4c7e-9d19-0b7c6a3f2e14", amount_minor=1)
    assert (await house.rail.pay_out(once_more)).code == "charge_already_refunded"
    assert [push.amount for push in house.network.book.paid_out("stripe")] == ["10.00", "20.00"]


async def test_a_payment_without_a_receipt_is_found_by_its_page(opened):
    house = await opened()
    _, reply, _, _ = await paid(house)
    named = replace(PAYOUT, original_receipt=None, original_provider_reference=reply.provider_reference)
    assert (await house.rail.pay_out(named)).word.outcome is Outcome.PAID
    lost = replace(named, original_provider_reference="cs_test_nobodys")
    assert (await house.rail.pay_out(lost)).taken is Taken.NOT_REACHED


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("paid", Outcome.PAID), ("failed", Outcome.NOT_PAID), ("canceled", Outcome.NOT_PAID)],
)
async def test_a_refund_that_takes_its_time_is_told_by_a_notice(opened, outcome, expected):
    house = await opened(refunds_pend=True, refund_outcome=outcome)
    _, _, body, _ = await paid(house)
    payout = refund_of(house.rail.read_callback(body))
    reply = await house.rail.pay_out(payout)
    assert (reply.taken, reply.word) == (Taken.ACCEPTED, None)
    told, signature = await house.hear("refund.updated")
    report = house.rail.read_payout_notice("callback", told)
    assert house.rail.vouch(told, signature, datetime.now(UTC)) is Vouch.GENUINE
    assert (report.outcome, report.reference) == (expected, payout.reference)
    assert (await house.rail.query_payout(payout, reply.provider_reference)).outcome is expected
