"""`madzi` as a process of its own, as people start it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

MADZI = [sys.executable, "-c", "from gateway.cli import main; main()"]
ROOT = Path(__file__).parents[3]
PATIENCE_S = 40.0  # a bound for what hangs, not a measurement


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(folder, **more):
    """The environment of a `madzi` in a folder of its own, whatever is set around the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MADZI_")}
    return {**kept, "PYTHONPATH": str(ROOT), "MADZI_DATA_DIR": str(folder), "COLUMNS": "200", **more}


def on_sqlite(folder, **more):
    return environment(
        folder, MADZI_ENV="test", MADZI_DATABASE_URL=f"sqlite+aiosqlite:///{folder}/madzi.db", **more
    )


def madzi(*words, env, folder):
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 - our own interpreter
        [*MADZI, *words], env=env, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


class Process:
    """A `madzi` that runs until it is stopped; what it says goes to a file, so that no pipe can be full."""

    def __init__(self, *words, env, folder):
        self._said = folder / f"said-{time.monotonic_ns()}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*MADZI, *words], env=env, cwd=folder, stdout=said, stderr=said
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def said(self):
        return self._said.read_text()

    def tell(self, number):
        self.process.send_signal(number)

    def ended(self):
        return self.process.wait(timeout=PATIENCE_S)

    def stop(self, number=signal.SIGTERM):
        self.tell(number)
        return self.ended()

    def until_said(self, words):
        until(lambda: words in self.said or self.process.poll() is not None)
        assert words in self.said, self.said


def until(fact):
    """Wait for something to come true."""
    end = time.monotonic() + PATIENCE_S
    while not (found := fact()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return found


def get(url, **headers):
    """Return status and text of an address; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as reply:  # noqa: S310 - http
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
    except OSError:
        return 0, ""
