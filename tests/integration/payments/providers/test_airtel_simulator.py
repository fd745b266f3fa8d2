"""Airtel's client against the simulator, each on the same wire vectors."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from payments.providers.airtel import Airtel
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.http import Http, HttpSettings
from payments.providers.tokens import MemoryTokens
from simulators.faults import Faults
from simulators.providers import config as sim
from simulators.providers.app import create
from simulators.providers.people import Answer, Person
from simulators.serve import start

REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
AT_ONCE = sim.Latency(prompt_s=0.0, callback_s=0.0)


@pytest.fixture
async def inbox():
    """Where the portal's address leads."""
    bodies = asyncio.Queue()

    async def take(request):
        await bodies.put(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with TestServer(app) as server:
        bodies.url = str(server.make_url("/cb/tok"))
        yield bodies


@pytest.fixture
async def world(inbox):
    """Start a simulator where everybody answers in one way, and a client with its keys."""
    running = []
    async with Http(HttpSettings(connect_s=0.4, total_s=0.8)) as http:

        async def begin(answer=Answer.APPROVE, *, client=None, code=None, faults=None, **airtel):
            own = sim.Airtel(callback_url=inbox.url, **airtel)
            config = sim.Config(
                latency=AT_ONCE,
                person=Person(answer, after_s=0.0, code=code),
                number_rules={},
                airtel=own,
                faults=faults or Faults(),
            )
            running.append(await start(create(config)))
            values = {
                "base_url": running[-1].url + "/airtel",
                "client_id": own.client_id,
                "client_secret": own.client_secret,
                "callback_key": own.callback_key,
            }
            settings = AirtelSettings(**values | (client or {}))
            outside = {"http": http, "clock": SystemClock(), "store": MemoryTokens()}
            return Airtel(settings, account_id="airtel:default", **outside)

        yield begin
    for server in running:
        await server.close()


def push(**changes):
    values = {
        "reference": REFERENCE,
        "external_id": "p1",
        "msisdn": "+260971234567",
        "amount_minor": 3010,
        "currency": "ZMW",
        "tap_id": "KNY-0417-1",
        "period": "2026-11",
        "callback_url": "",
    }
    return Push(**values | changes)


async def told(inbox, airtel):
    return airtel.read_callback(await asyncio.wait_for(inbox.get(), 20))


PEOPLE = [
    (Answer.APPROVE, Outcome.PAID, None),
    (Answer.CANCEL, Outcome.NOT_PAID, Reason.CANCELLED),
    (Answer.WRONG_PIN, Outcome.NOT_PAID, Reason.PIN),
    (Answer.NO_BALANCE, Outcome.NOT_PAID, Reason.BALANCE),
]
# Each text that a hash may be of, and both lists of codes: none of them changes a meaning.
SHAPES = [
    {},
    {"hashed": "spaced", "zambian_codes": False},
    {"hashed": "whole_compact"},
    {"callback_key": None},
]


@pytest.mark.parametrize(("answer", "outcome", "reason"), PEOPLE)
@pytest.mark.parametrize("shape", SHAPES)
async def test_from_push_to_enquiry(world, inbox, shape, answer, outcome, reason):
    airtel = await world(answer, **shape)
    reply = await airtel.push(push())
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, REFERENCE.replace("-", ""))
    notice, asked = await told(inbox, airtel), await airtel.query(REFERENCE, None)
    for report in (notice, asked):
        assert (report.outcome, report.reason) == (outcome, reason)
        assert (report.reference, report.amount_minor) == (REFERENCE, None)
    assert bool(asked.receipt) is (outcome is Outcome.PAID)
    assert notice.receipt == asked.receipt


@pytest.mark.parametrize("client", [{"version": "v2"}, {"signing": True}])
async def test_a_signed_push_is_what_the_simulator_can_read(world, inbox, client):
    airtel = await world(client=client, signing="signing" in client)
    assert (await airtel.push(push())).taken is Taken.ACCEPTED
    assert (await told(inbox, airtel)).outcome is Outcome.PAID


@pytest.mark.parametrize("client", [{"version": "v2", "signing": False}, {}])
async def test_an_unsigned_push_is_refused_where_signing_is_wanted(world, client):
    reply = await (await world(client=client, signing=True)).push(push())
    assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.REFUSED, "DP00800001026", True)


async def test_a_notice_signed_by_another_key_is_worth_a_question_only(world, inbox):
    airtel = await world(client={"callback_key": "ours"})
    await airtel.push(push())
    notice = await told(inbox, airtel)
    assert (notice.outcome, notice.code, notice.reference) == (Outcome.UNKNOWN, "bad_hash", REFERENCE)
    assert (await airtel.query(REFERENCE, None)).outcome is Outcome.PAID


@pytest.mark.parametrize("status", [200, 400])
async def test_who_has_no_wallet_is_told_at_once(world, status):
    reply = await (await world(Answer.NO_WALLET, refusal_status=status)).push(push())
    assert (reply.taken, reply.reason, reply.is_config_fault) == (Taken.REFUSED, Reason.OTHER, False)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_push_that_comes_again_is_known(world, status):
    airtel = await world(Answer.IGNORE, refusal_status=status)
    replies = [await airtel.push(push()) for _ in range(2)]
    assert [reply.taken for reply in replies] == [Taken.ACCEPTED] * 2
    assert replies[1].code == "ESB000041"
    assert (await airtel.query(REFERENCE, None)).outcome is Outcome.WAITING


async def test_what_was_never_sent_is_not_found(world):
    assert (await (await world()).query(REFERENCE, None)).outcome is Outcome.NOT_FOUND


async def test_too_early_an_enquiry_settles_nothing(world, inbox):
    airtel = await world(not_found_for_s=60)
    await airtel.push(push())
    await told(inbox, airtel)
    assert (await airtel.query(REFERENCE, None)).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("TA", Outcome.UNKNOWN), ("TE", Outcome.EXPIRED), ("TI", Outcome.WAITING), ("TX", Outcome.UNKNOWN)],
)
async def test_what_no_notice_tells_an_enquiry_does(world, inbox, code, outcome):
    airtel = await world(Answer.REFUSED, code=code)
    await airtel.push(push())
    async with asyncio.timeout(5):
        while (report := await airtel.query(REFERENCE, None)).code == "TIP":  # noqa: ASYNC110 - the simulator has no event to wait for
            await asyncio.sleep(0.01)
    assert (report.outcome, report.is_last_word) == (outcome, code != "TE")
    assert inbox.empty()


@pytest.mark.parametrize("client", [{"country": "UG"}, {"currency": "USD"}])
async def test_another_country_or_currency_is_our_own_mistake(world, client):
    airtel = await world(client=client)
    settings = {"msisdn": "+256701234567"} if "country" in client else {}
    currency = client.get("currency", "UGX")
    reply = await airtel.push(push(currency=currency, **settings))
    assert (reply.taken, reply.is_config_fault) == (Taken.REFUSED, True)
    assert reply.code.startswith("ROUTER")


PUSH_FAULTS = [
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


@pytest.mark.parametrize(("fault", "taken"), PUSH_FAULTS)
async def test_a_push_into_a_fault(world, fault, taken):
    airtel = await world(faults=Faults(rates={f"push.{fault}": 1.0}, drip_s=5.0))
    assert (await airtel.push(push())).taken is taken


@pytest.mark.parametrize("fault", [fault for fault, _ in PUSH_FAULTS])
async def test_an_enquiry_into_a_fault_settles_nothing(world, inbox, fault):
    airtel = await world(faults=Faults(rates={f"query.{fault}": 1.0}, drip_s=5.0))
    await airtel.push(push())
    await told(inbox, airtel)
    assert (await airtel.query(REFERENCE, None)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("fault", ["error_before", "too_many", "html", "close", "token_refused"])
@pytest.mark.parametrize("client", [{}, {"version": "v2"}])
async def test_without_a_token_nothing_is_sent(world, fault, client):
    airtel = await world(client=client, faults=Faults(rates={f"token.{fault}": 1.0}, drip_s=5.0))
    assert (await airtel.push(push())).taken is Taken.NOT_REACHED
