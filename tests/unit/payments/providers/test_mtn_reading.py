import json
from importlib.resources import files

import pytest

from core.errors import BadInput
from payments.providers import mtn_codes
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.http import Answer, Reach, read_answer
from payments.providers.mtn_wire import plain_message, push_body, read_push, read_query, read_status

REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"


def vectors(name):
    wire = files("fixtures") / "wire"
    return json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]


def answer_of(vector):
    reply = vector["reply"]
    body = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return read_answer(reply["status"], body.encode())


ALL = vectors("mtn.json") + vectors("mtn_codes.json")
OUT = [v for v in ALL if v["direction"] == "out" and v.get("meaning")]
QUERIES = [v for v in OUT if v["request"]["method"] == "GET" and "/requesttopay/" in v["request"]["path"]]
PUSHES = [v for v in OUT if v["request"]["path"] == "/collection/v1_0/requesttopay"]
CALLBACKS = [v for v in ALL if v["direction"] == "in"]

OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
    "R": {Outcome.UNKNOWN},
}


def name_of(vector):
    return vector["name"]


@pytest.mark.parametrize("vector", QUERIES, ids=name_of)
def test_a_status_means_what_the_reference_says(vector):
    report = read_query(answer_of(vector))
    meaning = vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert report.receipt == meaning.get("receipt")
    if "reason" in meaning:
        assert report.code == meaning["reason"]


@pytest.mark.parametrize("vector", CALLBACKS, ids=name_of)
def test_a_callback_reads_like_a_status(vector):
    report = read_status(vector["request"]["body"])
    assert report.outcome in OUTCOMES[vector["meaning"]["class"]]
    assert report.receipt == vector["meaning"].get("receipt")
    assert (report.external_id, report.msisdn) == ("pay_01JDAB7Q", "+260961234567")
    assert (report.amount_minor, report.currency) == (3000, "ZMW")


# Reference §4, in full: code, outcome, what the person is told.
REASONS = [
    ("PAYER_NOT_FOUND", Outcome.NOT_PAID, Reason.OTHER),
    ("PAYEE_NOT_FOUND", Outcome.NOT_PAID, Reason.OTHER),
    ("NOT_ENOUGH_FUNDS", Outcome.NOT_PAID, Reason.BALANCE),
    ("LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", Outcome.NOT_PAID, Reason.OTHER),
    ("PAYER_LIMIT_REACHED", Outcome.NOT_PAID, Reason.LIMIT),
    ("PAYEE_LIMIT_REACHED", Outcome.NOT_PAID, Reason.OTHER),
    ("PAYEE_NOT_ALLOWED_TO_RECEIVE", Outcome.NOT_PAID, Reason.OTHER),
    ("SENDER_ACCOUNT_NOT_ACTIVE", Outcome.NOT_PAID, Reason.OTHER),
    ("APPROVAL_REJECTED", Outcome.NOT_PAID, Reason.CANCELLED),
    ("PAYMENT_NOT_APPROVED", Outcome.NOT_PAID, Reason.CANCELLED),
    ("TRANSACTION_CANCELED", Outcome.NOT_PAID, Reason.CANCELLED),
    ("EXPIRED", Outcome.EXPIRED, Reason.NO_ANSWER),
    ("COULD_NOT_PERFORM_TRANSACTION", Outcome.NOT_PAID, Reason.OTHER),
    ("INTERNAL_PROCESSING_ERROR", Outcome.NOT_PAID, Reason.OTHER),
    ("SOMETHING_NEW_IN_SOME_COUNTRY", Outcome.NOT_PAID, Reason.OTHER),
]


@pytest.mark.parametrize(("code", "outcome", "reason"), REASONS)
@pytest.mark.parametrize("wrap", [lambda code: code, lambda code: {"code": code, "message": "…"}])
def test_a_failed_request_says_why(code, outcome, reason, wrap):
    report = read_status({"status": "FAILED", "reason": wrap(code)})
    assert (report.outcome, report.reason, report.code) == (outcome, reason, code)


def test_every_reason_of_the_table_is_among_those_tested():
    assert set(mtn_codes.REASONS) == {code for code, *_ in REASONS[:-1]}


@pytest.mark.parametrize("reason", [code for code, *_ in REASONS])
def test_a_reason_alone_settles_nothing(reason):
    assert read_status({"status": "PENDING", "reason": reason}).outcome is Outcome.WAITING
    assert read_status({"status": "STRANGE", "reason": reason}).outcome is Outcome.UNKNOWN


# name of the vector: taken, alarm
PUSH_MEANINGS = {
    "push_accepted": (Taken.ACCEPTED, False),
    "push_without_callback_url": (Taken.ACCEPTED, False),
    "push_apostrophe_refused": (Taken.REFUSED, True),
    "http_409_RESOURCE_ALREADY_EXIST": (Taken.ACCEPTED, False),
    "http_500_NOT_ALLOWED": (Taken.REFUSED, True),
    "http_500_NOT_ALLOWED_TARGET_ENVIRONMENT": (Taken.REFUSED, True),
    "http_500_INVALID_CALLBACK_URL_HOST": (Taken.REFUSED, True),
    "http_500_INVALID_CURRENCY": (Taken.REFUSED, True),
    "http_500_INTERNAL_PROCESSING_ERROR": (Taken.UNKNOWN, False),
    "http_503_SERVICE_UNAVAILABLE": (Taken.NOT_REACHED, False),
    "http_401_invalid_subscription_key": (Taken.NOT_REACHED, True),
    "http_401_token_refused": (Taken.NOT_REACHED, True),
    "http_403_ip_not_allowed": (Taken.REFUSED, True),
    "http_200_firewall_html": (Taken.UNKNOWN, False),
}


@pytest.mark.parametrize("vector", PUSHES, ids=name_of)
def test_a_reply_to_a_push_means_what_the_reference_says(vector):
    reply = read_push(answer_of(vector), REFERENCE)
    assert (reply.taken, reply.is_config_fault) == PUSH_MEANINGS[vector["name"]]
    assert reply.provider_reference == (REFERENCE if reply.taken is Taken.ACCEPTED else None)


@pytest.mark.parametrize("body", [None, {}, {"code": "RESOURCE_ALREADY_EXIST"}, {"code": "BRAND_NEW"}])
def test_a_reference_that_mtn_knows_is_taken_and_will_be_asked_about(body):
    reply = read_push(Answer(Reach.ANSWERED, 409, body), REFERENCE)
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, REFERENCE)


PAGE = "<html>Request Rejected</html>"


@pytest.mark.parametrize(
    ("answer", "taken", "retry_after_s"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED, None),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN, None),
        (Answer(Reach.UNCLEAR, 202, fault="oversize"), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 429, retry_after_s=7), Taken.NOT_REACHED, 7),
        (Answer(Reach.ANSWERED, 429, text=PAGE), Taken.NOT_REACHED, 5),
        (Answer(Reach.ANSWERED, 503), Taken.NOT_REACHED, 5),
        (Answer(Reach.ANSWERED, 503, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 202, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 403, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 302), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 500), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 502), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 504), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 200, {"status": "SUCCESSFUL"}), Taken.UNKNOWN, None),
    ],
)
def test_only_proof_that_nothing_was_taken_lets_a_push_be_tried_again(answer, taken, retry_after_s):
    reply = read_push(answer, REFERENCE)
    assert (reply.taken, reply.retry_after_s) == (taken, retry_after_s)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Reach.NEVER, fault="no_connection"),
        Answer(Reach.UNCLEAR, fault="timeout"),
        Answer(Reach.ANSWERED, 200, text=PAGE),
        Answer(Reach.ANSWERED, 404, text=PAGE),
        Answer(Reach.ANSWERED, 404, {"statusCode": 404, "message": "Resource not found"}),  # a wrong path
        Answer(Reach.ANSWERED, 500, {"code": "INTERNAL_PROCESSING_ERROR"}),
        Answer(Reach.ANSWERED, 200, {}),
        Answer(Reach.ANSWERED, 200, {"status": "SUCCESSFUL"}),  # paid, but how much?
        Answer(Reach.ANSWERED, 200, {"status": "SUCCESSFUL", "amount": "1e999999", "currency": "ZMW"}),
        Answer(Reach.ANSWERED, 200, {"status": "SUCCESSFUL", "amount": "30.001", "currency": "ZMW"}),
        Answer(Reach.ANSWERED, 200, {"status": "SUCCESSFUL", "amount": "30", "currency": "XXX"}),
        Answer(Reach.ANSWERED, 200, {"status": ["SUCCESSFUL"]}),
    ],
)
def test_an_unclear_status_is_unknown(answer):
    assert read_query(answer).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": None},
        {"status": "FAILED", "externalId": {"a": 1}},
        {"status": "FAILED", "externalId": "x" * 65},
        {"status": "SUCCESSFUL", "financialTransactionId": "a\x00b"},
        {"status": "SUCCESSFUL", "financialTransactionId": "\ud800"},
    ],
)
def test_what_is_no_status_is_refused(body):
    with pytest.raises(BadInput):
        read_status(body)


def test_a_push_says_what_the_reference_shows():
    vector = next(v for v in PUSHES if v["name"] == "push_accepted")
    push = Push(
        REFERENCE, "pay_01JDAB7Q", "+260961234567", 3000, "ZMW", "TAP-KNY-0417", "2025-11", "https://x/cb"
    )
    assert push_body(push) == vector["request"]["body"]


@pytest.mark.parametrize(
    ("text", "sent"),
    [("Water Ng'ombe", "Water Ngombe"), ("Ünïté & <b>", "nt  b"), ("x" * 300, "x" * 160), ("\r\n", "")],
)
def test_messages_hold_nothing_that_mtn_refuses(text, sent):
    assert plain_message(text) == sent
