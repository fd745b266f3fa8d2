import json
from importlib.resources import files

import pytest
from pydantic import ValidationError
from yarl import URL

from core.errors import BadInput
from payments.providers import zamtel_codes
from payments.providers.base import Outcome, Reason, Taken
from payments.providers.http import Answer, Call, Http, Reach, read_answer
from payments.providers.zamtel import TRAITS, Zamtel, amount, conversation_id, read_push
from payments.providers.zamtel_settings import ZamtelSettings

VECTORS = json.loads((files("fixtures") / "wire" / "zamtel.json").read_text(encoding="utf-8"))["vectors"]
KEYS = {
    "base_url": "https://apps.example/ZampayRest",
    "third_party_id": "Caller",
    "password": "zamtel/secret+word==",
    "shortcode": "000127",
}


def answer_of(vector):
    reply = vector["reply"]
    body = json.dumps(reply["body"]) if "body" in reply else reply["body_text"]
    return read_answer(reply["status"], body.encode())


def says(status, **more):
    return Answer(Reach.ANSWERED, 200, {"status": status} | more)


TAKEN = {"P": Taken.ACCEPTED, "N": Taken.REFUSED, "U": Taken.UNKNOWN}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_reply_means_what_the_reference_says(vector):
    reply, meaning = read_push(answer_of(vector)), vector["meaning"]
    assert reply.taken is TAKEN[meaning["class"]]
    assert (reply.word is not None) is (meaning["class"] == "P")
    if "status" in meaning:
        assert reply.code == meaning["status"]
    if reply.word:
        assert (reply.word.outcome, reply.word.receipt) == (Outcome.PAID, meaning.get("receipt"))


# Reference §A in full: status, what became of the push, what the person is told, alarm.
STATUSES = [
    ("0", Taken.ACCEPTED, None, False),
    ("E8003", Taken.REFUSED, Reason.PIN, False),
    ("2006", Taken.REFUSED, Reason.BALANCE, False),
    ("E8027", Taken.UNKNOWN, None, False),
    ("-1", Taken.UNKNOWN, None, False),
    ("2001", Taken.REFUSED, Reason.OTHER, True),
    ("2005", Taken.REFUSED, Reason.LIMIT, False),
]


@pytest.mark.parametrize(("status", "taken", "reason", "alarm"), STATUSES)
def test_each_status(status, taken, reason, alarm):
    reply = read_push(says(status))
    assert (reply.taken, reply.reason, reply.is_config_fault) == (taken, reason, alarm)


def test_every_status_of_the_table_is_among_those_tested():
    assert set(zamtel_codes.STATUSES) == {status for status, *_ in STATUSES}
    assert {v["meaning"]["status"] for v in VECTORS if "status" in v["meaning"]} >= set(zamtel_codes.STATUSES)


@pytest.mark.parametrize("status", [0, -1, "-1", "E8003"])
def test_a_status_is_compared_as_text_however_it_is_written(status):
    assert read_push(says(status)) == read_push(says(str(status)))


@pytest.mark.parametrize(
    "answer",
    [
        says(""),
        says(None),
        says(["0"]),
        says(True),
        says({"status": "0"}),
        says("00"),
        says("success"),
        says("0\u0000"),
        says("0" * 100),
        Answer(Reach.ANSWERED, 200, {"Status": "0"}),
        Answer(Reach.ANSWERED, 200, {}),
        Answer(Reach.ANSWERED, 200, text="0"),
        Answer(Reach.ANSWERED, 500, {"status": "0", "TransactionId": "CK1"}),
        Answer(Reach.ANSWERED, 202, {"status": "E8003"}),
        Answer(Reach.ANSWERED, 302),
        Answer(Reach.ANSWERED, 429, retry_after_s=7),
        Answer(Reach.ANSWERED, 503),
        Answer(Reach.UNCLEAR, fault="timeout"),
        Answer(Reach.UNCLEAR, 200, fault="oversize"),
    ],
)
def test_what_is_not_said_clearly_is_unknown_and_never_sent_again(answer):
    reply = read_push(answer)
    assert (reply.taken, reply.word, reply.retry_after_s) == (Taken.UNKNOWN, None, None)


def test_only_where_nobody_was_reached_may_it_be_tried_again():
    assert read_push(Answer(Reach.NEVER, fault="no_connection")).taken is Taken.NOT_REACHED


@pytest.mark.parametrize("receipt", [None, "", {"a": 1}, "x" * 65, "C\x00K"])
def test_money_does_not_wait_for_a_receipt_that_cannot_be_read(receipt):
    reply = read_push(says("0", TransactionId=receipt))
    assert (reply.taken, reply.word.outcome, reply.word.receipt) == (Taken.ACCEPTED, Outcome.PAID, None)


@pytest.mark.parametrize(
    ("minor", "sent"), [(3000, "30"), (3005, "30.05"), (3050, "30.50"), (1, "0.01"), (10_000, "100")]
)
def test_amounts(minor, sent):
    assert amount(minor) == sent


def test_our_name_of_a_payment_is_plain():
    assert conversation_id("pay_01JDAB7Q") == "pay01JDAB7Q"
    assert conversation_id("0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b") == "0193a1b27c3d7e4f8a5b6c7d8e9f0a1b"


async def test_nobody_can_be_asked_and_nobody_calls_back():
    async with Http() as http:
        zamtel = Zamtel(ZamtelSettings(**KEYS), http=http)
        assert (await zamtel.query("r", None)).outcome is Outcome.UNKNOWN
        with pytest.raises(BadInput):
            zamtel.read_callback(b'{"status":"0"}')
    assert (TRAITS.has_query, TRAITS.push_is_repeatable) == (False, False)


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_setting_is_named(name):
    with pytest.raises(ValidationError, match=name):
        ZamtelSettings(**{key: value for key, value in KEYS.items() if key != name})


def test_a_call_does_not_show_its_address_in_which_the_keys_stand():
    call = Call("zamtel", "push", "GET", URL("https://z.example/pay?Password=s3cret"), {"X-Key": "s3cret"})
    assert "s3cret" not in repr(call)


def test_no_secret_shows():
    settings = ZamtelSettings(**KEYS)
    assert "secret" not in repr(settings) + settings.model_dump_json()
