import json
from importlib.resources import files

import pytest

from payments.providers import airtel_codes
from payments.providers.airtel_callback import our_reference, transaction_id
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.airtel_wire import push_body, push_fault, read_push, read_query
from payments.providers.base import Outcome, Push, Reason, Taken
from payments.providers.http import Answer, Reach, read_answer

NAME = "pay01JDAB7Q"
SETTINGS = AirtelSettings(base_url="https://airtel.example", client_id="id", client_secret="secret")


def vectors(name):
    wire = files("fixtures") / "wire"
    return json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]


def answer_of(vector):
    reply = vector["reply"]
    body = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return read_answer(reply["status"], body.encode())


ALL = vectors("airtel.json") + vectors("airtel_codes.json")
OUT = [v for v in ALL if v["direction"] == "out" and v.get("meaning")]
ENQUIRIES = [v for v in OUT if "/standard/v1/payments/" in v["request"]["path"]]
PUSHES = [v for v in OUT if v["request"]["path"].startswith("/merchant/")]
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


def name_of(vector):
    return vector["name"]


def push(**changes):
    values = {
        "reference": NAME,
        "external_id": "p1",
        "msisdn": "+260971234567",
        "amount_minor": 3000,
        "currency": "ZMW",
        "tap_id": "TAP-KNY-0417",
        "period": "2025-11",
        "callback_url": "https://x/cb",
    }
    return Push(**values | changes)


# What is sent


@pytest.mark.parametrize(("vector", "amount_minor"), [("push_accepted", 3000), ("push_with_ngwee", 3010)])
def test_a_push_is_the_very_text_of_the_reference(vector, amount_minor):
    request = next(v for v in PUSHES if v["name"] == vector)["request"]
    sent = push_body(push(amount_minor=amount_minor), SETTINGS)
    text = request.get("body_text") or json.dumps(request["body"], separators=(",", ":"))
    assert sent.decode() == text


@pytest.mark.parametrize(
    ("currency", "country", "msisdn", "amount_minor", "number", "amount"),
    [
        ("UGX", "UG", "+256701234567", 3000, "701234567", "3000"),
        ("KES", "KE", "+254731234567", 30050, "731234567", "300.50"),
        ("ZMW", "ZM", "+260571234567", 1, "571234567", "0.01"),
        ("ZMW", "ZM", "+260771234567", 100_000_000_01, "771234567", "100000000.01"),
    ],
)
def test_numbers_lose_their_country_and_amounts_nothing(
    currency, country, msisdn, amount_minor, number, amount
):
    settings = SETTINGS.model_copy(update={"country": country, "currency": currency})
    sent = push_body(push(msisdn=msisdn, amount_minor=amount_minor, currency=currency), settings).decode()
    assert f'"msisdn":"{number}"' in sent
    assert f'"amount":{amount},' in sent


@pytest.mark.parametrize(
    ("settings", "changes", "code", "is_config"),
    [
        ({}, {"currency": "KES"}, "currency", True),
        ({}, {"amount_minor": 0}, "amount", False),
        ({}, {"amount_minor": -3000}, "amount", False),
        ({"min_minor": 500}, {"amount_minor": 499}, "amount", False),
        ({"max_minor": 500}, {"amount_minor": 501}, "amount", False),
        ({"unit_minor": 100}, {"amount_minor": 3050}, "amount", False),
        ({}, {"msisdn": "+254731234567"}, "other_country", False),
    ],
)
def test_what_must_not_be_sent_is_refused_here(settings, changes, code, is_config):
    own = SETTINGS.model_copy(update=settings)
    refused = push_fault(push(**changes), own)
    assert (refused.taken, refused.code, refused.is_config_fault) == (Taken.REFUSED, code, is_config)
    assert push_fault(push(amount_minor=500), own) is None


def test_a_reference_comes_back_as_it_was():
    reference = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
    assert transaction_id(reference) == "3f0c6d1e8a554b0e9d355a0f6f7a1c22"
    assert our_reference(transaction_id(reference)) == reference
    assert [our_reference(name) for name in (NAME, "", "x" * 32)] == [None] * 3


# What comes back


@pytest.mark.parametrize("vector", ENQUIRIES, ids=name_of)
def test_an_enquiry_means_what_the_reference_says(vector):
    report, meaning = read_query(answer_of(vector), NAME, "ZMW"), vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert report.receipt == meaning.get("receipt")
    assert report.amount_minor is None
    if "status" in meaning:
        assert report.code == meaning["status"]


@pytest.mark.parametrize("vector", PUSHES, ids=name_of)
def test_a_reply_to_a_push_means_what_the_reference_says(vector):
    reply, meaning = read_push(answer_of(vector), NAME), vector["meaning"]
    assert reply.taken is TAKEN[meaning["class"]]
    assert reply.is_config_fault is (meaning["class"] in {"C", "T"})
    assert reply.provider_reference == (NAME if reply.taken is Taken.ACCEPTED else None)
    assert (reply.reason is not None) is (reply.taken is Taken.REFUSED)
    if "code" in meaning:
        assert reply.code == meaning["code"]


def status_of(word, **more):
    return {"data": {"transaction": {"id": NAME, "status": word, **more}}, "status": {"success": True}}


# Reference §3, in full.
STATUSES = [
    ("TS", Outcome.PAID, True),
    ("TF", Outcome.NOT_PAID, True),
    ("TIP", Outcome.WAITING, True),
    ("TI", Outcome.WAITING, True),
    ("TA", Outcome.UNKNOWN, True),
    ("TE", Outcome.EXPIRED, False),
    ("ts", Outcome.UNKNOWN, True),
    ("SUCCESS", Outcome.UNKNOWN, True),
    ("", Outcome.UNKNOWN, True),
]


@pytest.mark.parametrize(("word", "outcome", "is_last_word"), STATUSES)
def test_a_status_has_one_meaning(word, outcome, is_last_word):
    report = read_query(Answer(Reach.ANSWERED, 200, status_of(word)), NAME, "ZMW")
    assert (report.outcome, report.is_last_word) == (outcome, is_last_word)


def test_every_status_of_the_table_is_among_those_tested():
    assert set(airtel_codes.STATUSES) == {word for word, *_ in STATUSES[:6]}


# Codes of payouts, which no collection is answered with: reference §4.
PAYOUTS = {
    "1000": Taken.UNKNOWN, "1001": Taken.ACCEPTED, "1003": Taken.REFUSED, "1004": Taken.REFUSED,
    "1005": Taken.REFUSED, "1006": Taken.ACCEPTED, "1007": Taken.REFUSED, "1009": Taken.REFUSED,
    "1010": Taken.REFUSED, "1011": Taken.UNKNOWN, "1012": Taken.REFUSED, "1013": Taken.REFUSED,
    "1014": Taken.UNKNOWN, "1015": Taken.UNKNOWN, "1016": Taken.REFUSED, "1017": Taken.ACCEPTED,
}  # fmt: skip


@pytest.mark.parametrize("number", PAYOUTS)
def test_a_code_of_payouts_has_one_meaning(number):
    assert airtel_codes.of_reply(200, (f"DP0090000{number}",), "").taken is PAYOUTS[number]


def test_every_code_of_the_table_is_among_those_tested():
    told = {v["meaning"]["code"] for v in PUSHES if "code" in v["meaning"]}
    assert set(airtel_codes.CODES) == told | {f"DP0090000{number}" for number in PAYOUTS}


@pytest.mark.parametrize("code", airtel_codes.CODES)
@pytest.mark.parametrize("word", ["TIP", "TA", "TX"])
def test_no_code_settles_what_the_status_leaves_open(code, word):
    body = status_of(word)
    for place in ("response_code", "result_code", "code"):
        body["status"][place] = code
    report = read_query(Answer(Reach.ANSWERED, 200, body), NAME, "ZMW")
    assert report.outcome in {Outcome.WAITING, Outcome.UNKNOWN}


@pytest.mark.parametrize("code", ["DP00800009999", "ESB999999", "ROUTER999"])
def test_an_unheard_of_code_settles_nothing(code):
    answer = Answer(
        Reach.ANSWERED, 200, {"status": {"success": False, "response_code": code, "message": "PIN"}}
    )
    assert read_push(answer, NAME).taken is Taken.UNKNOWN
    assert read_query(answer, NAME, "ZMW").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("codes", "taken"),
    [
        (("ESB000011", "DP00800001007"), Taken.REFUSED),  # "failed" is explained by the other
        (("ESB000001", "DP00800001007"), Taken.UNKNOWN),
        (("ESB000008", "DP00800001000"), Taken.UNKNOWN),
        (("ESB000041", "DP00800001000"), Taken.ACCEPTED),
        (("ESB000011",), Taken.UNKNOWN),
    ],
)
def test_of_several_codes_the_least_certain_counts(codes, taken):
    assert airtel_codes.of_reply(400, codes, "").taken is taken


def test_a_refusal_that_says_success_is_no_refusal():
    body = {"status": {"success": True, "response_code": "DP00800001007"}}
    assert read_push(Answer(Reach.ANSWERED, 200, body), NAME).taken is Taken.UNKNOWN


# The words of a message choose what the person is told, and nothing else.
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Not enough balance", Reason.BALANCE),
        ("User has INSUFFICIENT funds", Reason.BALANCE),
        ("Incorrect PIN", Reason.PIN),
        ("PIN not entered", Reason.NO_ANSWER),
        ("Timeout by user", Reason.NO_ANSWER),
        ("Transaction timed out", Reason.NO_ANSWER),
        ("Declined by user", Reason.CANCELLED),
        ("Cancelled", Reason.CANCELLED),
        ("Above wallet limit", Reason.LIMIT),
        ("Msisdn Not Found", Reason.OTHER),
        ("", Reason.OTHER),
        (None, Reason.OTHER),
        (["PIN"], Reason.OTHER),
    ],
)
def test_a_failure_says_why_in_words(message, reason):
    report = read_query(Answer(Reach.ANSWERED, 200, status_of("TF", message=message)), NAME, "ZMW")
    assert (report.outcome, report.reason) == (Outcome.NOT_PAID, reason)
    paid = read_query(Answer(Reach.ANSWERED, 200, status_of("TS", message=message)), NAME, "ZMW")
    assert (paid.outcome, paid.reason) == (Outcome.PAID, None)


PAGE = "<html>Request Rejected</html>"


@pytest.mark.parametrize(
    ("answer", "taken", "retry_after_s"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED, None),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN, None),
        (Answer(Reach.UNCLEAR, 200, fault="oversize"), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 429, retry_after_s=7), Taken.NOT_REACHED, 7),
        (Answer(Reach.ANSWERED, 429, text=PAGE), Taken.NOT_REACHED, 5),
        (Answer(Reach.ANSWERED, 503), Taken.NOT_REACHED, 5),
        (Answer(Reach.ANSWERED, 503, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 403, text="IP address not allowed: 192.0.2.1"), Taken.REFUSED, None),
        (Answer(Reach.ANSWERED, 403, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 404, text="no Route matched"), Taken.NOT_REACHED, 5),
        (Answer(Reach.ANSWERED, 404, {}), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 200, text=PAGE), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 200, {}), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 200, {"status": ["success"], "data": "x"}), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 200, {"status": {"success": True}}), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 302), Taken.UNKNOWN, None),
        (Answer(Reach.ANSWERED, 502), Taken.UNKNOWN, None),
    ],
)
def test_only_proof_that_nothing_was_taken_lets_a_push_be_tried_again(answer, taken, retry_after_s):
    reply = read_push(answer, NAME)
    assert (reply.taken, reply.retry_after_s) == (taken, retry_after_s)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, status_of("TS")),
        (200, status_of("TS") | {"status": {"success": False}}),
        (200, {"data": {"transaction": {"id": "another", "status": "TS"}}, "status": {"success": True}}),
        (200, {"data": {"transaction": {"id": NAME, "status": ["TS"]}}, "status": {"success": True}}),
        (200, {"data": {"transaction": {"id": {"a": 1}, "status": "TS"}}, "status": {"success": True}}),
        (200, status_of("TS", airtel_money_id="x" * 65)),
        (200, status_of("TS", airtel_money_id="a\x00b")),
        (200, {"data": [], "status": {"success": True}}),
        (200, {"transaction": {"id": NAME, "status": "TS"}}),
        (200, {}),
    ],
)
def test_an_unclear_enquiry_is_unknown(status, body):
    report = read_query(Answer(Reach.ANSWERED, status, body), NAME, "ZMW")
    assert (report.outcome, report.receipt) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("reach", [Reach.NEVER, Reach.UNCLEAR])
def test_silence_is_unknown(reach):
    assert read_query(Answer(reach, fault="timeout"), NAME, "ZMW").outcome is Outcome.UNKNOWN


def test_a_success_may_lack_its_receipt():
    report = read_query(Answer(Reach.ANSWERED, 200, status_of("TS")), NAME, "ZMW")
    assert (report.outcome, report.receipt) == (Outcome.PAID, None)
