"""Money out at M-PESA and what is told of it later, read from the wire vectors."""

import json
from datetime import datetime
from importlib.resources import files

import pytest

from core.errors import BadInput
from payments.providers import daraja_payout as out
from payments.providers import daraja_result_codes as codes
from payments.providers.base import Outcome, Payout, PayoutKind, Reason, Taken
from payments.providers.daraja_result import read_payout, read_status, read_timeout
from payments.providers.daraja_security import read_certificate, security_credential
from payments.providers.http import Answer, Reach, read_answer
from payments.providers.settings import DarajaSettings
from simulators.providers import daraja_keys

REFERENCE = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
THEIRS = "7619-37765134-1"
WIRE = files("fixtures") / "wire"
ALL = json.loads((WIRE / "daraja_out.json").read_text("utf-8"))["vectors"]
CODES = json.loads((WIRE / "daraja_result_codes.json").read_text("utf-8"))["vectors"]
BY_NAME = {vector["name"]: vector for vector in ALL + CODES}
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
        "shortcode": "600984",
        "passkey": "p",
        "initiator": "testapi",
        "initiator_password": "Safe pass 1!",
        "certificate": daraja_keys.certificate_pem(),
        "payout_shortcode": "600992",
    }
    return DarajaSettings(**values | changes)


SETTINGS = settings()
TRAITS = out.traits(SETTINGS)


def payout(kind=PayoutKind.TRANSFER, **changes):
    values = {
        "kind": kind,
        "reference": REFERENCE,
        "payout_id": "p",
        "msisdn": "+254708374149",
        "amount_minor": 3000,
        "currency": "KES",
        "remarks": "refund tap" if kind is PayoutKind.TRANSFER else "double pay",
        "original_receipt": "TKL31AA5TX",
        "original_amount_minor": 3000,
        "result_url": "https://pay.example.org/cb/k3yPathToken/b2c_result",
        "timeout_url": "https://pay.example.org/cb/k3yPathToken/b2c_timeout",
    }
    return Payout(**values | changes)


def raw(name):
    return BY_NAME[name]["request"]["body_text"].encode()


def answer_of(vector):
    reply = vector["reply"]
    return read_answer(reply["status"], (reply.get("body_text") or json.dumps(reply["body"])).encode())


def name_of(vector):
    return vector["name"]


# Reference §8, §9, §10, in full.
RESULTS = [
    ("0", Outcome.PAID, False),
    ("1", Outcome.NOT_PAID, True),
    ("2", Outcome.NOT_PAID, False),
    ("3", Outcome.NOT_PAID, False),
    ("4", Outcome.NOT_PAID, False),
    ("8", Outcome.NOT_PAID, False),
    ("11", Outcome.NOT_PAID, True),
    ("15", Outcome.UNKNOWN, False),
    ("17", Outcome.UNKNOWN, False),
    ("18", Outcome.UNKNOWN, True),
    ("20", Outcome.UNKNOWN, True),
    ("21", Outcome.NOT_PAID, True),
    ("24", Outcome.UNKNOWN, True),
    ("25", Outcome.UNKNOWN, True),
    ("26", Outcome.UNKNOWN, False),
    ("2001", Outcome.NOT_PAID, True),
    ("2006", Outcome.NOT_PAID, True),
    ("2028", Outcome.NOT_PAID, True),
    ("2040", Outcome.NOT_PAID, False),
    ("8006", Outcome.NOT_PAID, True),
    ("SFC_IC0003", Outcome.NOT_PAID, True),
    ("R000001", Outcome.UNKNOWN, False),
    ("R000002", Outcome.NOT_PAID, False),
    ("XYZ9999", Outcome.UNKNOWN, False),
]


@pytest.mark.parametrize(("code", "outcome", "is_config"), RESULTS)
def test_every_result_code_means_one_thing(code, outcome, is_config):
    told = {"ResultCode": code, "OriginatorConversationID": REFERENCE}
    report = read_payout(json.dumps({"Result": told}).encode())
    assert (report.outcome, report.code, report.is_config_fault) == (outcome, code, is_config)
    assert (report.reference, report.provider_reference) == (REFERENCE, REFERENCE)


def test_every_row_of_the_table_is_among_those_tested_and_has_a_vector():
    rows = set(codes.RESULTS)
    assert rows == {code for code, *_ in RESULTS[:-1]}
    assert rows - {"0"} <= {vector["meaning"]["result_code"] for vector in CODES}


@pytest.mark.parametrize("vector", CODES, ids=name_of)
def test_a_code_is_read_from_its_vector(vector):
    report = read_payout(vector["request"]["body_text"].encode())
    meaning = vector["meaning"]
    assert report.code == meaning["result_code"]
    assert (report.receipt, report.amount_minor) == (None, None)
    if "class" in meaning:
        assert report.outcome in OUTCOMES[meaning["class"]]


PAYOUT_RESULTS = [v for v in ALL if v["name"].startswith(("b2c_result", "b2c_failure", "reversal_re"))]


@pytest.mark.parametrize("vector", PAYOUT_RESULTS, ids=name_of)
def test_a_result_means_what_the_reference_says(vector):
    report = read_payout(vector["request"]["body_text"].encode())
    meaning = vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert (report.code, report.receipt) == (meaning["result_code"], meaning.get("receipt"))
    assert report.amount_minor == (3000 if "amount" in meaning else None)
    is_b2c = vector["name"].startswith("b2c")
    assert report.provider_reference == (REFERENCE if is_b2c else THEIRS)
    assert report.reference == (REFERENCE if is_b2c else None)


def test_the_result_of_a_transfer_names_its_recipient():
    assert read_payout(raw("b2c_result")).msisdn == "+254708374149"


def test_giving_up_waiting_says_nothing_of_the_money():
    report = read_timeout(raw("timeout"))
    assert (report.outcome, report.code, report.reference) == (Outcome.UNKNOWN, "queue_timeout", REFERENCE)
    assert read_timeout(b'{"anything":1}').outcome is Outcome.UNKNOWN
    # Even one that claims success: a time-out address proves nothing.
    assert read_timeout(raw("b2c_result")).outcome is Outcome.UNKNOWN


STATUSES = [v for v in ALL if v["name"].startswith("status_result")]


@pytest.mark.parametrize("vector", STATUSES, ids=name_of)
def test_the_answer_to_a_status_question(vector):
    status = read_status(vector["request"]["body_text"].encode(), SETTINGS)
    meaning = vector["meaning"]
    assert status.outcome in OUTCOMES[meaning["class"]]
    assert (status.question, status.receipt) == (THEIRS, "TKL51ZDR4F")
    if meaning["class"] != "P":
        assert status.arrival is None
        assert status.code == meaning["status"] or status.code == "0"
        return
    arrival = status.arrival
    assert (arrival.receipt, arrival.amount_minor, arrival.msisdn) == ("TKL51ZDR4F", 3000, meaning["msisdn"])
    assert (arrival.payer_name, arrival.account_reference) == ("JOHN DOE", "")
    assert arrival.at == datetime.fromisoformat(meaning["at"])


@pytest.mark.parametrize("vector", STATUSES, ids=name_of)
def test_the_answer_to_a_question_is_never_taken_for_a_payouts_result(vector):
    with pytest.raises(BadInput, match="status_answer"):
        read_payout(vector["request"]["body_text"].encode())


@pytest.mark.parametrize("code", ["26", "R000002", "XYZ"])
def test_a_question_that_failed_says_nothing_of_the_money(code):
    told = json.loads(raw("status_result"))
    told["Result"]["ResultCode"] = code
    body = json.dumps(told).encode()
    assert read_status(body, SETTINGS).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("read", [read_payout, lambda raw: read_status(raw, SETTINGS)])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"Result":[]}',
        b'{"Result":{}}',
        b'{"Result":{"ResultCode":true}}',
        b'{"Result":{"ResultCode":0,"ResultParameters":7}}',
        b'{"Result":{"ResultCode":0,"ResultParameters":{"ResultParameter":[7]}}}',
        b'{"Result":{"ResultCode":0,"OriginatorConversationID":{"a":1}}}',
        b"[" * 50_000,
    ],
)
def test_what_is_no_result_is_refused(read, body):
    with pytest.raises(BadInput):
        read(body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"OriginatorConversationID":[]}'])
def test_what_is_no_time_out_is_refused(body):
    with pytest.raises(BadInput):
        read_timeout(body)


def test_a_transfer_says_what_the_reference_shows():
    assert out.transfer_body(payout(), SETTINGS, "{credential}") == BY_NAME["b2c"]["request"]["body"]


def test_a_reversal_says_what_the_reference_shows():
    body = out.reversal_body(payout(PayoutKind.REVERSAL), SETTINGS, "{credential}")
    assert body == BY_NAME["reversal"]["request"]["body"]


def test_a_status_question_says_what_the_reference_shows():
    wanted = BY_NAME["status"]["request"]["body"]
    urls = wanted["ResultURL"], wanted["QueueTimeOutURL"]
    assert out.status_body("TKL51ZDR4F", SETTINGS, "{credential}", *urls) == wanted


@pytest.mark.parametrize(
    ("remarks", "said"),
    [("", "Madzi refund"), ("x", "Madzi refund"), ("<b>zwrot</b> ł", "bzwrotb"), ("x" * 200, "x" * 100)],
)
def test_remarks_are_made_to_fit(remarks, said):
    assert out.transfer_body(payout(remarks=remarks), SETTINGS, "c")["Remarks"] == said


REPLIES = [v for v in ALL if v["direction"] == "out" and "meaning" in v]
TAKEN = {
    "W": (Taken.ACCEPTED, False),
    "C": (Taken.REFUSED, True),
    "T": (Taken.NOT_REACHED, True),
    "U": (Taken.UNKNOWN, False),
}


@pytest.mark.parametrize("vector", REPLIES, ids=name_of)
def test_a_reply_on_the_spot_means_what_the_reference_says(vector):
    is_b2c = vector["name"].startswith("b2c")
    ack = out.read_ack(answer_of(vector), REFERENCE if is_b2c else None)
    assert (ack.taken, ack.is_config_fault) == TAKEN[vector["meaning"]["class"]]
    if ack.taken is Taken.ACCEPTED:
        assert ack.provider_reference == (REFERENCE if is_b2c else THEIRS)


def test_a_used_reference_proves_a_transfer_only():
    answer = answer_of(BY_NAME["b2c_duplicate"])
    assert out.read_ack(answer, REFERENCE).taken is Taken.ACCEPTED
    assert out.read_ack(answer).taken is Taken.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": "1"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": True}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 200, {"ResponseCode": "0"}), Taken.ACCEPTED),
        (Answer(Reach.ANSWERED, 200, {"errorCode": "500.002.1001"}), Taken.ACCEPTED),
        (Answer(Reach.ANSWERED, 500, {"errorCode": "500.003.02"}), Taken.UNKNOWN),
        (Answer(Reach.ANSWERED, 503), Taken.NOT_REACHED),
    ],
)
def test_only_proof_that_nothing_was_taken_lets_money_out_be_given_up(answer, taken):
    ack = out.read_ack(answer, REFERENCE)
    assert ack.taken is taken
    if taken is Taken.ACCEPTED:
        assert ack.provider_reference == REFERENCE


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        (PayoutKind.TRANSFER, {"amount_minor": 900}, "amount"),
        (PayoutKind.TRANSFER, {"amount_minor": 3050}, "amount"),
        (PayoutKind.TRANSFER, {"amount_minor": 250_001_00}, "amount"),
        (PayoutKind.TRANSFER, {"currency": "ZMW"}, "currency"),
        (PayoutKind.REVERSAL, {"amount_minor": 2000}, "amount"),
        (PayoutKind.REVERSAL, {"amount_minor": 0, "original_amount_minor": 0}, "amount"),
        (PayoutKind.REVERSAL, {"original_receipt": None}, "no_receipt"),
        (PayoutKind.REFUND, {}, "not_set_up"),
    ],
)
def test_what_mpesa_cannot_do_is_refused_here(kind, changes, code):
    fault = out.fault(payout(kind, **changes), TRAITS)
    assert (fault.taken, fault.code) == (Taken.REFUSED, code)


def test_too_much_is_a_limit():
    assert out.fault(payout(amount_minor=250_001_00), TRAITS).reason is Reason.LIMIT


@pytest.mark.parametrize(
    ("kind", "amount_minor"),
    [(PayoutKind.TRANSFER, 1000), (PayoutKind.TRANSFER, 250_000_00), (PayoutKind.REVERSAL, 100)],
)
def test_what_mpesa_can_do_passes(kind, amount_minor):
    asked = payout(kind, amount_minor=amount_minor, original_amount_minor=amount_minor)
    assert out.fault(asked, TRAITS) is None


def test_without_an_initiator_no_money_goes_out():
    without = settings(initiator=None, initiator_password=None, certificate=None, payout_shortcode=None)
    allowed = out.traits(without)
    assert allowed.kinds == frozenset()
    assert out.fault(payout(), allowed).code == "not_set_up"


def test_the_credential_is_the_bare_password_encrypted():
    credential = SETTINGS.security_credential()
    assert len(credential) == 344
    assert daraja_keys.password_in(credential) == "Safe pass 1!"
    assert SETTINGS.security_credential() != credential


def test_a_certificate_is_text_or_a_file_in_either_form(tmp_path):
    pem, der = tmp_path / "c.pem", tmp_path / "c.cer"
    pem.write_text(daraja_keys.certificate_pem())
    der.write_bytes(daraja_keys.certificate_der())
    for told in (daraja_keys.certificate_pem(), str(pem), str(der)):
        credential = security_credential("secret", read_certificate(told))
        assert daraja_keys.password_in(credential) == "secret"


@pytest.mark.parametrize("text", ["", "/no/such/file", "-----BEGIN CERTIFICATE-----\nAAAA", "\0"])
def test_what_is_no_certificate_is_refused_without_showing_it(text):
    with pytest.raises(ValueError, match="certificate is neither") as refused:
        read_certificate(text)
    assert text == "" or text not in str(refused.value)
