"""Starts servers as processes of their own and reads what they cost."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")

_PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """Return the seconds that a process has run so far, by its threads (`stat` counts in steps of 10 ms)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


@contextlib.contextmanager
def running(command: list[str], port: int | None, env: dict[str, str] | None = None) -> Iterator[int]:
    """Run a process until the block ends; gives its pid, once it listens where it has a port."""
    with subprocess.Popen(command, env={**os.environ, **(env or {})}) as process:  # noqa: S603 - our own
        try:
            if port is not None:
                _wait_for(port, process)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def bare_server(port: int) -> list[str]:
    """Return the command of a bare aiohttp handler that parses the form and answers."""
    return python("benchmarks.bare", str(port))


def python(module: str, *words: str) -> list[str]:
    """Return the command that runs a module of ours by this interpreter."""
    return [sys.executable, "-m", module, *words]


def madzi(*words: str) -> list[str]:
    """Return a command of ours, run by this interpreter."""
    return [sys.executable, "-c", "from gateway.cli import main; main()", *words]


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the loop that servers use."""
    return uvloop.run(work)
