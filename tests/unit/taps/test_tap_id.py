import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, BadTapId, Conflict
from taps.tap_id import TapId, TapNumber, check_digit, make, parse, parse_number, read, tap_number_for

LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
NUMBERS = st.integers(0, 9999)


@pytest.mark.parametrize(
    "typed",
    [
        "KNY-0417-1",
        "kny 0417 1",
        "KNY04171",
        "kny-0417-1",
        "  Kny0417-1 ",
        "KNYO417-1",
        "kny o4l7 i",
        "kny 417 1",
        "KNY/0417/1.",
        "k n y 0 4 1 7 1",
    ],
)
def test_a_tap_id_is_read_however_it_is_typed(typed):
    assert read(typed) == TapId("KNY-0417-1")


@pytest.mark.parametrize("typed", ["241703", "24 17 03", "241-703", " 2417O3", "24l7o3"])
def test_a_tap_number_is_read_however_it_is_typed(typed):
    assert read(typed) == TapNumber("241703")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "KNY",
        "KNY-0417",
        "KNY0417",
        "KNY4171",
        "KNY-0417-2",
        "KNY-04171-1",
        "KN-0417-1",
        "KNYY-0417-1",
        "12345678",
        "241730",
        "24170",
        "2417033",
        "ĶNY-0417-1",
        "\u041aNY-0417-1",
        "KNY-\u0660417-1",
        "🚰",
        "K" * 10_000,
        "KNY-0417-1; drop table taps",
    ],
)
def test_anything_else_is_refused(typed):
    with pytest.raises(BadTapId):
        read(typed)


@pytest.mark.parametrize(
    ("letters", "number", "made"), [("KNY", 417, "KNY-0417-1"), ("KNY", 533, "KNY-0533-5")]
)
def test_the_contract_and_reference_examples(letters, number, made):
    assert make(letters, number) == made


def test_luhn_of_a_published_number():
    assert check_digit("7992739871") == 3


def test_a_zero_in_the_letters_is_the_letter_o():
    made = make("GEO", 12)
    assert parse(made.replace("GEO", "ge0")) == made


@pytest.mark.parametrize(
    ("letters", "number"), [("kny", 1), ("KN", 1), ("KNÝ", 1), ("KNY", -1), ("KNY", 10_000)]
)
def test_a_tap_id_is_not_made_of_anything(letters, number):
    with pytest.raises(BadInput):
        make(letters, number)


def test_one_kind_is_not_taken_for_the_other():
    with pytest.raises(BadTapId, match="tap number"):
        parse("241703")
    with pytest.raises(BadTapId, match="six digits"):
        parse_number("KNY-0417-1")
    assert parse_number("241 703") == "241703"


@given(LETTERS, NUMBERS, st.sampled_from(["", " ", "-", ".", " - "]))
def test_what_is_made_is_read(letters, number, gap):
    made = make(letters, number)
    typed = made.replace("-", gap).lower()
    assert read(typed) == TapId(made)
    assert len(made) <= 12


@given(LETTERS, NUMBERS, st.data())
def test_one_wrong_digit_is_noticed(letters, number, data):
    made = make(letters, number)
    at = data.draw(st.sampled_from([4, 5, 6, 7, 9]))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != made[at]]))
    with pytest.raises(BadTapId):
        read(made[:at] + wrong + made[at + 1 :])


@given(LETTERS, NUMBERS, st.integers(4, 6))
def test_two_swapped_digits_are_noticed_but_for_zero_and_nine(letters, number, at):
    made = make(letters, number)
    one, two = made[at], made[at + 1]
    swapped = made[:at] + two + one + made[at + 2 :]
    if one == two or {one, two} == {"0", "9"}:
        return
    with pytest.raises(BadTapId):
        read(swapped)


@given(LETTERS, NUMBERS)
def test_an_assigned_tap_number_reads_and_repeats(letters, number):
    tap_id = make(letters, number)
    given_number = tap_number_for(tap_id, set())
    assert read(given_number) == TapNumber(given_number)
    assert tap_number_for(tap_id, set()) == given_number
    assert given_number[0] != "0"


def test_a_taken_number_gives_the_next_one():
    taken = set()
    for _ in range(50):
        taken.add(tap_number_for("KNY-0417-1", taken))
    assert len(taken) == 50


def test_assigning_ends_when_all_are_taken():
    class Everything:
        def __contains__(self, _number):
            return True

    with pytest.raises(Conflict):
        tap_number_for("KNY-0417-1", Everything())
