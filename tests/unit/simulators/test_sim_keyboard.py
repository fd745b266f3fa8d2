"""Lines from pipes, files and terminals; time that runs out."""

import asyncio
import io
import os
import re

import pytest

from simulators.phone.keyboard import Keyboard


@pytest.fixture
def piped():
    """A keyboard on a pipe: what to write into it, and what it shows."""
    read, write = os.pipe()
    shown = io.StringIO()
    yield Keyboard(read, shown), write, shown
    os.close(read)


async def test_lines_come_one_by_one_also_when_typed_ahead(piped):
    keyboard, write, shown = piped
    os.write(write, "1\nKNY 0417\n\nlast ŵ".encode())
    os.close(write)
    said = [await keyboard.ask("> ") for _ in range(5)]
    assert said == ["1", "KNY 0417", "", "last ŵ", None]
    assert shown.getvalue() == "> " * 5
    assert await keyboard.ask("> ") is None


async def test_a_line_that_comes_in_pieces_is_one(piped):
    keyboard, write, _ = piped
    asked = asyncio.ensure_future(keyboard.ask("> "))
    for piece in (b"KN", b"Y\n"):
        await asyncio.sleep(0)
        os.write(write, piece)
    assert await asked == "KNY"
    os.close(write)


async def test_time_runs_out_and_the_next_question_still_hears(piped):
    keyboard, write, shown = piped
    with pytest.raises(TimeoutError):
        await keyboard.ask("> ", 0.01)
    os.write(write, b"late\n")
    assert await keyboard.ask("> ", 5) == "late"
    assert shown.getvalue() == "> \n> "
    os.close(write)


async def test_a_file_is_read_to_its_end(tmp_path):
    (tmp_path / "keys").write_text("1\n2\n")
    with (tmp_path / "keys").open() as file:
        keyboard = Keyboard(file.fileno(), io.StringIO())
        assert [await keyboard.ask("> ", 5) for _ in range(3)] == ["1", "2", None]


async def test_a_terminal_counts_down_beside_what_is_typed():
    ours, theirs = os.openpty()
    with os.fdopen(os.dup(theirs), "w") as screen:
        keyboard = Keyboard(theirs, screen)
        with pytest.raises(TimeoutError):
            await keyboard.ask("> ", 1.05)
    shown = os.read(ours, 4096).decode()
    assert re.findall(r"(\d+) s > ", shown)[:2] == ["2", "1"]
    assert shown.count("\x1b7\r") == shown.count("\x1b8") >= 1
    os.close(ours)
    os.close(theirs)
