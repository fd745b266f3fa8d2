import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import gsm

EXTENDED = "^{}\\[~]|€\f"


@pytest.mark.parametrize(
    ("text", "encoding", "units"),
    [
        ("", "gsm7", 0),
        ("Pay K30.00 for KNY-0417-1?\n1. Yes", "gsm7", 33),
        ("@£$¥èéùìòÇØøÅåΔ_ÆæßÉ", "gsm7", 20),
        ("5€", "gsm7", 3),
        (EXTENDED, "gsm7", 2 * len(EXTENDED)),
        ("ŵ", "ucs2", 1),
        ("Ng\u2019ombe", "ucs2", 7),
        ("`", "ucs2", 1),
        ("á", "ucs2", 1),
        ("💧", "ucs2", 2),
        ("a\tb", "ucs2", 3),
    ],
)
def test_a_text_takes_this_much_room(text, encoding, units):
    assert gsm.measure(text) == gsm.Length(encoding, units)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ŵ" * 70, 1),
        ("ŵ" * 71, 2),
        ("ŵ" * 134, 2),
        ("ŵ" * 135, 3),
        ("💧" * 35, 1),
        ("💧" * 36, 2),
    ],
)
def test_a_text_takes_so_many_messages(text, segments):
    assert gsm.measure(text).segments == segments


@pytest.mark.parametrize(
    ("text", "septets", "does_fit"),
    [
        ("a" * 160, 160, True),
        ("a" * 161, 160, False),
        ("a" * 182, 182, True),
        ("ŵ" * 70, 160, True),
        ("ŵ" * 71, 160, False),
        ("ŵ" * 79, 182, True),
        ("ŵ" * 80, 182, False),
        ("a" * 159 + "€", 160, False),
    ],
)
def test_a_screen_holds_160_septets_or_70_characters(text, septets, does_fit):
    assert gsm.fits(text, septets) is does_fit


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ng\u2019ombe", "Ng'ombe"),
        ("\u201cMadzi\u201d \u2013 \u2014", '"Madzi" - -'),
        ("ŵanthu Ŵina ŋombe Ŋandu", "wanthu Wina ng'ombe Ng'andu"),
        ("5€ é", "5€ é"),
        ("💧 á", "? ?"),
        ("plain", "plain"),
    ],
)
def test_letters_that_double_the_price_are_folded(text, folded):
    assert gsm.fold(text) == folded


@given(st.text(max_size=200))
def test_what_is_folded_is_always_gsm_and_stays_so(text):
    folded = gsm.fold(text)
    assert gsm.measure(folded).encoding == "gsm7"
    assert gsm.fold(folded) == folded


@given(st.text(max_size=100), st.text(max_size=100))
def test_more_text_never_takes_less_room(one, other):
    both, alone = gsm.measure(one + other), gsm.measure(one)
    assert both.segments >= alone.segments
