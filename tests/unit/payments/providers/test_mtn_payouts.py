"""Money out at MTN: what is said and read, by the wire vectors; every reason and code of the reference."""

import json
from importlib.resources import files

import pytest
from pydantic import ValidationError

from core.clock import SystemClock
from core.errors import BadInput
from gateway.settings import Settings
from payments.providers import mtn_codes
from payments.providers import mtn_payouts as out
from payments.providers.base import Outcome, Payout, PayoutKind, PaysOut, Reason, Taken
from payments.providers.http import Http, read_answer
from payments.providers.mtn import Mtn
from payments.providers.mtn_wire import read_push
from payments.providers.settings import MtnSettings
from payments.providers.tokens import MemoryTokens

REFERENCE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ORIGINAL = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
ALL = json.loads((files("fixtures") / "wire" / "mtn_out.json").read_text("utf-8"))["vectors"]
BY_NAME = {vector["name"]: vector for vector in ALL}
KEYS = {
    "base_url": "https://momo.example",
    "subscription_key": "sub",
    "api_user": "user",
    "api_key": "key",
    "target_environment": "mtnzambia",
}
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
    "R": {Outcome.UNKNOWN},
}


def payout(kind=PayoutKind.TRANSFER, **changes):
    values = {
        "kind": kind,
        "reference": REFERENCE,
        "payout_id": "po1",
        "msisdn": "+260961234567",
        "amount_minor": 3000,
        "currency": "ZMW",
        "remarks": "Refund KNY-0417-1",
        "result_url": "https://pay.example.org/cb/k3yPathToken",
    }
    if kind is PayoutKind.REFUND:
        values |= {"original_reference": ORIGINAL, "original_amount_minor": 3000}
    return Payout(**values | changes)


def name_of(vector):
    return vector["name"]


def answer_of(vector):
    reply = vector["reply"]
    text = json.dumps(reply["body"]) if "body" in reply else reply.get("body_text", "")
    return read_answer(reply["status"], text.encode())


def some(method, ending=""):
    return [
        v
        for v in ALL
        if v.get("meaning") and v["request"]["method"] == method and ending in v["request"]["path"]
    ]


@pytest.mark.parametrize("kind", [PayoutKind.TRANSFER, PayoutKind.REFUND])
def test_an_order_is_that_of_the_vector(kind):
    vector = BY_NAME[f"{kind}_accepted"]
    assert "/disbursement" + out.path_of(payout(kind)) == vector["request"]["path"]
    assert out.body_of(payout(kind)) == vector["request"]["body"]


def test_an_apostrophe_is_left_out_because_mtn_refuses_it():
    body = out.body_of(payout(remarks="Tap Ng'ombe"))
    assert (body["payerMessage"], body["payeeNote"]) == ("Tap Ngombe", "Tap Ngombe")
    reply = read_push(answer_of(BY_NAME["transfer_apostrophe_refused"]), REFERENCE)
    assert (reply.taken, reply.is_config_fault) == (Taken.REFUSED, True)


@pytest.mark.parametrize("vector", some("GET"), ids=name_of)
def test_a_status_means_what_the_reference_says(vector):
    report, meaning = out.read_query(answer_of(vector), payout()), vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert report.receipt == meaning.get("receipt")
    if "reason" in meaning:
        assert report.code == meaning["reason"]


@pytest.mark.parametrize("vector", [v for v in ALL if v["direction"] == "in"], ids=name_of)
def test_a_notice_names_our_reference_by_its_external_id(vector):
    report = out.read_notice(json.dumps(vector["request"]["body"]).encode())
    assert report.outcome in OUTCOMES[vector["meaning"]["class"]]
    assert (report.reference, report.external_id) == (REFERENCE, REFERENCE)
    assert (report.amount_minor, report.currency) == (3000, "ZMW")
    assert report.receipt == vector["meaning"].get("receipt")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"status": 1}', b'{"status": "SUCCESSFUL"'])
def test_what_is_no_notice_is_refused(body):
    with pytest.raises(BadInput):
        out.read_notice(body)


# Reference §4 in full: what the recipient is told, and whether it is ours to put right.
REASONS = {
    "PAYER_NOT_FOUND": (Reason.OTHER, True),
    "PAYEE_NOT_FOUND": (Reason.OTHER, False),
    "NOT_ENOUGH_FUNDS": (Reason.OTHER, True),
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": (Reason.OTHER, True),
    "PAYER_LIMIT_REACHED": (Reason.OTHER, True),
    "PAYEE_LIMIT_REACHED": (Reason.LIMIT, False),
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": (Reason.OTHER, False),
    "SENDER_ACCOUNT_NOT_ACTIVE": (Reason.OTHER, True),
    "APPROVAL_REJECTED": (Reason.OTHER, False),
    "PAYMENT_NOT_APPROVED": (Reason.OTHER, False),
    "TRANSACTION_CANCELED": (Reason.OTHER, False),
    "EXPIRED": (Reason.OTHER, False),
    "COULD_NOT_PERFORM_TRANSACTION": (Reason.OTHER, False),
    "INTERNAL_PROCESSING_ERROR": (Reason.OTHER, False),
}


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_of_money_that_did_not_go_out(code):
    report = out.read_query(answer_of(BY_NAME[f"reason_{code}"]), payout())
    assert (report.outcome, report.reason, report.is_config_fault) == (Outcome.NOT_PAID, *REASONS[code])


def test_the_table_holds_the_reasons_of_a_push_and_no_other():
    assert set(mtn_codes.PAYOUT_REASONS) == set(mtn_codes.REASONS) == set(REASONS)
    assert {code for code, (_, is_ours) in REASONS.items() if is_ours} == mtn_codes.OURS


@pytest.mark.parametrize("reason", [*REASONS, "SOMETHING_NEW"])
def test_a_reason_alone_settles_nothing(reason):
    for status, outcome in (("PENDING", Outcome.WAITING), ("STRANGE", Outcome.UNKNOWN)):
        body = json.dumps({"status": status, "reason": reason, "externalId": REFERENCE}).encode()
        assert out.read_notice(body).outcome is outcome


TAKEN = {
    "transfer_accepted": (Taken.ACCEPTED, False),
    "refund_accepted": (Taken.ACCEPTED, False),
    "transfer_apostrophe_refused": (Taken.REFUSED, True),
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
ORDERS = [v for v in some("POST", "/disbursement/v1_0/") if v["direction"] == "out"]


@pytest.mark.parametrize("vector", ORDERS, ids=name_of)
def test_each_reply_to_an_order(vector):
    reply = read_push(answer_of(vector), REFERENCE)
    assert (reply.taken, reply.is_config_fault) == TAKEN[vector["name"]]


def test_every_answer_in_the_vectors_is_among_those_tested():
    assert {v["name"] for v in ORDERS} == set(TAKEN)


@pytest.mark.parametrize("status", [200, 201, 302, 418, 500, 502, 504])
def test_an_unheard_of_code_is_unknown(status):
    answer = read_answer(status, b'{"code": "SOMETHING_NEW", "message": "..."}')
    assert read_push(answer, REFERENCE).taken is Taken.UNKNOWN


def test_an_answer_about_another_payout_is_unknown():
    body = BY_NAME["transfer_successful"]["reply"]["body"] | {"externalId": "another"}
    report = out.read_query(read_answer(200, json.dumps(body).encode()), payout())
    assert (report.outcome, report.code, report.receipt) == (Outcome.UNKNOWN, "other_payout", None)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (payout(PayoutKind.REVERSAL), "kind"),
        (payout(currency="EUR"), "currency"),
        (payout(amount_minor=0), "amount"),
        (payout(PayoutKind.REFUND, original_reference=None), "no_original"),
        (payout(PayoutKind.REFUND, amount_minor=1000), "partial"),
    ],
)
def test_what_must_not_be_sent_is_refused(order, code):
    reply = out.fault_of(order, "ZMW")
    assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.REFUSED, code, code == "currency")


@pytest.mark.parametrize("order", [payout(), payout(PayoutKind.REFUND)])
def test_what_may_be_sent_is_not(order):
    assert out.fault_of(order, "ZMW") is None


def client(**changes):
    settings = MtnSettings(**KEYS | changes)
    return Mtn(settings, account_id="mtn:default", http=Http(), clock=SystemClock(), store=MemoryTokens())


async def test_no_money_goes_out_without_the_key_of_disbursement():
    mtn = client()
    assert not isinstance(mtn, PaysOut)
    assert isinstance(client(disbursement_key="d"), PaysOut)
    reply = await mtn.pay_out(payout())
    assert (reply.taken, reply.code, reply.is_config_fault) == (Taken.REFUSED, "no_payout_keys", True)
    assert (await mtn.query_payout(payout(), None)).outcome is Outcome.UNKNOWN


def test_the_names_of_the_settings(monkeypatch):
    own = {"disbursement_key": "d-s", "disbursement_user": "du", "disbursement_api_key": "dk-s"}
    for name, value in (KEYS | own).items():
        monkeypatch.setenv(f"MADZI_MTN_{name.upper()}", value)
    settings = Settings(_env_file=None).mtn
    assert settings == MtnSettings(**KEYS | own)
    assert "d-s" not in repr(settings) + settings.model_dump_json()
    assert "dk-s" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"disbursement_key": "d", "disbursement_user": "u"}, "both or neither"),
        ({"disbursement_key": "d", "disbursement_api_key": "k"}, "both or neither"),
        ({"disbursement_user": "u", "disbursement_api_key": "k"}, "disbursement_key is missing"),
    ],
)
def test_half_of_the_keys_stops_the_start(changes, missing):
    with pytest.raises(ValidationError, match=missing):
        MtnSettings(**KEYS | changes)
