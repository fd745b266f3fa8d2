"""Cash over a migrated database: who is told in which words, what `madzi` shows of it, and that all holds."""

import asyncio
import csv
import io
import json

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, OTHER_TAP, OWED, TAP, settle
from typer.testing import CliRunner

from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from gateway import verify
from gateway.cli.commands import app
from gateway.notifications import Notifier
from payments.commands import RecordCash
from payments.desk import Rules
from payments.records import Agent
from payments.results import Recorded
from payments.service import PaymentService
from sms.tables import sms_messages
from sms.templates import Printed
from taps import store

AGENT = "+260971000003"
JOSEPH = Agent("Joseph Phiri", AGENT)


class Office:
    """Agents record cash; SMS stay in the table."""

    def __init__(self, url):
        clock = SystemClock()
        self.db, self.ids = Database(url), Ids(clock)
        announce = Notifier(clock, self.ids, Printed("*384*7#", "0211000000")).announce
        self.payments = PaymentService(self.db, clock, self.ids, Rules(rails={}), announce)

    async def take(self, tap_id=TAP, *, agent=JOSEPH, amount_minor=None, payer=None, channel="ussd"):
        answer = await self.payments.submit(
            RecordCash(
                payment_request_id=self.ids.new(),
                agent=agent,
                tap_id=tap_id,
                amount_minor=amount_minor,
                payer_msisdn=payer,
                channel=channel,
                source="call-1",
                correlation_id="call-1",
            )
        )
        assert isinstance(answer, Recorded)
        return answer

    async def sms(self):
        async with self.db.read() as connection:
            rows = await connection.execute(sa.select(sms_messages))
            return {(row.msisdn, row.template): row for row in rows}

    async def close(self):
        await self.payments.close()
        await self.db.close()


@pytest.fixture
async def office(town_url):
    one = Office(town_url)
    yield one
    await one.close()


async def _broken(office):
    return [verdict for verdict in await verify.run(office.db) if not verdict.holds]


async def test_payer_and_agent_are_told_each_in_their_own_words(office):
    answer = await office.take(payer=CALLER)
    sms = await office.sms()
    assert set(sms) == {(CALLER, "cash.payer"), (AGENT, "cash.agent")}
    to_payer, to_agent = sms[CALLER, "cash.payer"], sms[AGENT, "cash.agent"]
    assert to_payer.text.startswith(f"Madzi: Paid K30.05 cash for {TAP}, Nov, to agent Joseph Phiri.")
    assert to_agent.text.startswith(f"Madzi: Done: K30.05 cash for {TAP}, ")
    for row in sms.values():
        assert row.text.endswith("Receipt C-000001")
        assert (row.segments, row.payment_id) == (1, answer.payment.payment_id)
    assert await _broken(office) == []


async def test_what_is_left_is_said(office):
    await office.take(payer=CALLER, amount_minor=1000)
    sms = await office.sms()
    assert "Left to pay: K20.05" in sms[CALLER, "cash.payer.part"].text


@pytest.mark.parametrize("payer", [None, AGENT])
async def test_where_nobody_is_named_only_the_agent_is_told(office, payer):
    await office.take(payer=payer)
    assert set(await office.sms()) == {(AGENT, "cash.agent")}
    assert await _broken(office) == []


async def test_an_sms_is_its_own_answer(office):
    await office.take(payer=CALLER, channel="sms")
    await office.take(OTHER_TAP, channel="sms")
    assert set(await office.sms()) == {(CALLER, "cash.payer")}
    assert await _broken(office) == []


async def test_each_reads_their_own_language(office):
    async with office.db.write() as connection:
        chosen = {CALLER: ("bem", None), AGENT: ("ny", None)}
        await store.remember_language(connection, chosen, SystemClock().now())
    await office.take(payer=CALLER)
    assert {row.msisdn: row.language for row in (await office.sms()).values()} == {CALLER: "bem", AGENT: "ny"}


async def test_a_long_name_in_any_letters_leaves_one_segment(office):
    agent = Agent("Świętosław 中 Mutinta Hamoonga-Lubasi the younger of Kanyama", AGENT)
    await office.take(agent=agent, payer=CALLER, amount_minor=2999)
    row = (await office.sms())[CALLER, "cash.payer.part"]
    assert (row.segments, row.encoding) == (1, "gsm7")
    assert await _broken(office) == []


async def test_a_success_that_nobody_was_told_of_is_seen(office):
    await office.take(payer=CALLER)
    async with office.db.write() as connection:
        await connection.execute(sa.delete(sms_messages).where(sms_messages.c.msisdn == CALLER))
    assert {verdict.name for verdict in await _broken(office)} == {"success_is_told"}


# madzi payment show, madzi payments export


@pytest.fixture
def madzi(tmp_path, monkeypatch):
    """Cash of an agent on a database of its own; runs commands on it and returns what they print."""
    url = f"sqlite+aiosqlite:///{tmp_path}/town.db"
    monkeypatch.setenv("MADZI_DATABASE_URL", url)
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))

    async def fill():
        await settle(url)
        office = Office(url)
        await office.take(payer=NEIGHBOUR)
        await office.close()

    asyncio.run(fill())

    def run(*words):
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    return run


def test_payment_show_tells_agent_and_receipt(madzi):
    said = madzi("payment", "show", "C-000001")
    assert f"K30.05 for {TAP} by cash: success" in said
    assert "  receipt C-000001\n  taken in cash by agent Joseph Phiri\n" in said
    assert "initiated -> success by agent" in said
    story = json.loads(madzi("payment", "show", "C-000001", "--json"))
    assert story["cash"]["agent"] == "Joseph Phiri"
    assert {move["actor"] for move in story["transitions"]} == {"Joseph Phiri"}


def test_payments_export_names_the_provider_and_the_receipt(madzi):
    (row,) = csv.DictReader(io.StringIO(madzi("payments", "export", "-")))
    assert (row["provider"], row["receipt"], row["status"]) == ("cash", "C-000001", "success")
    assert (row["amount_minor"], row["msisdn"]) == (str(OWED), NEIGHBOUR)


def test_verify_is_clean(madzi):
    assert "BROKEN" not in madzi("verify")
