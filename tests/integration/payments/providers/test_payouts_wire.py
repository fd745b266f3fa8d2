"""Money out of MTN, Airtel and Zamtel over HTTP: what the clients send, and what becomes of it."""

import asyncio
import base64
import json
import logging
from dataclasses import replace
from importlib.resources import files
from urllib.parse import quote, quote_plus

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from payments.providers.airtel import Airtel
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Outcome, Payout, PayoutKind, PaysOut, Push, Taken
from payments.providers.http import Http, HttpSettings
from payments.providers.mtn import Mtn
from payments.providers.settings import MtnSettings
from payments.providers.tokens import MemoryTokens
from payments.providers.zamtel import Zamtel
from payments.providers.zamtel_settings import ZamtelSettings
from simulators.faults import Faults
from simulators.providers import airtel_keys
from simulators.providers import config as sim
from simulators.providers.app import NETWORK, create
from simulators.providers.people import Answer, Person
from simulators.serve import start

REFERENCE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ORIGINAL = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
WIRE = files("fixtures") / "wire"
SECRETS = {
    "password": "c2Vj/cmV0+c2VjcmV0==",
    "credential": "Y3Jl/ZGVu+dGlhbA==",
    "identifier": "MadziInitiator",
    "disbursement_key": "disbursement-subscription",
    "disbursement_api_key": "disbursement-api-key==",
    "pin": "8642",
}
NUMBERS = {"mtn": "+260961234567", "airtel": "+260971234567", "zamtel": "+260955123456"}
RAILS = ["mtn", "airtel", "zamtel"]
AT_ONCE = sim.Latency(prompt_s=0.0, callback_s=0.0)


def vectors(name):
    found = json.loads(WIRE.joinpath(f"{name}_out.json").read_text("utf-8"))["vectors"]
    return {vector["name"]: vector for vector in found}


def payout(rail, kind=PayoutKind.TRANSFER, **changes):
    values = {
        "kind": kind,
        "reference": REFERENCE,
        "payout_id": "po_01JDAB7Q",
        "msisdn": NUMBERS[rail],
        "amount_minor": 3000,
        "currency": "ZMW",
        "remarks": "Refund KNY-0417-1",
    }
    return Payout(**values | changes)


def push(rail, **changes):
    values = {
        "reference": ORIGINAL,
        "external_id": "p1",
        "msisdn": NUMBERS[rail],
        "amount_minor": 3000,
        "currency": "ZMW",
        "tap_id": "KNY-0417-1",
        "period": "2026-11",
        "callback_url": "",
    }
    return Push(**values | changes)


def build(rail, base_url, http, **changes):
    """A client with made-up keys, or those of `changes`."""
    outside = {"account_id": f"{rail}:default", "http": http, "clock": SystemClock(), "store": MemoryTokens()}
    url = f"{base_url}/{rail}"
    if rail == "mtn":
        keys = {"subscription_key": "s", "api_user": "u", "api_key": "k", "target_environment": "mtnzambia"}
        own = {name: SECRETS[name] for name in ("disbursement_key", "disbursement_api_key")}
        settings = keys | own | {"disbursement_user": "du"} | changes
        return Mtn(MtnSettings(base_url=url, **settings), **outside)
    if rail == "airtel":
        keys = {"client_id": "id", "client_secret": "cs", "pin": SECRETS["pin"]}
        settings = keys | {"public_key": airtel_keys.public_der()} | changes
        return Airtel(AirtelSettings(base_url=url, **settings), **outside)
    keys = {"third_party_id": "Caller", "shortcode": "000127", "answer_within_s": 0.8}
    own = {name: SECRETS[name] for name in ("password", "identifier", "credential")}
    return Zamtel(ZamtelSettings(base_url=url, **keys | own | changes), http=http)


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=0.4, total_s=0.8)) as session:
        yield session


class Stub:
    """Hands out tokens, answers the rest with one reply, keeps what was asked."""

    def __init__(self):
        self.asked = []
        self.reply = {"status": 200, "body": b"{}"}

    async def take(self, request):
        body = await request.read()
        if request.path.endswith("/token/") or request.path.endswith("/oauth2/token"):
            return web.json_response({"access_token": "t" + request.path.split("/")[2], "expires_in": 180})
        self.asked.append((request, body))
        return web.Response(**self.reply)

    def answers(self, vector):
        reply = vector["reply"]
        text = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
        self.reply = {"status": reply["status"], "headers": reply.get("headers"), "body": text.encode()}


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.take)
    async with TestServer(app) as server:
        stub.url = str(server.make_url("")).rstrip("/")
        yield stub


@pytest.mark.parametrize("kind", [PayoutKind.TRANSFER, PayoutKind.REFUND])
async def test_mtn_sends_the_order_of_the_reference(stub, http, kind):
    vector = vectors("mtn")[f"{kind}_accepted"]
    stub.answers(vector)
    order = payout(
        "mtn",
        kind,
        result_url="https://pay.example.org/cb/k3yPathToken",
        original_reference=ORIGINAL,
        original_amount_minor=3000,
    )
    reply = await build("mtn", stub.url, http).pay_out(order)
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, REFERENCE)
    ((request, body),) = stub.asked
    assert (request.method, request.path) == ("POST", "/mtn" + vector["request"]["path"])
    words = {"access_token": "tdisbursement", "disbursement_key": SECRETS["disbursement_key"]}
    for name, value in vector["request"]["headers"].items():
        assert request.headers[name] == value.format(**words), name
    assert json.loads(body) == vector["request"]["body"]


async def test_mtn_asks_where_the_order_went(stub, http):
    mtn = build("mtn", stub.url, http)
    for kind in (PayoutKind.TRANSFER, PayoutKind.REFUND):
        vector = vectors("mtn")[f"{kind}_successful"]
        stub.answers(vector)
        report = await mtn.query_payout(payout("mtn", kind), None)
        assert (report.outcome, report.receipt) == (Outcome.PAID, vector["meaning"]["receipt"])
        assert (report.reference, report.provider_reference) == (REFERENCE, REFERENCE)
        assert stub.asked[-1][0].path == "/mtn" + vector["request"]["path"]


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_airtels_order_is_signed_as_a_push_is(http, version):
    async with serving(http, airtel={"signing": True}) as world:
        airtel = world.client("airtel", version=version, signing=True)
        assert (await airtel.pay_out(payout("airtel"))).taken is Taken.ACCEPTED
        unsigned = world.client("airtel", version=version, signing=False)
        reply = await unsigned.pay_out(payout("airtel", reference=ORIGINAL))
        assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.REFUSED, "DP00800001026", True)


async def test_zamtel_sends_the_order_of_the_reference(stub, http):
    vector = vectors("zamtel")["success"]
    stub.answers(vector)
    reply = await build("zamtel", stub.url, http).pay_out(payout("zamtel", payout_id="po01JDAB7Q"))
    assert (reply.taken, reply.word.receipt) == (Taken.ACCEPTED, "CK1234567890")
    ((request, _),) = stub.asked
    words = SECRETS | {"third_party_id": "Caller", "shortcode": "000127"}
    assert (request.method, request.path) == ("GET", "/zamtel/B2CReq")
    wanted = vector["request"]["query"].items()
    assert dict(request.query) == {name: value.format(**words) for name, value in wanted}
    assert f"credential={quote_plus(SECRETS['credential'])}&" in request.raw_path
    assert request.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("rail", RAILS)
async def test_a_redirect_is_not_followed(stub, http, rail):
    stub.reply = {"status": 302, "headers": {"Location": stub.url + "/elsewhere"}}
    assert (await build(rail, stub.url, http).pay_out(payout(rail))).taken is Taken.UNKNOWN
    assert len(stub.asked) == 1


# With the simulators


class World:
    """Running simulators, clients with their keys, and where callbacks go."""

    def __init__(self, config, running, network, http):
        self.config, self.running, self.network, self._http = config, running, network, http

    def client(self, rail, **changes):
        own = getattr(self.config, rail)
        names = {
            "mtn": (
                "subscription_key", "api_user", "api_key", "disbursement_key", "disbursement_user",
                "disbursement_api_key", "target_environment",
            ),
            "airtel": ("client_id", "client_secret", "pin"),
            "zamtel": ("third_party_id", "password", "shortcode", "identifier", "credential"),
        }[rail]  # fmt: skip
        keys = {name: getattr(own, name) for name in names}
        return build(rail, self.running.url, self._http, **keys | changes)

    def out(self):
        return self.network.book.report()["paid_out"]


class serving:  # noqa: N801 - reads as what it does
    """Simulators for the time of a block."""

    def __init__(self, http, answer=Answer.APPROVE, code=None, faults=None, **rails):
        own = {
            "mtn": {"disbursement_key": SECRETS["disbursement_key"]},
            "airtel": {"pin": SECRETS["pin"]},
            "zamtel": {name: SECRETS[name] for name in ("password", "identifier", "credential")},
        }
        kinds = {"mtn": sim.Mtn, "airtel": sim.Airtel, "zamtel": sim.Zamtel}
        self._http = http
        self._config = sim.Config(
            latency=AT_ONCE,
            person=Person(answer, after_s=0.0, code=code),
            number_rules={},
            faults=faults or Faults(),
            **{rail: kinds[rail](**own[rail] | rails.get(rail, {})) for rail in RAILS},
        )

    async def __aenter__(self):
        app = create(self._config)
        self._running = await start(app)
        return World(self._config, self._running, app[NETWORK], self._http)

    async def __aexit__(self, *_):
        await self._running.close()


async def ended(client, order, reply):
    """What becomes of money out in the end, as one who pays out finds out."""
    if reply.word is not None:
        return reply.word
    report = await client.query_payout(order, reply.provider_reference)
    async with asyncio.timeout(5):
        while report.outcome is Outcome.WAITING:
            await asyncio.sleep(0.01)
            report = await client.query_payout(order, reply.provider_reference)
    return report


@pytest.mark.parametrize("rail", RAILS)
async def test_money_goes_out_once_and_the_book_agrees(http, rail):
    async with serving(http) as world:
        client, order = world.client(rail), payout(rail)
        assert isinstance(client, PaysOut)
        reply = await client.pay_out(order)
        assert reply.taken is Taken.ACCEPTED
        report = await ended(client, order, reply)
        (row,) = world.out()
        assert (report.outcome, report.receipt) == (Outcome.PAID, row["receipt"])
        assert (row["kind"], row["msisdn"], row["amount"]) == (
            "transfer", NUMBERS[rail], "30.00" if rail == "mtn" else "30",
        )  # fmt: skip


@pytest.mark.parametrize("rail", ["mtn", "airtel"])
async def test_the_same_transfer_again_goes_out_once(http, rail):
    async with serving(http) as world:
        client, order = world.client(rail), payout(rail)
        replies = [await client.pay_out(order) for _ in range(3)]
        assert [reply.taken for reply in replies] == [Taken.ACCEPTED] * 3
        assert (await ended(client, order, replies[-1])).outcome is Outcome.PAID
        assert len(world.out()) == 1


async def paid(world, rail):
    """A payment that can be given back, and its receipt."""
    client = world.client(rail)
    reply = await client.push(push(rail))
    assert reply.taken is Taken.ACCEPTED
    async with asyncio.timeout(5):
        while (report := await client.query(ORIGINAL, reply.provider_reference)).outcome is Outcome.WAITING:  # noqa: ASYNC110 - the simulator has no event to wait for
            await asyncio.sleep(0.01)
    return client, report.receipt


@pytest.mark.parametrize("rail", ["mtn", "airtel"])
async def test_a_payment_is_given_back(http, rail):
    async with serving(http) as world:
        client, receipt = await paid(world, rail)
        order = payout(
            rail, PayoutKind.REFUND, original_reference=ORIGINAL, original_receipt=receipt,
            original_amount_minor=3000,
        )  # fmt: skip
        reply = await client.pay_out(order)
        report = await ended(client, order, reply)
        (row,) = world.out()
        assert (report.outcome, report.receipt) == (Outcome.PAID, row["receipt"])
        assert row["original"] == (ORIGINAL if rail == "mtn" else ORIGINAL.replace("-", ""))
        totals = world.network.book.report()["totals"][rail]["ZMW"]
        assert totals["in"] == totals["out"]


@pytest.mark.parametrize("rail", RAILS)
async def test_who_has_no_wallet_is_not_paid(http, rail):
    async with serving(http, Answer.NO_WALLET) as world:
        client, order = world.client(rail), payout(rail)
        reply = await client.pay_out(order)
        if reply.taken is Taken.ACCEPTED:
            assert (await ended(client, order, reply)).outcome is Outcome.NOT_PAID
        else:
            assert reply.taken is (Taken.UNKNOWN if rail == "zamtel" else Taken.REFUSED)
        assert world.out() == []


async def test_what_was_never_sent_is_not_found(http):
    async with serving(http) as world:
        for rail in ("mtn", "airtel"):
            report = await world.client(rail).query_payout(payout(rail), None)
            assert report.outcome is Outcome.NOT_FOUND


# fault: what may be said of it at MTN and Airtel, at Zamtel, and whether the money went out
FAULTS = [
    ("error_before", Taken.UNKNOWN, Taken.UNKNOWN, 0),
    ("error_after", Taken.UNKNOWN, Taken.UNKNOWN, 1),
    ("too_many", Taken.NOT_REACHED, Taken.UNKNOWN, 0),
    ("html", Taken.UNKNOWN, Taken.UNKNOWN, 0),
    ("html_after", Taken.UNKNOWN, Taken.UNKNOWN, 1),
    ("close", Taken.UNKNOWN, Taken.UNKNOWN, 1),
    ("close_before", Taken.UNKNOWN, Taken.UNKNOWN, 0),
    ("slow_drip", Taken.UNKNOWN, Taken.UNKNOWN, 1),
    ("token_refused", Taken.NOT_REACHED, Taken.REFUSED, 0),
]


@pytest.mark.parametrize(("fault", "taken", "at_zamtel", "went_out"), FAULTS)
@pytest.mark.parametrize("rail", RAILS)
async def test_a_payout_into_a_fault_is_sent_once(http, rail, fault, taken, at_zamtel, went_out):
    async with serving(http, faults=Faults(rates={f"payout.{fault}": 1.0}, drip_s=5.0)) as world:
        reply = await world.client(rail).pay_out(payout(rail))
        assert (reply.taken, reply.word) == (at_zamtel if rail == "zamtel" else taken, None)
        async with asyncio.timeout(5):
            while world.network.book.report()["open"]:  # noqa: ASYNC110 - the simulator has no event to wait for
                await asyncio.sleep(0.01)
        assert len(world.out()) == went_out


@pytest.mark.parametrize(("fault", "taken", "_", "went_out"), FAULTS)
async def test_a_refund_at_airtel_into_a_fault_is_sent_once(http, fault, taken, _, went_out):
    async with serving(http) as world:
        client, receipt = await paid(world, "airtel")
        world.network.faults.settings = Faults(rates={f"payout.{fault}": 1.0}, drip_s=5.0)
        order = payout("airtel", PayoutKind.REFUND, original_receipt=receipt, original_amount_minor=3000)
        reply = await client.pay_out(order)
        assert (reply.taken, reply.word) == (taken, None)
        assert (await client.query_payout(order, None)).outcome is Outcome.UNKNOWN
        assert len(world.out()) == went_out


LOST = ["error_after", "html_after", "close", "slow_drip"]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("rail", ["mtn", "airtel"])
async def test_a_lost_reply_is_found_out_by_asking(http, rail, fault):
    async with serving(http, faults=Faults(rates={f"payout.{fault}": 1.0}, drip_s=5.0)) as world:
        client, order = world.client(rail), payout(rail)
        reply = await client.pay_out(order)
        assert reply.taken is Taken.UNKNOWN
        assert (await ended(client, order, reply)).outcome is Outcome.PAID
        assert len(world.out()) == 1


@pytest.mark.parametrize("fault", [fault for fault, *_ in FAULTS])
@pytest.mark.parametrize("rail", ["mtn", "airtel"])
async def test_a_question_into_a_fault_settles_nothing(http, rail, fault):
    async with serving(http, faults=Faults(rates={f"lookup.{fault}": 1.0}, drip_s=5.0)) as world:
        client, order = world.client(rail), payout(rail)
        reply = await client.pay_out(order)
        report = await client.query_payout(order, reply.provider_reference)
        assert report.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("rail", ["mtn", "airtel"])
async def test_without_a_token_nothing_goes_out(http, rail):
    async with serving(http, faults=Faults(rates={"token.error_before": 1.0})) as world:
        client = world.client(rail)
        assert (await client.pay_out(payout(rail))).taken is Taken.NOT_REACHED
        assert (await client.query_payout(payout(rail), None)).outcome is Outcome.UNKNOWN
        assert world.out() == []


WRONG = {
    "mtn": {"disbursement_key": "collection-key"},
    "airtel": {"pin": "1111"},
    "zamtel": {"credential": "another"},
}


@pytest.mark.parametrize("rail", RAILS)
async def test_wrong_keys_are_ours_to_put_right(http, rail):
    async with serving(http) as world:
        reply = await world.client(rail, **WRONG[rail]).pay_out(payout(rail))
        assert reply.taken in (Taken.REFUSED, Taken.NOT_REACHED)
        assert reply.is_config_fault
        assert world.out() == []


async def test_mtns_notice_of_money_out_names_the_payout(http):
    told = asyncio.Queue()

    async def take(request):
        await told.put(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with TestServer(app) as inbox, serving(http) as world:
        mtn, order = world.client("mtn"), payout("mtn", result_url=str(inbox.make_url("/cb/tok")))
        await mtn.pay_out(order)
        body = await asyncio.wait_for(told.get(), 5)
        report = mtn.read_payout_notice("callback", body)
        assert (report.outcome, report.reference, report.amount_minor) == (Outcome.PAID, REFERENCE, 3000)


@pytest.mark.parametrize("fault", [None, "close", "html", "slow_drip", "token_refused", "error_after"])
@pytest.mark.parametrize("rail", RAILS)
async def test_no_log_and_no_book_holds_a_secret(http, rail, fault, caplog):
    rates = {f"payout.{fault}": 1.0} if fault else {}
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as told:
        async with serving(http, faults=Faults(rates=rates, drip_s=5.0)) as world:
            client = world.client(rail)
            reply = await client.pay_out(payout(rail))
            await client.query_payout(payout(rail), reply.provider_reference)
            await world.client(rail, **WRONG[rail]).pay_out(replace(payout(rail), reference=ORIGINAL))
            text = json.dumps(told, default=repr) + caplog.text + json.dumps(world.network.book.report())
    assert "provider_call" in text
    assert NUMBERS[rail] not in json.dumps(told, default=repr) + caplog.text
    for secret in SECRETS.values():
        for form in (secret, quote(secret), quote_plus(secret), base64.b64encode(secret.encode()).decode()):
            assert form not in text
