"""`madzi suspense …` and `madzi cash …` on a migrated database: what they print, refuse and leave behind."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from town import CALLER, KENYAN_TAP, NEIGHBOUR, OTHER_TAP, OWED, TAP, settle
from typer.testing import CliRunner

from core import audit
from core.clock import SystemClock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from gateway import verify
from gateway.cli.commands import app
from gateway.notifications import Notifier
from payments.commands import Arrive, OpenItem, RecordCash
from payments.desk import Rules
from payments.providers.base import Arrival
from payments.records import Agent
from payments.service import PaymentService
from sms.tables import sms_messages
from sms.templates import Printed
from taps.model import Role, User
from taps.users import add_user

AGENT = "+260971000003"
JOSEPH = Agent("joseph", AGENT)


class Office:
    def __init__(self, url):
        self.url = url

    def do(self, work):
        """Do something with the database, on a loop of its own, as commands do."""

        async def all_of_it():
            db = Database(self.url)
            try:
                return await work(db)
            finally:
                await db.close()

        return asyncio.run(all_of_it())

    def submit(self, *commands):
        async def work(db):
            clock = SystemClock()
            ids = Ids(clock)
            announce = Notifier(clock, ids, Printed("*384*7#", "0211000000")).announce
            service = PaymentService(db, clock, ids, Rules(rails={}), announce)
            answers = [await service.submit(command) for command in commands]
            await service.close()
            return answers

        return self.do(work)

    def rows(self, query):
        async def work(db):
            async with db.read() as connection:
                return (await connection.execute(query)).all()

        return self.do(work)

    def holds(self):
        assert [v.name for v in self.do(verify.run) if not v.holds] == []

    def run(self, *words):
        result = CliRunner().invoke(app, words)
        if isinstance(result.exception, MadziError):
            return result.exception.reason
        assert result.exit_code == 0, result.output
        return result.stdout

    def items(self, *words):
        return json.loads(self.run("suspense", "list", "--json", *words))


@pytest.fixture
def office(tmp_path, monkeypatch):
    url = f"sqlite+aiosqlite:///{tmp_path}/town.db"
    monkeypatch.setenv("MADZI_DATABASE_URL", url)
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))
    asyncio.run(settle(url))
    one = Office(url)

    async def hire(db):
        async with db.write() as connection:
            user = User("joseph", Role.AGENT, (TAP[:3],), AGENT)
            await add_user(connection, user, SystemClock().now())

    one.do(hire)
    return one


def came(receipt="TKL1", typed="water", amount_minor=OWED, **told):
    arrival = Arrival(receipt, amount_minor, "ZMW", typed, **told)
    return Arrive(account_id="mtn:default", provider="mtn", arrival=arrival, cause="c2b")


def test_money_without_a_match_is_listed_assigned_and_told(office):
    office.submit(came(msisdn=CALLER))
    (item,) = office.items()
    assert (item["kind"], item["held"]) == ("no_match", {"amount_minor": OWED, "currency": "ZMW"})
    assert (item["receipt"], item["account_reference"], item["payer"]) == ("TKL1", "water", "26096****567")
    assert office.run("suspense", "show", item["item_id"]).count(CALLER) == 1
    assert "K30.05" in office.run("suspense", "list", "--kind", "no_match")
    payment_id = office.run(
        "suspense", "assign", item["item_id"], TAP.lower(), "--note", "she called"
    ).strip()
    assert office.run("suspense", "assign", item["item_id"], TAP).strip() == payment_id
    assert office.items() == []
    (done,) = office.items("--status", "assigned")
    assert (done["into_payment_id"], done["note"]) == (payment_id, "she called")
    texts = {row.template: row.text for row in office.rows(sa.select(sms_messages))}
    assert texts["wait.which"].startswith("Madzi: Waiting: K30.05 came")
    assert texts["paid"].startswith(f"Madzi: Paid K30.05 for {TAP}")
    acts = office.rows(sa.select(audit.audit_log.c.action, audit.audit_log.c.result))
    assert ("suspense.assign", "done") in [tuple(row) for row in acts]
    office.holds()


def test_what_cannot_be_is_refused_with_its_code_and_noted(office):
    office.submit(came(typed="water"), OpenItem("f", "unresolved", "mtn:default", "ZMW", "nobody knows"))
    held, doubt = sorted(office.items(), key=lambda item: item["kind"])
    assert office.run("suspense", "assign", doubt["item_id"], TAP) == "holds_nothing"
    assert office.run("suspense", "close", held["item_id"], "--note", "x") == "holds_money"
    assert office.run("suspense", "close", doubt["item_id"]) == "need_note"
    assert office.run("suspense", "assign", held["item_id"], "KNY-0417-9") == "bad_tap_id"
    assert office.run("suspense", "assign", held["item_id"], TAP, "--tenant", CALLER) == "no_such_tenant"
    assert office.run("suspense", "assign", held["item_id"], TAP, "--tenant", "") == "bad_msisdn"
    assert office.run("suspense", "assign", held["item_id"], TAP, "--payer", " ") == "bad_msisdn"
    assert office.run("suspense", "assign", "7", TAP) == "bad_item"
    assert office.run("suspense", "close", doubt["item_id"], "--note", "seen") == ""
    assert [item["kind"] for item in office.items()] == ["no_match"]
    results = {row.result for row in office.rows(sa.select(audit.audit_log.c.result))}
    assert {"holds_nothing", "holds_money", "done"} <= results
    office.holds()


def test_what_is_kept_for_a_payer_is_listed_without_the_payers_number(office):
    office.submit(came(typed=TAP, msisdn=CALLER, amount_minor=OWED + 500))
    (item,) = office.items("--kind", "over_payment")
    assert "K5.00 of payment" in item["detail"]
    assert CALLER not in office.run("suspense", "list") + office.run("suspense", "list", "--json")
    assert office.run("suspense", "show", item["item_id"]).count(CALLER) == 2


def test_a_refusal_is_one_line(office, capfd):
    office.submit(came(typed="water"))
    (item,) = office.items()
    capfd.readouterr()
    assert office.run("suspense", "assign", item["item_id"], KENYAN_TAP) == "other_currency"
    assert capfd.readouterr() == ("", "")


def test_money_of_somebody_whom_nobody_knows_is_told_to_nobody(office):
    office.submit(came(typed=OTHER_TAP, masked_msisdn="2609 *** 77"))
    office.holds()


def test_an_agent_hands_cash_in_and_is_told(office):
    cash = RecordCash(
        payment_request_id=Ids().new(), agent=JOSEPH, tap_id=TAP, payer_msisdn=NEIGHBOUR, amount_minor=None,
        channel="sms", source="in", correlation_id="in",
    )  # fmt: skip
    office.submit(cash)
    (held,) = json.loads(office.run("cash", "list", "--json"))
    assert held == {
        "agent": "joseph",
        "held": {"amount_minor": OWED, "currency": "ZMW"},
        "handed_in_at": None,
    }
    assert office.run("cash", "hand-in", "joseph", "20.05") == "H-000001\n"
    assert office.run("cash", "hand-in", "joseph", "10.01") == "holds_less"
    assert office.run("cash", "hand-in", "grace", "1") == "unknown_user"
    assert office.run("cash", "hand-in", "joseph", "10", "--to", "Kanyama office") == "H-000002\n"
    assert office.run("cash", "list") == ""
    (first, second) = (
        row.text for row in office.rows(sa.select(sms_messages).where(sms_messages.c.msisdn == AGENT))
    )
    assert first.startswith("Madzi: Done: you handed in K20.05")
    assert "Still with you: K10.00" in first
    assert second.endswith("Number H-000002")
    office.holds()
