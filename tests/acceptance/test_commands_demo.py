"""The demo as a newcomer meets it: start, dial, look, stop, start again."""

import csv
import io
import json
import os
import signal
import sqlite3
import time

import pytest
from processes import Processes, environment, free_port, http, run, until

PAYER = "0961234567"
KEYS = ("1", "1", "KNY-0417-1", "1", "1")


def _start(processes, folder, port):
    env = environment(folder / "var", PYTHONUNBUFFERED="1")
    began = time.monotonic()
    demo = processes.start("demo", "--port", port, "--data", folder / "var", "--speed", "4", env=env)
    until(lambda: "Ctrl-C stops it." in processes.said() or demo.poll() is not None, within_s=30)
    assert demo.poll() is None, processes.said()
    return demo, time.monotonic() - began


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One demo for all tests of this file, with one payment made."""
    folder = tmp_path_factory.mktemp("demo")
    processes, port = Processes(folder), free_port()
    _, seconds = _start(processes, folder, port)
    try:
        code, out, err = run(folder, "dial", PAYER, *KEYS, env=environment(folder / "var"))
        assert code == 0, err
        yield {"folder": folder, "port": port, "seconds": seconds, "dialled": out, "said": processes.said()}
    finally:
        processes.close()


@pytest.fixture
def madzi(demo):
    """Run a command beside the demo."""

    def command(*words, **how):
        return run(demo["folder"], *words, env=environment(demo["folder"] / "var"), **how)

    return command


def _exported(madzi):
    code, out, _ = madzi("payments", "export")
    assert code == 0
    return list(csv.DictReader(io.StringIO(out)))


def test_it_says_where_to_look_and_what_to_dial(demo):
    assert demo["seconds"] < 30  # ten seconds on a machine of its own; this one is shared
    assert f"http://127.0.0.1:{demo['port']}" in demo["said"]
    assert "madzi dial 0961234567 1 1 KNY-0417-1 1 1" in demo["said"]


def test_a_dialled_call_shows_screens_prompt_and_sms(demo):
    out = demo["dialled"]
    assert "1 English" in out
    assert "To pay: K30.00" in out
    assert "MTN MoMo will now ask for your PIN: K30.00" in out
    assert "[pin] " in out
    assert "[sms] MADZI: Madzi: Paid K30.00 for KNY-0417-1" in out


def test_a_dialled_call_as_json_is_one_document(madzi):
    code, out, err = madzi("dial", "0961230001", "1", "2", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["msisdn"] == "+260961230001"
    assert [screen["input"] for screen in document["screens"]][1:] == ["1", "2"]


def test_a_deep_dial_is_a_first_word_with_a_star(madzi):
    code, out, _ = madzi("dial", "0961230002", "*384*7*2#", "--json")
    assert code == 0
    assert len(json.loads(out)["screens"]) == 1


def test_a_payment_is_shown_by_each_of_its_names(madzi):
    (row,) = _exported(madzi)
    stories = {}
    for name in ("payment_id", "payment_request_id", "receipt", "provider_reference"):
        code, out, err = madzi("payment", "show", row[name], "--json")
        assert (code, err) == (0, ""), name
        stories[name] = json.loads(out)
    assert len({json.dumps(story) for story in stories.values()}) == 1
    story = stories["payment_id"]
    assert story["status"] == "success"
    assert [move["to"] for move in story["transitions"]] == ["initiated", "pending", "success"]
    assert [sms["template"] for sms in story["sms"]] == ["paid"]
    code, out, err = madzi("payment", "show", "nonsense")
    assert (code, out) == (1, "")
    assert err.startswith("madzi: no_such_payment: ")
    assert row["receipt"] in madzi("payment", "show", row["payment_id"])[1]


def test_payments_are_exported_in_the_agreed_columns(madzi):
    (row,) = _exported(madzi)
    assert ",".join(row) == (
        "payment_id,payment_request_id,tap_id,msisdn,amount_minor,currency,provider,"
        "provider_reference,receipt,status,created_at,updated_at"
    )
    assert (row["msisdn"], row["amount_minor"], row["currency"]) == ("+260961234567", "3000", "ZMW")
    assert row["created_at"].endswith("Z")
    code, out, _ = madzi("payments", "export", "-", "--since", "2099-01-01")
    assert (code, out.count("\n")) == (0, 1)
    assert madzi("payments", "export", "-", "--since", "soon")[2].startswith("madzi: bad_date: ")


def test_a_person_gets_a_token_that_is_printed_once(madzi):
    code, out, _ = madzi("users", "add", "bff", "--role", "operator")
    assert (code, out) == (0, "")
    code, out, _ = madzi("users", "token", "bff")
    assert code == 0
    assert len(out.strip()) > 40
    assert out.count("\n") == 1
    assert madzi("users", "token", "bff")[1] != out
    assert madzi("users", "token", "nobody")[0] == 1
    assert madzi("users", "add", "bff", "--role", "operator")[2].startswith("madzi: name_taken: ")
    assert madzi("users", "add", "x", "--role", "king")[0] == 2
    assert madzi("users", "add", "y", "--role", "agent", "--zone", "XXX")[0] == 1


def test_gateways_are_listed_with_the_addresses_that_providers_call(demo, madzi):
    code, out, err = madzi("gateways", "list", "--urls", "--json")
    rows = {row["provider"]: row for row in json.loads(out)}
    assert (code, err) == (0, "")
    assert set(rows) == {"airtel", "daraja", "kcb", "kcb_multi", "mtn", "stripe", "zamtel"}
    for row in rows.values():
        assert set(row) == {"zone", "provider", "account", "healthy", "urls"}
        assert row["healthy"] is True
        for url in row["urls"].values():
            assert url.startswith(f"http://127.0.0.1:{demo['port']}/cb/")
            assert http("POST", url, body={})[0] == 200
    assert "stk" in rows["daraja"]["urls"]
    assert all("callback" in rows[name]["urls"] for name in ("airtel", "mtn"))
    told = "".join(f"{name}:default: ok\n" for name in sorted(rows))
    assert madzi("gateways", "test")[:2] == (0, told)


def test_verify_says_that_all_holds(madzi):
    code, out, err = madzi("verify")
    assert (code, err) == (0, "")
    assert all(line.startswith("holds ") for line in out.splitlines())
    assert all(verdict["holds"] for verdict in json.loads(madzi("verify", "--json")[1]))


def test_a_backup_of_a_running_system_verifies_and_shows_what_was_tampered_with(demo, madzi, tmp_path):
    copy = tmp_path / "copy.db"
    assert madzi("db", "backup", copy)[0] == 0
    assert madzi("db", "backup", copy)[2].startswith("madzi: file_exists: ")
    env = environment(tmp_path, MADZI_DATABASE_URL=f"sqlite+aiosqlite:///{copy}")
    assert run(tmp_path, "verify", env=env)[0] == 0
    with sqlite3.connect(copy) as db:
        db.execute("UPDATE debt_parts SET paid_minor = paid_minor - 1 WHERE paid_minor > 0")
    db.close()
    code, out, _ = run(tmp_path, "verify", env=env)
    assert code == 1
    assert "BROKEN debts_add_up" in out


def test_verify_without_a_database_could_not_run(tmp_path):
    code, out, err = run(tmp_path, "verify")
    assert (code, out) == (2, "")
    assert err.startswith("madzi: schema_behind: ")
    (tmp_path / "madzi.db").write_bytes(b"this is no database at all" * 100)
    code, out, err = run(tmp_path, "verify")
    assert (code, out) == (2, "")
    assert err.startswith("madzi: ")
    assert "Traceback" not in err


def _addresses(said):
    """Return where providers call back; simulated ones have new keys each time."""
    return [line for line in said[1].splitlines() if "/cb/" in line]


def test_ctrl_c_stops_it_and_the_next_one_finds_everything(processes, tmp_path):
    port = free_port()
    first, _ = _start(processes, tmp_path, port)
    os.kill(first.pid, signal.SIGINT)
    assert first.wait(timeout=20) == 0
    assert "Traceback" not in processes.said()
    env = environment(tmp_path / "var")
    listed = _addresses(run(tmp_path, "gateways", "list", "--urls", env=env))
    assert listed
    second, _ = _start(Processes(tmp_path), tmp_path, port)
    try:
        assert _addresses(run(tmp_path, "gateways", "list", "--urls", env=env)) == listed
        code, out, _ = run(tmp_path, "dial", PAYER, env=env, stdin="")
        assert (code, "1 English" in out) == (0, True)
    finally:
        os.kill(second.pid, signal.SIGINT)
        assert second.wait(timeout=20) == 0


def test_a_port_that_is_taken_is_said_in_one_line(demo, tmp_path):
    words = ("demo", "--port", demo["port"], "--data", tmp_path / "other")
    code, out, err = run(tmp_path, *words)
    assert (code, out) == (1, "")
    assert (
        err
        == f"madzi: port_taken: port {demo['port']} cannot be used: Address already in use; choose another\n"
    )


def test_port_0_is_any_that_is_free(processes, tmp_path):
    _start(processes, tmp_path, 0)
    url = json.loads((tmp_path / "var" / "demo.json").read_text())["gateway_url"]
    assert not url.endswith(":0")
    assert http("GET", f"{url}/readyz")[0] == 200
