import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from core.errors import BadInput
from payments.providers import daraja_codes
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.daraja_callback import read_callback
from payments.providers.daraja_wire import (
    amount_fault,
    password,
    push_body,
    query_body,
    read_push,
    read_query,
    refuses_token,
)
from payments.providers.http import Answer, Reach, read_answer
from payments.providers.settings import DarajaSettings

CHECKOUT = "ws_CO_21112025093002250708374149"
NOW = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)  # half past nine in Nairobi


def read_file(name):
    return json.loads((files("fixtures") / "wire" / name).read_text(encoding="utf-8"))


PASSWORD = read_file("daraja.json")["password"]
ALL = read_file("daraja.json")["vectors"] + read_file("daraja_codes.json")["vectors"]
OUT = [v for v in ALL if v["direction"] == "out" and v.get("meaning")]
PUSHES = [v for v in OUT if v["request"]["path"].endswith("/processrequest")]
QUERIES = [v for v in OUT if v["request"]["path"].endswith("/query")]
CALLBACKS = [v for v in ALL if v["direction"] == "in"]
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
}


def settings(**changes):
    values = {
        "base_url": "https://sandbox.example",
        "consumer_key": "k",
        "consumer_secret": "s",
        "shortcode": PASSWORD["shortcode"],
        "passkey": PASSWORD["passkey"],
    }
    return DarajaSettings(**values | changes)


def push(**changes):
    values = {
        "reference": "r",
        "external_id": "e",
        "msisdn": "+254708374149",
        "amount_minor": 3000,
        "currency": "KES",
        "tap_id": "KNY-0417-1",
        "period": "2025-11",
        "callback_url": "https://pay.example.org/cb/k3yPathToken/stk",
    }
    return Push(**values | changes)


def answer_of(vector):
    reply = vector["reply"]
    body = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return read_answer(reply["status"], body.encode())


def raw_body(vector):
    request = vector["request"]
    return (request.get("body_text") or json.dumps(request["body"])).encode()


def name_of(vector):
    return vector["name"]


# Reference §4, in full.
RESULTS = [
    ("0", Outcome.PAID, None),
    ("1", Outcome.NOT_PAID, Reason.BALANCE),
    ("2", Outcome.NOT_PAID, Reason.OTHER),
    ("3", Outcome.NOT_PAID, Reason.LIMIT),
    ("4", Outcome.NOT_PAID, Reason.LIMIT),
    ("8", Outcome.NOT_PAID, Reason.OTHER),
    ("17", Outcome.UNKNOWN, Reason.LIMIT),
    ("26", Outcome.UNKNOWN, Reason.DOWN),
    ("1001", Outcome.UNKNOWN, Reason.OTHER),
    ("1019", Outcome.EXPIRED, Reason.NO_ANSWER),
    ("1025", Outcome.UNKNOWN, Reason.DOWN),
    ("9999", Outcome.UNKNOWN, Reason.DOWN),
    ("1032", Outcome.NOT_PAID, Reason.CANCELLED),
    ("1037", Outcome.UNKNOWN, Reason.NO_ANSWER),
    ("2001", Outcome.NOT_PAID, Reason.PIN),
    ("2028", Outcome.NOT_PAID, Reason.OTHER),
    ("SFC_IC0003", Outcome.NOT_PAID, Reason.OTHER),
    ("8006", Outcome.NOT_PAID, Reason.OTHER),
    ("4999", Outcome.WAITING, None),
    ("R000099", Outcome.UNKNOWN, None),
]


@pytest.mark.parametrize(("code", "outcome", "reason"), RESULTS)
def test_a_query_and_a_callback_read_a_result_alike(code, outcome, reason):
    body = {"ResponseCode": "0", "CheckoutRequestID": CHECKOUT, "ResultCode": code}
    number = int(code) if code.isdigit() else code
    callback = {"Body": {"stkCallback": {"CheckoutRequestID": CHECKOUT, "ResultCode": number}}}
    for report in (
        read_query(Answer(Reach.ANSWERED, 200, body), CHECKOUT),
        read_callback(json.dumps(callback).encode()),
    ):
        assert (report.outcome, report.reason, report.code) == (outcome, reason, code)
        assert report.provider_reference == CHECKOUT


def test_every_row_of_the_table_is_among_those_tested():
    assert set(daraja_codes.RESULTS) == {code for code, *_ in RESULTS[:-1]}


@pytest.mark.parametrize("vector", CALLBACKS, ids=name_of)
def test_a_callback_means_what_the_reference_says(vector):
    report = read_callback(raw_body(vector))
    meaning = vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert report.code == meaning["result_code"]
    assert report.receipt == meaning.get("receipt")
    if "amount" in meaning:
        assert (report.amount_minor, report.currency) == (3000, "KES")
        assert report.msisdn == "+254708374149"


@pytest.mark.parametrize("vector", QUERIES, ids=name_of)
def test_a_query_means_what_the_reference_says(vector):
    report = read_query(answer_of(vector), vector["request"]["body"]["CheckoutRequestID"])
    assert report.outcome in OUTCOMES[vector["meaning"]["class"]]
    if "result_code" in vector["meaning"]:
        assert report.code == vector["meaning"]["result_code"]


# class of the vector: taken, alarm
PUSH_MEANINGS = {
    "W": (Taken.ACCEPTED, False),
    "C": (Taken.REFUSED, True),
    "T": (Taken.NOT_REACHED, True),  # when the second token was refused as well
    "R": (Taken.NOT_REACHED, False),
    "U": (Taken.UNKNOWN, False),
}


@pytest.mark.parametrize("vector", PUSHES, ids=name_of)
def test_a_reply_to_a_push_means_what_the_reference_says(vector):
    answer = answer_of(vector)
    reply = read_push(answer)
    is_token = vector["meaning"]["class"] == "T" or vector["name"] == "push_invalid_token"
    assert refuses_token(answer) is is_token
    expected = PUSH_MEANINGS["T" if is_token else vector["meaning"]["class"]]
    assert (reply.taken, reply.is_config_fault) == expected
    if reply.taken is Taken.ACCEPTED:
        assert reply.provider_reference == vector["reply"]["body"]["CheckoutRequestID"]


def test_every_error_code_of_the_table_has_a_vector():
    told = {v["reply"]["body"]["errorCode"] for v in ALL if "errorCode" in v["reply"].get("body", {})}
    assert set(daraja_codes._ERRORS) == told


def test_another_live_prompt_is_no_failure_but_a_minute_of_patience():
    vector = next(v for v in PUSHES if v["name"] == "error_500.001.1001_locked")
    assert read_push(answer_of(vector)).retry_after_s == 60


PAGE = "<html>Incapsula incident ID</html>"
SPIKE = {"fault": {"faultstring": "Spike arrest violation. Allowed rate", "detail": {"errorcode": "p"}}}


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 429, SPIKE), Taken.NOT_REACHED),
        (Answer(Reach.ANSWERED, 429, text=PAGE), Taken.NOT_REACHED),
        (Answer(Reach.ANSWERED, 503), Taken.NOT_REACHED),
        (Answer(Reach.ANSWERED, 503, text="upstream reset"), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 503, text=PAGE), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, text=PAGE), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": "0"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": True, "CheckoutRequestID": "x"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": "17", "CheckoutRequestID": "x"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": "0", "CheckoutRequestID": ["x"]}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 500, {"errorCode": "500.999.99"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 500, {"errorCode": "500.001.1001", "errorMessage": "?"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 302), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 504), Taken.UNKNOWN),
    ],
)
def test_only_proof_that_nothing_was_taken_lets_a_push_be_tried_again(answer, taken):
    assert read_push(answer).taken is taken


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ResponseCode": "0"},
        {"ResponseCode": "1", "ResultCode": "0"},
        {"ResponseCode": "0", "ResultCode": None},
        {"ResponseCode": "0", "ResultCode": True},
        {"ResponseCode": "0", "ResultCode": []},
        {"ResponseCode": "0", "ResultCode": "00"},
        {"ResponseCode": "0", "ResultCode": "0", "CheckoutRequestID": "ws_CO_of_someone_else"},
    ],
)
def test_an_unclear_query_is_never_paid(body):
    assert read_query(Answer(Reach.ANSWERED, 200, body), CHECKOUT).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"Body":1}',
        b'{"Body":{"stkCallback":[]}}',
        b'{"Body":{"stkCallback":{"ResultCode":0}}}',
        b'{"Body":{"stkCallback":{"CheckoutRequestID":"x"}}}',
        b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":NaN}}}',
        b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":0,"CallbackMetadata":7}}}',
        b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":0,"CallbackMetadata":{"Item":[7]}}}}',
        b"[" * 60_000,
        b"1" * 60_000,
    ],
)
def test_what_is_no_callback_is_refused(raw):
    with pytest.raises(BadInput):
        read_callback(raw)


@pytest.mark.parametrize("amount", ["30.005", "1E999999", "-0E99999", '"many"', "[]", "true"])
def test_an_amount_that_is_none_is_refused(amount):
    raw = (
        '{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":0,'
        '"CallbackMetadata":{"Item":{"Name":"Amount","Value":' + amount + "}}}}}"
    )
    with pytest.raises(BadInput):
        read_callback(raw.encode())


def test_one_item_may_come_without_its_list():
    raw = (
        b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":"0",'
        b'"CallbackMetadata":{"Item":{"Name":"Amount","Value":30}}}}}'
    )
    assert read_callback(raw).amount_minor == 3000


def test_the_password_is_the_documented_one():
    assert password(PASSWORD["shortcode"], PASSWORD["passkey"], PASSWORD["timestamp"]) == PASSWORD["password"]


def filled(vector):
    body = dict(vector["request"]["body"])
    body["Password"] = password(PASSWORD["shortcode"], PASSWORD["passkey"], body["Timestamp"])
    return body


def test_a_push_says_what_the_reference_shows():
    vector = next(v for v in PUSHES if v["name"] == "push_accepted")
    # The sample's account has hyphens; the rule beside it says alphanumeric.
    assert push_body(push(), settings(), NOW) == filled(vector) | {"AccountReference": "KNY04171H543"}


def test_the_account_of_a_push_tells_the_tap_and_which_payment():
    accounts = [push_body(push(external_id=name), settings(), NOW)["AccountReference"] for name in "ab"]
    assert {account[:8] for account in accounts} == {"KNY04171"}
    assert accounts[0] != accounts[1]
    assert all(len(account) == 12 and account.isalnum() for account in accounts)


def test_a_query_says_what_the_reference_shows():
    vector = next(v for v in QUERIES if v["name"] == "query_cancelled")
    assert query_body(CHECKOUT, settings(), NOW) == filled(vector)


def test_a_till_is_paid_under_its_own_number():
    body = push_body(push(), settings(type="till", till="5551234"), NOW)
    assert (body["TransactionType"], body["PartyB"]) == ("CustomerBuyGoodsOnline", "5551234")
    assert body["BusinessShortCode"] == 174379


def test_long_words_are_cut_to_what_daraja_takes():
    body = push_body(push(tap_id="A-B C/1234567890123", period="soon"), settings(), NOW)
    assert (body["AccountReference"], body["TransactionDesc"]) == ("ABC12345H543", "water")


@pytest.mark.parametrize(
    ("changes", "reason", "is_config"),
    [
        ({"amount_minor": 3050}, Reason.OTHER, False),
        ({"amount_minor": 0}, Reason.OTHER, False),
        ({"amount_minor": -100}, Reason.OTHER, False),
        ({"amount_minor": 250_001_00}, Reason.LIMIT, False),
        ({"currency": "ZMW"}, Reason.OTHER, True),
    ],
)
def test_what_daraja_cannot_move_is_refused_here(changes, reason, is_config):
    fault = amount_fault(push(**changes))
    assert (fault.taken, fault.reason, fault.is_config_fault) == (Taken.REFUSED, reason, is_config)


@pytest.mark.parametrize("amount_minor", [100, 3000, 250_000_00])
def test_whole_shillings_pass(amount_minor):
    assert amount_fault(push(amount_minor=amount_minor)) is None
