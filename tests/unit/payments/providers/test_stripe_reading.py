import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stripe import WebhookSignature

from core.errors import BadAmount, BadInput
from core.money import EXPONENTS
from payments.providers import stripe_codes, stripe_events, stripe_refunds
from payments.providers.base import (
    Outcome,
    Payout,
    PayoutKind,
    PaysOut,
    Push,
    Reason,
    SignsNotices,
    Taken,
    Vouch,
)
from payments.providers.http import Answer, Http, Reach, read_answer
from payments.providers.stripe import Stripe
from payments.providers.stripe_money import DIGITS, from_stripe, to_stripe
from payments.providers.stripe_settings import StripeSettings
from payments.providers.stripe_wire import read_push, read_query

NOW = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)
KEYS = {
    "secret_key": "sk_test_secret",
    "webhook_secret": "whsec_one",
    "success_url": "https://madzi.example.org/thanks",
}
PUSH = Push(
    reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    external_id="0193a7c2-5d11-7c3e-8f00-2b8c1d5e9a10",
    msisdn="+260961234567",
    amount_minor=3000,
    currency="ZMW",
    tap_id="KNY-0417-1",
    period="2025-11",
    callback_url="",
    asked_at=NOW,
)
PAYOUT = Payout(
    kind=PayoutKind.REFUND,
    reference="5b1f0a52-7d0e-4c7e-9d19-0b7c6a3f2e11",
    payout_id="0193a7c2-9a00-7d3e-8f00-2b8c1d5e9a11",
    msisdn="+260961234567",
    amount_minor=1000,
    currency="ZMW",
    remarks="paid twice",
    original_amount_minor=3000,
)
TAKEN = {"W": Taken.ACCEPTED, "P": Taken.ACCEPTED, "R": Taken.NOT_REACHED, "U": Taken.UNKNOWN}
OUTCOMES = {"P": Outcome.PAID, "W": Outcome.WAITING, "N": Outcome.NOT_PAID, "U": Outcome.UNKNOWN}


def document(name):
    return json.loads((files("fixtures") / "wire" / name).read_text(encoding="utf-8"))


SIGNATURE = document("stripe.json")["signature"]
ALL = document("stripe.json")["vectors"]
CODES = document("stripe_codes.json")["vectors"]
QUERIES = [v for v in ALL if v["request"]["method"] == "GET"]
EVENTS = [v for v in ALL if v["direction"] == "in" and "refund_" not in v["name"]]
REFUNDS = [v for v in ALL if v["request"]["path"] == "/v1/refunds"]
REFUND_EVENTS = [v for v in ALL if v["name"].startswith("event_refund")]


def stripe(**changes):
    return Stripe(StripeSettings(**KEYS | changes), account_id="stripe:default", http=Http())


def raw(vector):
    return json.dumps(vector["request"]["body"]).encode()


def event(name, **about):
    body = next(v for v in ALL if v["name"] == name)["request"]["body"]
    return json.dumps(body | {"data": {"object": body["data"]["object"] | about}}).encode()


def answer_of(vector):
    return read_answer(vector["reply"]["status"], json.dumps(vector["reply"]["body"]).encode())


# Outcomes


@pytest.mark.parametrize("vector", QUERIES + EVENTS, ids=lambda v: v["name"])
def test_an_outcome_is_read_as_the_vectors_say(vector):
    meaning = vector["meaning"]
    is_event = vector["direction"] == "in"
    report = stripe().read_callback(raw(vector)) if is_event else read_query(answer_of(vector))
    expected = Outcome.EXPIRED if meaning.get("final") else OUTCOMES[meaning["class"]]
    assert report.outcome is expected
    assert (report.receipt, report.amount_minor) == (meaning.get("receipt"), meaning.get("amount"))
    assert report.reason == (Reason(meaning["reason"]) if "reason" in meaning else report.reason)
    if report.outcome is Outcome.PAID:
        assert (report.currency, report.external_id) == ("ZMW", PUSH.external_id)
        assert report.reference == PUSH.reference


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["name"])
def test_an_error_is_read_as_the_vectors_say(vector):
    meaning, reply = vector["meaning"], read_push(answer_of(vector))
    assert reply.taken is TAKEN.get(meaning["class"], Taken.REFUSED)
    assert reply.code == meaning["code"]
    assert reply.is_config_fault == (
        meaning["class"] == "C" or meaning.get("config", False) or _ours(meaning)
    )
    assert reply.reason == (Reason(meaning["reason"]) if "reason" in meaning else reply.reason)
    assert (reply.retry_after_s is not None) == (reply.taken is Taken.NOT_REACHED)


def _ours(meaning):
    return meaning["code"] == "balance_insufficient"


def test_every_code_type_and_status_has_a_vector():
    errors = [vector["reply"]["body"]["error"] for vector in CODES]
    assert set(stripe_codes.CODES) <= {error.get("code") for error in errors}
    assert set(stripe_codes.TYPES) <= {error["type"] for error in errors}
    assert {400, 401, 402, 403, 404, 409, 429, 500, 503} == {v["reply"]["status"] for v in CODES}
    refunds = {v["reply"]["body"].get("status") for v in REFUNDS}
    assert set(stripe_events.REFUNDS) <= refunds


@pytest.mark.parametrize("code", sorted(stripe_codes.DECLINES))
def test_a_declined_card_is_no_end_of_the_page(code):
    error = {"type": "card_error", "code": "card_declined", "decline_code": code}
    report = stripe().read_callback(event("event_intent_failed", last_payment_error=error))
    assert (report.outcome, report.reason) == (Outcome.WAITING, stripe_codes.DECLINES[code])


def test_a_payment_of_another_business_of_the_account_means_nothing():
    report = stripe().read_callback(event("event_intent_succeeded", metadata={"order": "7"}))
    assert (report.outcome, report.receipt, report.external_id) == (Outcome.UNKNOWN, None, None)


def test_a_key_used_for_something_else_is_an_alarm_and_no_refusal():
    reply = read_push(read_answer(400, b'{"error":{"type":"idempotency_error"}}'))
    assert (reply.taken, reply.is_config_fault) == (Taken.UNKNOWN, True)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Taken.NOT_REACHED),
        (Answer(Reach.UNCLEAR, fault="timeout"), Taken.UNKNOWN),
        (read_answer(502, b"<html>"), Taken.UNKNOWN),
        (read_answer(403, b"<html>"), Taken.UNKNOWN),  # a proxy's word is no refusal
        (read_answer(200, b"{}"), Taken.UNKNOWN),
        (read_answer(200, b'{"id":"cs_1","url":"javascript:alert(1)"}'), Taken.UNKNOWN),
        (read_answer(200, b'{"id":"cs_1","url":"https://x.example/\\na"}'), Taken.UNKNOWN),
        (read_answer(200, b'{"id":"cs 1","url":"https://x.example/a"}'), Taken.UNKNOWN),
    ],
)
def test_silence_and_noise_are_no_word(answer, taken):
    assert read_push(answer).taken is taken
    assert read_query(answer).outcome is Outcome.UNKNOWN


def test_a_session_that_nobody_has_is_not_found():
    answer = read_answer(404, b'{"error":{"type":"invalid_request_error","code":"resource_missing"}}')
    assert read_query(answer).outcome is Outcome.NOT_FOUND


async def test_a_page_whose_name_we_never_heard_cannot_be_asked_about():
    assert (await stripe().query(PUSH.reference, None)).outcome is Outcome.UNKNOWN


# Money


@pytest.mark.parametrize(
    ("amount_minor", "currency", "stripes"),
    [
        (3005, "ZMW", 3005),
        (3005, "KES", 3005),
        (5000, "UGX", 500_000),  # two digits at Stripe, none in life
        (5000, "RWF", 5000),
        (5000, "BIF", 5000),
        (3005, "TZS", 3005),
        (3005, "CDF", 3005),
        (3005, "USD", 3005),
    ],
)
def test_amounts_are_counted_in_stripes_units(amount_minor, currency, stripes):
    assert to_stripe(amount_minor, currency) == stripes
    assert from_stripe(stripes, currency) == amount_minor


@given(st.sampled_from(sorted(DIGITS)), st.integers(1, 10**9))
def test_every_amount_comes_back_as_it_went(currency, amount_minor):
    assert from_stripe(to_stripe(amount_minor, currency), currency) == amount_minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (500_050, "UGX"),
        ("3000", "ZMW"),
        (30.0, "ZMW"),
        (True, "ZMW"),
        (None, "ZMW"),
        (3000, "SSP"),
        (1, "zmw"),
    ],
)
def test_what_is_no_amount_is_refused(amount, currency):
    with pytest.raises(BadAmount):
        from_stripe(amount, currency)


def test_every_currency_is_known_to_money():
    assert set(DIGITS) == set(EXPONENTS) - {"SSP"}


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"currency": "SSP"}, "currency", Reason.OTHER),
        ({"currency": "USD"}, "currency", Reason.OTHER),  # not switched on
        ({"amount_minor": 0}, "amount", Reason.OTHER),
        ({"amount_minor": 10**8}, "amount", Reason.LIMIT),
    ],
)
async def test_what_cannot_be_moved_is_refused_before_anything_is_sent(changes, code, reason):
    reply = await stripe().push(replace(PUSH, **changes))
    assert (reply.taken, reply.code, reply.reason) == (Taken.REFUSED, code, reason)


# Signatures


def header(body, signing="whsec_one", at=NOW):
    return WebhookSignature.generate_signature_header(body.decode(), signing, int(at.timestamp()))


BODY = event("event_completed")


def test_the_vector_of_the_reference_is_genuine():
    at = datetime.fromtimestamp(SIGNATURE["t"], UTC)
    rail = stripe(webhook_secret=SIGNATURE["secret"])
    body, signed = SIGNATURE["body_text"].encode(), f"t={SIGNATURE['t']},v1={SIGNATURE['v1']}"
    assert rail.vouch(body, signed, at) is Vouch.GENUINE
    assert rail.vouch(body + b"\n", signed, at) is Vouch.FORGED
    assert rail.vouch(body, signed.replace("v1=98", "v1=99"), at) is Vouch.FORGED
    assert rail.vouch(body, signed, at + timedelta(days=1)) is Vouch.STALE


@pytest.mark.parametrize(
    ("offset_s", "vouch"),
    [
        (0, Vouch.GENUINE),
        (300, Vouch.GENUINE),
        (301, Vouch.STALE),
        (-300, Vouch.GENUINE),
        (-301, Vouch.STALE),
        (86_400, Vouch.STALE),
    ],
)
def test_a_notice_counts_five_minutes_either_way(offset_s, vouch):
    assert stripe().vouch(BODY, header(BODY), NOW + timedelta(seconds=offset_s)) is vouch


@pytest.mark.parametrize("secret", ["whsec_one", "whsec_two"])
def test_any_secret_counts_while_one_replaces_another(secret):
    rail = stripe(webhook_secret="whsec_one, whsec_two")
    assert rail.vouch(BODY, header(BODY, secret), NOW) is Vouch.GENUINE


def test_one_of_several_signatures_is_enough():
    right = header(BODY).partition("v1=")[2]
    stamp = int(NOW.timestamp())
    assert stripe().vouch(BODY, f"t={stamp},v1={'0' * 64},v1={right},v0=x", NOW) is Vouch.GENUINE
    assert stripe().vouch(BODY, f"t={stamp},v0={right}", NOW) is Vouch.FORGED


@pytest.mark.parametrize(
    "signature",
    [
        "v1=00",
        "t=1763706600",
        "t=,v1=00",
        "t=x,v1=00",
        "t=17637066000,v1=00",
        "gibberish",
        "t=1763706600,v1=é",
        ",,,=,=",
    ],
)
def test_a_signature_that_is_none_is_forged(signature):
    assert stripe().vouch(BODY, signature, NOW) is Vouch.FORGED


def test_none_at_all_is_unsigned():
    assert stripe().vouch(BODY, "", NOW) is Vouch.UNSIGNED


def test_an_old_notice_is_not_made_new_by_a_second_time():
    """The SDK takes the first `t=`, however it is written; a second one must not be what we judge by."""
    old = header(BODY, at=NOW - timedelta(days=1))
    stamp, _, signed = old.partition(",")
    now = int(NOW.timestamp())
    for crafted in (f"{stamp},t={now},{signed}", f"{stamp.replace('t=', 't= ')},t={now},{signed}"):
        assert stripe().vouch(BODY, crafted, NOW) is not Vouch.GENUINE


@given(st.binary(max_size=100), st.text(max_size=100))
def test_nobody_guesses_a_signature(body, signature):
    assert stripe().vouch(body, signature, NOW) in (Vouch.FORGED, Vouch.UNSIGNED)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(body):
    with suppress(BadInput):
        stripe().read_callback(body)
    with suppress(BadInput):
        stripe().read_payout_notice("callback", body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"object":"event"}', b'{"object":"event","type":"x"}'])
def test_what_is_no_event_is_refused(body):
    with pytest.raises(BadInput):
        stripe().read_callback(body)


@pytest.mark.parametrize(
    "about", [{"amount_total": "3000"}, {"amount_total": None}, {"currency": "xxx"}, {"currency": "ssp"}]
)
def test_a_payment_without_a_plain_amount_is_refused(about):
    with pytest.raises(BadInput):
        stripe().read_callback(event("event_completed", **about))


# Refunds


@pytest.mark.parametrize("vector", REFUNDS, ids=lambda v: v["name"])
def test_a_refund_is_read_as_the_vectors_say(vector):
    reply, meaning = stripe_refunds.read_reply(answer_of(vector)), vector["meaning"]
    if meaning["class"] == "R":
        assert (reply.taken, reply.code) == (Taken.REFUSED, meaning["code"])
        return
    assert (reply.taken, reply.provider_reference) == (Taken.ACCEPTED, "re_3QNbTa2eZvKYlo2C1w2v3u4T")
    assert reply.code == meaning.get("code", reply.code)
    word = OUTCOMES[meaning["class"]]
    assert (reply.word.outcome if reply.word else Outcome.WAITING) is word
    if word is Outcome.PAID:
        assert (reply.word.amount_minor, reply.word.currency) == (1000, "ZMW")


@pytest.mark.parametrize("vector", REFUND_EVENTS, ids=lambda v: v["name"])
def test_a_notice_of_a_refund_names_the_payout(vector):
    report, meaning = stripe().read_payout_notice("callback", raw(vector)), vector["meaning"]
    assert report.outcome is OUTCOMES[meaning["class"]]
    assert (report.reference, report.code) == (PAYOUT.reference, meaning.get("code", "succeeded"))


@pytest.mark.parametrize("vector", EVENTS, ids=lambda v: v["name"])
def test_a_notice_of_a_payment_is_none_of_a_refund(vector):
    with pytest.raises(BadInput):
        stripe().read_payout_notice("callback", raw(vector))


@pytest.mark.parametrize("vector", REFUND_EVENTS, ids=lambda v: v["name"])
def test_a_notice_of_a_refund_moves_no_payment(vector):
    assert stripe().read_callback(raw(vector)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": PayoutKind.TRANSFER},
        {"amount_minor": 3001},
        {"amount_minor": 0},
        {"currency": "SSP"},
        {},  # nothing is known of the payment
    ],
)
async def test_what_cannot_be_refunded_is_refused_before_anything_is_sent(changes):
    assert (await stripe().pay_out(replace(PAYOUT, **changes))).taken is Taken.REFUSED


# Settings and traits


def test_it_signs_and_pays_out_and_asks_no_handset():
    rail = stripe(link_for_s=7200)
    assert isinstance(rail, SignsNotices)
    assert isinstance(rail, PaysOut)
    assert not rail.traits.asks_handset
    assert rail.traits.expiry_s == 7200
    assert rail.traits.push_is_repeatable
    assert rail.acknowledgement(b"", "raw") == ("application/json", "{}")


@pytest.mark.parametrize(
    "changes",
    [
        {"currencies": "SSP"},
        {"currencies": ","},
        {"webhook_secret": " "},
        {"webhook_secret": "a b c d e f"},
        {"link_for_s": 1800},
        {"link_for_s": 86_401},
        {"success_url": "madzi.example.org"},
        {"secret_key": ""},
    ],
)
def test_settings_that_cannot_be_stop_the_start(changes):
    with pytest.raises(ValidationError):
        StripeSettings(**KEYS | changes)


def test_secrets_are_shown_to_nobody():
    shown = repr(StripeSettings(**KEYS))
    assert not any(KEYS[name] in shown for name in ("secret_key", "webhook_secret"))
