"""Every command says what it does, with an example; wrong usage is exit 2."""

import pytest
import typer
from processes import run
from typer.testing import CliRunner

from gateway.cli.commands import app


def _commands(group, path=()):
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(_commands(typer.main.get_command(app)))
# Of contract §2, what this version has.
EXPECTED = {
    "demo", "serve", "worker", "clock", "simulate", "dial", "phone", "sms send", "sms dead", "sms replay",
    "sms cost", "db upgrade", "db backup", "db restore",
    "zones import", "zones export", "taps import", "taps export", "tenants import", "tenants export",
    "tariffs import", "tariffs export", "usage import", "bill", "payment show", "payments export", "tap show",
    "tap billing", "users add", "users token", "users list", "flags list", "flags assign", "flags resolve",
    "flags show", "gateways list", "gateways set", "gateways test", "keys rotate", "verify", "menu lint",
    "menu graph",
}  # fmt: skip


def test_the_commands_are_there():
    assert {" ".join(words) for words in COMMANDS} >= EXPECTED


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    said = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert said.exit_code == 0
    assert f"Example: madzi {' '.join(words)}" in " ".join(said.output.split())


def test_usage_that_is_wrong_is_exit_2_and_nothing_on_stdout(tmp_path):
    for words in (
        *(("bill",), ("nonsense",), ("serve", "--port", "seventy"), ("simulate", "banks"), ("sms", "replay")),
        *(("users", "add", "x", "--role", "king"), ("flags", "resolve", "F-0001", "open"), ("verify", "--x")),
    ):
        code, out, err = run(tmp_path, *words)
        assert (code, out) == (2, "")
        assert err.startswith("madzi: wrong_usage: "), err
        assert err.count("\n") == 1, err


def test_a_word_that_needs_another_says_which_there_are(tmp_path):
    for words, one in (((), "verify"), (("users",), "token")):
        code, out, err = run(tmp_path, *words)
        assert code == 2
        assert one in out + err


def test_settings_that_are_wrong_stop_with_their_name(tmp_path):
    from processes import environment

    for name, value in (("MADZI_PUSH_DELAY_S", "-1"), ("MADZI_ENV", "production"), ("MADZI_MASTER_KEY", "x")):
        code, out, err = run(tmp_path, "verify", env=environment(tmp_path, **{name: value}))
        assert (code, out) == (2, "")
        assert err.startswith("madzi: bad_settings: ")
        assert err.count("\n") == 1


def test_the_menu_can_be_drawn(tmp_path):  # that it has no fault is `make lint`'s to say
    code, out, _ = run(tmp_path, "menu", "graph")
    assert (code, out.startswith("stateDiagram")) == (0, True)
