"""Clients against the wire vectors: what they send, and what they make of the replies."""

import base64
import json
from importlib.resources import files

import pytest

from payments.providers.base import Outcome, Taken

REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
CHECKOUT = "ws_CO_21112025093002250708374149"
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
    "R": {Outcome.UNKNOWN},
}
TAKEN = {
    "W": {Taken.ACCEPTED},
    "C": {Taken.REFUSED, Taken.NOT_REACHED},
    "T": {Taken.NOT_REACHED},
    "R": {Taken.NOT_REACHED},
    "U": {Taken.UNKNOWN},
}


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


def with_meaning(found, ending):
    return [
        v for v in found if v.get("meaning") and ending in v["request"]["path"] and v["direction"] == "out"
    ]


def name_of(vector):
    return vector["name"]


MTN = vectors("mtn.json", "mtn_codes.json")
DARAJA = vectors("daraja.json", "daraja_codes.json")
MTN_CALLS = with_meaning(MTN, "/requesttopay")
# These ask what this client never does; their replies are read in the unit tests.
NEVER_ASKED = {"query_unknown_id", "push_not_json", "push_invalid_token"}
DARAJA_CALLS = [v for v in with_meaning(DARAJA, "/mpesa/stkpush") if v["name"] not in NEVER_ASKED]


def reply_of(vector):
    reply = dict(vector["reply"])
    text = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return reply | {"body": text.encode()}


def assert_sent(stub, vector, words):
    """The last request has the path, the headers and the kind of body of the vector."""
    request, raw = stub.requests[-1]
    expected = vector["request"]
    assert (request.method, request.path) == (expected["method"], "/base" + expected["path"])
    assert set(expected["headers"]) <= set(request.headers)
    # A vector of a wrong key or environment shows what this client does not send.
    is_mistaken = vector.get("meaning", {}).get("class") == "C"
    for header, value in expected["headers"].items():
        assert is_mistaken or request.headers[header] == value.format(**words), header
    if expected.get("body"):
        assert set(json.loads(raw)) == set(expected["body"])
    return raw


@pytest.mark.parametrize("vector", MTN_CALLS, ids=name_of)
async def test_mtn(stub, make_mtn, push_zmw, vector):
    stub.replies = [reply_of(vector)]
    mtn = make_mtn(stub.url)
    meaning = vector["meaning"]
    if vector["request"]["method"] == "POST":
        reply = await mtn.push(push_zmw)
        assert reply.taken in TAKEN[meaning["class"]]
        assert reply.is_config_fault is (meaning["class"] == "C")
    else:
        report = await mtn.query(REFERENCE, None)
        assert report.outcome in OUTCOMES[meaning["class"]]
        assert report.provider_reference == REFERENCE
    assert_sent(stub, vector, {"access_token": stub.issued[-1], "subscription_key": "sub"})


@pytest.mark.parametrize("vector", DARAJA_CALLS, ids=name_of)
async def test_daraja(stub, make_daraja, push_kes, vector):
    stub.replies = [reply_of(vector)]
    daraja = make_daraja(stub.url)
    meaning = vector["meaning"]
    if vector["request"]["path"].endswith("/processrequest"):
        reply = await daraja.push(push_kes)
        assert reply.taken in TAKEN[meaning["class"]]
        assert reply.is_config_fault is (meaning["class"] in {"C", "T"})
    else:
        report = await daraja.query(REFERENCE, CHECKOUT)
        assert report.outcome in OUTCOMES[meaning["class"]]
    assert_sent(stub, vector, {"access_token": stub.issued[-1]})


def named(found, name):
    return next(v for v in found if v["name"] == name)


async def test_mtn_sends_the_very_body_of_the_reference(stub, make_mtn, push_zmw):
    vector = named(MTN, "push_accepted")
    stub.replies = [reply_of(vector)]
    reply = await make_mtn(stub.url).push(push_zmw)
    raw = assert_sent(stub, vector, {"access_token": "t1", "subscription_key": "sub"})
    assert json.loads(raw) == vector["request"]["body"]
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, REFERENCE)


async def test_daraja_sends_the_very_body_of_the_reference(stub, make_daraja, push_kes):
    vector = named(DARAJA, "push_accepted")
    stub.replies = [reply_of(vector)]
    reply = await make_daraja(stub.url).push(push_kes)
    raw = json.loads(assert_sent(stub, vector, {"access_token": "t1"}))
    expected = dict(vector["request"]["body"])
    secret = base64.b64decode(raw.pop("Password")).decode()
    assert secret.startswith("174379")
    assert secret.endswith(expected["Timestamp"])
    del expected["Password"]
    assert raw == expected | {"AccountReference": "TAPKNY04HRQ6"}
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, CHECKOUT)


async def test_the_token_calls_are_those_of_the_reference(stub, make_mtn, make_daraja):
    await make_mtn(stub.url).check()
    vector = named(MTN, "token")
    basic = base64.b64encode(b"user:key==").decode()
    raw = assert_sent(stub, vector, {"basic": basic, "subscription_key": "sub"})
    assert raw == b""
    await make_daraja(stub.url).check()
    basic = base64.b64encode(b"ck:cs").decode()
    assert_sent(stub, named(DARAJA, "token"), {"basic": basic})
    assert dict(stub.requests[-1][0].query) == {"grant_type": "client_credentials"}
