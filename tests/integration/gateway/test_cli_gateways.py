"""`madzi gateways …` and `madzi keys rotate` as an operator types them, on a database of their own."""

import asyncio
import base64
import json
import re
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from core import audit, bulk
from core.db import Database
from core.errors import MadziError
from gateway import schema
from gateway.cli.commands import app
from simulators.providers import kcb_keys
from simulators.providers.app import create
from simulators.providers.config import Config, Daraja
from simulators.serve import start
from taps import tables

OWN = {
    "base_url": "http://127.0.0.1:9/own",
    "subscription_key": "kanyama-subscription",
    "api_user": "kanyama-user",
    "api_key": "kanyama-api-key",
    "target_environment": "mtnzambia",
}
DEFAULT = OWN | {
    "base_url": "http://127.0.0.1:9",
    "subscription_key": "default-sub",
    "api_key": "default-key",
}
SECRETS = ("kanyama-subscription", "kanyama-api-key", "default-sub", "default-key")
LINES = "\n".join(f"{name.upper()}={value}" for name, value in OWN.items())


@pytest.fixture
def url(tmp_path, monkeypatch):
    """Two zones, and MTN for all by the settings."""
    url = f"sqlite+aiosqlite:///{tmp_path}/madzi.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MADZI_DATABASE_URL", url)
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MADZI_PUBLIC_URL", "https://pay.example.org")
    monkeypatch.setenv("LOGNAME", "grace")
    for name, value in DEFAULT.items():
        monkeypatch.setenv(f"MADZI_MTN_{name.upper()}", value)
    asyncio.run(_fill(url))
    return url


async def _fill(url):
    db = Database(url)
    await schema.upgrade(db)
    async with db.write() as connection:
        zones = [{"zone": code, "name": code, "country": "ZM", "currency": "ZMW"} for code in ("GDN", "KNY")]
        await bulk.insert(connection, tables.zones, zones)
    await db.close()


@pytest.fixture
def madzi(url):
    """Runs a command; returns its exit code and stdout, or the code of the error that refused it."""
    said = []

    def run(*words, given=None):
        result = CliRunner().invoke(app, words, input=given)
        said.append(result.output + str(result.exception))
        if isinstance(result.exception, MadziError):
            return 1, result.exception.reason
        return result.exit_code, result.stdout

    yield run
    assert not any(secret in text for text in said for secret in SECRETS)


@pytest.fixture
def started(madzi):
    """Default accounts are made by the first process that starts."""
    madzi("gateways", "test")


def listed(madzi, *words):
    code, out = madzi("gateways", "list", *words, "--json")
    assert code == 0
    return json.loads(out)


def audited(url):
    async def rows():
        db = Database(url)
        async with db.read() as connection:
            query = sa.select(audit.audit_log).order_by(audit.audit_log.c.audit_id)
            found = (await connection.execute(query)).all()
        await db.close()
        return found

    return asyncio.run(rows())


@pytest.mark.usefixtures("started")
def test_a_zone_gets_its_own_account_from_a_file(madzi, tmp_path):
    (tmp_path / "kny.json").write_text(json.dumps(OWN))
    assert madzi("gateways", "set", "kny", "MTN", "--file", "kny.json") == (0, "")
    own, default = listed(madzi)
    assert {**own, "urls": None} == {
        "zone": "KNY", "provider": "mtn", "account": "mtn:KNY", "healthy": True, "urls": None,
    }  # fmt: skip
    assert (default["zone"], default["account"]) == (None, "mtn:default")
    assert re.fullmatch(r"https://pay\.example\.org/cb/[\w-]{22}", own["urls"]["callback"])
    assert own["urls"] != default["urls"]


@pytest.mark.usefixtures("started")
def test_or_from_stdin(madzi):
    assert madzi("gateways", "set", "KNY", "mtn", given=LINES)[0] == 0
    assert [row["account"] for row in listed(madzi, "kny")] == ["mtn:KNY"]
    assert [row["account"] for row in listed(madzi, "GDN")] == ["mtn:default"]


@pytest.mark.usefixtures("started")
def test_the_list_masks_secrets_and_shows_the_rest(madzi):
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    out = madzi("gateways", "list", "--urls")[1]
    assert "api_key=******** target_environment=mtnzambia" in out
    assert "api_user=kanyama-user" in out
    assert out.count("callback  ") == 2
    assert "callback  " not in madzi("gateways", "list")[1]


def test_an_account_is_one_line_however_long_its_key(madzi):
    pem = kcb_keys.public_pem()
    keys = {"base_url": "https://kcb.example", "consumer_key": "k", "consumer_secret": "s", "till": "77"}
    given = json.dumps(keys | {"ipn_public_key": pem})
    assert madzi("gateways", "set", "KNY", "kcb", given=given)[0] == 0
    (line,) = madzi("gateways", "list")[1].splitlines()
    assert "till=77" in line
    assert "ipn_public_key=-----BEGIN PUBLIC KEY-----" in line
    assert pem.split()[5] not in line


@pytest.mark.usefixtures("started")
def test_states_of_an_account(madzi):
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    assert madzi("gateways", "set", "KNY", "mtn", "--disable") == (0, "")
    assert [(row["account"], row["healthy"]) for row in listed(madzi, "KNY")] == [("mtn:KNY", False)]
    assert "disabled" in madzi("gateways", "list")[1]
    assert madzi("gateways", "set", "KNY", "mtn", "--enable") == (0, "")
    assert [(row["account"], row["healthy"]) for row in listed(madzi, "KNY")] == [("mtn:KNY", True)]
    assert madzi("gateways", "set", "KNY", "mtn", "--remove") == (0, "")
    assert [row["account"] for row in listed(madzi, "KNY")] == ["mtn:default"]
    assert [row["account"] for row in listed(madzi)] == ["mtn:default"]


@pytest.mark.usefixtures("started")
def test_new_addresses_for_a_zone_and_for_all(madzi):
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    before = listed(madzi)
    assert madzi("gateways", "set", "KNY", "mtn", "--new-token") == (0, "")
    assert madzi("gateways", "set", "default", "mtn", "--new-token") == (0, "")
    after = listed(madzi)
    assert all(old["urls"] != new["urls"] for old, new in zip(before, after, strict=True))


@pytest.mark.usefixtures("started")
def test_keys_rotate_and_nothing_else_changes(madzi):
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    before = listed(madzi)
    assert madzi("keys", "rotate") == (0, "")
    assert madzi("keys", "rotate") == (0, "")
    assert listed(madzi) == before


def key(byte):
    return base64.b64encode(bytes([byte] * 32)).decode()


def test_a_new_master_key_takes_the_place_of_the_old_one(madzi, monkeypatch):
    monkeypatch.setenv("MADZI_MASTER_KEY", key(1))
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    before = listed(madzi)
    monkeypatch.setenv("MADZI_MASTER_KEY", key(2))
    for words in (("gateways", "list"), ("keys", "rotate"), ("gateways", "test")):
        assert madzi(*words) == (1, "wrong_master_key")
    assert madzi("gateways", "set", "KNY", "mtn", given=LINES) == (1, "wrong_master_key")
    monkeypatch.setenv("MADZI_MASTER_KEY_OLD", key(1))
    assert listed(madzi) == before
    assert madzi("keys", "rotate") == (0, "")
    monkeypatch.delenv("MADZI_MASTER_KEY_OLD")
    assert listed(madzi) == before


@pytest.mark.parametrize(
    ("words", "given", "answer"),
    [
        (("XXX", "mtn"), LINES, (1, "unknown_zone")),
        (("KNY", "mpesa"), LINES, (1, "no_such_provider")),
        (("KNY", "cash"), LINES, (1, "no_such_provider")),
        (("KNY", "mtn"), "", (1, "bad_file")),
        (("KNY", "mtn"), "kanyama-api-key", (1, "bad_file")),
        (("KNY", "mtn"), "api_key=kanyama-api-key", (1, "bad_credentials")),
        (("KNY", "mtn"), LINES + "\nkanyama_pin=1", (1, "bad_credentials")),
        (("KNY", "mtn", "--file", "missing"), None, (1, "cannot_read")),
        (("KNY", "mtn", "--disable"), None, (1, "no_such_account")),
        (("KNY", "mtn", "--new-token"), None, (1, "no_such_account")),
        (("default", "mtn"), LINES, (1, "not_a_zone")),
        (("default", "mtn", "--disable"), None, (1, "not_a_zone")),
        (("KNY", "mtn", "--disable", "--remove"), None, (2, "")),
        (("KNY", "mtn", "--disable", "--file", "x"), None, (2, "")),
        (("KNY",), None, (2, "")),
    ],
)
def test_what_cannot_be_set_is_refused(madzi, words, given, answer):
    assert madzi("gateways", "set", *words, given=given) == answer
    assert listed(madzi) == []


@pytest.mark.usefixtures("started")
def test_a_test_fails_where_a_provider_does_not_answer(madzi):
    assert madzi("gateways", "test") == (1, "")
    assert madzi("gateways", "test", "KNY", "mtn") == (1, "")
    assert madzi("gateways", "test", "KNY", "daraja") == (1, "")
    assert madzi("gateways", "test", "XXX") == (1, "unknown_zone")
    assert madzi("gateways", "test", "KNY", "mpesa") == (1, "no_such_provider")
    assert madzi("gateways", "list", "XXX") == (1, "unknown_zone")
    assert madzi("gateways", "list", "") == (1, "unknown_zone")
    assert madzi("gateways", "test", "") == (1, "unknown_zone")
    assert madzi("gateways", "test", "KNY", "") == (1, "no_such_provider")


DARAJA = {
    "consumer_key": Daraja().consumer_key,
    "consumer_secret": Daraja().consumer_secret,
    "shortcode": Daraja().shortcode,
    "passkey": Daraja().passkey,
}


@pytest.fixture
def mpesa():
    """M-PESA, simulated: takes addresses once, as production does; in a thread, as commands have loops."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    once = replace(Config(), daraja=replace(Daraja(), registers_once=True))
    server = wait(start(create(once)))
    yield f"{server.url}/daraja"
    wait(server.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_m_pesa_is_told_where_payments_by_hand_are_told(madzi, url, mpesa):
    madzi("gateways", "set", "KNY", "daraja", given=json.dumps(DARAJA | {"base_url": mpesa}))
    assert madzi("gateways", "register", "kny", "DARAJA") == (0, "")
    assert madzi("gateways", "register", "KNY", "daraja") == (0, "")  # said to have been there before
    assert madzi("gateways", "register", "GDN", "daraja") == (1, "no_such_account")
    acts = [row for row in audited(url) if row.action == "gateway.register"]
    assert [(row.subject, row.result) for row in acts] == [
        ("daraja:KNY", "done"),
        ("daraja:KNY", "done"),
        ("daraja:GDN", "no_such_account"),
    ]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("default", "mtn"), (1, "nothing_to_register")),
        (("KNY", "mtn"), (1, "no_such_account")),
        (("XXX", "daraja"), (1, "unknown_zone")),
        (("KNY", "mpesa"), (1, "no_such_provider")),
        ((" ", " "), (1, "no_such_provider")),
        (("KNY",), (2, "")),
    ],
)
def test_what_cannot_be_registered_is_refused(madzi, words, answer):
    assert madzi("gateways", "register", *words) == answer


def test_every_act_is_audited_without_secrets(madzi, url):
    madzi("gateways", "set", "KNY", "mtn", given=LINES)
    madzi("gateways", "set", "XXX", "mtn", given=LINES)
    madzi("gateways", "set", "KNY", "mtn", "--disable")
    madzi("gateways", "set", "KNY", "mtn", "--new-token")
    madzi("keys", "rotate")
    rows = audited(url)
    assert [(row.action, row.subject, row.result) for row in rows] == [
        ("gateway.set", "mtn:KNY", "done"),
        ("gateway.set", "mtn:XXX", "unknown_zone"),
        ("gateway.state", "mtn:KNY", "done"),
        ("gateway.address", "mtn:KNY", "done"),
        ("keys.rotate", "gateway accounts", "done"),
    ]
    assert {(row.actor, row.channel) for row in rows} == {("grace", "cli")}
    assert json.loads(rows[0].detail)["fields"] == sorted(OWN)
    assert not any(secret in str(tuple(row)) for row in rows for secret in SECRETS)
