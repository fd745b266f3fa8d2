"""One demo for a data folder: two would bring in, bill and answer the same city."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.errors import Refused

LOCK_FILE = "demo.lock"


@contextmanager
def sole_demo(folder: Path) -> Iterator[None]:
    """Hold a data folder, made where it is missing; raises Refused where another demo holds it.

    The kernel lets go of the lock when the process ends, however it ends, so none is ever left behind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_FILE).open("a+")
    except OSError as wrong:
        raise Refused(f"{folder} cannot be written to: {wrong.strerror}", code="cannot_write") from None
    with lock:
        _hold(lock, folder)
        yield


def _hold(lock: IO[str], folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on this platform
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise Refused(
            f"a demo (process {lock.read().strip() or '?'}) runs on {folder} already; "
            "stop it, or give this one a folder of its own with --data",
            code="demo_running",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
