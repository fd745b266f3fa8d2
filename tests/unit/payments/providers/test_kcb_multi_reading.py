import contextlib
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import BadInput
from payments.providers import kcb_multi_codes as codes
from payments.providers.base import Outcome, Push, Reason, SignsNotices, Taken
from payments.providers.http import Answer, Http, Reach, read_answer
from payments.providers.kcb_multi import KcbMulti
from payments.providers.kcb_multi_settings import CURRENCIES, KcbMultiSettings
from payments.providers.kcb_multi_wire import (
    amount_fault,
    headers,
    push_body,
    read_callback,
    read_push,
    read_query,
    traits,
)

KEYS = {"base_url": "https://zed.example/gw", "api_key": "k-secret", "external_origin": "9002742"}
SETTINGS = KcbMultiSettings(**KEYS)
TAKEN = {
    "W": Taken.ACCEPTED,
    "N": Taken.REFUSED,
    "C": Taken.REFUSED,
    "R": Taken.NOT_REACHED,
    "U": Taken.UNKNOWN,
}
OUTCOMES = {"P": Outcome.PAID, "W": Outcome.WAITING, "N": Outcome.NOT_PAID, "U": Outcome.UNKNOWN}


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


ALL = vectors("kcb_multi.json", "kcb_multi_codes.json")
PUSHES = [v for v in ALL if v["request"]["method"] == "POST" and v["direction"] == "out"]
QUERIES = [v for v in ALL if v["request"]["method"] == "GET"]
CALLBACKS = [v for v in ALL if v["direction"] == "in"]
PAID = next(v for v in CALLBACKS if v["name"] == "callback_success")["request"]["body"]


def push(amount_minor=3000, currency="KES"):
    return Push(
        reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
        external_id="pay_01JDAB7Q",
        msisdn="+254708374149",
        amount_minor=amount_minor,
        currency=currency,
        tap_id="KNY-0417-1",
        period="2025-11",
        callback_url="https://pay.example.org/cb/k3yPathToken",
    )


def answer_of(vector):
    return read_answer(vector["reply"]["status"], json.dumps(vector["reply"]["body"]).encode())


def raw(**changes):
    return json.dumps(PAID | changes).encode()


def test_every_vector_says_that_the_format_is_assumed():
    assert all(vector["assumed"] for vector in ALL)


@pytest.mark.parametrize("vector", PUSHES, ids=lambda v: v["name"])
def test_a_push_is_written_and_its_reply_read_as_assumed(vector):
    meaning = vector["meaning"]
    asked = push(meaning.get("amount_minor", 3000), meaning.get("currency", "KES"))
    assert amount_fault(asked, SETTINGS) is None
    assert push_body(asked) == vector["request"]["body"]
    sent = {
        name: value.replace("{api_key}", "k-secret") for name, value in vector["request"]["headers"].items()
    }
    assert headers(SETTINGS).items() <= sent.items()
    reply = read_push(answer_of(vector))
    assert reply.taken is TAKEN[meaning["class"]]
    assert reply.provider_reference == meaning.get("provider_reference", reply.provider_reference)
    assert reply.code == meaning.get("code", "PENDING")
    assert reply.is_config_fault == (meaning["class"] == "C" or meaning.get("code") == "INVALID_API_KEY")


@pytest.mark.parametrize("vector", QUERIES + CALLBACKS, ids=lambda v: v["name"])
def test_an_outcome_is_read_as_assumed(vector):
    meaning = vector["meaning"]
    if vector["direction"] == "in":
        report = read_callback(json.dumps(vector["request"]["body"]).encode(), SETTINGS)
    else:
        report = read_query(answer_of(vector), SETTINGS)
    expected = Outcome.EXPIRED if meaning.get("final") else OUTCOMES[meaning["class"]]
    assert report.outcome is (Outcome.NOT_FOUND if meaning.get("code") == "NOT_FOUND" else expected)
    assert report.receipt == meaning.get("receipt", report.receipt)
    assert report.amount_minor == meaning.get("amount")
    assert report.reason == (Reason(meaning["reason"]) if "reason" in meaning else None)
    assert report.code == meaning.get("code", report.code)


def test_every_code_has_a_vector():
    told = {v["reply"]["body"].get(name) for v in PUSHES + QUERIES for name in ("status", "reason", "code")}
    told |= {v["request"]["body"]["status"] for v in CALLBACKS}
    assert {*codes.STATUSES, *codes.REASONS, *codes.ERRORS, codes.NOT_FOUND} <= told


@pytest.mark.parametrize(
    ("amount_minor", "currency", "taken", "code"),
    [
        (3000, "ZMW", Taken.REFUSED, "currency"),
        (0, "KES", Taken.REFUSED, "amount"),
        (-100, "UGX", Taken.REFUSED, "amount"),
        (10**10 + 1, "KES", Taken.REFUSED, "amount"),
    ],
)
async def test_what_cannot_be_expressed_is_refused_before_anything_is_sent(
    amount_minor, currency, taken, code
):
    rail = KcbMulti(SETTINGS, account_id="kcb_multi:default", http=Http())
    reply = await rail.push(push(amount_minor, currency))
    assert (reply.taken, reply.code) == (taken, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"\xff",
        b"{}",
        raw(amount="1E999999"),
        raw(amount="30.005"),
        raw(amount=None),
        raw(currency="UGX", amount="30.50"),  # no such coin
        raw(currency="XXX"),
        raw(reference=None, transactionId=None),
        raw(status={"a": 1}),
        raw(receipt="x" * 65),
        raw(transactionId="a\x00b"),
    ],
)
def test_what_is_no_callback_is_refused(body):
    with pytest.raises(BadInput):
        read_callback(body, SETTINGS)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(body):
    with contextlib.suppress(BadInput):
        read_callback(body, SETTINGS)
    read_push(read_answer(202, body))
    assert read_query(read_answer(200, body), SETTINGS).outcome is not Outcome.PAID


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN),
        (read_answer(502, b"<html>"), Taken.UNKNOWN),
        (read_answer(400, b"<html>"), Taken.UNKNOWN),  # a proxy's word is no refusal
        (read_answer(202, b"{}"), Taken.UNKNOWN),
        (read_answer(202, b'{"transactionId":{}}'), Taken.UNKNOWN),
    ],
)
def test_silence_and_noise_are_no_word(answer, taken):
    assert read_push(answer).taken is taken
    assert read_query(answer, SETTINGS).outcome is Outcome.UNKNOWN


def test_its_callbacks_are_hints_and_it_can_be_asked():
    rail = KcbMulti(SETTINGS, account_id="kcb_multi:default", http=Http())
    assert not isinstance(rail, SignsNotices)
    assert rail.traits.has_query
    assert rail.traits.currencies == set(CURRENCIES)
    assert not traits(SETTINGS).push_is_repeatable


@pytest.mark.parametrize(
    ("changes", "supported", "default"),
    [
        ({}, CURRENCIES, "KES"),
        ({"currencies": "UGX, TZS"}, ("UGX", "TZS"), "UGX"),
        ({"currencies": "UGX TZS", "default_currency": "TZS"}, ("UGX", "TZS"), "TZS"),
    ],
)
def test_a_branch_collects_in_its_currencies(changes, supported, default):
    settings = KcbMultiSettings(**KEYS | changes)
    assert (settings.supported, settings.default_currency) == (supported, default)


@pytest.mark.parametrize(
    "changes",
    [
        {"currencies": "ZMW"},
        {"currencies": " "},
        {"default_currency": "ZMW"},
        {"external_origin": "kcb"},
        {"api_key": ""},
        {"base_url": "zed.example"},
    ],
)
def test_settings_that_cannot_be_stop_the_start(changes):
    with pytest.raises(ValidationError):
        KcbMultiSettings(**KEYS | changes)


def test_the_key_is_shown_to_nobody():
    assert "k-secret" not in repr(SETTINGS)
