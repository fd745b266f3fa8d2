"""Our Daraja client against the simulator: payments by hand, pull, money out, questions."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from core.errors import Unavailable
from payments.providers.account_reference import account_reference
from payments.providers.base import (
    Outcome,
    Payout,
    PayoutKind,
    PaysOut,
    Push,
    Taken,
    TakesArrivals,
)
from payments.providers.daraja import Daraja
from payments.providers.http import Http, HttpSettings
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import MemoryTokens
from simulators.faults import Faults
from simulators.providers import config as sim
from simulators.providers.app import create
from simulators.providers.daraja_keys import certificate_pem
from simulators.providers.people import Answer, Person
from simulators.serve import start

PAYER = "+254708374149"
AT_ONCE = sim.Latency(prompt_s=0.0, callback_s=0.0, result_s=0.0)


class Side:
    """The gateway's side: what was told, by the last part of the address; validations are answered."""

    def __init__(self):
        self.told = asyncio.Queue()
        self.kept = []
        self.reply = ("application/json", '{"ResultCode":"0","ResultDesc":"Accepted"}')

    async def take(self, request):
        kind = request.path.rsplit("/", 1)[-1]
        await self.told.put((kind, await request.read()))
        content_type, text = self.reply
        return web.Response(text=text, content_type=content_type)

    async def next(self, *kinds):
        """Wait for the next notice of one of these kinds; others are kept for later."""
        for index, (kind, body) in enumerate(self.kept):
            if kind in kinds:
                del self.kept[index]
                return kind, body
        while True:
            kind, body = await asyncio.wait_for(self.told.get(), 10)
            if kind in kinds:
                return kind, body
            self.kept.append((kind, body))


@pytest.fixture
async def side():
    side = Side()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", side.take)
    async with TestServer(app) as server:
        side.url = str(server.make_url("/cb/tok"))
        yield side


class World:
    """One simulator and our client of it."""

    def __init__(self, url, http, config, changes):
        keys = config.daraja
        values = {
            "base_url": url + "/daraja",
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "shortcode": keys.shortcode,
            "passkey": keys.passkey,
            "initiator": keys.initiator,
            "initiator_password": keys.initiator_password,
            "certificate": certificate_pem(),
            "queries_per_minute": 60_000,
            "pull": True,
        }
        self.url = url
        self.daraja = Daraja(
            DarajaSettings(**values | changes),
            account_id="daraja:default",
            http=http,
            clock=SystemClock(),
            store=MemoryTokens(),
        )

    async def sim(self, method, path, value=None):
        async with ClientSession() as http, http.request(method, self.url + path, json=value) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json()

    async def pay(self, account="kny 0417 1", amount="30"):
        values = {"msisdn": PAYER, "account": account, "amount": amount}
        return await self.sim("POST", "/daraja/_sim/payments", values)


@pytest.fixture
async def world():
    running = []
    async with Http(HttpSettings(connect_s=0.4, total_s=0.8)) as http:

        async def begin(*, settings=None, daraja=None, **others):
            person = Person(Answer.APPROVE, after_s=0.0)
            keys = replace(sim.Daraja(c2b_after_s=0.0), **daraja or {})
            config = sim.Config(latency=AT_ONCE, person=person, number_rules={}, daraja=keys, **others)
            running.append(await start(create(config)))
            return World(running[-1].url, http, config, settings or {})

        yield begin
    for server in running:
        await server.close()


def push(side, **changes):
    values = {
        "reference": "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
        "external_id": "0193d5a0-0000-7000-8000-000000000001",
        "msisdn": PAYER,
        "amount_minor": 3000,
        "currency": "KES",
        "tap_id": "KNY-0417-1",
        "period": "2026-11",
        "callback_url": side.url + "/stk?key=1",
    }
    return Push(**values | changes)


def payout(side, kind=PayoutKind.TRANSFER, **changes):
    values = {
        "kind": kind,
        "reference": "5b1c6d1e-8a55-4b0e-9d35-5a0f6f7a1c33",
        "payout_id": "0193d5a0-0000-7000-8000-000000000002",
        "msisdn": PAYER,
        "amount_minor": 3000,
        "currency": "KES",
        "remarks": "refund KNY-0417-1",
        "result_url": side.url + "/b2c_result",
        "timeout_url": side.url + "/b2c_timeout",
    }
    return Payout(**values | changes)


async def register(daraja, side):
    return await daraja.register_urls(side.url + "/c2b_validation", side.url + "/c2b_confirmation")


async def test_the_client_is_what_the_interfaces_ask_for(world):
    daraja = (await world()).daraja
    assert isinstance(daraja, PaysOut)
    assert isinstance(daraja, TakesArrivals)


async def test_a_till_is_paid_under_its_own_number_and_the_stores_short_code(world, side):
    city = await world(settings={"type": "till", "till": "5551234"}, daraja={"till": "5551234"})
    await register(city.daraja, side)
    reply = await city.daraja.push(push(side))
    assert reply.taken is Taken.ACCEPTED
    _, body = await side.next("stk")
    assert city.daraja.read_callback(body).outcome is Outcome.PAID
    _, told = await side.next("c2b_confirmation")
    assert b'"TransactionType":"Buy Goods"' in told
    assert city.daraja.read_arrival("c2b_confirmation", told).amount_minor == 3000


async def test_a_till_under_another_number_is_never_paid(world, side):
    city = await world(settings={"type": "till", "till": "7777777"}, daraja={"till": "5551234"})
    await city.daraja.push(push(side))
    _, body = await side.next("stk")
    report = city.daraja.read_callback(body)
    assert (report.outcome, report.code, report.is_config_fault) == (Outcome.NOT_PAID, "2028", True)


async def test_addresses_are_registered_and_registered_again(world, side):
    city = await world(daraja={"registers_once": True})
    assert [await register(city.daraja, side) for _ in range(2)] == [True, False]


async def test_without_an_answer_nothing_is_registered(world, side):
    city = await world(faults=Faults(rates={"lookup.error_before": 1.0}))
    with pytest.raises(Unavailable):
        await register(city.daraja, side)


async def test_a_person_pays_by_hand(world, side):
    city = await world()
    await register(city.daraja, side)
    row = await city.pay()
    for kind in ("c2b_validation", "c2b_confirmation"):
        _, body = await side.next(kind)
        arrival = city.daraja.read_arrival(kind, body)
        assert (arrival.receipt, arrival.amount_minor) == (row["receipt"], 3000)
        assert (arrival.account_reference, arrival.masked_msisdn) == ("kny 0417 1", "2547 ***** 149")
        assert (arrival.msisdn, arrival.payer_name) == (None, "FATUMA")


@pytest.mark.parametrize(("reason", "code"), [("account", "C2B00012"), ("amount", "C2B00013")])
async def test_what_we_reject_moves_no_money(world, side, reason, code):
    city = await world()
    await register(city.daraja, side)
    side.reply = city.daraja.validation_reply(reason)
    assert (await city.pay())["status"] == code


async def test_what_we_accept_comes_back_with_our_name(world, side):
    city = await world()
    await register(city.daraja, side)
    side.reply = city.daraja.validation_reply(None, "v-0001")
    await city.pay()
    _, body = await side.next("c2b_confirmation")
    assert b'"ThirdPartyTransID":"v-0001"' in body


async def test_a_push_is_told_twice_with_one_receipt_and_its_own_account(world, side):
    city = await world()
    await register(city.daraja, side)
    asked = push(side)
    await city.daraja.push(asked)
    _, callback = await side.next("stk")
    _, confirmation = await side.next("c2b_confirmation")
    arrival = city.daraja.read_arrival("c2b_confirmation", confirmation)
    assert arrival.receipt == city.daraja.read_callback(callback).receipt
    assert arrival.account_reference == account_reference(asked.tap_id, asked.external_id)


async def test_the_list_of_what_came_is_read_to_its_end(world, side):
    city = await world(daraja={"pull_page": 2})
    receipts = {(await city.pay(f"tap {n}"))["receipt"] for n in range(5)}
    now = SystemClock().now()
    found = await city.daraja.find_arrivals(now - timedelta(hours=1), now + timedelta(hours=1))
    assert {arrival.receipt for arrival in found} == receipts
    assert {arrival.msisdn for arrival in found} == {PAYER}
    assert all(abs(arrival.at - now) < timedelta(minutes=5) for arrival in found)


@pytest.mark.parametrize("hours", [(-72, -49), (1, 2), (2, 1)])
async def test_what_the_list_cannot_hold_is_not_known(world, hours):
    now = SystemClock().now()
    since, until = (now + timedelta(hours=part) for part in hours)
    assert await (await world()).daraja.find_arrivals(since, until) is None


async def test_where_the_list_is_not_switched_on_nothing_is_asked(world):
    city = await world(settings={"pull": False})
    now = SystemClock().now()
    assert await city.daraja.find_arrivals(now - timedelta(hours=1), now) is None


@pytest.mark.parametrize("fault", ["lookup.error_after", "lookup.html", "lookup.close", "token.error_before"])
async def test_a_list_that_breaks_off_is_not_known(world, fault):
    city = await world(faults=Faults(rates={fault: 1.0}))
    await city.pay()
    now = SystemClock().now()
    assert await city.daraja.find_arrivals(now - timedelta(hours=1), now) is None


async def test_a_long_list_is_read_to_its_end_though_pages_of_it_fail(world):
    """Each page fails one time in five: asked once each, hardly any list of twenty would be read."""
    rates = {f"lookup.{fault}": 0.05 for fault in ("error_before", "html", "close", "too_many")}
    city = await world(daraja={"pull_page": 1}, faults=Faults(rates=rates))
    for _ in range(20):
        await city.pay()
    now = SystemClock().now()
    found = await city.daraja.find_arrivals(now - timedelta(hours=1), now)
    assert len(found) == 20


async def test_the_list_is_switched_on_once(world, side):
    daraja = (await world()).daraja
    replies = [await daraja.register_pull(side.url + "/c2b_confirmation", "0722000000") for _ in range(2)]
    assert replies == [True, False]


async def test_a_transfer_and_its_result(world, side):
    city = await world()
    asked = payout(side)
    reply = await city.daraja.pay_out(asked)
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, asked.reference)
    kind, body = await side.next("b2c_result")
    report = city.daraja.read_payout_notice(kind, body)
    assert (report.outcome, report.amount_minor, report.currency) == (Outcome.PAID, 3000, "KES")
    assert (report.reference, report.msisdn) == (asked.reference, PAYER)
    (row,) = (await city.sim("GET", "/daraja/_sim/book"))["paid_out"]
    assert report.receipt == row["receipt"]


async def test_a_transfer_that_is_sent_again_pays_once(world, side):
    city = await world()
    replies = [await city.daraja.pay_out(payout(side)) for _ in range(3)]
    assert [reply.taken for reply in replies] == [Taken.ACCEPTED] * 3
    assert replies[1].code == "500.002.1001"
    await side.next("b2c_result")
    assert len((await city.sim("GET", "/daraja/_sim/book"))["paid_out"]) == 1


async def test_a_reversal_and_its_result_and_no_second_one(world, side):
    city = await world()
    receipt = (await city.pay())["receipt"]
    asked = payout(side, PayoutKind.REVERSAL, original_receipt=receipt, original_amount_minor=3000)
    first = await city.daraja.pay_out(asked)
    kind, body = await side.next("b2c_result")
    report = city.daraja.read_payout_notice(kind, body)
    assert (report.outcome, report.amount_minor) == (Outcome.PAID, 3000)
    assert report.provider_reference == first.provider_reference
    assert (await city.daraja.pay_out(asked)).taken is Taken.ACCEPTED
    _, body = await side.next("b2c_result")
    again = city.daraja.read_payout_notice("b2c_result", body)
    assert (again.outcome, again.code) == (Outcome.UNKNOWN, "R000001")


async def test_a_reversal_of_what_was_never_paid(world, side):
    city = await world()
    await city.daraja.pay_out(payout(side, PayoutKind.REVERSAL, original_receipt="TKL0000000"))
    kind, body = await side.next("b2c_result")
    report = city.daraja.read_payout_notice(kind, body)
    assert (report.outcome, report.code) == (Outcome.NOT_PAID, "R000002")


async def test_giving_up_waiting_is_not_the_end(world, side):
    city = await world(faults=Faults(rates={"result.timed_out": 1.0}))
    await city.daraja.pay_out(payout(side))
    kind, body = await side.next("b2c_timeout")
    assert city.daraja.read_payout_notice(kind, body).outcome is Outcome.UNKNOWN
    kind, body = await side.next("b2c_result")
    assert city.daraja.read_payout_notice(kind, body).outcome is Outcome.PAID


@pytest.mark.parametrize(("fault", "amount_minor"), [("single_object", 3000), ("missing_values", None)])
async def test_results_in_other_shapes_are_read(world, side, fault, amount_minor):
    city = await world(faults=Faults(rates={f"result.{fault}": 1.0}))
    await city.daraja.pay_out(payout(side))
    kind, body = await side.next("b2c_result")
    report = city.daraja.read_payout_notice(kind, body)
    assert (report.outcome, report.amount_minor) == (Outcome.PAID, amount_minor)
    assert report.receipt  # the result names it beside the parameters too


PAYOUT_FAULTS = [
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


@pytest.mark.parametrize(("fault", "taken"), PAYOUT_FAULTS)
async def test_money_out_into_a_fault(world, side, fault, taken):
    city = await world(faults=Faults(rates={f"payout.{fault}": 1.0}, drip_s=5.0))
    assert (await city.daraja.pay_out(payout(side))).taken is taken


async def test_without_a_token_no_money_goes_out(world, side):
    city = await world(faults=Faults(rates={"token.error_before": 1.0}))
    assert (await city.daraja.pay_out(payout(side))).taken is Taken.NOT_REACHED
    assert (await city.daraja.ask_status("TKL51ZDR4F", side.url, side.url)).taken is Taken.NOT_REACHED


async def test_without_an_initiator_nothing_is_sent(world, side):
    without = {"initiator": None, "initiator_password": None, "certificate": None}
    daraja = (await world(settings=without)).daraja
    assert (await daraja.pay_out(payout(side))).code == "not_set_up"
    assert (await daraja.ask_status("TKL51ZDR4F", side.url, side.url)).code == "not_set_up"


async def test_a_wrong_password_is_told_in_the_result(world, side):
    city = await world(settings={"initiator_password": "expired"})
    await city.daraja.pay_out(payout(side))
    kind, body = await side.next("b2c_result")
    report = city.daraja.read_payout_notice(kind, body)
    assert (report.outcome, report.code, report.is_config_fault) == (Outcome.NOT_PAID, "2001", True)


async def test_the_status_of_a_receipt_proves_the_payment(world, side):
    city = await world()
    receipt = (await city.pay())["receipt"]
    question = await city.daraja.ask_status(receipt, side.url + "/b2c_result", side.url + "/b2c_timeout")
    assert question.taken is Taken.ACCEPTED
    _, body = await side.next("b2c_result")
    status = city.daraja.read_status(body)
    assert (status.outcome, status.question) == (Outcome.PAID, question.provider_reference)
    arrival = status.arrival
    assert (arrival.receipt, arrival.amount_minor, arrival.msisdn) == (receipt, 3000, PAYER)


async def test_the_status_of_a_receipt_that_nobody_has_proves_nothing(world, side):
    city = await world()
    await city.daraja.ask_status("TKL0000000", side.url + "/b2c_result", side.url + "/b2c_timeout")
    _, body = await side.next("b2c_result")
    status = city.daraja.read_status(body)
    assert (status.outcome, status.arrival) == (Outcome.UNKNOWN, None)


async def test_nobody_is_asked_about_a_payout(world, side):
    """A question that fails reads like a payout that failed: taken for one, money would go out twice."""
    daraja = (await world()).daraja
    assert daraja.payout_traits.has_query is False
    said = await daraja.query_payout(payout(side), "any")
    assert (said.outcome, said.code) == (Outcome.UNKNOWN, "no_query")


async def test_no_secret_reaches_a_log(world, side, capsys):
    city = await world()
    await register(city.daraja, side)
    await city.daraja.pay_out(payout(side))
    await side.next("b2c_result")
    shown = capsys.readouterr()
    for secret in (
        "demo-daraja-initiator",
        "demo-daraja-consumer-secret",
        "254708374149",
        "SecurityCredential",
    ):
        assert secret not in shown.out + shown.err
