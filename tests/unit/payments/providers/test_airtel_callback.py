import contextlib
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from payments.providers.airtel import Airtel
from payments.providers.airtel_callback import check_hash, hash_of, raw_member, read_callback
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.base import Outcome, Reason

KEY = "callback-private-key"
TEXT = (files("fixtures") / "wire" / "airtel.json").read_text(encoding="utf-8")
CALLBACKS = {v["name"]: v for v in json.loads(TEXT)["vectors"] if v["direction"] == "in"}
OUTCOMES = {"P": Outcome.PAID, "N": Outcome.NOT_PAID}


def body_of(name):
    return CALLBACKS[name]["request"]["body_text"].encode()


def airtel(**settings):
    values = {"base_url": "https://x.example", "client_id": "id", "client_secret": "cs"}
    return Airtel(AirtelSettings(**values | settings), account_id="a", http=None, clock=None, store=None)


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_notice_means_what_the_reference_says(name):
    report, meaning = read_callback(body_of(name), "ZMW"), CALLBACKS[name]["meaning"]
    assert (report.outcome, report.receipt) == (OUTCOMES[meaning["class"]], meaning.get("receipt"))
    assert (report.amount_minor, report.currency, report.msisdn) == (None, "ZMW", None)
    assert report.provider_reference in {"pay01JDAB7Q", "TAP1-0001"}
    assert report.reference is None  # these ids are not made of references of ours


def test_a_notice_names_our_reference():
    transaction = {"id": "3f0c6d1e8a554b0e9d355a0f6f7a1c22", "message": "Declined by user"}
    body = json.dumps({"transaction": transaction | {"status_code": "TF"}}).encode()
    report = read_callback(body, "ZMW")
    assert report.reference == "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
    assert (report.outcome, report.reason, report.code) == (Outcome.NOT_PAID, Reason.CANCELLED, "TF")


@pytest.mark.parametrize(
    ("word", "outcome"), [("TS", Outcome.PAID), ("TF", Outcome.NOT_PAID), ("TX", Outcome.UNKNOWN)]
)
def test_a_notices_status_has_one_meaning(word, outcome):
    body = json.dumps({"transaction": {"id": "x", "status_code": word}}).encode()
    assert read_callback(body, "ZMW").outcome is outcome


BAD = [
    b"", b"null", b"[]", b"{}", b'{"transaction":null}', b'{"transaction":{"id":"x"}}',
    b'{"transaction":{"status_code":"TS"}}', b'{"transaction":{"id":"x","status":"TS"}}',
    b'{"transaction":{"id":"x","status_code":1}}', b'{"transaction":{"id":{},"status_code":"TS"}}',
    b'{"transaction":{"id":"x","status_code":"TS"}', b"\xff\xfe", b'{"transaction":NaN}', b"[" * 60_000,
    b'{"transaction":{"id":"' + b"x" * 65 + b'","status_code":"TS"}}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD)
@pytest.mark.parametrize("key", [None, KEY])
def test_what_is_no_notice_is_refused(body, key):
    with pytest.raises(BadInput):
        airtel(callback_key=key).read_callback(body)


# The three texts that clients hash, with the hashes that the reference gives for them.
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("callback_hash_compact", "as_sent"),
        ("callback_hash_spaced", "spaced"),
        ("callback_hash_whole_compact", "whole_as_sent"),
    ],
)
def test_the_hashes_of_the_reference_are_recognized(name, text):
    found = check_hash(body_of(name), {"callback_key": KEY})
    assert (found.text, found.key, found.fault) == (text, "callback_key", "")


TRANSACTION = {"id": "TAP1-0001", "message": "Paid", "status_code": "TS", "airtel_money_id": "MP1"}


@pytest.mark.parametrize(
    ("sent", "hashed", "text"),
    [
        ('{"id": "x", "status_code":"TS"}', '{"id":"x","status_code":"TS"}', "compact"),
        ('{"id":"Ng\\u00f3mbe"}', '{"id":"Ng\\u00f3mbe"}', "as_sent"),
        ('{"id":"Ng\\u00f3mbe"}', '{"id":"Ngómbe"}', "compact"),
        ('{"fee":0.30}', '{"fee":0.30}', "as_sent"),
        ('{ "id" : "x" }', '{"transaction":{"id":"x"}}', "whole_compact"),
        ('{"id":"\\ud800"}', '{"id":"\\ud800"}', "as_sent"),
    ],
)
def test_each_text_is_tried(sent, hashed, text):
    body = f'{{"hash":"{hash_of(hashed, KEY)}", "transaction" : {sent} }}'.encode()
    assert check_hash(body, {"k": KEY}).text == text


def test_some_clients_use_the_client_secret():
    body = json.dumps({"transaction": {"id": "x"}, "hash": hash_of('{"id":"x"}', "cs")}).encode()
    assert check_hash(body, {"callback_key": KEY, "client_secret": "cs"}).key == "client_secret"


def test_the_member_that_is_read_is_the_one_that_is_hashed():
    real, forged = '{"id":"a"}', '{"id":"b"}'
    body = f'{{"transaction":{real},"transaction":{forged},"hash":"{hash_of(real, KEY)}"}}'
    assert check_hash(body.encode(), {"k": KEY}).fault == "bad_hash"


@pytest.mark.parametrize(
    "wrong", ["", None, 5, "zITVAAGYSlzl1WkUQJn81kbpT5drH3koffT8jCkcJJA=", "é", "\ud800"]
)
def test_a_notice_that_is_not_genuine_is_worth_a_question_only(wrong):
    body = json.dumps({"transaction": TRANSACTION, "hash": wrong}).encode()
    report = airtel(callback_key=KEY).read_callback(body)
    assert (report.outcome, report.receipt, report.provider_reference) == (Outcome.UNKNOWN, None, "TAP1-0001")
    assert report.code in {"no_hash", "bad_hash"}


def test_a_genuine_notice_is_read():
    body = body_of("callback_hash_compact")
    assert airtel(callback_key=KEY).read_callback(body).outcome is Outcome.PAID
    assert airtel(callback_key="another").read_callback(body).outcome is Outcome.UNKNOWN


def test_where_notices_are_not_signed_a_hash_is_not_looked_at():
    assert airtel().read_callback(body_of("callback_TS")).outcome is Outcome.PAID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), JSON, st.sampled_from([None, 1, 3]), st.booleans())
def test_a_members_characters_are_cut_out_exactly(others, value, indent, ascii_only):
    text = json.dumps(others | {"transaction": value}, indent=indent, ensure_ascii=ascii_only)
    cut = raw_member(text, "transaction")
    assert cut in text
    assert json.loads(cut) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(BadInput):
        airtel(callback_key=KEY).read_callback(body)


@given(st.dictionaries(st.sampled_from(["transaction", "hash", "x"]), JSON))
def test_any_object_is_read_or_refused(value):
    with contextlib.suppress(BadInput):
        airtel(callback_key=KEY).read_callback(json.dumps(value).encode())
