"""Every process can be scraped, and several on one port are one to whoever scrapes them."""

import os
import signal
import sys
import urllib.request
from pathlib import Path

import pytest
from processes import TOKEN, environment, http, run, until

from tools.ports import free_port

SCRAPER = "scrape-me-please"


@pytest.fixture
def env(tmp_path):
    env = environment(tmp_path, MADZI_ENV="test", MADZI_CHANNEL_TOKEN=TOKEN, MADZI_METRICS_TOKEN=SCRAPER)
    assert run(tmp_path, "db", "upgrade", env=env)[0] == 0
    return env


def scrape(port):
    """What one process shows, by name and labels; nothing where nobody answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {SCRAPER}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            text = reply.read().decode()
    except OSError:
        return {}
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert len({name for name, _, _ in samples}) == len(samples), "a sample is shown twice"
    return {name: float(value) for name, _, value in samples}


def answered(port):
    return sum(value for name, value in scrape(port).items() if name.startswith("madzi_ussd_hops_total"))


def dial(port, count):
    for n in range(count):
        form = {
            "sessionId": f"s{n}-{os.urandom(4).hex()}", "phoneNumber": f"+26096{n:07d}",
            "networkCode": "64502", "serviceCode": "*384*7#", "text": "",
        }  # fmt: skip
        assert http("POST", f"http://127.0.0.1:{port}/ussd/africastalking/{TOKEN}", form=form)[0] == 200


def children(process):
    """The processes that a process has started."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in listed.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="children are read from /proc")
def test_whichever_of_several_is_scraped_shows_what_all_have_counted(processes, env):
    port = free_port()
    parent = processes.start("serve", "--port", port, "--processes", 2, env=env)
    until(lambda: http("GET", f"http://127.0.0.1:{port}/readyz")[0] == 200, 30)
    first = until(lambda: len(found := children(parent)) == 2 and found)
    dial(port, 12)  # each on a connection of its own, so that both processes have some
    assert [answered(port) for _ in range(8)] == [12] * 8
    shown = scrape(port)
    assert shown["madzi_ussd_hop_seconds_count"] == 12
    assert shown["madzi_outbox_oldest_seconds"] == 0
    assert not [name for name in shown if "pid=" in name]
    os.kill(first[0], signal.SIGKILL)
    until(lambda: len(now := children(parent)) == 2 and first[0] not in now)
    until(lambda: http("GET", f"http://127.0.0.1:{port}/readyz")[0] == 200, 30)
    dial(port, 1)
    assert answered(port) == 13


@pytest.mark.parametrize("word", ["worker", "clock"])
def test_a_process_that_serves_nothing_else_shows_what_it_counts(processes, env, word):
    port = free_port()
    processes.start(word, "--metrics-port", port, env=env)
    shown = until(lambda: scrape(port), 30)
    assert "madzi_ussd_hop_seconds_count" in shown
    # What the database shows is shown by the web processes alone.
    assert not [name for name in shown if name.startswith(("madzi_outbox_oldest", "madzi_outbox_rows"))]
    status, body = http("GET", f"http://127.0.0.1:{port}/metrics")
    assert (status, "unauthorized" in body, "madzi_" in body) == (401, True, False)
    assert http("GET", f"http://127.0.0.1:{port}/healthz")[0] == 404


def test_a_worker_whose_metrics_port_is_taken_says_so(processes, env):
    port = free_port()
    processes.start("worker", "--metrics-port", port, env=env)
    until(lambda: scrape(port), 30)
    second = processes.start("worker", "--metrics-port", port, env=env)
    assert second.wait(timeout=30) == 1
    assert f"madzi: port_taken: port {port} cannot be used" in processes.said()
