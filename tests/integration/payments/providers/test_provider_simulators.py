"""Clients against the simulators: other programs by other hands, on the same wire vectors."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.daraja import Daraja
from payments.providers.http import Http, HttpSettings
from payments.providers.mtn import Mtn
from payments.providers.settings import DarajaSettings, MtnSettings
from payments.providers.tokens import MemoryTokens
from simulators.faults import Faults
from simulators.providers import config as sim
from simulators.providers.app import create
from simulators.providers.people import Answer, Person
from simulators.serve import start

REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
AT_ONCE = sim.Latency(prompt_s=0.0, callback_s=0.0)


class Inbox:
    """Where the providers call back."""

    def __init__(self):
        self.bodies = asyncio.Queue()

    async def take(self, request):
        await self.bodies.put(await request.read())
        return web.Response()

    async def next(self):
        return await asyncio.wait_for(self.bodies.get(), 20)


@pytest.fixture
async def inbox():
    inbox = Inbox()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", inbox.take)
    async with TestServer(app) as server:
        inbox.url = str(server.make_url("/cb/tok?key=1"))
        yield inbox


class World:
    """A simulator and both clients, with the simulator's own demo keys."""

    def __init__(self, url, http, config):
        mtn, daraja = config.mtn, config.daraja
        outside = {"http": http, "clock": SystemClock(), "store": MemoryTokens()}
        self.mtn = Mtn(
            MtnSettings(
                base_url=url + "/mtn",
                subscription_key=mtn.subscription_key,
                api_user=mtn.api_user,
                api_key=mtn.api_key,
                target_environment=mtn.target_environment,
            ),
            account_id="mtn:default",
            **outside,
        )
        self.daraja = Daraja(
            DarajaSettings(
                base_url=url + "/daraja",
                consumer_key=daraja.consumer_key,
                consumer_secret=daraja.consumer_secret,
                shortcode=daraja.shortcode,
                passkey=daraja.passkey,
                queries_per_minute=60_000,
            ),
            account_id="daraja:default",
            **outside,
        )


@pytest.fixture
async def world():
    """Start a simulator where everybody answers in one way."""
    running = []
    async with Http(HttpSettings(connect_s=0.4, total_s=0.8)) as http:

        async def begin(answer=Answer.APPROVE, **settings):
            person = Person(answer, after_s=0.0)
            config = sim.Config(latency=AT_ONCE, person=person, number_rules={}, **settings)
            running.append(await start(create(config)))
            return World(running[-1].url, http, config)

        yield begin
    for server in running:
        await server.close()


def mtn_push(inbox, **changes):
    values = {
        "reference": REFERENCE,
        "external_id": "pay_01JDAB7Q",
        "msisdn": "+260961234567",
        "amount_minor": 3050,
        "currency": "ZMW",
        "tap_id": "KNY-0417-1",
        "period": "2026-11",
        "callback_url": inbox.url,
    }
    return Push(**values | changes)


def daraja_push(inbox):
    return mtn_push(inbox, msisdn="+254708374149", amount_minor=3000, currency="KES")


async def test_keys_are_checked(world):
    both = await world()
    await both.mtn.check()
    await both.daraja.check()


PEOPLE_AT_MTN = [
    (Answer.APPROVE, Outcome.PAID, None),
    (Answer.CANCEL, Outcome.NOT_PAID, Reason.CANCELLED),
    (Answer.NO_BALANCE, Outcome.NOT_PAID, Reason.BALANCE),
    (Answer.NO_WALLET, Outcome.NOT_PAID, Reason.OTHER),
]


@pytest.mark.parametrize(("answer", "outcome", "reason"), PEOPLE_AT_MTN)
async def test_mtn_from_push_to_query(world, inbox, answer, outcome, reason):
    mtn = (await world(answer)).mtn
    push = mtn_push(inbox)
    assert (await mtn.push(push)).taken is Taken.ACCEPTED
    told = mtn.read_callback(await inbox.next())
    asked = await mtn.query(push.reference, push.reference)
    for report in (told, asked):
        assert (report.outcome, report.reason) == (outcome, reason)
        assert (report.external_id, report.msisdn) == (push.external_id, push.msisdn)
        assert (report.amount_minor, report.currency) == (3050, "ZMW")
    assert bool(asked.receipt) is (outcome is Outcome.PAID)
    assert told.receipt == asked.receipt


async def test_mtn_knows_a_push_that_comes_again(world, inbox):
    mtn = (await world(Answer.IGNORE)).mtn
    push = mtn_push(inbox)
    replies = [await mtn.push(push) for _ in range(2)]
    assert [reply.taken for reply in replies] == [Taken.ACCEPTED] * 2
    assert replies[1].code == "RESOURCE_ALREADY_EXIST"
    assert (await mtn.query(push.reference, None)).outcome is Outcome.WAITING


async def test_mtn_does_not_know_what_was_never_sent(world):
    mtn = (await world()).mtn
    assert (await mtn.query(REFERENCE, None)).outcome is Outcome.NOT_FOUND


PEOPLE_AT_DARAJA = [
    (Answer.APPROVE, Outcome.PAID, None),
    (Answer.CANCEL, Outcome.NOT_PAID, Reason.CANCELLED),
    (Answer.WRONG_PIN, Outcome.NOT_PAID, Reason.PIN),
    (Answer.NO_BALANCE, Outcome.NOT_PAID, Reason.BALANCE),
    (Answer.UNREACHABLE, Outcome.UNKNOWN, Reason.NO_ANSWER),
]


@pytest.mark.parametrize(("answer", "outcome", "reason"), PEOPLE_AT_DARAJA)
async def test_daraja_from_push_to_query(world, inbox, answer, outcome, reason):
    daraja = (await world(answer)).daraja
    reply = await daraja.push(daraja_push(inbox))
    assert reply.taken is Taken.ACCEPTED
    told = daraja.read_callback(await inbox.next())
    asked = await daraja.query(REFERENCE, reply.provider_reference)
    for report in (told, asked):
        assert (report.outcome, report.reason) == (outcome, reason)
        assert report.provider_reference == reply.provider_reference
    if outcome is Outcome.PAID:
        assert (told.amount_minor, told.currency, told.msisdn) == (3000, "KES", "+254708374149")
        assert told.receipt
        assert (asked.amount_minor, asked.receipt) == (None, None)


@pytest.mark.parametrize("words", ["500.001.1001", "4999"])
async def test_daraja_says_that_a_prompt_is_open(world, inbox, words):
    both = await world(Answer.IGNORE, daraja=sim.Daraja(still_processing=words))
    reply = await both.daraja.push(daraja_push(inbox))
    assert (await both.daraja.query(REFERENCE, reply.provider_reference)).outcome is Outcome.WAITING


async def test_daraja_does_not_know_what_was_never_sent(world):
    daraja = (await world()).daraja
    assert (await daraja.query(REFERENCE, "ws_CO_none")).outcome is Outcome.NOT_FOUND


async def test_daraja_limits_queries(world, inbox):
    both = await world(Answer.IGNORE, daraja=sim.Daraja(queries_per_minute=5))
    reply = await both.daraja.push(daraja_push(inbox))
    reports = [await both.daraja.query(REFERENCE, reply.provider_reference) for _ in range(3)]
    assert [report.outcome for report in reports] == [Outcome.WAITING] * 3
    assert [report.code for report in reports[1:]] == ["http_429", "paced"]
    assert reports[1].retry_after_s == 12


# fault: what each rail may say of a push
PUSH_FAULTS = [
    ("error_before", {Taken.UNKNOWN}),
    ("error_after", {Taken.UNKNOWN}),
    ("too_many", {Taken.NOT_REACHED}),
    ("html", {Taken.UNKNOWN}),
    ("html_after", {Taken.UNKNOWN}),
    ("close", {Taken.UNKNOWN}),
    ("close_before", {Taken.UNKNOWN}),
    ("slow_drip", {Taken.UNKNOWN}),
    ("token_refused", {Taken.NOT_REACHED}),
]


@pytest.mark.parametrize(("fault", "taken"), PUSH_FAULTS)
@pytest.mark.parametrize("rail", ["mtn", "daraja"])
async def test_a_push_into_a_fault(world, inbox, rail, fault, taken):
    both = await world(faults=Faults(rates={f"push.{fault}": 1.0}, drip_s=5.0))
    push = mtn_push(inbox) if rail == "mtn" else daraja_push(inbox)
    assert (await getattr(both, rail).push(push)).taken in taken


@pytest.mark.parametrize("fault", [fault for fault, _ in PUSH_FAULTS])
@pytest.mark.parametrize("rail", ["mtn", "daraja"])
async def test_a_query_into_a_fault_settles_nothing(world, inbox, rail, fault):
    both = await world(faults=Faults(rates={f"query.{fault}": 1.0}, drip_s=5.0))
    push = mtn_push(inbox) if rail == "mtn" else daraja_push(inbox)
    client = getattr(both, rail)
    reply = await client.push(push)
    await inbox.next()
    report = await client.query(push.reference, reply.provider_reference)
    assert report.outcome in {Outcome.UNKNOWN, Outcome.WAITING}


@pytest.mark.parametrize("fault", ["error_before", "too_many", "html", "close", "token_refused"])
@pytest.mark.parametrize("rail", ["mtn", "daraja"])
async def test_without_a_token_nothing_is_sent(world, inbox, rail, fault):
    both = await world(faults=Faults(rates={f"token.{fault}": 1.0}, drip_s=5.0))
    push = mtn_push(inbox) if rail == "mtn" else daraja_push(inbox)
    assert (await getattr(both, rail).push(push)).taken is Taken.NOT_REACHED
