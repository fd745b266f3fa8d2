"""Money out at Zamtel: every status of the reference, and what must not be sent."""

import json
from importlib.resources import files

import pytest
from pydantic import ValidationError

from core.errors import BadInput
from gateway.settings import Settings
from payments.providers import zamtel_codes
from payments.providers.base import Outcome, Payout, PayoutKind, PaysOut, Reason, Taken
from payments.providers.http import Answer, Http, Reach, read_answer
from payments.providers.zamtel import PAYOUT_TRAITS, Zamtel, payout_fault, read_reply
from payments.providers.zamtel_settings import ZamtelSettings

VECTORS = json.loads((files("fixtures") / "wire" / "zamtel_out.json").read_text("utf-8"))["vectors"]
BARE = {
    "base_url": "https://apps.example/ZampayRest",
    "third_party_id": "Caller",
    "password": "zamtel/secret+word==",
    "shortcode": "000127",
}
KEYS = BARE | {"identifier": "Initiator", "credential": "cred/secret+word=="}
TAKEN = {"P": Taken.ACCEPTED, "N": Taken.REFUSED, "U": Taken.UNKNOWN}


def payout(**changes):
    values = {
        "kind": PayoutKind.TRANSFER,
        "reference": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "payout_id": "po_01JDAB7Q",
        "msisdn": "+260955123456",
        "amount_minor": 3000,
        "currency": "ZMW",
        "remarks": "Refund",
    }
    return Payout(**values | changes)


def read(answer):
    return read_reply(answer, zamtel_codes.payout_status)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_reply_means_what_the_reference_says(vector):
    reply, meaning = vector["reply"], vector["meaning"]
    text = json.dumps(reply["body"]) if "body" in reply else reply["body_text"]
    told = read(read_answer(reply["status"], text.encode()))
    assert told.taken is TAKEN[meaning["class"]]
    assert (told.word is not None) is (meaning["class"] == "P")
    if told.word:
        assert (told.word.outcome, told.word.receipt) == (Outcome.PAID, meaning.get("receipt"))


# Reference §A in full: what became of it, what the recipient is told, whether it is ours to put right.
STATUSES = [
    ("0", Taken.ACCEPTED, None, False),
    ("E8003", Taken.REFUSED, Reason.OTHER, True),
    ("2006", Taken.REFUSED, Reason.OTHER, True),
    ("E8027", Taken.UNKNOWN, None, False),
    ("-1", Taken.UNKNOWN, None, False),
    ("2001", Taken.REFUSED, Reason.OTHER, True),
    ("2005", Taken.REFUSED, Reason.LIMIT, False),
    ("E9999", Taken.UNKNOWN, None, False),
]


@pytest.mark.parametrize(("status", "taken", "reason", "alarm"), STATUSES)
def test_each_status(status, taken, reason, alarm):
    reply = read(Answer(Reach.ANSWERED, 200, {"status": status}))
    assert (reply.taken, reply.reason, reply.is_config_fault, reply.code) == (taken, reason, alarm, status)


def test_every_status_of_the_table_is_among_those_tested():
    assert set(zamtel_codes.PAYOUT_STATUSES) == {status for status, *_ in STATUSES[:-1]}
    assert {v["meaning"].get("status") for v in VECTORS} - {None} == {status for status, *_ in STATUSES}


@pytest.mark.parametrize("status", ["0", "2001"])
@pytest.mark.parametrize("http", [201, 400, 401, 408, 429, 500, 503, 504])
def test_under_another_http_status_nothing_is_settled(http, status):
    assert read(Answer(Reach.ANSWERED, http, {"status": status})).taken is Taken.UNKNOWN


def test_a_time_out_is_unknown_and_no_connection_is_not():
    assert read(Answer(Reach.UNCLEAR, fault="timeout")).taken is Taken.UNKNOWN
    assert read(Answer(Reach.NEVER, fault="no_connection")).taken is Taken.NOT_REACHED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": PayoutKind.REFUND}, "kind"),
        ({"kind": PayoutKind.REVERSAL}, "kind"),
        ({"currency": "KES"}, "currency"),
        ({"amount_minor": 0}, "amount_or_number"),
        ({"msisdn": "+254708374149"}, "amount_or_number"),
    ],
)
def test_what_must_not_be_sent_is_refused(changes, code):
    reply = payout_fault(payout(**changes), ZamtelSettings(**KEYS))
    assert (reply.taken, reply.code) == (Taken.REFUSED, code)


async def test_no_money_goes_out_without_an_initiator():
    bare, whole = (Zamtel(ZamtelSettings(**keys), http=Http()) for keys in (BARE, KEYS))
    assert not isinstance(bare, PaysOut)
    assert isinstance(whole, PaysOut)
    assert (await bare.pay_out(payout())).code == "no_payout_keys"


async def test_nobody_can_be_asked_and_nobody_calls():
    zamtel = Zamtel(ZamtelSettings(**KEYS), http=Http())
    assert (await zamtel.query_payout(payout(), "CK1")).outcome is Outcome.UNKNOWN
    with pytest.raises(BadInput):
        zamtel.read_payout_notice("callback", b"{}")
    assert (PAYOUT_TRAITS.has_query, PAYOUT_TRAITS.is_repeatable) == (False, False)


def test_the_names_of_the_settings(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(f"MADZI_ZAMTEL_{name.upper()}", value)
    settings = Settings(_env_file=None).zamtel
    assert settings == ZamtelSettings(**KEYS)
    assert "secret" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("name", ["identifier", "credential"])
def test_half_of_an_initiator_stops_the_start(name):
    with pytest.raises(ValidationError, match="both or neither"):
        ZamtelSettings(**{key: value for key, value in KEYS.items() if key != name})
