"""docs/sms.md names the words that there are, and its examples are read as it says."""

import re
from pathlib import Path

import pytest

from sms.inbound import canonical, read
from sms.inbound.commands import Command
from sms.inbound.keywords import MEANS

PAGE = (Path(__file__).parents[4] / "docs" / "sms.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)


def test_the_page_names_every_keyword_and_no_other():
    table = PAGE.split("## Examples")[0]
    named = {word for cell in re.findall(r"`([^`]+)`", table) for word in re.findall(r"^[A-Z]{3,}", cell)}
    assert named == set(MEANS)


@pytest.mark.parametrize(("sent", "meant"), EXAMPLES)
def test_an_example_is_read_as_written(sent, meant):
    (command,) = read(sent)
    assert isinstance(command, Command)
    assert canonical(command) == meant


def test_there_are_examples():
    assert len(EXAMPLES) >= 4
