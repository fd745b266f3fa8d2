"""Tokens over HTTP: shared, and renewed once when refused."""

import asyncio
import json

import pytest
from aiohttp import web

from core.errors import Refused, Unavailable
from payments.providers.base import Outcome, Taken

CHECKOUT = "ws_CO_21112025093002250708374149"
ACCEPTED = {"status": 202}
PROMPTED = {
    "status": 200,
    "body": json.dumps({"ResponseCode": "0", "CheckoutRequestID": CHECKOUT}).encode(),
}


async def test_fifty_pushes_share_one_token_call(stub, make_mtn, push_zmw):
    stub.replies = [ACCEPTED]
    mtn = make_mtn(stub.url)
    replies = await asyncio.gather(*(mtn.push(push_zmw) for _ in range(50)))
    assert {reply.taken for reply in replies} == {Taken.ACCEPTED}
    assert stub.issued == ["t1"]


@pytest.mark.parametrize("refusal", [401, 404])
async def test_a_token_that_was_killed_is_renewed_once_for_fifty_pushes(stub, make_daraja, push_kes, refusal):
    stub.replies, stub.refusal = [PROMPTED], refusal
    daraja = make_daraja(stub.url)
    await daraja.push(push_kes)
    stub.dead.add("t1")
    replies = await asyncio.gather(*(daraja.push(push_kes) for _ in range(50)))
    assert {reply.taken for reply in replies} == {Taken.ACCEPTED}
    assert stub.issued == ["t1", "t2"]


async def test_mtn_renews_on_401(stub, make_mtn, push_zmw):
    stub.replies, stub.refusal = [ACCEPTED], 401
    stub.dead.add("t1")
    assert (await make_mtn(stub.url).push(push_zmw)).taken is Taken.ACCEPTED


async def test_a_new_token_that_is_refused_too_is_a_config_fault(stub, make_daraja, push_kes):
    stub.dead |= {"t1", "t2"}
    daraja = make_daraja(stub.url)
    reply = await daraja.push(push_kes)
    assert (reply.taken, reply.is_config_fault) == (Taken.NOT_REACHED, True)
    assert stub.issued == ["t1", "t2"]


async def test_wrong_keys_are_a_config_fault_and_nothing_is_sent(stub, make_mtn, push_zmw):
    stub.token_reply = lambda: web.Response(status=401)
    mtn = make_mtn(stub.url)
    reply = await mtn.push(push_zmw)
    assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.NOT_REACHED, "token_refused", True)
    report = await mtn.query(push_zmw.reference, None)
    assert (report.outcome, report.is_config_fault) == (Outcome.UNKNOWN, True)
    assert [request.path for request, _ in stub.requests] == ["/base/collection/token/"]
    with pytest.raises(Refused):
        await mtn.check()


async def test_a_token_server_in_trouble_is_no_config_fault(stub, make_daraja, push_kes):
    stub.token_reply = lambda: web.Response(status=500)
    daraja = make_daraja(stub.url)
    reply = await daraja.push(push_kes)
    assert (reply.taken, reply.is_config_fault) == (Taken.NOT_REACHED, False)
    report = await daraja.query("r", CHECKOUT)
    assert (report.outcome, report.is_config_fault) == (Outcome.UNKNOWN, False)
    with pytest.raises(Unavailable):
        await daraja.check()


async def test_nobody_there_means_not_reached(make_mtn, make_daraja, push_zmw, push_kes):
    nobody = "http://127.0.0.1:1"
    assert (await make_mtn(nobody).push(push_zmw)).taken is Taken.NOT_REACHED
    assert (await make_daraja(nobody).push(push_kes)).taken is Taken.NOT_REACHED


async def test_what_cannot_be_sent_is_not_sent(stub, make_mtn, make_daraja, push_zmw, push_kes):
    assert (await make_mtn(stub.url).push(push_kes)).taken is Taken.REFUSED
    assert (await make_daraja(stub.url).push(push_zmw)).taken is Taken.REFUSED
    assert stub.requests == []


SPIKE = {
    "status": 429,
    "body": json.dumps({"fault": {"faultstring": "Spike arrest violation."}}).encode(),
}


async def test_after_a_spike_arrest_the_account_asks_nothing_for_a_while(stub, make_daraja):
    stub.replies = [SPIKE]
    daraja = make_daraja(stub.url)
    first = await daraja.query("r", CHECKOUT)
    assert (first.outcome, first.retry_after_s) == (Outcome.WAITING, 12)
    asked = len(stub.requests)
    second = await daraja.query("r", CHECKOUT)
    assert (second.outcome, second.code) == (Outcome.WAITING, "paced")
    assert 0 < second.retry_after_s <= 12
    assert len(stub.requests) == asked


async def test_beyond_the_pace_nothing_is_asked(stub, make_daraja):
    body = {"ResponseCode": "0", "ResultCode": "4999", "CheckoutRequestID": CHECKOUT}
    stub.replies = [{"status": 200, "body": json.dumps(body).encode()}]
    daraja = make_daraja(stub.url, queries_per_minute=5)
    codes = [(await daraja.query("r", CHECKOUT)).code for _ in range(3)]
    assert codes == ["4999", "paced", "paced"]


async def test_without_its_own_id_daraja_cannot_be_asked(stub, make_daraja):
    report = await make_daraja(stub.url).query("r", None)
    assert (report.outcome, report.code) == (Outcome.UNKNOWN, "no_reference")
    assert stub.requests == []


async def test_the_timestamp_of_a_query_is_fresh(stub, make_daraja, clock):
    stub.replies = [PROMPTED]
    daraja = make_daraja(stub.url)
    for expected in ("20251121093000", "20251121093100"):
        await daraja.query("r", CHECKOUT)
        assert json.loads(stub.requests[-1][1])["Timestamp"] == expected
        clock.advance(60)
