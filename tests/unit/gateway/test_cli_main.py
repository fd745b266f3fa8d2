"""How `madzi` ends, and what it calls itself."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import Refused
from gateway import cli
from gateway.cli import commands, common, schema


@pytest.fixture
def end(monkeypatch, tmp_path, capsys):
    """Run a command that raises; return its exit code and what it wrote to stderr."""
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MADZI_LOG_LEVEL", raising=False)

    def run(error):
        def broken(**_how):
            raise error

        monkeypatch.setattr(commands, "app", broken)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert captured.out == ""
        return ended.value.code, captured.err

    return run


def test_what_nobody_expected_is_one_line_with_a_code(end):
    code, said = end(RuntimeError("no row for +260961234567\n[SQL: SELECT secret]"))
    assert code == 1
    assert said == (
        "madzi: internal_error: RuntimeError: no row for 26096****567; MADZI_LOG_LEVEL=DEBUG shows where\n"
    )


def test_an_error_that_says_nothing_is_named(end):
    assert end(KeyError())[1].startswith("madzi: internal_error: KeyError; ")


def test_a_long_error_stays_one_line(end):
    assert len(end(ValueError("x" * 5000))[1]) < 300


@pytest.mark.parametrize("level", ["DEBUG", "debug"])
def test_the_trace_is_shown_where_it_is_asked_for_without_numbers(end, monkeypatch, level):
    monkeypatch.setenv("MADZI_LOG_LEVEL", level)
    code, said = end(RuntimeError("no row for +260961234567"))
    assert code == 1
    assert "Traceback (most recent call last)" in said
    assert "in broken" in said
    assert "961234567" not in said
    assert said.splitlines()[-1].startswith("madzi: internal_error: ")


def test_settings_that_cannot_be_read_hide_no_error(end, monkeypatch):
    monkeypatch.setenv("MADZI_PUSH_DELAY_S", "soon")
    assert end(RuntimeError("that"))[1].startswith("madzi: internal_error: RuntimeError: that")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Refused("a rule", code="no_such"), 1, "madzi: no_such: a rule\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_what_was_expected_ends_as_it_did(end, error, code, said):
    assert end(error) == (code, said)


def test_a_verify_that_could_not_run_does_not_say_that_books_are_wrong(monkeypatch):
    async def broken():
        raise RuntimeError("that")

    monkeypatch.setattr(schema, "_verified", broken)
    ended = CliRunner().invoke(commands.app, ["verify"])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("madzi: internal_error: RuntimeError: that")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A `madzi` in a folder of its own; the shell finds nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "bin" / "madzi"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_it_is_called_by_name_where_the_shell_finds_it(installed, monkeypatch):
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setattr(sys, "argv", [str(installed), "demo"])
    assert common.own_name() == "madzi"


def test_another_one_that_the_shell_finds_is_not_meant(installed, monkeypatch, tmp_path):
    other = tmp_path / "other" / "madzi"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert common.own_name() == str(Path("bin/madzi"))


@pytest.mark.parametrize(
    ("argv", "name"),
    [("bin/madzi", "bin/madzi"), ("-c", "madzi"), ("/usr/lib/python3/pytest", "madzi")],
)
def test_it_is_called_as_it_was_run(installed, monkeypatch, argv, name):
    monkeypatch.setattr(sys, "argv", [argv])
    assert common.own_name() == name


def test_one_outside_this_folder_is_named_in_full(installed, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert common.own_name() == str(installed)
