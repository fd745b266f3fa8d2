"""`madzi serve --processes N` leaves nobody behind, even where its parent cannot say goodbye."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment, free_port, http, run, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def is_alive(process_id):
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children(process_id):
    """The processes that a process has started, by Linux's own list."""
    return [int(word) for word in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]


def test_children_end_when_their_parent_is_killed(tmp_path, processes):
    env, port = environment(tmp_path, MADZI_ENV="test"), free_port()
    assert run(tmp_path, "db", "upgrade", env=env)[0] == 0
    parent = processes.start("serve", "--port", port, "--processes", 2, env=env)
    until(lambda: http("GET", f"http://127.0.0.1:{port}/readyz")[0] == 200, 30)
    started = children(parent.pid)
    assert len(started) == 2
    processes.kill(parent)
    try:
        until(lambda: not any(is_alive(child) for child in started))
    finally:
        for child in filter(is_alive, started):
            os.kill(child, signal.SIGKILL)
    assert http("GET", f"http://127.0.0.1:{port}/readyz")[0] == 0


# A parent that starts a child, prints its number, and is killed.
PARENT = """
import os, subprocess, sys
command = [sys.executable, "-c", sys.argv[1], str(os.getpid())]
child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
CHILD = """
import sys, time
from gateway.cli import parents
{setup}
parents.end_with(int(sys.argv[1]){offset})
print("ready", flush=True)
time.sleep(60)
"""


def start_parent(child):
    return subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True)  # noqa: S603


@pytest.mark.parametrize("setup", ["", "parents.ask_kernel = lambda: False"], ids=["kernel", "looking"])
def test_a_child_notices_that_its_parent_is_gone(setup):
    with start_parent(CHILD.format(setup=setup, offset="")) as parent:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    until(lambda: not is_alive(child))


def test_a_child_whose_parent_died_before_it_looked_does_not_begin():
    code = CHILD.format(setup="", offset=" + 1")
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, str(os.getpid())],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
