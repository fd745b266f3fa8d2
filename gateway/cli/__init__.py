"""The command `madzi`: names and options in contract §2."""

import sys

import typer

from core.errors import MadziError
from gateway.cli import data, flags, payments, people, phone, pocket_phone, processes, schema, sms_queue
from gateway.cli.common import complain

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Madzi: pay shared water taps from any phone. `madzi demo` starts everything on this machine.",
)
for room in (processes, phone, pocket_phone, sms_queue, schema, data, payments, people, flags):
    room.register(app)


def main() -> None:
    """Run a command: exit 0 done, 1 refused or found wrong, 2 wrong usage; errors in one line with a code."""
    try:
        app()
    except MadziError as error:
        complain(error.reason, error.detail)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
