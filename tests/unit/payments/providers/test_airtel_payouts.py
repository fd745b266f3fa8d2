"""Money out at Airtel: refund and disbursement, read from the wire vectors; every code of the reference."""

import base64
import json
from importlib.resources import files

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from core.clock import SystemClock
from gateway.settings import Settings
from payments.providers import airtel_codes
from payments.providers import airtel_payouts as out
from payments.providers.airtel import Airtel
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.airtel_signing import public_key
from payments.providers.base import Outcome, Payout, PayoutKind, PaysOut, Reason, Taken
from payments.providers.http import Answer, Http, Reach, read_answer
from payments.providers.tokens import MemoryTokens

ALL = json.loads((files("fixtures") / "wire" / "airtel_out.json").read_text("utf-8"))["vectors"]
BY_NAME = {vector["name"]: vector for vector in ALL}
RECEIPT = "MP251121.0930.A00001"
NAME = "po01JDAB7Q"
BITS = 1024  # as Airtel's own
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = base64.b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
# The four forms of reference §7, and a PEM as it may stand in a .env file.
FORMS = {
    "pem": PEM.decode(),
    "pem on one line": PEM.decode().replace("\n", "\\n"),
    "base64 pem": base64.b64encode(PEM).decode(),
    "der": DER.decode(),
    "der again": base64.b64encode(DER).decode(),
}
BARE = {"base_url": "https://airtel.example", "client_id": "id", "client_secret": "cs-secret"}
KEYS = BARE | {"pin": "2468", "public_key": FORMS["der"]}
SETTINGS = AirtelSettings(**KEYS)
OUTCOMES = {
    "P": {Outcome.PAID},
    "N": {Outcome.NOT_PAID, Outcome.EXPIRED},
    "W": {Outcome.WAITING},
    "U": {Outcome.UNKNOWN, Outcome.NOT_FOUND},
}
TAKEN = {
    "P": Taken.ACCEPTED,
    "W": Taken.ACCEPTED,
    "N": Taken.REFUSED,
    "C": Taken.REFUSED,
    "U": Taken.UNKNOWN,
}


def payout(kind=PayoutKind.TRANSFER, **changes):
    values = {
        "kind": kind,
        "reference": NAME,
        "payout_id": "po1",
        "msisdn": "+260971234567",
        "amount_minor": 3000,
        "currency": "ZMW",
        "remarks": "Refund KNY-0417-1",
    }
    if kind is PayoutKind.REFUND:
        values |= {"original_receipt": RECEIPT, "original_amount_minor": 3000}
    return Payout(**values | changes)


def name_of(vector):
    return vector["name"]


def answer_of(vector):
    reply = vector["reply"]
    text = json.dumps(reply["body"]) if "body" in reply else reply["body_text"]
    return read_answer(reply["status"], text.encode())


REFUNDS = [v for v in ALL if v["request"]["path"].endswith("/refund")]
TRANSFERS = [v for v in ALL if v["request"]["path"].endswith("/disbursements/")]
ENQUIRIES = [v for v in ALL if v["request"]["method"] == "GET"]


@pytest.mark.parametrize("vector", REFUNDS, ids=name_of)
def test_a_refund_is_done_refused_or_not_known(vector):
    reply, meaning = out.read_refund(answer_of(vector), RECEIPT), vector["meaning"]
    assert reply.taken is TAKEN[meaning["class"]]
    assert reply.is_config_fault is (meaning["class"] == "C")
    assert (reply.word is not None) is (meaning["class"] == "P")
    if reply.word:
        assert (reply.word.outcome, reply.word.receipt) == (Outcome.PAID, meaning.get("receipt"))


@pytest.mark.parametrize("vector", TRANSFERS, ids=name_of)
def test_a_disbursement_is_taken_refused_or_not_known(vector):
    reply, meaning = out.read_transfer(answer_of(vector), NAME), vector["meaning"]
    assert reply.taken is TAKEN[meaning["class"]]
    assert reply.word is None  # whether it was paid, only an enquiry says
    assert reply.provider_reference == (NAME if reply.taken is Taken.ACCEPTED else None)
    assert reply.is_config_fault is (meaning["class"] == "C")
    if "code" in meaning:
        assert reply.code == meaning["code"]


@pytest.mark.parametrize("vector", ENQUIRIES, ids=name_of)
def test_an_enquiry_settles_by_its_status_only(vector):
    report, meaning = out.read_query(answer_of(vector), NAME, "ZMW"), vector["meaning"]
    assert report.outcome in OUTCOMES[meaning["class"]]
    assert report.receipt == meaning.get("receipt")
    assert report.code == meaning.get("code", meaning.get("status"))


# Reference §4 in full: what becomes of a disbursement that is answered with success false.
FAMILY = {
    "DP00900001000": (Taken.UNKNOWN, None, False),
    "DP00900001001": (Taken.UNKNOWN, None, False),  # success, and no success
    "DP00900001003": (Taken.REFUSED, Reason.LIMIT, False),
    "DP00900001004": (Taken.REFUSED, Reason.OTHER, False),
    "DP00900001005": (Taken.REFUSED, Reason.OTHER, False),
    "DP00900001006": (Taken.UNKNOWN, None, False),
    "DP00900001007": (Taken.REFUSED, Reason.OTHER, True),
    "DP00900001009": (Taken.REFUSED, Reason.OTHER, True),
    "DP00900001010": (Taken.REFUSED, Reason.OTHER, True),
    "DP00900001011": (Taken.UNKNOWN, None, False),
    "DP00900001012": (Taken.REFUSED, Reason.OTHER, False),
    "DP00900001013": (Taken.REFUSED, Reason.OTHER, False),
    "DP00900001014": (Taken.UNKNOWN, None, False),
    "DP00900001015": (Taken.UNKNOWN, None, False),
    "DP00900001016": (Taken.REFUSED, Reason.OTHER, True),
    "DP00900001017": (Taken.ACCEPTED, None, False),
}


@pytest.mark.parametrize("code", FAMILY)
def test_each_code_of_the_family(code):
    reply = out.read_transfer(answer_of(BY_NAME[code]), NAME)
    assert (reply.taken, reply.reason, reply.is_config_fault) == FAMILY[code]


def test_every_code_of_the_family_is_among_those_tested():
    assert {code for code in airtel_codes.CODES if code.startswith("DP009")} == set(FAMILY)
    for prefix in ("", "enquiry_"):
        assert {f"{prefix}{code}" for code in FAMILY} <= set(BY_NAME)


@pytest.mark.parametrize("code", [*FAMILY, "DP00900009999"])
def test_no_code_settles_an_enquiry(code):
    body = {"status": {"success": True, "code": "200", "response_code": code}}
    report = out.read_query(Answer(Reach.ANSWERED, 200, body), NAME, "ZMW")
    assert report.outcome in OUTCOMES["U"]


@pytest.mark.parametrize("success", [True, False])
def test_an_unheard_of_code_is_unknown(success):
    body = {"status": {"success": success, "response_code": "DP00900009999"}}
    for reply in (
        out.read_transfer(Answer(Reach.ANSWERED, 200, body), NAME),
        out.read_refund(Answer(Reach.ANSWERED, 200, body), RECEIPT),
    ):
        assert (reply.taken, reply.code, reply.word) == (Taken.UNKNOWN, "DP00900009999", None)


@pytest.mark.parametrize("code", sorted(airtel_codes.CODES))
def test_no_code_makes_a_refund_be_sent_again(code):
    body = {"status": {"success": False, "response_code": code}}
    reply = out.read_refund(Answer(Reach.ANSWERED, 200, body), RECEIPT)
    assert reply.taken in (Taken.REFUSED, Taken.UNKNOWN)
    assert reply.word is None


def test_a_refusal_that_calls_itself_a_success_is_unknown():
    body = {"status": {"success": True, "response_code": "DP00900001012"}}
    assert out.read_transfer(Answer(Reach.ANSWERED, 200, body), NAME).taken is Taken.UNKNOWN
    assert out.read_refund(Answer(Reach.ANSWERED, 200, body), RECEIPT).taken is Taken.UNKNOWN


@pytest.mark.parametrize(("reach", "taken"), [("NEVER", Taken.NOT_REACHED), ("UNCLEAR", Taken.UNKNOWN)])
def test_silence_is_unknown_and_no_connection_is_not(reach, taken):
    answer = Answer(Reach[reach], fault="silence")
    assert out.read_refund(answer, RECEIPT).taken is taken
    assert out.read_transfer(answer, NAME).taken is taken


def test_our_own_empty_wallet_is_not_the_recipients_balance():
    report = out.read_query(answer_of(BY_NAME["enquiry_TF_our_balance"]), NAME, "ZMW")
    assert (report.outcome, report.reason, report.is_config_fault) == (Outcome.NOT_PAID, Reason.OTHER, True)


@pytest.mark.parametrize("name", ["transfer_in_process", "transfer_ngwee", "transfer_v2"])
def test_a_disbursement_is_that_of_the_vector(name):
    wanted = BY_NAME[name]["request"]
    settings = AirtelSettings(**KEYS, version="v2" if "/v2/" in wanted["path"] else "v1")
    order = payout(amount_minor=3010 if name == "transfer_ngwee" else 3000)
    raw = out.transfer_body(order, settings, PRIVATE.public_key())
    body = json.loads(raw)
    pin = PRIVATE.decrypt(base64.b64decode(body.pop("pin")), padding.PKCS1v15())
    assert (pin, body | {"pin": "{pin}"}) == (b"2468", wanted["body"])
    assert out.transfer_path(settings) == wanted["path"]
    assert b'"amount":30.1' in raw if name == "transfer_ngwee" else b'"amount":30,' in raw


def test_a_refund_names_airtels_payment_and_nothing_of_ours():
    assert json.loads(out.refund_body(payout(PayoutKind.REFUND))) == BY_NAME["refund_done"]["request"]["body"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (payout(PayoutKind.REVERSAL), "kind"),
        (payout(currency="UGX"), "currency"),
        (payout(amount_minor=0), "limit"),
        (payout(amount_minor=10**13), "limit"),
        (payout(msisdn="+254708374149"), "other_country"),
        (payout(PayoutKind.REFUND, original_receipt=None), "no_receipt"),
        (payout(PayoutKind.REFUND, amount_minor=1000), "partial"),
        (payout(PayoutKind.REFUND, original_amount_minor=None), "partial"),
    ],
)
def test_what_must_not_be_sent_is_refused(order, code):
    reply = out.fault_of(order, SETTINGS)
    assert (reply.taken, reply.code) == (Taken.REFUSED, code)


def test_amounts_follow_the_unit_that_is_set():
    settings = SETTINGS.model_copy(update={"unit_minor": 100})
    assert out.fault_of(payout(amount_minor=3010), settings).code == "amount"
    assert out.fault_of(payout(), settings) is None
    assert out.traits_of(settings).unit_minor == 100


def client(**values):
    outside = {"http": Http(), "clock": SystemClock(), "store": MemoryTokens()}
    return Airtel(AirtelSettings(**values), account_id="airtel:default", **outside)


async def test_no_money_goes_out_without_a_pin():
    airtel = client(**BARE)
    assert not isinstance(airtel, PaysOut)
    assert isinstance(client(**KEYS), PaysOut)
    for kind in (PayoutKind.TRANSFER, PayoutKind.REFUND):
        assert (await airtel.pay_out(payout(kind))).code == "no_payout_keys"


async def test_of_a_refund_nobody_can_be_asked():
    report = await client(**KEYS).query_payout(payout(PayoutKind.REFUND), None)
    assert (report.outcome, report.code) == (Outcome.UNKNOWN, "no_refund_query")
    assert out.traits_of(SETTINGS).is_repeatable is False


def test_a_notice_of_money_out_names_our_reference():
    body = {"transaction": {"id": "7c9e6679742540de944be07fc1f90ae7", "message": "x", "status_code": "TS"}}
    report = client(**KEYS).read_payout_notice("callback", json.dumps(body).encode())
    assert (report.outcome, report.reference) == (Outcome.PAID, "7c9e6679-7425-40de-944b-e07fc1f90ae7")


@pytest.mark.parametrize("form", FORMS)
def test_the_public_key_is_read_in_every_form_that_was_seen(form):
    settings = AirtelSettings(**KEYS | {"public_key": FORMS[form]})
    assert public_key(settings.public_key).public_numbers() == PRIVATE.public_key().public_numbers()


@pytest.mark.parametrize(
    "changes",
    [
        {"pin": "246"},
        {"pin": "24680"},
        {"pin": "24a8"},
        {"pin": "٢٤٦٨"},
        {"pin": ""},
        {"public_key": ""},
        {"public_key": "bm90IGEga2V5"},
        {"public_key": "-----BEGIN PUBLIC KEY-----"},
        {"public_key": "x" * 5000},
        {"pin": None},
        {"public_key": None},
    ],
)
def test_settings_that_cannot_be_stop_the_start(changes):
    with pytest.raises(ValidationError) as caught:
        AirtelSettings(**KEYS | changes)
    assert "2468" not in str(caught.value)


def test_the_names_of_the_settings(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(f"MADZI_AIRTEL_{name.upper()}", value)
    settings = Settings(_env_file=None).airtel
    assert settings == SETTINGS
    assert settings.pin.get_secret_value() == "2468"
    assert "2468" not in repr(settings) + settings.model_dump_json().replace(FORMS["der"], "")
