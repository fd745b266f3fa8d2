"""Airtel's client over HTTP: what it sends and makes of the replies, by the wire vectors; tokens; signing."""

import asyncio
import base64
import json
from importlib.resources import files

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.errors import Refused
from payments.providers.base import Outcome, Taken

REFERENCE = "pay01JDAB7Q"
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
}
TAKEN = {
    "W": Taken.ACCEPTED,
    "N": Taken.REFUSED,
    "C": Taken.REFUSED,
    "U": Taken.UNKNOWN,
    "R": Taken.NOT_REACHED,
    "T": Taken.NOT_REACHED,
}
BITS = 1024
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=BITS)


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


def named(name):
    return next(v for v in vectors("airtel.json") if v["name"] == name)


def reply_of(vector):
    reply = dict(vector["reply"])
    text = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return {"status": reply["status"], "headers": reply.get("headers"), "body": text.encode()}


CALLS = [
    v
    for v in vectors("airtel.json", "airtel_codes.json")
    if v["direction"] == "out" and v.get("meaning") and "/payments/" in v["request"]["path"]
]
KEY = {
    "status": 200,
    "body": json.dumps(
        {
            "data": {
                "key_id": "1",
                "valid_upto": "12-08-2026 21:29:26",
                "key": base64.b64encode(
                    PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                ).decode(),
            }
        }
    ).encode(),
}
ACCEPTED = reply_of(named("push_accepted"))


@pytest.mark.parametrize("vector", CALLS, ids=lambda v: v["name"])
async def test_a_call_and_its_reply(stub, make_airtel, push_airtel, vector):
    signed = "x-key" in vector["request"]["headers"]
    stub.replies = [KEY, reply_of(vector)] if signed else [reply_of(vector)]
    airtel = make_airtel(stub.url, version="v2" if signed else "v1")
    meaning, expected = vector["meaning"], vector["request"]
    if expected["method"] == "POST":
        assert (await airtel.push(push_airtel)).taken is TAKEN[meaning["class"]]
    else:
        assert (await airtel.query(REFERENCE, None)).outcome in OUTCOMES[meaning["class"]]
    request, raw = stub.requests[-1]
    assert (request.method, request.path) == (expected["method"], "/base" + expected["path"])
    for name, value in expected["headers"].items():
        wanted = value.format(access_token=stub.issued[-1])
        assert request.headers[name] == wanted or value == "…", name
    if "body" in expected:
        assert json.loads(raw) == expected["body"]


async def test_the_token_call_is_that_of_the_reference(stub, make_airtel):
    await make_airtel(stub.url).check()
    (request, raw), expected = stub.requests[-1], named("token")["request"]
    assert (request.method, request.path) == ("POST", "/base" + expected["path"])
    words = {"client_id": "id", "client_secret": "cs"}
    assert json.loads(raw) == {name: value.format(**words) for name, value in expected["body"].items()}


async def test_wrong_keys_are_told(stub, make_airtel, push_airtel):
    stub.token_reply = lambda: _web(401)
    airtel = make_airtel(stub.url)
    with pytest.raises(Refused):
        await airtel.check()
    reply = await airtel.push(push_airtel)
    assert (reply.taken, reply.is_config_fault) == (Taken.NOT_REACHED, True)
    assert (await airtel.query(REFERENCE, None)).outcome is Outcome.UNKNOWN


def _web(status, body=None):
    from aiohttp import web

    return web.json_response(body, status=status)


async def test_a_token_of_three_minutes_told_as_text_is_renewed_in_time(
    stub, make_airtel, push_airtel, clock
):
    stub.replies = [ACCEPTED]
    stub.token_reply = lambda: _web(200, {"access_token": "t", "expires_in": "180", "token_type": "bearer"})
    airtel = make_airtel(stub.url)
    for seconds, calls in ((0, 1), (150, 1), (15, 2), (100, 2)):
        clock.advance(seconds)
        assert (await airtel.push(push_airtel)).taken is Taken.ACCEPTED
        assert [request.path for request, _ in stub.requests].count("/base/auth/oauth2/token") == calls


async def test_a_refused_token_is_renewed_once_for_fifty_pushes(stub, make_airtel, push_airtel):
    stub.replies, stub.refusal = [ACCEPTED], 401
    airtel = make_airtel(stub.url)
    await airtel.push(push_airtel)
    stub.dead.add("t1")
    replies = await asyncio.gather(*(airtel.push(push_airtel) for _ in range(50)))
    assert {reply.taken for reply in replies} == {Taken.ACCEPTED}
    assert stub.issued == ["t1", "t2"]


async def test_nothing_is_pushed_without_the_key_that_signs(stub, make_airtel, push_airtel):
    stub.replies = [{"status": 500}]
    reply = await make_airtel(stub.url, signing=True).push(push_airtel)
    assert (reply.taken, reply.code) == (Taken.NOT_REACHED, "signing_key_unavailable")
    assert [request.method for request, _ in stub.requests] == ["POST", "GET"]


async def test_a_signature_that_is_not_understood_makes_the_key_be_asked_for_again(
    stub, make_airtel, push_airtel
):
    refusal = {"status": {"success": False, "response_code": "DP00800001026", "message": "Forbidden"}}
    stub.replies = [KEY, {"status": 403, "body": json.dumps(refusal).encode()}, KEY, ACCEPTED]
    airtel = make_airtel(stub.url, signing=True)
    first = await airtel.push(push_airtel)
    assert (first.taken, first.is_config_fault) == (Taken.REFUSED, True)
    assert (await airtel.push(push_airtel)).taken is Taken.ACCEPTED


async def test_a_real_reference_is_sent_without_dashes(stub, make_airtel, push_zmw):
    stub.replies = [reply_of(named("enquiry_TX"))]
    await make_airtel(stub.url).query(push_zmw.reference, None)
    assert stub.requests[-1][0].path == "/base/standard/v1/payments/3f0c6d1e8a554b0e9d355a0f6f7a1c22"
