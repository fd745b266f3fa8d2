import base64
import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.clock import ManualClock
from core.errors import BadInput
from core.ids import Ids
from payments.providers import kcb_codes
from payments.providers.account_reference import LENGTH, account_reference, tap_of
from payments.providers.accounts import Account, callback_url, urls
from payments.providers.base import Outcome, Push, SignsNotices, Taken, Vouch
from payments.providers.http import Answer, Http, Reach, read_answer
from payments.providers.kcb import Kcb
from payments.providers.kcb_settings import KcbSettings
from payments.providers.kcb_wire import TRAITS, amount_fault, push_body, push_headers, read_push
from payments.providers.tokens import MemoryTokens

BANK = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
NOW = datetime(2025, 11, 21, 6, 31, 5, tzinfo=UTC)  # five seconds after the nested notice's own time
TILL = "7941675"


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


KEYS = {
    "base_url": "https://uat.example/",
    "consumer_key": "ck-secret",
    "consumer_secret": "cs-secret",
    "till": TILL,
}
SIGNED = KEYS | {"ipn_public_key": pem(BANK)}


def vectors(*names):
    wire = files("fixtures") / "wire"
    return [v for name in names for v in json.loads((wire / name).read_text(encoding="utf-8"))["vectors"]]


ALL = vectors("kcb.json", "kcb_codes.json")
PUSHES = [v for v in ALL if v["request"]["path"].endswith("/stkpush")]
NOTICES = [v for v in ALL if v["direction"] == "in"]
NESTED = next(v for v in NOTICES if v["name"] == "ipn_nested")["request"]["body"]
FLAT = next(v for v in NOTICES if v["name"] == "ipn_flat")["request"]["body"]
STK = next(v for v in NOTICES if v["name"] == "callback_success")["request"]["body"]


def kcb(**changes):
    return Kcb(
        KcbSettings(**SIGNED | changes),
        account_id="kcb:default",
        http=Http(),
        clock=ManualClock(NOW),
        store=MemoryTokens(),
    )


def raw(body):
    return json.dumps(body).encode()


def signed(body, key=BANK):
    return base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()


def answer_of(vector):
    return read_answer(vector["reply"]["status"], raw(vector["reply"]["body"]))


def name_of(vector):
    return vector["name"]


TAKEN = {
    "W": Taken.ACCEPTED,
    "C": Taken.REFUSED,
    "T": Taken.NOT_REACHED,
    "R": Taken.NOT_REACHED,
    "U": Taken.UNKNOWN,
}
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN},
}


@pytest.mark.parametrize("vector", PUSHES, ids=name_of)
def test_a_reply_to_a_push_means_what_the_reference_says(vector):
    reply, meaning = read_push(answer_of(vector)), vector["meaning"]
    assert reply.taken is TAKEN[meaning["class"]]
    assert reply.is_config_fault is (meaning["class"] in {"C", "T"})
    assert (reply.provider_reference is not None) is (meaning["class"] == "W")
    assert (reply.retry_after_s is not None) is (reply.taken is Taken.NOT_REACHED)
    assert reply.code == meaning.get("code", reply.code)


def test_every_code_of_the_gateway_is_among_those_tested():
    assert set(kcb_codes.GATEWAY) <= {v["meaning"].get("code") for v in PUSHES}


@pytest.mark.parametrize("vector", NOTICES, ids=name_of)
def test_a_notice_means_what_the_reference_says(vector):
    report, meaning = kcb().read_callback(raw(vector["request"]["body"])), vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert (report.receipt, report.amount_minor) == (meaning.get("receipt"), meaning.get("amount"))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Reach.UNCLEAR, fault="timeout"),
        Answer(Reach.ANSWERED, 200),
        Answer(Reach.ANSWERED, 200, text="<html>"),
        Answer(Reach.ANSWERED, 401, text="<html>"),
        Answer(Reach.ANSWERED, 503, text="<html>"),
        Answer(Reach.ANSWERED, 200, {"response": {"ResponseCode": 0}}),
        Answer(Reach.ANSWERED, 200, {"response": {"ResponseCode": False, "CheckoutRequestID": "ws"}}),
        Answer(Reach.ANSWERED, 200, {"header": {"statusCode": ["0"]}, "ResponseCode": 0}),
        Answer(Reach.ANSWERED, 202, {"ResponseCode": 0, "CheckoutRequestID": "ws"}),
        Answer(Reach.ANSWERED, 200, {"response": "0"}),
        Answer(Reach.ANSWERED, 500, {"fault": "900901"}),
        Answer(Reach.ANSWERED, 500, {"errorCode": {"a": 1}, "errorMessage": 7}),
    ],
)
def test_an_unclear_reply_is_unknown(answer):
    assert read_push(answer).taken is Taken.UNKNOWN


def test_no_connection_is_proof_that_nothing_was_taken():
    assert read_push(Answer(Reach.NEVER, fault="no_connection")).taken is Taken.NOT_REACHED


# What is sent

PUSH = Push(
    "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    "pay_01JDAB7Q",
    "+254708374149",
    3000,
    "KES",
    "KNY-0417-1",
    "2025-11",
    "https://pay.example.org/cb/k3yPathToken",
)


def test_a_push_says_what_the_reference_shows():
    vector = next(v for v in PUSHES if v["name"] == "push_accepted")
    settings = KcbSettings(**KEYS)
    assert push_body(PUSH, settings) == vector["request"]["body"]
    headers = {k: v for k, v in vector["request"]["headers"].items() if k != "Authorization"}
    assert push_headers(PUSH, settings) == headers


def test_a_paybill_of_ones_own_is_named_with_its_key():
    own = {"shared_short_code": False, "org_short_code": "522533", "org_pass_key": "pk"}
    body = push_body(PUSH, KcbSettings(**KEYS | own | {"separator": "#"}))
    assert (body["sharedShortCode"], body["orgShortCode"], body["orgPassKey"]) == (False, "522533", "pk")
    assert body["invoiceNumber"].startswith("7941675#KNY04171")


@pytest.mark.parametrize(
    ("minor", "is_fine"), [(100, True), (25_000_000, True), (50, False), (25_000_100, False)]
)
def test_amounts_are_whole_shillings_within_limits(minor, is_fine):
    from dataclasses import replace

    assert (amount_fault(replace(PUSH, amount_minor=minor)) is None) is is_fine
    assert amount_fault(replace(PUSH, currency="ZMW")).taken is Taken.REFUSED


@given(st.integers(0, 10**6))
def test_a_reference_is_short_and_names_its_tap(seed):
    payment_id = Ids.seeded(seed, ManualClock(NOW)).new()
    reference = account_reference("KNY-0417-1", payment_id)
    assert len(reference) == LENGTH
    assert reference.isalnum()
    assert tap_of(reference) == "KNY-0417-1"


@pytest.mark.parametrize(
    "text", ["", "TAPKNY0417", "KNY04170ABCD", "KNY04171ABCDE", "ÄÄÄ04171ABCD", "123456789012"]
)
def test_what_is_no_reference_of_ours_names_no_tap(text):
    assert tap_of(text) is None


def test_an_address_fits_into_fifty_characters():
    account = Account("kcb:default", "kcb", None, "a" * 22)
    address = callback_url("https://pay.example.org", account, "k" * 22)
    assert address == "https://pay.example.org/cb/" + "a" * 22
    assert len(address) <= 50
    assert urls("https://pay.example.org", account) == {"stk": address, "ipn": address + "/ipn"}


# Signatures


@pytest.mark.parametrize("body", [NESTED, FLAT], ids=["nested", "flat"])
def test_what_kcb_has_signed_is_genuine(body):
    text = raw(body)
    assert kcb().vouch(text, signed(text), NOW) is Vouch.GENUINE
    assert isinstance(kcb(), SignsNotices)


FORGER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.mark.parametrize(
    "signature",
    [
        signed(raw(NESTED), FORGER),
        signed(raw(NESTED) + b" "),
        signed(raw(FLAT)),
        signed(raw(NESTED))[:-4],
        signed(raw(NESTED)) + "!",
        "AAAA",
        "not base64",
        "ü",
    ],
)
def test_any_other_signature_is_a_forgery(signature):
    assert kcb().vouch(raw(NESTED), signature, NOW) is Vouch.FORGED


def test_an_amount_changed_after_signing_is_a_forgery():
    text = raw(NESTED)
    assert kcb().vouch(text.replace(b'"30"', b'"3000"'), signed(text), NOW) is Vouch.FORGED


@pytest.mark.parametrize("body", [NESTED, FLAT, {}, {"anything": 1}])
def test_an_unsigned_notice_proves_nothing(body):
    assert kcb().vouch(raw(body), "", NOW) is Vouch.UNSIGNED


def test_without_the_public_key_nothing_is_genuine():
    text = raw(NESTED)
    assert kcb(ipn_public_key="").vouch(text, signed(text), NOW) is Vouch.FORGED
    assert kcb(ipn_public_key="").vouch(text, "", NOW) is Vouch.UNSIGNED


def test_the_sandbox_may_be_believed_without_signatures_but_not_with_bad_ones():
    sandbox = kcb(unsigned_sandbox=True)
    assert sandbox.vouch(raw(NESTED), "", NOW) is Vouch.GENUINE
    assert sandbox.vouch(raw(NESTED), signed(raw(NESTED), FORGER), NOW) is Vouch.FORGED


@pytest.mark.parametrize("body", [raw(STK), b"not json", b"[1]", b"\xff\xfe"])
def test_what_nobody_signs_is_a_hint(body):
    assert kcb().vouch(body, "", NOW) is Vouch.NONE


@pytest.mark.parametrize(
    ("age", "vouch"),
    [
        (timedelta(seconds=-299), Vouch.GENUINE),
        (timedelta(minutes=-6), Vouch.STALE),
        (timedelta(hours=23), Vouch.GENUINE),
        (timedelta(hours=25), Vouch.STALE),
    ],
)
def test_an_old_notice_is_stale(age, vouch):
    text, sent_at = raw(NESTED), NOW - timedelta(seconds=5)
    assert kcb().vouch(text, signed(text), sent_at + age) is vouch


def test_the_tolerance_is_a_setting_and_a_time_that_cannot_be_read_counts_as_fresh():
    strict = kcb(ipn_tolerance_s=300)
    assert strict.vouch(raw(NESTED), signed(raw(NESTED)), NOW + timedelta(minutes=6)) is Vouch.STALE
    assert strict.vouch(raw(FLAT), signed(raw(FLAT)), NOW) is Vouch.GENUINE  # 13 digits, as published


# Reading


def changed(body, **fields):
    made = json.loads(json.dumps(body))
    inner = made["requestPayload"]["additionalData"]["notificationData"] if "requestPayload" in made else made
    inner.update(fields)
    return raw(made)


def test_what_a_notice_tells():
    report = kcb().read_callback(changed(NESTED, businessKey="7941675-kny04171abcd"))
    assert (report.msisdn, report.currency) == ("+254708374149", "KES")
    assert (report.provider_reference, report.account_reference) == ("FT25325M3RM6", "KNY04171ABCD")
    report = kcb().read_callback(raw(FLAT))
    assert (report.receipt, report.account_reference) == ("FT00026252", "TAPKNY0417")


@pytest.mark.parametrize("amount", ["20,00.00", "1,0000", ",100", "3O", "", None, "1e3000000", "30.005", {}])
def test_an_amount_that_is_none_is_refused(amount):
    with pytest.raises(BadInput):
        kcb().read_callback(changed(NESTED, transactionAmt=amount))


@pytest.mark.parametrize("body", [NESTED, FLAT], ids=["nested", "flat"])
def test_a_notice_about_another_till_is_refused(body):
    """KCB signs those with the same key: they are about the money of others."""
    with pytest.raises(BadInput, match="another till"):
        kcb(till="555").read_callback(raw(body))


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_whatever_comes_is_read_or_refused(noise):
    for body in (
        noise,
        NESTED | noise,
        FLAT | noise,
        {"Body": noise},
        {"requestPayload": noise, "header": noise},
    ):
        try:
            kcb().read_callback(raw(body))
        except BadInput:
            continue


@pytest.mark.parametrize("vector", NOTICES, ids=name_of)
def test_the_acknowledgement_is_that_of_the_reference(vector):
    kind, text = kcb().acknowledgement(raw(vector["request"]["body"]), "our-id")
    expected = json.dumps(vector["reply"]["body"]).replace("{raw_id}", "our-id")
    assert (kind, json.loads(text)) == ("application/json", json.loads(expected))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"header":{"messageID":{}}}', b"\xff"])
def test_anything_is_acknowledged(body):
    kind, text = kcb().acknowledgement(body, "our-id")
    assert (kind, bool(json.loads(text))) == ("application/json", True)


async def test_nobody_can_be_asked():
    assert (await kcb().query("r", "ws")).outcome is Outcome.UNKNOWN
    assert (TRAITS.has_query, TRAITS.push_is_repeatable) == (False, False)


# Settings


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_setting_is_named(name):
    with pytest.raises(ValidationError, match=name):
        KcbSettings(**{key: value for key, value in KEYS.items() if key != name})


def test_a_key_may_come_in_one_line():
    one_line = pem(BANK).replace("\n", "\\n")
    bare = "".join(pem(BANK).splitlines()[1:-1])
    for text in (one_line, bare):
        assert kcb(ipn_public_key=text).vouch(raw(FLAT), signed(raw(FLAT)), NOW) is Vouch.GENUINE


WEAK = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505 - must be refused


@pytest.mark.parametrize("text", ["x", "AAAA", pem(WEAK), pem(ec.generate_private_key(ec.SECP256R1()))])
def test_what_is_no_rsa_key_to_be_trusted_stops_the_start(text):
    with pytest.raises(ValidationError, match="ublic key"):
        KcbSettings(**KEYS | {"ipn_public_key": text})


@pytest.mark.parametrize(
    "changes", [{"shared_short_code": False}, {"separator": "/"}, {"ipn_tolerance_s": 0}, {"till": "x"}]
)
def test_settings_that_cannot_be(changes):
    with pytest.raises(ValidationError):
        KcbSettings(**KEYS | changes)


def test_no_secret_shows():
    settings = KcbSettings(**KEYS | {"org_pass_key": "pk-secret"})
    assert "-secret" not in repr(settings) + settings.model_dump_json()
