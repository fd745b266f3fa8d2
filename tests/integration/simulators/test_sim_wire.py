"""The provider simulators say what the wire vectors say."""

import json
import re

import pytest
from aiohttp.test_utils import TestClient, TestServer

from simulators.providers.app import create
from simulators.providers.config import Config, Daraja, Mtn
from simulators.providers.mtn_checks import basic

MADE_UP = {
    "access_token",
    "financialTransactionId",
    "requestId",
    "MerchantRequestID",
    "CheckoutRequestID",
    "TransactionDate",
    "MpesaReceiptNumber",
    "message",
    "errorMessage",
}


def same(told, wanted, key=""):
    """The same members and JSON types; the same values where the provider does not make them up."""
    assert type(told) is type(wanted), (key, told, wanted)
    if isinstance(wanted, dict):
        assert set(told) == set(wanted)
        for name, value in wanted.items():
            same(told[name], value, name)
    elif key not in MADE_UP:
        assert told == wanted, key


async def check(reply, vector):
    wanted = vector["reply"]
    assert reply.status == wanted["status"]
    if "body" in wanted:
        assert reply.content_type == wanted.get("headers", {}).get("Content-Type")
        same(await reply.json(), wanted["body"])
    elif "body_text" in wanted:
        assert await reply.text() == wanted["body_text"]


MTN_ON_THE_SPOT = [
    ("mtn", "token"),
    ("mtn", "token_json_body_refused"),
    ("mtn", "push_without_callback_url"),
    ("mtn", "push_apostrophe_refused"),
    ("mtn", "balance"),
    ("mtn", "wallet_active"),
    ("mtn_codes", "http_404_RESOURCE_NOT_FOUND"),
    ("mtn_codes", "http_500_NOT_ALLOWED_TARGET_ENVIRONMENT"),
    ("mtn_codes", "http_500_INVALID_CURRENCY"),
    ("mtn_codes", "http_401_invalid_subscription_key"),
    ("mtn_codes", "http_401_token_refused"),
]
DARAJA_ON_THE_SPOT = [
    "token_expires_in_text",
    "token_wrong_auth_type",
    "token_wrong_grant_type",
    "push_accepted",
    "push_invalid_shortcode",
    "push_not_json",
    "push_invalid_amount",
    "push_invalid_phone_number",
    "push_account_reference_too_long",
    "push_transaction_desc_too_long",
    "push_callback_url_banned_word",
    "push_wrong_password",
    "push_invalid_token",
    "query_unknown_id",
]


@pytest.mark.parametrize(("file", "name"), MTN_ON_THE_SPOT)
async def test_mtn_answers_as_its_vector(speak, vectors, file, name):
    vector = vectors(file)[name]
    await check(await (await speak()).ask("mtn", vector["request"]), vector)


@pytest.mark.parametrize("name", DARAJA_ON_THE_SPOT)
async def test_daraja_answers_as_its_vector(speak, vectors, name):
    vector = vectors("daraja")[name]
    await check(await (await speak()).ask("daraja", vector["request"]), vector)


async def test_mtn_checks_the_callback_host_that_was_registered(speak, vectors):
    speaker = await speak(mtn=Mtn(callback_host="pay.example.org"))
    accepted = vectors("mtn")["push_accepted"]
    refused = vectors("mtn_codes")["http_500_INVALID_CALLBACK_URL_HOST"]
    await check(await speaker.ask("mtn", refused["request"]), refused)
    await check(await speaker.ask("mtn", accepted["request"]), accepted)


async def test_mtn_answers_409_to_a_reference_it_knows(speak, vectors):
    speaker, vector = await speak(), vectors("mtn_codes")["http_409_RESOURCE_ALREADY_EXIST"]
    assert (await speaker.ask("mtn", vector["request"])).status == 202
    await check(await speaker.ask("mtn", vector["request"]), vector)


@pytest.mark.parametrize("name", ["token_html_403_user_agent", "token_without_target_environment"])
async def test_mtns_new_platform_is_stricter_with_tokens(clock, vectors, name):
    vector = vectors("mtn")[name]
    app = create(Config(timing=clock, mtn=Mtn(new_platform=True)))
    keys = {
        "Ocp-Apim-Subscription-Key": Mtn().subscription_key,
        "Authorization": basic(Mtn().api_user, Mtn().api_key),
    }
    async with TestClient(TestServer(app)) as client:
        headers = vector["request"]["headers"] | keys
        await check(await client.post("/mtn" + vector["request"]["path"], headers=headers), vector)


async def test_mtns_status_and_callback_of_a_payment(speak, vectors, clock, gateway, until):
    speaker, vector = await speak(), vectors("mtn")
    await speaker.mtn_push()
    await check(await speaker.ask("mtn", vector["status_pending"]["request"]), vector["status_pending"])
    await clock.advance(2)
    done = vector["status_successful"]
    await check(await speaker.ask("mtn", done["request"]), done)
    await until(lambda: gateway.got)
    method, path, text = gateway.got[0]
    assert (method, path) == ("PUT", "/cb/tok?k=1")
    same(json.loads(text), vector["callback_successful_put"]["request"]["body"])


async def test_mtns_every_reason_reaches_status_and_callback(speak, vectors, clock, gateway, until):
    speaker = await speak()
    reasons = [v for name, v in vectors("mtn_codes").items() if name.startswith("reason_")]
    assert len(reasons) == 14
    for number, vector in enumerate(reasons):
        reason = vector["meaning"]["reason"]
        told = {"msisdn": "260961234567", "answer": "refused", "code": reason}
        await speaker.sim("POST", "/_sim/people", told)
        reference = f"3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c{number:02x}"
        await speaker.mtn_push(headers={"X-Reference-Id": reference})
        await clock.advance(1)
        same(await speaker.mtn_status(reference), vector["reply"]["body"])
        await until(lambda wanted=number + 1: len(gateway.got) == wanted)
        same(json.loads(gateway.got[-1][2]), vector["reply"]["body"])


@pytest.mark.parametrize("as_object", [False, True])
async def test_mtns_reason_is_a_text_or_an_object(speak, vectors, clock, as_object):
    speaker = await speak(mtn=Mtn(reason_as_object=as_object))
    await speaker.sim("POST", "/_sim/people", {"msisdn": "260961234567", "answer": "cancel"})
    await speaker.mtn_push()
    await clock.advance(2)
    name = "status_failed_reason_object" if as_object else "reason_APPROVAL_REJECTED"
    file = "mtn" if as_object else "mtn_codes"
    same(await speaker.mtn_status(), vectors(file)[name]["reply"]["body"])


def pattern(text):
    """The vector's very characters, with what Daraja makes up left open."""
    quoted = re.escape(text)
    for made_up, shape in (
        (r"29115\-34620561\-1", r"[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-b[0-9a-f]{8}\\d{7}"),
        (
            r"f1e2\-4b95\-a71d\-b30d3cdbb7a7942864",
            r"[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-b[0-9a-f]{8}\\d{7}",
        ),
        (r"ws_CO_21112025093002250708374149", r"ws_CO_\\d{17}708374149"),
        ("TKL31AA5TX", "[0-9A-Z]{10}"),
        ("20251121093011", r"20251121\\d{6}"),
    ):
        quoted = re.sub(re.escape(made_up), shape, quoted)
    return quoted


async def test_darajas_callback_of_a_payment_to_the_character(speak, vectors, clock, gateway, until):
    speaker = await speak()
    await speaker.daraja_push()
    await clock.advance(2)
    method, path, text = (await until(lambda: gateway.got))[0]
    assert (method, path) == ("POST", "/cb/tok?k=1")
    assert re.fullmatch(pattern(vectors("daraja")["callback_success"]["request"]["body_text"]), text), text


RESULTS = ["1", "2", "3", "4", "8", "17", "26", "1001", "1019", "1025", "9999", "1032", "1037", "2001",
           "2028", "SFC_IC0003", "8006"]  # fmt: skip


async def test_darajas_every_result_reaches_callback_and_query(speak, vectors, clock, gateway, until):
    speaker, codes = await speak(), vectors("daraja_codes")
    for number, code in enumerate(RESULTS):
        told = {"msisdn": "254708374149", "answer": "refused", "code": code}
        await speaker.sim("POST", "/_sim/people", told)
        push = await (await speaker.daraja_push()).json()
        await clock.advance(1)
        await until(lambda wanted=number + 1: len(gateway.got) == wanted)
        stk = json.loads(gateway.got[-1][2])["Body"]["stkCallback"]
        wanted = json.loads(codes[f"callback_{code}"]["request"]["body_text"])["Body"]["stkCallback"]
        assert stk["ResultCode"] == wanted["ResultCode"]
        assert set(stk) == set(wanted)
        reply = await speaker.daraja_query(push["CheckoutRequestID"])
        assert reply.status == 200
        body, query = await reply.json(), codes[f"query_{code}"]["reply"]["body"]
        assert (set(body), body["ResultCode"]) == (set(query), query["ResultCode"])


@pytest.mark.parametrize(
    ("setting", "name"),
    [("500.001.1001", "query_still_processing_500"), ("4999", "query_still_processing_4999")],
)
async def test_daraja_says_in_two_ways_that_a_prompt_is_open(speak, vectors, setting, name):
    speaker = await speak(daraja=Daraja(still_processing=setting))
    push = await (await speaker.daraja_push()).json()
    await check(await speaker.daraja_query(push["CheckoutRequestID"]), vectors("daraja")[name])


async def test_daraja_answers_the_query_of_a_payment_without_amount_or_receipt(speak, vectors, clock):
    speaker = await speak()
    push = await (await speaker.daraja_push()).json()
    await clock.advance(2)
    await check(await speaker.daraja_query(push["CheckoutRequestID"]), vectors("daraja")["query_success"])


async def test_daraja_limits_queries_when_set(speak, vectors, clock):
    speaker = await speak(daraja=Daraja(queries_per_minute=5))
    push = await (await speaker.daraja_push()).json()
    first = await speaker.daraja_query(push["CheckoutRequestID"])
    second = await speaker.daraja_query(push["CheckoutRequestID"])
    await clock.advance(12)
    third = await speaker.daraja_query(push["CheckoutRequestID"])
    assert (first.status, third.status) == (500, 200)
    await check(second, vectors("daraja")["query_spike_arrest"])


async def test_a_new_daraja_token_kills_the_one_before(speak, vectors):
    speaker, vector = await speak(), vectors("daraja")["push_invalid_token"]
    old = speaker.tokens["daraja"]
    await speaker.login()
    speaker.tokens["daraja"], new = old, speaker.tokens["daraja"]
    await check(await speaker.daraja_push(), vector)
    speaker.tokens["daraja"] = new
    assert (await speaker.daraja_push()).status == 200


async def test_darajas_tokens_end_after_an_hour_and_mtns_too(speak, clock):
    speaker = await speak()
    await clock.advance(3600)
    assert (await speaker.daraja_push()).status == 404
    assert (await speaker.mtn_push()).status == 401


async def test_darajas_same_amount_rule_is_off_unless_set(speak, clock):
    for rule, wanted in ((False, "0"), (True, "17")):
        speaker = await speak(daraja=Daraja(same_amount_rule=rule))
        await speaker.daraja_push()
        again = await (await speaker.daraja_push()).json()
        await clock.advance(10)
        reply = await (await speaker.daraja_query(again["CheckoutRequestID"])).json()
        assert reply["ResultCode"] == wanted


async def test_darajas_other_party_and_long_prompt_fail_after_acceptance(speak, clock):
    speaker = await speak(daraja=Daraja(payee="X" * 120))
    till = await (await speaker.daraja_push(PartyB="555555")).json()
    long = await (await speaker.daraja_push()).json()
    await clock.advance(1)
    codes = [
        (await (await speaker.daraja_query(p["CheckoutRequestID"])).json())["ResultCode"]
        for p in (till, long)
    ]
    assert codes == ["2028", "1025"]
