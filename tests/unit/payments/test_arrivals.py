import pytest

from payments import arrivals
from payments.arrivals import fits, typed, validate_arrival
from payments.providers.base import Arrival


def names(text):
    return [[str(name) for name in reading] for reading in typed(text)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("KNY-0417-1", "KNY-0417-1"),
        ("kny04171", "KNY-0417-1"),
        ("KNYO4I7I", "KNY-0417-1"),
        ("kny 417 1", "KNY-0417-1"),
        ("241703", "241703"),
        ("24 17 03", "241703"),
        ("tap 241703", "241703"),
        ("Tap no. KNY 0417 1", "KNY-0417-1"),
        ("ACCOUNT:KNY-0417-1", "KNY-0417-1"),
        ("KNY041712QXA", "KNY-0417-1"),
        ("TAPKNY04171", "KNY-0417-1"),
    ],
)
def test_a_tap_is_read_as_people_type_it(text, first):
    assert names(text)[0] == [first]


@pytest.mark.parametrize("text", ["tap kny 0417", "KNY0417", "kny-o417"])
def test_a_left_out_check_digit_is_read_with_every_tap_that_it_may_be(text):
    assert "KNY-0417-1" in names(text)[0]


@pytest.mark.parametrize(
    "text", ["", "  ", "water", "0977123456", "KNY-0417-2", "241704", "\u00fcber", "x" * 300]
)
def test_what_names_no_tap_names_none(text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("masked", "ends"),
    [
        ("2547 ***** 126", ("2547", "126")),
        ("25470****149", ("25470", "149")),
        ("+25470****149", ("25470", "149")),
        ("2547*****6", None),
        ("9f86d081884c7d659a2feaa0c55ad015", None),
        ("254708374149", None),
        ("***", None),
        ("", None),
        (None, None),
    ],
)
def test_ends_of_a_hidden_number(masked, ends):
    assert arrivals.ends_of(masked) == ends


@pytest.mark.parametrize(
    ("told", "msisdn", "answer"),
    [
        ({"msisdn": "+254708374149"}, "+254708374149", True),
        ({"msisdn": "+254708374149"}, "+254708374140", False),
        ({"masked_msisdn": "25470****149"}, "+254708374149", True),
        ({"masked_msisdn": "25470****149"}, "+254718374149", False),
        ({"masked_msisdn": "25470****149"}, "+25470149", True),
        ({"masked_msisdn": "25470****149"}, "+2547049", False),
        ({"masked_msisdn": "hashed"}, "+254708374149", None),
        ({}, "+254708374149", None),
    ],
)
def test_whether_a_phone_may_be_the_payers(told, msisdn, answer):
    assert fits(Arrival("R", 100, "KES", "", **told), msisdn) is answer


@pytest.mark.parametrize(
    ("amount_minor", "is_known", "is_strict", "reason"),
    [
        (3000, True, True, None),
        (3000, False, False, None),
        (3000, False, True, "account"),
        (0, True, False, "amount"),
    ],
)
def test_money_is_refused_beforehand_only_where_it_is_surely_wrong(amount_minor, is_known, is_strict, reason):
    arrival = Arrival("R", amount_minor, "KES", "x")
    assert validate_arrival(arrival, is_known=is_known, is_strict=is_strict) == reason
