from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from payments.providers.http import Reach, endpoint, read_answer
from payments.providers.reading import code_of, json_of, minor_of, msisdn_of, period_words, word_of


def test_numbers_are_never_floats():
    assert json_of(b'{"a":30.10}') == {"a": Decimal("30.10")}


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_bad_input(raw):
    with suppress(BadInput):
        json_of(raw)


@pytest.mark.parametrize(
    ("value", "minor"),
    [("30", 3000), ("30.00", 3000), (30, 3000), (Decimal("30.10"), 3010), ("3E1", 3000), (None, None)],
)
def test_amounts_come_as_text_or_number(value, minor):
    assert minor_of(value, "ZMW") == minor


@pytest.mark.parametrize(
    "value",
    ["", " "],
)
def test_an_empty_amount_is_none(value):
    assert minor_of(value, "ZMW") is None


@pytest.mark.parametrize("value", ["1e999999", "NaN", "Infinity", "30.001", "thirty", True, [], {}, "9" * 40])
def test_what_is_no_amount(value):
    with pytest.raises(BadInput):
        minor_of(value, "ZMW")


@pytest.mark.parametrize(
    ("value", "msisdn"),
    [
        (254708374149, "+254708374149"),
        ("260961234567", "+260961234567"),
        ("2547 ***** 126", None),
        ("25470****149", None),
        (None, None),
        ({}, None),
        ("0961", None),
    ],
)
def test_numbers_of_people(value, msisdn):
    assert msisdn_of(value) == msisdn


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())))
def test_a_word_can_always_be_stored(value):
    try:
        word = word_of(value)
    except BadInput:
        return
    assert word is None or (word.isascii() and word.isprintable() and 0 < len(word) <= 64)


@given(st.text())
def test_a_code_is_short_and_plain(text):
    code = code_of(text)
    assert len(code) <= 60
    assert not code or (code.isascii() and code.isprintable())


@pytest.mark.parametrize(
    ("period", "words"),
    [("2026-11", ("nov", "2026")), ("2026-01", ("jan", "2026")), ("2026-13", ("", "")), ("", ("", ""))],
)
def test_periods_in_words(period, words):
    assert period_words(period) == words


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://x.example", "/a/b/", "https://x.example/a/b/"),
        ("https://x.example/", "/a", "https://x.example/a"),
        ("http://127.0.0.1:8080/mtn", "/a", "http://127.0.0.1:8080/mtn/a"),
        ("http://127.0.0.1:8080/mtn/", "/a?b=c", "http://127.0.0.1:8080/mtn/a?b=c"),
    ],
)
def test_a_path_is_appended_to_the_base_and_drops_nothing(base, path, url):
    assert str(endpoint(base, path)) == url


@pytest.mark.parametrize(
    ("raw", "body", "text"),
    [
        (b'{"a":1}', {"a": 1}, ""),
        (b"", None, ""),
        (b"[1]", None, "[1]"),
        (b"<html>", None, "<html>"),
        (b'{"a":', None, '{"a":'),
        (b"[" * 60_000, None, "[" * 300),
        (b"\xff\xfe", None, "\ufffd\ufffd"),
    ],
)
def test_an_answer_is_an_object_or_text(raw, body, text):
    answer = read_answer(200, raw)
    assert (answer.reach, answer.body, answer.text) == (Reach.ANSWERED, body, text)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5),
        ("999999999999999999999", 3600),
        ("", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_how_long_to_wait(header, seconds):
    assert read_answer(429, b"", header).retry_after_s == seconds


@pytest.mark.parametrize(("key", "said"), [("a", "text"), ("b", ""), ("c", "")])
def test_what_a_body_says(key, said):
    assert read_answer(200, b'{"a":"text","b":7}').says(key) == said
