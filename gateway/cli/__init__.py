"""Where `madzi` begins. Little is imported here, so that Ctrl-C is quiet while the rest is."""

import sys

_INTERRUPTED = 130  # as shells say it


def main() -> None:
    """Run a command: exit 0 done, 1 refused or found wrong, 2 wrong usage; errors in one line with a code."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _run() -> int:
    from core.errors import MadziError
    from gateway.cli.commands import app
    from gateway.cli.common import complain, complain_of_bug

    try:
        app()
    except MadziError as error:
        complain(error.reason, error.detail)
        return 1
    except BrokenPipeError:
        return 0
    except Exception as error:
        complain_of_bug(error)
        return 1
    return 0
