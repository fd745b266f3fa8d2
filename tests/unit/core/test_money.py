from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money
from core.errors import BadAmount, BadInput

AMOUNTS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12", "ZMW", 1200),
        ("12.50", "ZMW", 1250),
        ("12,50", "ZMW", 1250),
        ("12.5", "ZMW", 1250),
        ("K12.5", "ZMW", 1250),
        ("k 12", "ZMW", 1200),
        ("12K", "ZMW", 1200),
        ("ZMW 12.05", "ZMW", 1205),
        ("12zmw", "ZMW", 1200),
        ("  7 ", "ZMW", 700),
        ("0.01", "ZMW", 1),
        ("007", "ZMW", 700),
        ("KES 30", "KES", 3000),
        ("30", "UGX", 30),
        ("9999999999.99", "ZMW", 999999999999),
    ],
)
def test_what_people_type_is_read(text, currency, minor):
    assert money.typed(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "0",
            "0.00",
            "K0",
            "-5",
            "+5",
            "1.234",
            "1,000",
            "1.2.3",
            "12.",
            ".5",
            "1e3",
            "ten",
            "K",
            "5K5",
        ],
        *[
            "KES 30",
            "$5",
            "K5K",
            "12 50",
            "٣",
            "\uff15",
            "💧",
            "12345678901",
            "5" * 10_000,
            "12\x00",
            "NaN",
            "1_0",
        ],
    ],
)
def test_what_is_no_amount_in_kwacha_is_refused(text):
    with pytest.raises(BadAmount):
        money.typed(text, "ZMW")


@pytest.mark.parametrize(("text", "currency"), [("12.5", "UGX"), ("K12", "KES"), ("12.0", "RWF")])
def test_an_amount_that_the_currency_cannot_hold_is_refused(text, currency):
    with pytest.raises(BadAmount):
        money.typed(text, currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("30", "ZMW", 3000),
        ("30.00", "ZMW", 3000),
        ("30.0", "ZMW", 3000),
        ("0.1", "ZMW", 10),
        ("3E1", "ZMW", 3000),
        ("-2.50", "ZMW", -250),
        ("0", "ZMW", 0),
        (Decimal("19.99"), "KES", 1999),
        ("500", "UGX", 500),
        ("10000000000", "ZMW", 10**12),
    ],
)
def test_decimals_of_wires_and_files_are_exact(text, currency, minor):
    assert money.from_decimal(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        *["", "x", "1,5", "0.001", "30.005", "NaN", "sNaN", "Infinity", "-Infinity", "10000000000.01", "1 0"],
        *["1e999999", "1e900000", "1e-999999", "1e-400", "9" * 400, "0.1000000000000000000001", "--1"],
    ],
)
def test_decimals_that_are_no_amount_are_refused(text):
    with pytest.raises(BadAmount):
        money.from_decimal(text, "ZMW")


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (3000, "ZMW", "K30.00"),
        (5, "ZMW", "K0.05"),
        (123456789, "ZMW", "K1234567.89"),
        (3000, "KES", "KES 30.00"),
        (500, "UGX", "UGX 500"),
        (0, "ZMW", "K0.00"),
        (-250, "ZMW", "K-2.50"),
        (-5, "KES", "KES -0.05"),
    ],
)
def test_money_reads_with_all_its_decimals(minor, currency, shown):
    assert money.display(minor, currency) == shown
    assert str(money.Money(minor, currency)) == shown


def test_an_unknown_currency_is_refused_loudly():
    with pytest.raises(BadInput, match="bad_currency"):
        money.display(100, "XXX")


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(money.EXPONENTS)))
def test_plain_and_from_decimal_are_each_others_inverse(minor, currency):
    assert money.from_decimal(money.plain(minor, currency), currency) == minor


@given(st.integers(1, 10**9), st.sampled_from(sorted(money.EXPONENTS)))
def test_what_is_shown_can_be_typed(minor, currency):
    assert money.typed(money.display(minor, currency), currency) == minor


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_shares_add_up_and_are_within_one_of_exact(amount_minor, weights):
    parts = money.share(amount_minor, weights)
    assert sum(parts) == amount_minor
    for part, weight in zip(parts, weights, strict=True):
        exact_floor = amount_minor * weight // sum(weights)
        assert part in (exact_floor, exact_floor + 1)
        assert weight or not part


@given(AMOUNTS, st.lists(st.integers(1, 1000), min_size=2, max_size=8))
def test_a_larger_weight_never_gets_less(amount_minor, weights):
    parts = money.share(amount_minor, weights)
    ordered = sorted(zip(weights, parts, strict=True))
    for (lighter, less), (heavier, more) in pairwise(ordered):
        assert less <= more or lighter == heavier


@pytest.mark.parametrize(
    ("amount_minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (1, [5, 5], [1, 0]),
        (350, [40, 10], [280, 70]),
        (0, [3, 4], [0, 0]),
        (10, [0, 1], [0, 10]),
        (5, [1, 2, 2], [1, 2, 2]),
    ],
)
def test_ties_go_to_the_earlier_one(amount_minor, weights, parts):
    assert money.share(amount_minor, weights) == parts


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [3, -1]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        money.share(100, weights)


# The currencies of our countries, as people there write them


DECIMALS = {"ZMW": 2, "KES": 2, "UGX": 0, "TZS": 2, "RWF": 0, "BIF": 0, "CDF": 2, "SSP": 2}


@pytest.mark.parametrize(("currency", "decimals"), DECIMALS.items())
def test_each_currency_has_its_own_decimals_shown_and_typed(currency, decimals):
    assert money.exponent(currency) == decimals
    shown = money.display(7 * 10**decimals, currency)
    assert shown.endswith("7.00" if decimals else " 7")
    assert money.typed("7", currency) == money.from_decimal("7", currency) == 7 * 10**decimals


@pytest.mark.parametrize("currency", [name for name, decimals in DECIMALS.items() if not decimals])
@pytest.mark.parametrize("text", ["7.0", "7.5", "7,5", "7.00", "UGX 7.5"])
def test_decimals_are_refused_where_a_currency_has_none(currency, text):
    with pytest.raises(BadAmount):
        money.typed(text, currency)
    with pytest.raises(BadAmount):
        money.from_decimal("7.5", currency)


@given(st.sampled_from(sorted(DECIMALS)), st.integers(0, 10**9), st.integers(1, 99))
def test_no_amount_finer_than_the_currency_is_rounded(currency, minor, rest):
    too_fine = f"{money.plain(minor, currency)}{'' if DECIMALS[currency] else '.'}{rest:02}1"
    with pytest.raises(BadAmount):
        money.from_decimal(too_fine, currency)


@given(st.sampled_from(sorted(DECIMALS)), st.integers(1, 10**9))
def test_an_amount_of_one_currency_is_not_read_as_another(currency, minor):
    other = next(name for name in sorted(DECIMALS) if name != currency)
    with pytest.raises(BadAmount):
        money.typed(money.display(minor, currency), other)
