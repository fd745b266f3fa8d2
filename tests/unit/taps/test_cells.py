from datetime import date

import pytest

from core.errors import BadInput
from taps import cells
from taps.tariffs import Basis


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (lambda c: cells.name(c, "x"), "  Mary   Banda ", "Mary Banda"),
        (lambda c: cells.name(c, "x"), "'=1+1", "=1+1"),
        (lambda c: cells.name(c, "x"), "x" * 60, "x" * 60),
        (lambda c: cells.whole(c, "x", most=9), "9", 9),
        (lambda c: cells.day(c, "x"), "2026-11-01", date(2026, 11, 1)),
        (lambda c: cells.choice(c, "x", Basis), "SACK", Basis.SACK),
        (lambda c: cells.phone(c, "x", "ZM"), "0961 234 567", "+260961234567"),
        (lambda c: cells.phone(c, "x", "KE"), "0700000001", "+254700000001"),
    ],
)
def test_a_good_cell(read, value, result):
    assert read({"x": value}) == result


@pytest.mark.parametrize(
    ("read", "value", "code"),
    [
        (lambda c: cells.name(c, "x"), "", "missing_x"),
        (lambda c: cells.name(c, "x"), "x" * 61, "too_long"),
        (lambda c: cells.name(c, "x"), "Ma\x00ry", "bad_text"),
        (lambda c: cells.name(c, "x"), "\ud800", "bad_text"),
        (lambda c: cells.whole(c, "x", most=9), "10", "bad_x"),
        (lambda c: cells.whole(c, "x", most=9), "-1", "bad_x"),
        (lambda c: cells.whole(c, "x", most=9), "1.5", "bad_x"),
        (lambda c: cells.whole(c, "x", most=9), "\u0661", "bad_x"),
        (lambda c: cells.day(c, "x"), "2026-02-30", "bad_date"),
        (lambda c: cells.day(c, "x"), "01/11/2026", "bad_date"),
        (lambda c: cells.day(c, "x"), "20261101", "bad_date"),
        (lambda c: cells.choice(c, "x", Basis), "month", "bad_x"),
        (lambda c: cells.phone(c, "x", "ZM"), "12345", "bad_msisdn"),
        (lambda c: cells.phone(c, "x", "ZM"), "2.60961E+11", "bad_msisdn"),
        (lambda c: cells.zone({"zone": c["x"]}), "K N Y", "bad_zone"),
        (lambda c: cells.zone({"zone": c["x"]}), "ABCDEFGHIJKLM", "bad_zone"),
        (lambda c: cells.country({"country": c["x"]}), "ZMB", "bad_country"),
        (lambda c: cells.currency({"currency": c["x"]}), "XXX", "bad_currency"),
        (lambda c: cells.language({"language": c["x"]}), "Nyanja", "bad_language"),
    ],
)
def test_a_bad_cell(read, value, code):
    with pytest.raises(BadInput) as refused:
        read({"x": value})
    assert refused.value.reason == code
    assert refused.value.detail


@pytest.mark.parametrize(
    ("text", "unit", "minor"), [("20", "ZMW", 2000), ("0.40", "ZMW", 40), ("0", "ZMW", 0), ("7", "UGX", 7)]
)
def test_an_amount_is_exact(text, unit, minor):
    assert cells.amount_minor({"amount": text}, unit) == minor


@pytest.mark.parametrize("text", ["-1", "1e3", "0.001", "1,5", "1_000", "NaN", "K20", "9" * 13, "1."])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(BadInput) as refused:
        cells.amount_minor({"amount": text}, "ZMW")
    assert refused.value.reason == "bad_amount"


def test_a_position_is_two_numbers_or_nothing():
    assert cells.position({"latitude": "-15.4300049", "longitude": "28.25"}) == (-15.43, 28.25)
    assert cells.position({"latitude": "", "longitude": ""}) == (None, None)
    assert cells.position({}) == (None, None)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [("-15.4", ""), ("91", "0"), ("0", "181"), ("1e1", "2"), ("nan", "1"), ("south", "east")],
)
def test_half_or_impossible_positions_are_refused(latitude, longitude):
    with pytest.raises(BadInput, match="bad_coordinates"):
        cells.position({"latitude": latitude, "longitude": longitude})
