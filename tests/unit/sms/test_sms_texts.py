"""The wording against the reference's own table of texts and septets."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import gsm
from core.i18n import Catalogues, Text
from sms import samples, templates
from sms.outbound import Notice, compose, words
from sms.templates import About, Printed

AT = datetime(2026, 11, 21, 6, 16, tzinfo=UTC)
SINCE = datetime(2026, 11, 21, 6, 15, tzinfo=UTC)
UNTIL = datetime(2026, 11, 21, 7, 15, tzinfo=UTC)
ABOUT = About(3000, "ZMW", "KNY-0417-1", "Airtel Money", ("2026-11",))
PART = About(1000, "ZMW", "KNY-0417-1", "Airtel Money", ("2026-11",))
PRINTED = Printed("*384*7#", "0211000000")
RECEIPT = "MP261121.0815.D08222"
CATALOGUES = templates.catalogues()


def say(text, catalogues=CATALOGUES):
    return words(text, "en", catalogues)


def not_paid(reason):
    return templates.not_paid(ABOUT, PRINTED, reason, retry_at=UNTIL)


MODEL = [
    (
        templates.wait_sms(ABOUT, PRINTED, since=SINCE),
        126,
        (
            "Madzi: Waiting: K30.00 for KNY-0417-1, Airtel Money, since 08:15. Do not pay again. "
            "No PIN box came? Dial *384*7# and press 1."
        ),
    ),
    (
        templates.held(ABOUT, PRINTED, until=UNTIL),
        144,
        (
            "Madzi: Waiting: K30.00 for KNY-0417-1. Airtel Money is not working now. "
            "We try again until 09:15 and SMS you. Do not pay again. Help: 0211000000"
        ),
    ),
    (
        templates.waits_start(ABOUT, PRINTED, until=UNTIL),
        131,
        (
            "Madzi: Waiting: K30.00 for KNY-0417-1. Airtel Money is back and now asks for the PIN, as you "
            "wanted. Nothing by 09:15? Dial *384*7#"
        ),
    ),
    (
        templates.paid(ABOUT, at=AT, receipt=RECEIPT),
        112,
        (
            "Madzi: Paid K30.00 for KNY-0417-1, Nov. All paid. 21 Nov 08:16. Keep this SMS. "
            "Airtel Money MP261121.0815.D08222"
        ),
    ),
    (
        templates.paid_part(PART, PRINTED, left_minor=2000, at=AT, receipt=RECEIPT),
        122,
        (
            "Madzi: Paid K10.00 for KNY-0417-1, Nov. Left to pay: K20.00, dial *384*7#. 21 Nov 08:16. "
            "Airtel Money MP261121.0815.D08222"
        ),
    ),
    (
        templates.paid_for_you(PART, at=AT),
        105,
        (
            "Madzi: Paid K10.00 for your part of KNY-0417-1, Nov. Another person paid it. 21 Nov 08:16. "
            "Nothing to do."
        ),
    ),
    (
        templates.paid_late(ABOUT, PRINTED, left_minor=0, at=AT, receipt=RECEIPT),
        129,
        (
            "Madzi: Paid K30.00 for KNY-0417-1, Nov. It came late, 21 Nov 08:16. All paid. Do not pay again. "
            "Airtel Money MP261121.0815.D08222"
        ),
    ),
    (
        # Beyond the model: it also says how to look, which a payer who waits wants to do.
        templates.wait_long(ABOUT, PRINTED, since=SINCE, until=UNTIL),
        149,
        (
            "Madzi: Waiting: K30.00 for KNY-0417-1, Airtel Money, since 08:15. Do not pay again. "
            "We will SMS you by 09:15. To look, dial *384*7#. Help: 0211000000"
        ),
    ),
    (
        templates.remind(ABOUT, PRINTED, due=date(2026, 11, 30), is_late=False),
        96,
        ("Madzi: To pay: K30.00 for KNY-0417-1, Nov, by 30 Nov. Dial *384*7#. No more reminders? Send STOP"),
    ),
    (
        templates.stopped(),
        106,
        (
            "Madzi: Done: no more reminders. You still get an SMS for each payment. "
            "To have reminders again, send START"
        ),
    ),
    (
        templates.expired(ABOUT, PRINTED, at=SINCE),
        133,
        (
            "Madzi: Not paid in time: K30.00 for KNY-0417-1, 21 Nov 08:15. To pay, dial *384*7#. "
            "If money was taken, we will count it and SMS you."
        ),
    ),
    (
        not_paid("down"),
        142,
        (
            "Madzi: Not paid: K30.00 for KNY-0417-1. Airtel Money is not working. Nothing was taken. "
            "Dial *384*7#, choose Another way, or wait until 09:15."
        ),
    ),
]


@pytest.mark.parametrize(("text", "septets", "expected"), MODEL, ids=[text.key for text, *_ in MODEL])
def test_the_model_texts_are_said_word_for_word(text, septets, expected):
    assert say(text) == expected
    assert gsm.measure(say(text)).units == septets


@pytest.mark.parametrize(
    ("reason", "septets"),
    [
        ("balance", 121),
        ("pin", 140),
        ("cancelled", 132),
        ("noanswer", 135),
        ("down", 142),
        ("limit", 141),
        ("other", 136),
    ],
)
def test_each_refusal_has_its_own_text_of_the_references_length(reason, septets):
    text = not_paid(reason)
    assert text.key == f"fail.{reason}"
    assert gsm.measure(say(text)).units == septets
    assert "Nothing was taken" in say(text)


def test_a_reason_that_nobody_knows_is_told_as_other():
    assert not_paid("STRANGE_NEW_CODE").key == "fail.other"


def test_without_a_receipt_the_text_ends_cleanly():
    assert say(templates.paid(ABOUT, at=AT)) == (
        "Madzi: Paid K30.00 for KNY-0417-1, Nov. All paid. 21 Nov 08:16. Keep this SMS."
    )
    assert say(templates.kept(ABOUT, at=AT)).endswith("Nobody will call.")


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ((), "KNY-0417-1. All"),
        (("2026-11",), "KNY-0417-1, Nov. All"),
        (("2026-11", "2026-10"), "KNY-0417-1, Oct-Nov. All"),
        (("2026-12", "2027-01", "2027-02"), "KNY-0417-1, Dec-Feb. All"),
        (("2026-08", "2026-11"), "KNY-0417-1, Aug, Nov. All"),
        (("2026-07", "2026-09", "2026-11"), "KNY-0417-1, 3 months. All"),
    ],
)
def test_the_months_of_a_payment_are_named_or_counted(periods, expected):
    about = About(3000, "ZMW", "KNY-0417-1", "Airtel Money", periods)
    assert expected in say(templates.paid(about, at=AT))


def test_late_money_that_leaves_a_rest_names_the_rest_and_no_more():
    said = say(templates.paid_late(PART, PRINTED, left_minor=2000, at=AT, receipt=RECEIPT))
    assert "It came late, 21 Nov 08:16. Left to pay: K20.00, dial *384*7#." in said
    assert "All paid" not in said


def test_after_the_last_day_a_reminder_says_that_it_is_over():
    said = say(templates.remind(ABOUT, PRINTED, due=date(2026, 11, 30), is_late=True))
    assert "The last day was 30 Nov. Dial *384*7#." in said
    assert said.endswith("No more reminders? Send STOP")


def test_a_receipt_that_comes_late_is_last_and_is_no_second_payment():
    said = say(templates.late_receipt(ABOUT, at=AT, receipt=RECEIPT))
    assert said == (
        "Madzi: Paid K30.00 for KNY-0417-1, Nov, 21 Nov 08:16. The same payment, now with its receipt. "
        "Keep this SMS. Airtel Money MP261121.0815.D08222"
    )


def test_money_that_is_kept_asks_nothing_of_the_person():
    text = templates.kept(ABOUT, at=AT, receipt=RECEIPT)
    assert "We keep it safe and SMS you. Do nothing. Nobody will call." in say(text)


@pytest.mark.parametrize("tell", [templates.kept_twice, templates.kept_more])
def test_a_payer_is_told_what_becomes_of_surplus_and_whom_to_call_for_it(tell):
    said = say(tell(ABOUT, PRINTED, at=AT))
    assert "K30.00 for KNY-0417-1" in said
    assert "We keep it for your next bill. Nobody will call. Want it" in said
    assert f"? Call {PRINTED.support_phone}" in said


def test_who_paid_for_another_phone_is_told_for_whom_it_is_kept():
    said = say(templates.kept_other(ABOUT, at=AT, payer_msisdn="+260977123456"))
    assert "for the phone that paid, ending 3456. Nothing to do." in said
    assert "0977" not in said


def test_what_was_kept_and_pays_now_has_no_receipt_of_a_network():
    kept = replace(ABOUT, is_kept=True)
    assert say(templates.paid(kept, at=AT)).endswith("Keep this SMS. From the money we kept for you.")
    before = say(templates.paid_before(ABOUT, PRINTED, left_minor=1800, at=AT))
    assert "from the money we kept for you. Left to pay: K18.00. We ask for it, or dial" in before


def test_who_pays_a_debt_that_is_paid_already_is_told_that_nothing_was_taken():
    said = say(templates.paid_already(ABOUT))
    assert said.startswith("Madzi: Not paid: K30.00 for KNY-0417-1.")
    assert said.endswith("Nothing was taken. Nothing to do.")


def test_a_text_too_long_loses_help_then_period_then_time():
    template = "Madzi: Paid {filler} {amount} {tap}{period}{when}{help}{receipt}"
    pieces = {f"part.{name}": f" <{name}>" for name in ("period", "when", "help")}
    catalogues = Catalogues({"en": {"paid": template, **pieces, "part.receipt": " {receipt}"}})

    def kept_with(filler):
        params = {name: Text(f"part.{name}") for name in ("period", "when", "help")}
        params |= {"amount": "K30.00", "tap": "KNY-0417-1", "filler": "x" * filler}
        return say(
            Text("paid", {**params, "receipt": Text("part.receipt", {"receipt": RECEIPT})}), catalogues
        )

    full = len("Madzi: Paid  K30.00 KNY-0417-1 <period> <when> <help> ") + len(RECEIPT)
    room = 160 - full
    assert "<help>" in kept_with(room)
    assert "<help>" not in kept_with(room + 1)
    assert "<period>" in kept_with(room + 7)
    assert "<period>" not in kept_with(room + 8)
    assert "<when>" in kept_with(room + 16)
    assert "<when>" not in kept_with(room + 17)
    assert kept_with(room + 60).endswith(f"K30.00 KNY-0417-1 {RECEIPT}")


def test_a_letter_outside_gsm_7_never_doubles_the_price():
    about = About(3000, "ZMW", "KNY-0417-1", "Pa\u2019Zamtel \u014b", ())
    said = say(templates.wait_sms(about, PRINTED, since=AT))
    assert "Pa'Zamtel ng'" in said
    assert gsm.measure(said).encoding == "gsm7"


def test_a_row_holds_the_words_their_size_and_where_they_come_from():
    notice = Notice("payment:1:success", "+260961234567", "en", templates.paid(ABOUT, at=AT), "c1", "p1")
    row = compose(notice, sms_id="s1", now=AT, catalogues=CATALOGUES)
    assert (row["status"], row["attempts"], row["version"]) == ("queued", 0, 1)
    assert (row["encoding"], row["units"], row["segments"]) == ("gsm7", len(row["text"]), 1)
    assert (row["template"], row["fact_key"], row["payment_id"]) == ("paid", "payment:1:success", "p1")
    params = json.loads(row["params"])
    assert params["amount"] == "K30.00"
    assert params["period"] == {"key": "part.period", "params": {"period": "Nov"}}


def test_a_language_without_a_text_falls_back_to_english():
    notice = Notice("f", "+260961234567", "bem", templates.paid_already(ABOUT), "c1")
    few = Catalogues({"en": {"fail.paid_already": "Madzi: Not paid: {amount}"}, "bem": {"paid": "Madzi"}})
    assert compose(notice, sms_id="s", now=AT, catalogues=few)["text"].startswith("Madzi: Not paid")


@given(
    amount_minor=st.integers(100, 9_999_900),
    wallet=st.sampled_from(["MTN MoMo", "Airtel Money", "Zamtel Kwacha", "M-PESA"]),
    currency=st.sampled_from(["ZMW", "KES"]),
    receipt=st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=1, max_size=20),
    months=st.sets(st.sampled_from([f"2026-{month:02d}" for month in range(1, 13)]), max_size=12),
)
def test_every_sms_is_one_segment_and_never_loses_amount_tap_or_receipt(
    amount_minor, wallet, currency, receipt, months
):
    about = About(amount_minor, currency, "CHZ-0417-3", wallet, sorted(months))
    data = samples.Data(about, samples.PRINTED, amount_minor, receipt, AT)
    for sample in samples.samples(data):
        said = say(sample.text)
        length = gsm.measure(said)
        assert (length.encoding, length.segments) == ("gsm7", 1)
        assert sample.text.params.get("amount", "") in said
        assert sample.text.params.get("tap", "") in said
        if getattr(sample.text.params.get("receipt"), "key", "") == "part.receipt":
            assert said.endswith(f"{wallet} {receipt}")
