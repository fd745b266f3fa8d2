"""Ports for servers of tests: free, and out of what the kernel hands to outgoing connections meanwhile."""

import os
import random
import socket

_FIRST, _EACH, _WORKERS = 15_000, 1_000, 16  # below 32768, where Linux begins to hand out
_TRIES = 200


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on; parallel test workers draw from ranges of their own.

    Raises OSError where none was found.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _FIRST + _EACH * (int(worker) % _WORKERS if worker.isdigit() else 0)
    for _ in range(_TRIES):
        port = random.randrange(first, first + _EACH)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
