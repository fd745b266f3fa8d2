import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gsm import measure
from ussd_menus.typed import clean, echo, history_inputs, may_be_pin, new_input


@pytest.mark.parametrize(
    ("previous", "text", "typed"),
    [
        ("", "", ""),
        ("", "1", "1"),
        ("1", "1*KNY-0417-1", "KNY-0417-1"),
        ("1", "1*KNY*0417*1", "KNY*0417*1"),
        ("1*2", "1*2*", ""),
        ("1", "1**", "*"),
        ("1", "12", None),
        ("1*2", "1*3", None),
        ("1*2", "1", None),
        ("1", "1", None),
    ],
)
def test_what_is_new_is_the_difference(previous, text, typed):
    assert new_input(previous, text) == typed


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_typed_text_survives(previous, typed):
    if previous:
        assert new_input(previous, f"{previous}*{typed}") == typed


@pytest.mark.parametrize(
    ("history", "inputs"), [("", ()), ("1", ("1",)), ("1*2", ("1", "2")), ("1**2", ("1", "", "2"))]
)
def test_a_history_is_split(history, inputs):
    assert history_inputs(history) == inputs


def test_a_history_without_end_has_one():
    assert len(history_inputs("1*" * 10_000)) == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" 1 ", "1"),
        ("1#", "1"),
        ("1 #", "1"),
        ("\0", ""),
        ("1\0", "1"),
        ("K 12", "K 12"),
        ("", ""),
        ("##", ""),
    ],
)
def test_what_handsets_add_is_taken_off(text, words):
    assert clean(text) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("KNY 0417", "KNY 0417"),
        ("a\nb\tc", "a b c"),
        ("\u202eabc", "?abc"),
        ("\U0001f600", "?"),
        ("x" * 10_000, "x" * 12),
        ("\u0661", "?"),
        ("   ", ""),
    ],
)
def test_what_is_shown_again_is_harmless(text, shown):
    assert echo(text) == shown


@given(st.text())
def test_an_echo_is_always_short_plain_and_on_one_line(text):
    shown = echo(text)
    assert len(shown) <= 12
    assert "\n" not in shown
    assert measure(shown).encoding == "gsm7"


@pytest.mark.parametrize("pin", ["1234", "12345", " 1234 ", "1234#"])
def test_four_or_five_digits_may_be_a_pin(pin):
    assert may_be_pin(pin)


@pytest.mark.parametrize("other", ["123", "241703", "1234a", "12.50", "", "\u0661\u0661\u0661\u0661"])
def test_other_texts_are_not(other):
    assert not may_be_pin(other)
