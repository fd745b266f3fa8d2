"""Payments by hand at M-PESA: registration, validation, confirmation, pull; read from the wire vectors."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from core.errors import BadInput, Refused, Unavailable
from payments.providers import daraja_c2b as c2b
from payments.providers import daraja_pull as pull
from payments.providers.daraja_times import compact, read_time, spaced
from payments.providers.http import Answer, Reach, read_answer
from payments.providers.settings import DarajaSettings

SETTINGS = DarajaSettings(
    base_url="https://sandbox.example", consumer_key="k", consumer_secret="s", shortcode="600984", passkey="p"
)
ALL = json.loads((files("fixtures") / "wire" / "daraja_c2b.json").read_text("utf-8"))["vectors"]
BY_NAME = {vector["name"]: vector for vector in ALL}
TOLD = [vector for vector in ALL if vector["direction"] == "in"]
REGISTRATIONS = [v for v in ALL if v["name"].startswith(("register", "pull_register"))]
BODY = BY_NAME["confirmation"]["request"]["body"]


def name_of(vector):
    return vector["name"]


def answer_of(vector):
    return read_answer(vector["reply"]["status"], json.dumps(vector["reply"]["body"]).encode())


def confirmation(**changes):
    return json.dumps(BODY | changes).encode()


@pytest.mark.parametrize("vector", TOLD, ids=name_of)
def test_what_is_told_means_what_the_reference_says(vector):
    arrival = c2b.read_arrival(json.dumps(vector["request"]["body"]).encode(), SETTINGS)
    meaning = vector["meaning"]
    assert (arrival.receipt, arrival.amount_minor, arrival.currency) == (meaning["receipt"], 3000, "KES")
    assert arrival.account_reference == meaning["account"]
    assert (arrival.msisdn, arrival.masked_msisdn) == (meaning.get("msisdn"), meaning.get("masked"))
    assert arrival.at == datetime.fromisoformat(meaning["at"])
    assert arrival.payer_name == "NICHOLAS"


@pytest.mark.parametrize("vector", [v for v in TOLD if v["name"].startswith("validation")], ids=name_of)
def test_a_validation_is_answered_in_the_words_of_the_reference(vector):
    kind, text = c2b.validation_reply(vector["meaning"].get("reason"))
    assert (kind, json.loads(text)) == ("application/json", vector["reply"]["body"])


def test_our_own_id_goes_along_with_an_acceptance_only():
    accepted, rejected = (json.loads(c2b.validation_reply(why, "v1")[1]) for why in (None, "account"))
    assert accepted == {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "v1"}
    assert "ThirdPartyTransID" not in rejected


def test_a_reason_without_a_code_is_the_general_one():
    assert json.loads(c2b.validation_reply("weather")[1])["ResultCode"] == "C2B00016"


@pytest.mark.parametrize("vector", REGISTRATIONS, ids=name_of)
def test_a_registration_says_new_or_already_or_why_not(vector):
    read = pull.read_registration if vector["name"].startswith("pull") else c2b.read_registration
    match vector["meaning"]["status"]:
        case "registered":
            assert read(answer_of(vector)) is True
        case "already":
            assert read(answer_of(vector)) is False
        case "refused":
            with pytest.raises(Refused, match=r"400\.002\.02"):
                read(answer_of(vector))
        case "unavailable":
            with pytest.raises(Unavailable, match=r"500\.003\.1001"):
                read(answer_of(vector))


@pytest.mark.parametrize("read", [c2b.read_registration, pull.read_registration])
def test_a_registration_that_nobody_answers_is_none(read):
    with pytest.raises(Unavailable):
        read(Answer(Reach.UNCLEAR, fault="timeout"))


def test_a_registration_of_pull_is_refused_in_its_own_words():
    with pytest.raises(Refused, match="1003"):
        pull.read_registration(Answer(Reach.ANSWERED, 200, {"ResponseStatus": "1003"}))


def test_the_registration_says_what_the_reference_shows():
    wanted = BY_NAME["register"]["request"]["body"]
    assert c2b.register_body(SETTINGS, wanted["ValidationURL"], wanted["ConfirmationURL"]) == wanted
    wanted = BY_NAME["pull_register"]["request"]["body"]
    assert pull.register_body("600984", wanted["CallBackURL"], wanted["NominatedNumber"]) == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"TransID": None},
        {"TransID": ""},
        {"TransID": ["x"]},
        {"TransID": "x" * 65},
        {"TransAmount": None},
        {"TransAmount": "0.00"},
        {"TransAmount": "-30.00"},
        {"TransAmount": "30.005"},
        {"TransAmount": "1E99999"},
        {"TransAmount": "thirty"},
        {"TransAmount": True},
        {"BusinessShortCode": "600111"},
    ],
)
def test_what_is_no_payment_to_us_is_refused(changes):
    with pytest.raises(BadInput):
        c2b.read_arrival(confirmation(**changes), SETTINGS)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff", b"{}", b"[" * 50_000])
def test_what_is_no_confirmation_at_all_is_refused(raw):
    with pytest.raises(BadInput):
        c2b.read_arrival(raw, SETTINGS)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"BillRefNumber": "kn\u00ff\ud800 0417"}, "account_reference", "kn\u00ff  0417"),
        ({"BillRefNumber": "a\nb"}, "account_reference", "a b"),
        ({"BillRefNumber": 417}, "account_reference", "417"),
        ({"BillRefNumber": None}, "account_reference", ""),
        ({"BillRefNumber": ["x"]}, "account_reference", ""),
        ({"BillRefNumber": "x" * 400}, "account_reference", "x" * 40),
        ({"FirstName": "A", "MiddleName": "B", "LastName": "C"}, "payer_name", "A B C"),
        ({"FirstName": 7, "LastName": {}}, "payer_name", "7"),
        ({"MSISDN": "nobody"}, "masked_msisdn", None),
        ({"MSISDN": ""}, "masked_msisdn", None),
        ({"MSISDN": 254708374149}, "msisdn", "+254708374149"),
        ({"TransTime": "yesterday"}, "at", None),
        ({"TransAmount": 30}, "amount_minor", 3000),
    ],
)
def test_what_only_people_need_never_stops_money_that_came(changes, field, value):
    assert getattr(c2b.read_arrival(confirmation(**changes), SETTINGS), field) == value


def test_a_till_hears_of_money_under_either_of_its_numbers():
    till = SETTINGS.model_copy(update={"type": "till", "till": "5551234"})
    for code in ("600984", "5551234"):
        assert c2b.read_arrival(confirmation(BusinessShortCode=code), till).amount_minor == 3000


HALF_PAST_NINE = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)


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
def test_each_form_of_a_time_is_nairobis(told):
    assert read_time(told) == HALF_PAST_NINE


@pytest.mark.parametrize(
    "told", ["", None, True, 1.5, [], "20251341093000", "2025-11-21", 0, "00000000000000"]
)
def test_what_is_no_time_is_none(told):
    assert read_time(told) is None


def test_times_are_sent_in_nairobis_hours():
    assert compact(HALF_PAST_NINE) == "20251121093000"
    assert spaced(HALF_PAST_NINE) == "2025-11-21 09:30:00"


def test_a_page_of_the_list_is_read():
    vector = BY_NAME["pull"]
    page = pull.read_page(answer_of(vector))
    (arrival,) = page.arrivals
    meaning = vector["meaning"]
    assert (page.rows, arrival.receipt, arrival.amount_minor) == (1, meaning["receipt"], 3000)
    assert (arrival.account_reference, arrival.msisdn) == (meaning["account"], meaning["msisdn"])
    assert arrival.at == datetime.fromisoformat(meaning["at"])


def test_nothing_came():
    assert pull.read_page(answer_of(BY_NAME["pull_nothing"])) == pull.Page(0, ())
    empty = Answer(Reach.ANSWERED, 200, {"ResponseCode": "1000", "Response": [[]]})
    assert pull.read_page(empty) == pull.Page(0, ())


def test_the_question_says_what_the_reference_shows():
    since = datetime(2025, 11, 19, 21, tzinfo=UTC)
    until = datetime(2025, 11, 20, 21, tzinfo=UTC)
    assert pull.query_body("600984", since, until, 0) == BY_NAME["pull"]["request"]["body"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Reach.NEVER, fault="no_connection"),
        Answer(Reach.UNCLEAR, fault="timeout"),
        Answer(Reach.ANSWERED, 500, {"errorCode": "500.003.02"}),
        Answer(Reach.ANSWERED, 200, text="<html>"),
        Answer(Reach.ANSWERED, 200, {"ResponseCode": "0", "Response": [[]]}),  # 0 is no success here
        Answer(Reach.ANSWERED, 200, {"ResponseCode": "1000"}),
        Answer(Reach.ANSWERED, 200, {"ResponseCode": "1000", "Response": [[7]]}),
        Answer(Reach.ANSWERED, 200, {"ResponseCode": [], "Response": [[]]}),
    ],
)
def test_what_is_no_page_is_not_an_empty_one(answer):
    assert pull.read_page(answer) is None


def test_a_row_that_cannot_be_read_hides_no_other():
    row = BY_NAME["pull"]["reply"]["body"]["Response"][0][0]
    spoilt = [
        row | {"amount": "many"},
        row | {"transactionId": None},
        row | {"amount": "0"},
        row | {"transactiontype": "b2c-payout"},
        row | {"transactionId": "TKL51ZDR4G"},
    ]
    page = pull.read_page(Answer(Reach.ANSWERED, 200, {"ResponseCode": 1000, "Response": [spoilt]}))
    assert (page.rows, [arrival.receipt for arrival in page.arrivals]) == (5, ["TKL51ZDR4G"])
