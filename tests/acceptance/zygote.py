"""Runs `madzi` commands one after the other, each in a process of its own that need not import anything.

Reads requests as JSON lines, answers each with the exit code. A second for every command would add up.
"""

import json
import os
import sys


def _become(request):
    """Turn this forked process into the command."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for number, (name, flags) in enumerate(
        (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY | os.O_TRUNC), ("stderr", os.O_WRONLY | os.O_TRUNC))
    ):
        os.dup2(os.open(request[name], flags), number)
    sys.argv = ["madzi", *request["words"]]
    from gateway.cli import main

    main()


def serve():
    """Answer until stdin ends."""
    import alembic.command  # noqa: F401 - what is loaded here is there in every command
    import asyncpg  # noqa: F401

    import gateway.cli.commands
    import gateway.runtime
    import gateway.web  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
