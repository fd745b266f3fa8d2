"""The vectors are whole: every code of the references is there, each usable from both sides."""

import pytest

FILES = ["mtn", "mtn_codes", "airtel", "airtel_codes", "daraja", "daraja_codes", "africastalking"]
FILES += ["kcb_multi", "kcb_multi_codes", "stripe", "stripe_codes"]
FILES += ["daraja_c2b", "daraja_out", "daraja_result_codes"]
USSD_FILES = ["ussd_hubtel", "ussd_nalo", "ussd_arkesel", "ussd_infobip"]
CLASSES = {"P", "N", "W", "U", "C", "R", "T"}


@pytest.mark.parametrize("name", FILES + USSD_FILES)
def test_vectors_are_well_formed(vectors, name):
    found = vectors(name)
    assert len({vector["name"] for vector in found}) == len(found)
    for vector in found:
        assert set(vector) <= {"name", "source", "direction", "assumed", "request", "reply", "meaning"}
        assert vector["direction"] in ("in", "out")
        assert {"method", "path", "headers"} <= set(vector["request"])
        assert len({"body", "body_text", "form"} & set(vector["request"])) <= 1
        assert isinstance(vector["reply"]["status"], int)
        assert vector.get("meaning", {}).get("class", "U") in CLASSES


def meanings(vectors, name, key):
    return {vector["meaning"].get(key) for vector in vectors(name) if "meaning" in vector}


def test_every_reason_and_error_of_mtn_is_there(vectors):
    reasons = {
        "PAYER_NOT_FOUND",
        "PAYEE_NOT_FOUND",
        "NOT_ENOUGH_FUNDS",
        "PAYER_LIMIT_REACHED",
        "PAYEE_LIMIT_REACHED",
        "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
        "PAYEE_NOT_ALLOWED_TO_RECEIVE",
        "EXPIRED",
        "SENDER_ACCOUNT_NOT_ACTIVE",
        "APPROVAL_REJECTED",
        "PAYMENT_NOT_APPROVED",
        "TRANSACTION_CANCELED",
        "COULD_NOT_PERFORM_TRANSACTION",
        "INTERNAL_PROCESSING_ERROR",
    }
    codes = {
        "RESOURCE_ALREADY_EXIST",
        "RESOURCE_NOT_FOUND",
        "TRANSACTION_NOT_FOUND",
        "NOT_ALLOWED",
        "NOT_ALLOWED_TARGET_ENVIRONMENT",
        "INVALID_CALLBACK_URL_HOST",
        "INVALID_CURRENCY",
        "INTERNAL_PROCESSING_ERROR",
        "SERVICE_UNAVAILABLE",
    }
    assert meanings(vectors, "mtn_codes", "reason") - {None} == reasons
    assert meanings(vectors, "mtn_codes", "code") - {None} == codes


def test_every_result_and_error_of_daraja_is_there(vectors):
    results = {
        "1",
        "2",
        "3",
        "4",
        "8",
        "17",
        "26",
        "1001",
        "1019",
        "1025",
        "9999",
        "1032",
        "1037",
        "2001",
        "2028",
        "SFC_IC0003",
        "8006",
        "4999",
        "R000099",
    }
    errors = {
        "400.002.02",
        "400.002.05",
        "400.003.02",
        "400.003.01",
        "401.002.01",
        "401.003.01",
        "404.001.03",
        "404.001.01",
        "404.002.01",
        "404.003.01",
        "404.001.04",
        "405.001",
        "500.001.1001",
        "500.002.1001",
        "500.003.02",
        "500.003.03",
        "500.003.1001",
    }
    assert meanings(vectors, "daraja_codes", "result_code") - {None} == results
    assert meanings(vectors, "daraja_codes", "code") - {None} == errors


def test_every_code_and_state_of_africas_talking_is_there(vectors):
    codes = {100, 101, 102, 401, 402, 403, 404, 405, 406, 407, 409, 500, 501, 502}
    states = {"Sent", "Submitted", "Buffered", "Rejected", "Success", "Failed", "Expired"}
    assert meanings(vectors, "africastalking", "code") - {None} == codes
    assert meanings(vectors, "africastalking", "status") - {None} == states


def test_darajas_amount_keeps_its_two_decimals(vectors):
    (success,) = [v for v in vectors("daraja") if v["name"] == "callback_success"]
    assert '{"Name":"Amount","Value":30.00}' in success["request"]["body_text"]
    assert '{"Name":"Balance"}' in success["request"]["body_text"]


def test_every_status_and_code_of_airtel_is_there(vectors):
    numbers = (*range(1000, 1011), 1024, 1025, 1026, 1029)
    responses = {f"DP0080000{number}" for number in numbers} | {"DP02010001000", "DP02010001001"}
    results = {1, 4, 8, 10, 11, 14, 33, 34, 35, 36, 39, 41, 45}
    routers = {1, 3, 5, 6, 7, 112, 114, 115, 116, 117, 119}
    codes = responses | {f"ESB{n:06}" for n in results} | {f"ROUTER{n:03}" for n in routers}
    for kind in ("push", "enquiry"):
        told = {v["meaning"]["code"] for v in vectors("airtel_codes") if v["name"].startswith(f"{kind}_")}
        assert told == codes
    assert meanings(vectors, "airtel", "status") - {None} == {"TS", "TF", "TIP", "TI", "TA", "TE", "TX"}


def test_airtels_enquiry_is_unknown_whatever_code_it_fails_with(vectors):
    told = [v for v in vectors("airtel_codes") if v["name"] == f"enquiry_{v['meaning']['code']}"]
    assert len(told) == 41
    assert {v["meaning"]["class"] for v in told} == {"U"}
