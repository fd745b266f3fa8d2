"""A demo has its data folder for itself, and leaves nothing half done in it."""

import signal
import sqlite3

import pytest
from processes import environment, free_port, run, until

SAID = "Ctrl-C stops it."


def demo(processes, folder, *more):
    env = environment(folder, PYTHONUNBUFFERED="1")
    return processes.start("demo", "--port", free_port(), "--data", folder, *more, env=env)


def until_ready(processes, times=1):
    until(lambda: processes.said().count(SAID) >= times, 40)


def stop(process):
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=30)


def test_a_second_demo_on_the_same_folder_is_refused(processes, tmp_path):
    folder = tmp_path / "var"
    first = demo(processes, folder)
    until_ready(processes)
    told = (folder / "demo.json").read_text()
    code, out, err = run(tmp_path, "demo", "--port", free_port(), "--data", folder, env=environment(folder))
    assert (code, out) == (1, "")
    assert err == (
        f"madzi: demo_running: a demo (process {first.pid}) runs on {folder} already; "
        "stop it, or give this one a folder of its own with --data\n"
    )
    assert (folder / "demo.json").read_text() == told


def test_a_demo_that_was_killed_keeps_no_other_from_its_folder(processes, tmp_path):
    processes.kill(demo(processes, tmp_path / "var"))
    first = demo(processes, tmp_path / "var")
    until_ready(processes)
    processes.kill(first)
    second = demo(processes, tmp_path / "var")
    until_ready(processes, 2)
    assert stop(second) == 0


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(tmp_path, "demo", "--port", "0", "--data", tmp_path / "file" / "var")
    assert code == 1
    assert err.startswith("madzi: cannot_write: ")
    assert err.count("\n") == 1


def taps_in(file):
    """How many taps another process sees; none where there is no table yet."""
    try:
        with sqlite3.connect(file) as db:
            return db.execute("SELECT count(*) FROM taps").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


@pytest.mark.parametrize("seen", ["madzi.log", "madzi.db", "madzi.db-wal"])
def test_ctrl_c_while_the_city_is_brought_in(processes, tmp_path, seen):
    """Stopped as soon as a file is there; the moment varies, what must hold does not."""
    folder = tmp_path / "var"
    first = demo(processes, folder)
    until((folder / seen).exists)
    assert stop(first) in (0, 130)  # 130 before there is a loop to stop
    said = processes.said()
    assert "Traceback" not in said
    assert "Unclosed" not in said
    assert not (folder / "madzi.db").exists() or taps_in(folder / "madzi.db") in (0, 314)
    second = demo(processes, folder)
    until_ready(processes, said.count(SAID) + 1)
    assert taps_in(folder / "madzi.db") == 314
    assert stop(second) == 0
