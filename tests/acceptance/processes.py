"""Real processes for tests: `madzi …` as people run it, each ended at the end of its test by its own id."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tools.ports import free_port  # noqa: F401 - tests take it from here

ROOT = Path(__file__).parents[2]
MADZI = [sys.executable, "-c", "from gateway.cli import main; main()"]
TOKEN = "acceptance-channel-token"


def environment(folder, **changes):
    """Return the environment of a fresh installation in `folder`: no setting of this machine leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MADZI_")}
    return kept | {"PYTHONPATH": str(ROOT), "MADZI_DATA_DIR": str(folder), "COLUMNS": "200"} | changes


class _Zygote:
    """Where commands are born; one for the whole run, ended with it as its stdin ends."""

    process = None

    @classmethod
    def ask(cls, request):
        if cls.process is None or cls.process.poll() is not None:
            file = Path(__file__).with_name("zygote.py")
            cls.process = subprocess.Popen(  # noqa: S603 - our own code
                [sys.executable, str(file)],
                env=environment(file.parent),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            atexit.register(cls.end)
        cls.process.stdin.write(json.dumps(request) + "\n")
        cls.process.stdin.flush()
        return int(cls.process.stdout.readline())

    @classmethod
    def end(cls):
        cls.process.stdin.close()
        cls.process.stdout.close()
        cls.process.wait(timeout=10)


def run(folder, *words, env=None, stdin=None):
    """Run one command in `folder`; return exit code, stdout, stderr."""
    with tempfile.TemporaryDirectory() as kept:
        files = {name: Path(kept) / name for name in ("stdin", "stdout", "stderr")}
        for name, file in files.items():
            file.write_text(stdin or "" if name == "stdin" else "", newline="")
        request = {name: str(file) for name, file in files.items()}
        request |= {"cwd": str(folder), "env": env or environment(folder), "words": [str(w) for w in words]}
        code = _Zygote.ask(request)
        return code, files["stdout"].read_text(), files["stderr"].read_text()


def until(fact, within_s=15.0):
    """Wait for something to come true, and return it."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := fact():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not come true in {within_s} s")


def http(method, url, body=None, form=None):
    """Return status and text; 0 where nobody answers."""
    data = json.dumps(body).encode() if body is not None else None
    data = urllib.parse.urlencode(form).encode() if form is not None else data
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


class Processes:
    """The processes of one test."""

    def __init__(self, folder):
        self.folder = folder
        self.all = []

    def start(self, *words, env):
        """Start a command; what it says goes to a file named after it."""
        log = (self.folder / f"{words[0]}-{len(self.all)}.log").open("wb")
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*MADZI, *map(str, words)], cwd=self.folder, env=env, stdout=log, stderr=log
        )
        log.close()
        self.all.append(process)
        return process

    def kill(self, process):
        """End a process as a power cut would."""
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)

    def close(self):
        """End everything that is still there."""
        for process in self.all:
            if process.poll() is None:
                self.kill(process)

    def said(self):
        """Return all that the processes wrote, for a failing test."""
        return "\n".join(f"{file.name}: {file.read_text()}" for file in sorted(self.folder.glob("*.log")))
