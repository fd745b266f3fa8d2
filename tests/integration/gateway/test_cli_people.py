"""`madzi users …` and `madzi flags …` on a database of their own, with what the audit log keeps of them."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from core import bulk
from core.audit import audit_log
from core.clock import ManualClock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from gateway import schema
from gateway.cli.commands import app
from taps import flags, tables
from taps.flags_model import FlagKind, Report, Source

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
TAP = "KNY-0417-1"


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A city of one tap with one reported flag."""
    url = f"sqlite+aiosqlite:///{tmp_path}/madzi.db"
    monkeypatch.setenv("MADZI_DATABASE_URL", url)
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    asyncio.run(_fill(url))
    return url


async def _fill(url):
    db = Database(url)
    await schema.upgrade(db)
    async with db.write() as connection:
        zones = [{"zone": code, "name": code, "country": "ZM", "currency": "ZMW"} for code in ("GDN", "KNY")]
        await bulk.insert(connection, tables.zones, zones)
        tap = {"tap_id": TAP, "tap_number": "241703", "zone": "KNY", "created_at": NOW}
        await bulk.insert(connection, tables.taps, [tap])
        told = Report(FlagKind.BURST, TAP, "by the church", "+260960000001", Source.RESIDENT)
        await flags.report(connection, [told], ids=Ids.seeded(1, ManualClock(NOW)), now=NOW)
    await db.close()


@pytest.fixture
def madzi(url):
    """Runs a command; returns its exit code and stdout, or the code of the error that refused it."""

    def run(*words):
        result = CliRunner().invoke(app, words)
        if isinstance(result.exception, MadziError):
            return 1, result.exception.reason
        return result.exit_code, result.stdout

    return run


def audited(url):
    async def rows():
        db = Database(url)
        async with db.read() as connection:
            found = (await connection.execute(sa.select(audit_log).order_by(audit_log.c.audit_id))).all()
        await db.close()
        return found

    return asyncio.run(rows())


def test_a_person_may_have_several_zones(madzi):
    words = ("users", "add", "Ann Zulu", "--role", "agent", "--zone", "kny", "--zone", "GDN")
    assert madzi(*words, "--msisdn", "0971234567") == (0, "")
    assert madzi("users", "add", "bff", "--role", "operator") == (0, "")
    assert json.loads(madzi("users", "list", "--json")[1]) == [
        {"name": "Ann Zulu", "role": "agent", "zones": ["GDN", "KNY"], "msisdn": "26097****567"},
        {"name": "bff", "role": "operator", "zones": [], "msisdn": None},
    ]
    listed = madzi("users", "list")[1]
    assert "GDN,KNY" in listed
    assert "every zone" in listed
    assert "0971234567" not in listed


def test_what_is_wrong_with_a_person_is_said(madzi):
    assert madzi("users", "add", "x", "--role", "staff")[0] == 2
    assert madzi("users", "add", "x", "--role", "agent", "--zone", "KNY", "--zone", "XXX") == (
        1,
        "unknown_zone",
    )
    assert madzi("users", "add", "x" * 61, "--role", "agent") == (1, "too_long")
    assert madzi("users", "add", "x", "--role", "agent", "--msisdn", "12") == (1, "bad_msisdn")
    assert madzi("users", "token", "nobody") == (1, "unknown_user")
    assert json.loads(madzi("users", "list", "--json")[1]) == []


def test_what_was_done_and_refused_is_audited_without_tokens(madzi, url, monkeypatch):
    monkeypatch.setenv("LOGNAME", "grace")
    madzi("users", "add", "bff", "--role", "operator")
    printed = madzi("users", "token", "bff")[1].strip()
    madzi("users", "add", "bff", "--role", "admin")
    madzi("flags", "assign", "F-0001", "bff")
    madzi("flags", "resolve", "9", "cleared")
    rows = audited(url)
    assert [(r.action, r.subject, r.result) for r in rows] == [
        ("user.add", "bff", "done"),
        ("user.token", "bff", "done"),
        ("user.add", "bff", "name_taken"),
        ("flag.assign", "F-0001", "done"),
        ("flag.resolve", "F-0009", "unknown_flag"),
    ]
    assert {(r.actor, r.channel) for r in rows} == {("grace", "cli")}
    assert json.loads(rows[3].detail) == {"owner": "bff"}
    assert len(printed) > 40
    assert not any(printed in str(tuple(row)) for row in rows)


def test_a_flag_goes_from_report_to_end(madzi):
    assert madzi("users", "add", "Ann", "--role", "operator", "--zone", "KNY")[0] == 0
    assert madzi("flags", "assign", "f1", "Ann") == (0, "")
    assert madzi("flags", "resolve", "F-0001", "visited") == (0, "")
    assert madzi("flags", "resolve", "0001", "cleared", "--note", "pipe mended") == (0, "")
    (flag,) = json.loads(madzi("flags", "list", "--json")[1])
    assert flag == {
        "reference": "F-0001", "kind": "burst", "tap_id": TAP, "zone": "KNY", "words": "by the church",
        "reported_by": "26096****001", "source": "resident", "rule": None, "owner": "Ann",
        "state": "cleared", "created_at": "2026-11-21T06:00:00Z",
    }  # fmt: skip
    story = json.loads(madzi("flags", "show", "1", "--json")[1])
    assert story["reported_by"] == "+260960000001"
    assert [step["event"] for step in story["history"]] == ["open", "assign", "visit", "clear"]
    assert story["history"][-1]["note"] == "pipe mended"
    said = madzi("flags", "show", "F-0001")[1]
    assert "burst at KNY-0417-1, KNY, cleared, Ann sees to it" in said
    assert ": pipe mended" in said


def test_flags_are_listed_by_zone_and_state(madzi):
    line = madzi("flags", "list")[1]
    assert line.startswith("F-0001   open       burst")
    assert line.count("\n") == 1
    assert "0960000001" not in line
    assert madzi("flags", "list", "--zone", "kny", "--state", "open")[1] == line
    assert madzi("flags", "list", "--zone", "GDN") == (0, "")
    assert madzi("flags", "list", "--state", "cleared", "--json") == (0, "[]\n")
    assert madzi("flags", "list", "--zone", "XXX") == (1, "unknown_zone")
    assert madzi("flags", "list", "--state", "lost")[0] == 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("assign", "F-0001", "nobody"), (1, "unknown_user")),
        (("assign", "C-0001", "nobody"), (1, "bad_reference")),
        (("resolve", "F-0002", "cleared"), (1, "unknown_flag")),
        (("show", "F-0002"), (1, "unknown_flag")),
        (("resolve", "F-0001", "open"), (2, "")),
        (("resolve", "F-0001"), (2, "")),
    ],
)
def test_what_cannot_be_done_to_a_flag_is_refused(madzi, words, answer):
    assert madzi("flags", *words) == answer


def test_a_resolved_flag_stays_so(madzi):
    assert madzi("flags", "resolve", "1", "confirmed")[0] == 0
    assert madzi("flags", "resolve", "1", "cleared") == (1, "bad_transition")
