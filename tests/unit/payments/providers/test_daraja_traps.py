"""The checklist of reference daraja §13, one test for each trap, by its number."""

import ast
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from core.errors import BadAmount
from payments.providers import daraja_codes, daraja_wire
from payments.providers.account_reference import account_reference, tap_of
from payments.providers.base import Outcome, Taken
from payments.providers.daraja_c2b import read_arrival
from payments.providers.daraja_callback import read_callback
from payments.providers.daraja_result import read_payout, read_timeout
from payments.providers.daraja_security import read_certificate, security_credential
from payments.providers.daraja_times import read_time
from payments.providers.daraja_wire import TRAITS, read_query, refuses_token
from payments.providers.http import Answer, Reach
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import MemoryTokens, Token, Tokens
from simulators.providers.daraja_keys import certificate_pem, password_in
from taps import tap_id as taps

SETTINGS = DarajaSettings(
    base_url="https://x.example", consumer_key="k", consumer_secret="s", shortcode="600984", passkey="p"
)
CHECKOUT = "ws_CO_21112025093002250708374149"


def vector(file, name):
    found = json.loads((files("fixtures") / "wire" / file).read_text("utf-8"))["vectors"]
    return next(v for v in found if v["name"] == name)


def raw(file, name):
    request = vector(file, name)["request"]
    return (request.get("body_text") or json.dumps(request["body"])).encode()


def query(code, **changes):
    body = {"ResponseCode": "0", "CheckoutRequestID": CHECKOUT, "ResultCode": code} | changes
    return read_query(Answer(Reach.ANSWERED, 200, body), CHECKOUT)


def error(status, code, message):
    return Answer(Reach.ANSWERED, status, {"errorCode": code, "errorMessage": message})


def result(**changes):
    told = {"ResultCode": 0, "OriginatorConversationID": "a", "TransactionID": "TKL632NMUA"} | changes
    return json.dumps({"Result": told}).encode()


def test_trap_1_two_channels_tell_one_receipt():
    callback = read_callback(raw("daraja.json", "callback_success"))
    arrival = read_arrival(raw("daraja_c2b.json", "confirmation_of_a_push"), SETTINGS)
    assert callback.receipt == arrival.receipt == "TKL31AA5TX"
    assert tap_of(arrival.account_reference) == "KNY-0417-1"


def test_trap_2_two_equal_purchases_are_no_failure_but_two_minutes_of_patience():
    report = query("17")
    assert (report.outcome, report.retry_after_s) == (Outcome.UNKNOWN, 120)


@pytest.mark.parametrize(
    ("message", "taken", "outcome"),
    [
        ("Merchant does not exist", Taken.REFUSED, Outcome.UNKNOWN),
        ("Wrong credentials", Taken.REFUSED, Outcome.UNKNOWN),
        (
            "Unable to lock subscriber, a transaction is already in process",
            Taken.NOT_REACHED,
            Outcome.UNKNOWN,
        ),
        ("The transaction is being processed", Taken.UNKNOWN, Outcome.WAITING),
    ],
)
def test_trap_3_one_error_has_four_meanings(message, taken, outcome):
    answer = error(500, "500.001.1001", message)
    assert daraja_wire.read_push(answer).taken is taken
    assert read_query(answer, CHECKOUT).outcome is outcome


def test_trap_3_4999_waits_although_the_response_code_is_0():
    assert query("4999").outcome is Outcome.WAITING


def test_trap_3_a_404_may_mean_the_token():
    assert refuses_token(error(404, "404.001.03", "Invalid Access Token"))
    assert not refuses_token(error(404, "404.001.01", "Resource not found"))


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome"),
    [
        (500, "500.003.02", "Error Occurred: Spike Arrest Violation", Outcome.WAITING),
        (429, "", "spike arrest violation", Outcome.WAITING),
        (500, "500.003.03", "Error Occurred: Quota Violation", Outcome.UNKNOWN),
    ],
)
def test_trap_4_too_many_queries_are_no_end_however_it_is_said(status, code, message, outcome):
    answer = error(status, code, message)
    assert (read_query(answer, CHECKOUT).outcome, daraja_wire.error_of(answer).is_rate) == (outcome, True)


def test_trap_4_a_query_proves_the_payment_and_gives_no_receipt():
    report = query("0")
    assert (report.outcome, report.receipt, report.amount_minor) == (Outcome.PAID, None, None)
    assert TRAITS.query_gives_amount is False


class Clock:
    def now(self):
        return datetime(2025, 11, 21, tzinfo=UTC)


async def test_trap_5_a_second_process_takes_the_token_of_the_first_one():
    store, fetched = MemoryTokens(), []
    later = datetime(2025, 11, 21, 1, tzinfo=UTC)

    async def fetch():
        fetched.append(f"t{len(fetched) + 1}")
        return Token(fetched[-1], later, later)

    first, second = (Tokens("daraja:default", fetch, store, Clock()) for _ in range(2))
    assert [await first.get(), await second.get()] == ["t1", "t1"]
    # The second's call is refused: it asks for another, and the first finds that one instead of killing it.
    assert await second.renew("t1") == "t2"
    assert await first.renew("t1") == "t2"
    assert fetched == ["t1", "t2"]


@pytest.mark.parametrize("code", [0, "0", " 0 "])
def test_trap_6_a_code_is_a_number_or_a_text(code):
    assert read_payout(result(ResultCode=code)).outcome is Outcome.PAID
    assert query(code).outcome is Outcome.PAID


def test_trap_6_a_code_may_have_letters():
    assert read_payout(result(ResultCode="R000002")).outcome is Outcome.NOT_PAID


@pytest.mark.parametrize("text", ["30", "30.0", "30.00", '"30.00"', '"30"', "3E1"])
def test_trap_6_money_is_read_from_its_text(text):
    values = '{"ResultParameter":[{"Key":"TransactionAmount","Value":' + text + "}]}"
    body = '{"Result":{"ResultCode":0,"ResultParameters":' + values + "}}"
    assert read_payout(body.encode()).amount_minor == 3000


@pytest.mark.parametrize("text", ["0.1000000000000000055511151231257827", "30.005"])
def test_trap_6_what_a_float_would_round_is_refused(text):
    with pytest.raises(BadAmount):
        read_arrival(raw("daraja_c2b.json", "confirmation").replace(b"30.00", text.encode()), SETTINGS)


def test_trap_6_no_module_of_daraja_makes_a_float():
    folder = Path(daraja_codes.__file__).parent
    for path in folder.glob("daraja*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        assert "float" not in {call.func.id for call in calls if isinstance(call.func, ast.Name)}, path.name


def test_trap_7_one_alone_comes_without_its_list():
    alone = read_payout(raw("daraja_out.json", "b2c_result_single_object"))
    listed = read_payout(raw("daraja_out.json", "b2c_result_reference_list"))
    assert (alone.receipt, alone.amount_minor) == (listed.receipt, listed.amount_minor)


def test_trap_7_names_come_without_values():
    report = read_payout(raw("daraja_out.json", "b2c_result_without_values"))
    assert (report.outcome, report.receipt, report.amount_minor) == (Outcome.PAID, "TKL632NMUA", None)


@pytest.mark.parametrize(
    "told",
    [
        20251121093000,
        "20251121093000",
        "21.11.2025 09:30:00",
        "2025-11-21T09:30:00Z",
        "2025-11-21 09:30:00",
    ],
)
def test_trap_8_five_forms_of_a_time_are_one_moment_in_nairobi(told):
    assert read_time(told) == datetime(2025, 11, 21, 6, 30, tzinfo=UTC)  # half past eight in Lusaka


def test_trap_9_giving_up_waiting_is_no_failure():
    assert read_timeout(raw("daraja_out.json", "timeout")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("typed", ["kny 0417 1", "KNY04171", "kny-0417-1", "kny 0417 1 water nov"[:20]])
def test_trap_10_an_account_is_kept_as_it_was_typed(typed):
    body = json.dumps(vector("daraja_c2b.json", "confirmation")["request"]["body"] | {"BillRefNumber": typed})
    assert read_arrival(body.encode(), SETTINGS).account_reference == typed


def test_trap_10_a_tap_and_its_payment_fit_into_twelve_characters():
    reference = account_reference("KNY-0417-1", "0193d5a0-0000-7000-8000-000000000001")
    assert (len(reference), reference[:8]) == (12, "KNY04171")
    assert taps.parse(reference[:8]) == "KNY-0417-1"


def test_trap_11_the_password_is_encrypted_bare():
    """Not in base64 before (one client does), and with no time behind it (another one does)."""
    key = read_certificate(certificate_pem())
    assert password_in(security_credential("Pass 1!", key)) == "Pass 1!"


@pytest.mark.parametrize("number", ["254708374149", "254110123456"])
def test_trap_11_numbers_that_begin_with_01_are_phones_too(number):
    body = json.dumps(vector("daraja_c2b.json", "confirmation")["request"]["body"] | {"MSISDN": number})
    assert read_arrival(body.encode(), SETTINGS).msisdn == f"+{number}"


@pytest.mark.parametrize("code", [None, ""])
def test_trap_11_a_missing_code_is_not_paid(code):
    assert query(code).outcome is Outcome.UNKNOWN
