"""Several web processes on one port: a parent that starts them, replaces those that die, and stops them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from types import FrameType

import structlog

from core import logs

_log = structlog.get_logger()
_MOST_RESTARTS = 20
_WITHIN_S = 60.0


def child(host: str, port: int, processes: int, parent_id: int) -> None:
    """Serve as one of several processes, for as long as the parent lives."""
    from gateway.cli.common import settings
    from gateway.cli.parents import end_with
    from gateway.cli.processes import run_loop, serve_here

    end_with(parent_id)
    # Without this a child would log to stdout, and numbers in full.
    logs.configure(settings().log_level)
    run_loop(serve_here(host, port, processes=processes))


def supervise(host: str, port: int, processes: int) -> None:
    """Keep `processes` children alive until a signal comes; gives up when they die too often."""
    # Where all of them count, so that whichever is asked for metrics tells what all have counted.
    with tempfile.TemporaryDirectory(prefix="madzi-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _supervise(host, port, processes)


def _supervise(host: str, port: int, processes: int) -> None:
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    children = [_start(host, port, processes) for _ in range(processes)]
    deaths: list[float] = []
    while not stopping:
        time.sleep(0.2)
        for i, process in enumerate(children):
            if process.poll() is not None and not stopping:
                deaths = [at for at in deaths if at > time.monotonic() - _WITHIN_S] + [time.monotonic()]
                _log.error("web_process_died", exit_code=process.returncode, deaths=len(deaths))
                if len(deaths) > _MOST_RESTARTS:
                    stopping = True
                    break
                children[i] = _start(host, port, processes)
    _stop(children)
    if len(deaths) > _MOST_RESTARTS:
        sys.exit(1)


def _start(host: str, port: int, processes: int) -> subprocess.Popen[bytes]:
    code = f"from gateway.cli.children import child; child({host!r}, {port}, {processes}, {os.getpid()})"
    return subprocess.Popen([sys.executable, "-c", code])  # noqa: S603 - our own interpreter and code


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for process in children:
        process.terminate()
    for process in children:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
