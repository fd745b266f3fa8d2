import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.aggregator.networks import cost, find, network_code, price
from simulators.providers import daraja_ids as ids
from simulators.providers.daraja_checks import password
from simulators.providers.mtn_wire import reformatted

NOON = datetime(2025, 11, 21, 9, 30, 2, tzinfo=UTC)


@given(st.integers(0, 60_000_000_000), st.integers(1, 1_000_000))
def test_receipts_are_ten_characters_and_never_the_same(serial, step):
    one, other = ids.receipt(serial, NOON), ids.receipt(serial + step, NOON)
    assert re.fullmatch("TKL[0-9A-Z]{7}", one)
    assert one != other


def test_ids_have_the_shapes_of_the_reference():
    assert ids.checkout_request_id(1_250, NOON, "708374149") == "ws_CO_21112025123002250708374149"
    merchant = ids.merchant_request_id(8_123_456_789)
    assert re.fullmatch(r"[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-b[0-9a-f]{8}\d{7}", merchant)


def test_the_password_of_the_reference(vectors):
    told = vectors("daraja", "password")
    assert password(told["shortcode"], told["passkey"], told["timestamp"]) == told["password"]


@pytest.mark.parametrize(
    ("amount", "told"),
    [("30.00", "30"), ("30", "30"), ("12.50", "12.5"), ("100.00", "100"), ("0.05", "0.05"), ("1200", "1200")],
)
def test_mtn_writes_amounts_its_own_way(amount, told):
    assert reformatted(amount) == told


@pytest.mark.parametrize(
    ("msisdn", "code"),
    [
        ("+260961234567", "64502"),
        ("+260761234567", "64502"),
        ("+260971234567", "64501"),
        ("+260951234567", "64503"),
        ("+260981234567", "99999"),
        ("+254708374149", "63902"),
        ("+254733123456", "63903"),
        ("+46733123450", "99999"),
    ],
)
def test_network_codes_by_prefix(msisdn, code):
    assert network_code(msisdn) == code


def test_prices_are_written_as_africas_talking_does():
    assert cost(*price("+260961234567")) == "ZMW 0.2500"
    assert cost("ZMW", 25_000) == "ZMW 2.5000"
    assert cost(*price("+254708374149")) == "KES 0.8000"
    assert cost("", 0) == "0"


@pytest.mark.parametrize(
    ("text", "msisdn", "code"),
    [
        ("mtn", "+260961234567", "64502"),
        ("Airtel", "+260961234567", "64501"),
        ("airtel", "+254708374149", "63903"),
        ("safaricom", "+260961234567", "63902"),
        ("64503", "+260961234567", "64503"),
        ("sandbox", "+46733123450", "99999"),
    ],
)
def test_a_network_is_found_by_name_or_code_at_home_first(text, msisdn, code):
    assert find(text, msisdn) == code


def test_an_unknown_network_is_answered_with_those_there_are():
    with pytest.raises(LookupError, match="there are airtel, equitel, mtn"):
        find("vodafone", "+260961234567")
