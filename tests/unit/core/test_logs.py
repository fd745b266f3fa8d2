import io
import json
from dataclasses import dataclass

import pytest
import structlog

from core import logs


@dataclass(frozen=True)
class Thing:
    msisdn: str


@pytest.fixture
def written():
    """What a configured logger has written; the configuration is put back afterwards."""
    to = io.StringIO()
    logs.configure("INFO", to=to)
    yield lambda: [json.loads(line) for line in to.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    "value",
    [
        "+260961234567",
        "call from 0961234567 ended",
        {"msisdn": "260961234567"},
        ["+260961234567", ("0961234567",)],
        {"+260961234567"},
        Thing("+260961234567"),
        ValueError("no wallet for +260961234567"),
        b"phone=260961234567",
    ],
)
def test_no_number_of_a_person_is_written_in_any_shape(written, value):
    structlog.get_logger().info("thing_happened", value=value)
    (line,) = written()
    assert "1234567" not in json.dumps(line)
    assert "****567" in line["value"]


def test_a_number_in_an_exception_is_masked(written):
    try:
        int("no wallet for +260961234567")
    except ValueError:
        structlog.get_logger().exception("it_broke")
    (line,) = written()
    assert "26096****567" in line["exception"]
    assert "1234567" not in json.dumps(line)


def test_numbers_that_are_no_phones_stay_what_they_are(written):
    structlog.get_logger().info("paid", amount_minor=3000, took_s=0.25, is_late=False, nothing=None)
    (line,) = written()
    assert (line["amount_minor"], line["took_s"], line["is_late"], line["nothing"]) == (
        3000,
        0.25,
        False,
        None,
    )


def test_a_line_says_when_how_bad_and_which_call(written):
    structlog.contextvars.bind_contextvars(correlation_id="call-1")
    structlog.get_logger().warning("slow")
    structlog.get_logger().debug("not written at this level")
    (line,) = written()
    assert (line["event"], line["level"], line["correlation_id"]) == ("slow", "warning", "call-1")
    assert line["timestamp"].endswith("Z")
