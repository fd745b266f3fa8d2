"""Where `madzi` begins. Little is imported here, so that Ctrl-C is quiet while the rest is."""

import sys
from collections.abc import Callable
from typing import Any

_INTERRUPTED = 130  # as shells say it


def main() -> None:
    """Run a command: exit 0 done, 1 refused or found wrong, 2 wrong usage; errors in one line with a code."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _run() -> int:
    import typer

    from core.errors import MadziError
    from gateway.cli.commands import app
    from gateway.cli.common import complain, complain_of_bug

    usage_error: Any = typer.BadParameter.__base__  # typer names it nowhere else, and brings its own click
    try:
        code = app(prog_name="madzi", standalone_mode=False)
    except usage_error as wrong:
        return _complain_of_usage(wrong, complain)
    except MadziError as error:
        complain(error.reason, error.detail)
        return 1
    except BrokenPipeError:
        return 0
    except typer.Abort:
        return 1
    except Exception as error:
        complain_of_bug(error)
        return 1
    return code if isinstance(code, int) else 0


def _complain_of_usage(wrong: Any, complain: Callable[[str, str], None]) -> int:
    said = wrong.format_message()
    if said:
        path = wrong.ctx.command_path if wrong.ctx else "madzi"
        complain("wrong_usage", f"{said.rstrip('.')}. Try: {path} --help")
    else:
        wrong.show()  # a word that needs another one behind it: its help says which there are
    return int(wrong.exit_code)
