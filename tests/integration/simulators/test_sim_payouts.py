"""Money out in the simulators of MTN, Airtel and Zamtel: what the wire vectors say, and their books."""

import asyncio
import base64
import json
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import padding

from simulators.providers import airtel_keys
from simulators.providers.config import Airtel, Mtn, Zamtel
from simulators.providers.mtn_checks import basic

ORIGINAL = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
MADE_UP = {"access_token", "financialTransactionId", "airtel_money_id", "TransactionId", "message"}
MTN_PAYEE, AIRTEL_PAYEE, ZAMTEL_PAYEE = "+260961234567", "+260971234567", "+260955123456"


def same(told, wanted, key=""):
    """The same members and JSON types; the same values where the provider does not make them up."""
    assert type(told) is type(wanted), (key, told, wanted)
    if isinstance(wanted, dict):
        assert set(told) == set(wanted)
        for name, value in wanted.items():
            same(told[name], value, name)
    elif key not in MADE_UP:
        assert told == wanted, key


def encrypted(pin):
    key = airtel_keys.private_key().public_key()
    return base64.b64encode(key.encrypt(pin.encode(), padding.PKCS1v15())).decode()


class Payer:
    """Speaks to the simulators as one who pays out."""

    def __init__(self, speaker):
        self.speaker = speaker
        mtn, airtel, zamtel = speaker.config.mtn, speaker.config.airtel, speaker.config.zamtel
        self.words = {
            "disbursement_basic": basic(mtn.disbursement_user, mtn.disbursement_api_key).removeprefix(
                "Basic "
            ),
            "disbursement_key": mtn.disbursement_key,
            "client_id": airtel.client_id,
            "client_secret": airtel.client_secret,
            "pin": encrypted(airtel.pin),
            "third_party_id": zamtel.third_party_id,
            "password": zamtel.password,
            "shortcode": zamtel.shortcode,
            "identifier": zamtel.identifier,
            "credential": zamtel.credential,
        }

    async def ask(self, provider, request):
        text = json.dumps(request)
        for name, value in self.words.items():
            text = text.replace("{" + name + "}", value)
        filled = json.loads(text)
        data = json.dumps(filled["body"]) if "body" in filled else filled.get("body_text")
        url = f"{self.speaker.url}/{provider}{filled['path']}"
        if "query" in filled:
            url += "?" + urlencode(filled["query"])
        reply = await self.speaker.http.request(
            filled["method"], url, headers=filled.get("headers"), data=data
        )
        await reply.read()
        return reply

    async def check(self, provider, vector):
        reply = await self.ask(provider, vector["request"])
        assert reply.status == vector["reply"]["status"]
        if "body" in vector["reply"]:
            same(await reply.json(), vector["reply"]["body"])
        elif "body_text" in vector["reply"]:
            assert await reply.text() == vector["reply"]["body_text"]

    async def login(self, provider, request):
        self.words["access_token"] = (await (await self.ask(provider, request)).json())["access_token"]

    async def book(self, provider):
        return await self.speaker.sim("GET", f"/{provider}/_sim/book")

    async def tell(self, msisdn, **how):
        await self.speaker.sim("POST", "/_sim/people", {"msisdn": msisdn, **how})


async def run(payer, provider, vector):
    """Ask what is answered when it is done: the clock goes on meanwhile."""
    asked = asyncio.create_task(payer.check(provider, vector))
    for _ in range(400):
        if asked.done():
            break
        await payer.speaker.config.timing.advance(0.5)
        await asyncio.sleep(0.005)
    await asked


@pytest.fixture
def begin(speak):
    async def start(**settings):
        return Payer(await speak(**settings))

    return start


@pytest.fixture
def mtn(begin, vectors, clock):
    """A payer at MTN, with a token, and one payment that can be given back."""

    async def start(*, paid=True, **settings):
        payer = await begin(**settings)
        if paid:
            await payer.speaker.mtn_push()
            await clock.advance(3)
        await payer.login("mtn", vectors("mtn_out")["token"]["request"])
        return payer

    return start


MTN_ON_THE_SPOT = [
    "token",
    "transfer_accepted",
    "refund_accepted",
    "transfer_apostrophe_refused",
    "http_404_RESOURCE_NOT_FOUND",
    "http_500_NOT_ALLOWED_TARGET_ENVIRONMENT",
    "http_500_INVALID_CURRENCY",
    "http_401_invalid_subscription_key",
    "http_401_token_refused",
]


@pytest.mark.parametrize("name", MTN_ON_THE_SPOT)
async def test_mtn_answers_as_its_vector(mtn, vectors, name):
    await (await mtn()).check("mtn", vectors("mtn_out")[name])


async def test_mtn_knows_a_callback_host_and_a_reference(mtn, vectors):
    payer = await mtn(mtn=Mtn(callback_host="pay.example.org"))
    told = vectors("mtn_out")
    await payer.check("mtn", told["http_500_INVALID_CALLBACK_URL_HOST"])
    await payer.check("mtn", told["transfer_accepted"])
    known = told["http_409_RESOURCE_ALREADY_EXIST"]
    request = known["request"] | {"headers": told["transfer_accepted"]["request"]["headers"]}
    await payer.check("mtn", known | {"request": request})


@pytest.mark.parametrize("kind", ["transfer", "refund"])
async def test_mtns_status_and_callback_of_money_out(mtn, vectors, clock, gateway, until, kind):
    payer, told = await mtn(), vectors("mtn_out")
    await until(lambda: len(gateway.got) == 1)
    order = told[f"{kind}_accepted"]["request"]
    headers = order["headers"] | {"X-Callback-Url": gateway.url + "/cb/tok?k=2"}
    assert (await payer.ask("mtn", order | {"headers": headers})).status == 202
    await payer.check("mtn", told[f"{kind}_pending"])
    await clock.advance(2)
    await payer.check("mtn", told[f"{kind}_successful"])
    await until(lambda: len(gateway.got) == 2)
    method, path, text = gateway.got[1]
    assert (method, path) == ("PUT", "/cb/tok?k=2")
    same(json.loads(text), told[f"{kind}_callback_successful"]["request"]["body"])


async def test_mtns_every_reason_reaches_the_status(mtn, vectors, clock):
    payer, told = await mtn(paid=False), vectors("mtn_out")
    reasons = [vector for name, vector in told.items() if name.startswith("reason_")]
    assert len(reasons) == 14
    for number, vector in enumerate(reasons):
        await payer.tell(MTN_PAYEE, answer="refused", code=vector["meaning"]["reason"])
        reference = f"7c9e6679-7425-40de-944b-e07fc1f90a{number:02x}"
        order = json.loads(
            json.dumps(told["transfer_accepted"]["request"]).replace(
                "7c9e6679-7425-40de-944b-e07fc1f90ae7", reference
            )
        )
        assert (await payer.ask("mtn", order)).status == 202
        await clock.advance(1)
        read = vector["request"] | {"path": f"/disbursement/v1_0/transfer/{reference}"}
        body = vector["reply"]["body"] | {"externalId": reference}
        await payer.check("mtn", vector | {"request": read, "reply": vector["reply"] | {"body": body}})
    assert (await payer.book("mtn"))["paid_out"] == []


async def test_at_mtn_who_has_no_wallet_is_not_paid(mtn, vectors, clock):
    payer, told = await mtn(paid=False), vectors("mtn_out")
    await payer.tell(MTN_PAYEE, answer="no_wallet")
    await payer.check("mtn", told["transfer_accepted"])
    await clock.advance(1)
    await payer.check("mtn", told["transfer_failed"])


@pytest.mark.parametrize(
    ("changes", "paid"), [({}, False), ({"amount": "30.01"}, True), ({"referenceIdToRefund": "x"}, True)]
)
async def test_mtn_gives_back_no_more_than_was_paid(mtn, vectors, clock, changes, paid):
    payer, told = await mtn(paid=paid), vectors("mtn_out")
    order = told["refund_accepted"]["request"]
    assert (await payer.ask("mtn", order | {"body": order["body"] | changes})).status == 202
    await clock.advance(1)
    reply = await (await payer.ask("mtn", told["refund_failed"]["request"])).json()
    assert (reply["status"], reply["reason"]) == ("FAILED", "COULD_NOT_PERFORM_TRANSACTION")
    assert (await payer.book("mtn"))["paid_out"] == []


@pytest.mark.parametrize("party", ["payer", "payee"])
async def test_mtns_refund_names_nobody(mtn, vectors, party):
    payer, order = await mtn(), vectors("mtn_out")["refund_accepted"]["request"]
    body = order["body"] | {party: {"partyIdType": "MSISDN", "partyId": "260961234567"}}
    assert (await payer.ask("mtn", order | {"body": body})).status == 400


async def test_mtns_products_do_not_share_keys_or_names(mtn, vectors, clock):
    payer, told = await mtn(), vectors("mtn_out")
    await payer.check("mtn", told["transfer_accepted"])
    read = told["transfer_pending"]["request"]
    payout = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    assert (await payer.speaker.mtn_status(payout))["code"] == "RESOURCE_NOT_FOUND"
    for path in (f"/disbursement/v1_0/refund/{payout}", f"/disbursement/v1_0/transfer/{ORIGINAL}"):
        assert (await payer.ask("mtn", read | {"path": path})).status == 404
    payer.words["disbursement_key"] = payer.speaker.config.mtn.subscription_key
    assert (await payer.ask("mtn", read)).status == 401


async def test_the_book_tells_what_went_out_and_what_came_in(mtn, vectors, clock):
    payer, told = await mtn(), vectors("mtn_out")
    await payer.ask("mtn", told["refund_accepted"]["request"])
    await clock.advance(1)
    book = await payer.book("mtn")
    (out,) = book["paid_out"]
    assert (out["kind"], out["original"], out["status"]) == ("refund", ORIGINAL, "paid_out")
    assert (out["msisdn"], out["amount"], out["faults"]) == (MTN_PAYEE, "30.00", [])
    assert len(book["debited"]) == 1
    assert book["totals"] == {"mtn": {"ZMW": {"in": "30.00", "out": "30.00"}}}


async def test_money_out_outlives_a_killed_process(mtn, vectors, clock, tmp_path):
    journal = tmp_path / "book.jsonl"
    first, told = await mtn(journal=journal), vectors("mtn_out")
    await first.ask("mtn", told["transfer_accepted"]["request"])
    await clock.advance(1)
    before = await first.book("mtn")
    second = await mtn(journal=journal, paid=False)
    assert await second.book("mtn") == before
    await second.check("mtn", told["transfer_successful"])


@pytest.mark.parametrize(("fault", "copies"), [("dropped", 0), ("twice", 2), ("ten_times", 10)])
async def test_notices_of_money_out_are_lost_and_doubled(mtn, vectors, clock, gateway, until, fault, copies):
    payer = await mtn(paid=False)
    step = {"provider": "mtn", "operation": "callback", "fault": fault, "msisdn": MTN_PAYEE}
    await payer.speaker.sim("POST", "/_sim/faults/script", [step])
    order = vectors("mtn_out")["transfer_accepted"]["request"]
    headers = order["headers"] | {"X-Callback-Url": gateway.url + "/cb/tok"}
    await payer.ask("mtn", order | {"headers": headers})
    await clock.advance(2)
    await until(lambda: len(gateway.got) == copies)
    (out,) = (await payer.book("mtn"))["paid_out"]
    assert out["faults"] == [f"callback.{fault}"]


@pytest.fixture
def airtel(begin, vectors, clock):
    """A payer at Airtel, with a token, and the receipt of a payment that can be given back."""

    async def start(*, paid=True, **settings):
        payer = await begin(airtel=Airtel(**settings))
        await payer.login("airtel", vectors("airtel")["token"]["request"])
        if paid:
            await payer.ask("airtel", vectors("airtel")["push_accepted"]["request"])
            await clock.advance(3)
            (debit,) = (await payer.book("airtel"))["debited"]
            payer.receipt = debit["receipt"]
        return payer

    return start


def refund_of(vectors, receipt):
    vector = vectors("airtel_out")["refund_done"]
    body = {"transaction": {"airtel_money_id": receipt}}
    return vector | {"request": vector["request"] | {"body": body}}


async def test_airtel_refunds_a_payment_and_again_who_asks_again(airtel, vectors):
    payer = await airtel()
    for _ in range(2):
        await run(payer, "airtel", refund_of(vectors, payer.receipt))
    book = await payer.book("airtel")
    assert [out["kind"] for out in book["paid_out"]] == ["refund", "refund"]
    assert {out["original"] for out in book["paid_out"]} == {"pay01JDAB7Q"}
    assert book["totals"] == {"airtel": {"ZMW": {"in": "30", "out": "60"}}}


async def test_airtel_refunds_nothing_that_was_not_paid(airtel, vectors):
    payer = await airtel(paid=False)
    await payer.check("airtel", vectors("airtel_out")["refund_no_such_payment"])
    assert (await payer.book("airtel"))["paid_out"] == []


@pytest.mark.parametrize(
    "body", [{}, {"transaction": {}}, {"transaction": {"airtel_money_id": "x", "amount": 10}}]
)
async def test_airtel_refunds_the_whole_or_nothing(airtel, vectors, body):
    payer, order = await airtel(), vectors("airtel_out")["refund_done"]["request"]
    told = await (await payer.ask("airtel", order | {"body": body})).json()
    assert (told["status"]["result_code"], told["status"]["success"]) == ("ESB000008", False)


@pytest.mark.parametrize("name", ["transfer_in_process", "transfer_ngwee", "enquiry_DP00900001015"])
async def test_airtel_answers_as_its_vector(airtel, vectors, name):
    await (await airtel(paid=False)).check("airtel", vectors("airtel_out")[name])


async def test_airtels_enquiry_follows_a_disbursement(airtel, vectors, clock):
    payer, told = await airtel(paid=False), vectors("airtel_out")
    await payer.check("airtel", told["transfer_in_process"])
    await payer.check("airtel", told["enquiry_TIP"])
    await clock.advance(1)
    await payer.check("airtel", told["enquiry_TS"])
    await payer.check("airtel", told["DP00900001017"])
    (out,) = (await payer.book("airtel"))["paid_out"]
    assert (out["kind"], out["msisdn"], out["amount"]) == ("transfer", AIRTEL_PAYEE, "30")


FAMILY = ("1000", "1003", "1004", "1005", "1007", "1009", "1010", "1011", "1012", "1013", "1014", "1016")


@pytest.mark.parametrize("number", FAMILY)
async def test_airtel_refuses_with_each_code(airtel, vectors, number):
    payer, code = await airtel(paid=False), f"DP0090000{number}"
    await payer.tell(AIRTEL_PAYEE, answer="refused", code=code)
    await payer.check("airtel", vectors("airtel_out")[code])
    assert (await payer.book("airtel"))["paid_out"] == []


async def test_at_airtel_who_has_no_wallet_is_a_bad_number(airtel, vectors):
    payer = await airtel(paid=False)
    await payer.tell(AIRTEL_PAYEE, answer="no_wallet")
    await payer.check("airtel", vectors("airtel_out")["DP00900001012"])


@pytest.mark.parametrize(("code", "name"), [("TA", "enquiry_TA"), (None, "enquiry_TF")])
async def test_airtel_may_not_know_or_fail_later(airtel, vectors, clock, code, name):
    payer, told = await airtel(paid=False), vectors("airtel_out")
    await payer.tell(AIRTEL_PAYEE, answer="refused", code=code)
    await payer.check("airtel", told["transfer_in_process"])
    await clock.advance(1)
    await payer.check("airtel", told[name])


async def test_airtel_wants_the_wallets_pin(airtel, vectors):
    payer = await airtel(paid=False)
    for pin in (encrypted("1111"), "2468", ""):
        payer.words["pin"] = pin
        await payer.check("airtel", vectors("airtel_out")["ROUTER114"])


async def test_airtels_v2_wants_a_signature(airtel, vectors):
    payer, order = await airtel(paid=False), vectors("airtel_out")["transfer_v2"]["request"]
    reply = await payer.ask("airtel", order)
    assert (reply.status, (await reply.json())["status"]["response_code"]) == (403, "DP00800001026")


async def test_zamtel_pays_out_and_again_who_asks_again(begin, vectors):
    payer, vector = await begin(), vectors("zamtel_out")["success"]
    for _ in range(2):
        await run(payer, "zamtel", vector)
    book = await payer.book("zamtel")
    assert [(out["kind"], out["msisdn"], out["amount"]) for out in book["paid_out"]] == [
        ("transfer", ZAMTEL_PAYEE, "30")
    ] * 2
    assert book["totals"] == {"zamtel": {"ZMW": {"in": "0", "out": "60"}}}


STATUSES = ["wrong_pin", "no_balance", "unable", "internal_error", "initiator_authentication", "rule_limited"]


@pytest.mark.parametrize("name", STATUSES)
async def test_zamtel_answers_with_each_status(begin, vectors, name):
    payer, vector = await begin(), vectors("zamtel_out")[name]
    await payer.tell(ZAMTEL_PAYEE, answer="refused", code=vector["meaning"]["status"])
    await run(payer, "zamtel", vector)
    assert (await payer.book("zamtel"))["paid_out"] == []


@pytest.mark.parametrize("name", ["identifier", "credential", "password"])
async def test_zamtel_wants_the_initiators_keys(begin, vectors, name):
    payer = await begin(zamtel=Zamtel(payee="x"))
    payer.words[name] = "another"
    await payer.check("zamtel", vectors("zamtel_out")["initiator_authentication"])
    assert (await payer.book("zamtel"))["paid_out"] == []
