"""`madzi refund` and `madzi payouts …`: cash goes back at once, the rest waits for two people."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from core import bulk
from core.audit import audit_log
from core.clock import SystemClock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids, derived
from gateway import schema, verify
from gateway.cli import commands
from payments.commands import Pay, PushAnswered, RecordCash, Reported, StartPush
from payments.desk import Rail, Rules
from payments.providers.base import Outcome, PushReply, Report, Taken, Traits
from payments.records import Agent
from payments.service import PaymentService
from simulators.providers.config import Mtn
from taps import tables, users
from taps.model import Role, User
from tools.ports import free_port

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
TAPS = ("KNY-0417-1", "KNY-0533-5")
PAYER = "+260961234567"
TRAITS = Traits(has_query=True, push_is_repeatable=True, unit_minor=1, currencies=frozenset({"ZMW"}))


@pytest.fixture
def url(tmp_path, monkeypatch):
    """Two taps: one paid by MTN with the receipt R1, one in cash; Ann and Grace look after the money."""
    keys, url = Mtn(), f"sqlite+aiosqlite:///{tmp_path}/madzi.db"
    values = {
        "DATABASE_URL": url,
        "DATA_DIR": str(tmp_path),
        "MTN_BASE_URL": f"http://127.0.0.1:{free_port()}/mtn",
        "MTN_SUBSCRIPTION_KEY": keys.subscription_key,
        "MTN_API_USER": keys.api_user,
        "MTN_API_KEY": keys.api_key,
        "MTN_TARGET_ENVIRONMENT": keys.target_environment,
        "MTN_DISBURSEMENT_KEY": keys.disbursement_key,
        "REFUND_LIMIT_MINOR": '{"ZMW": 2000}',
    }
    for name, value in values.items():
        monkeypatch.setenv(f"MADZI_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    asyncio.run(_fill(url))
    return url


async def _fill(url):
    db, clock = Database(url), SystemClock()
    await schema.upgrade(db)
    async with db.write() as connection:
        await bulk.insert(
            connection,
            tables.zones,
            [{"zone": "KNY", "name": "Kanyama", "country": "ZM", "currency": "ZMW"}],
        )
        await bulk.insert(connection, tables.taps, [_tap(n) for n in (0, 1)])
        await bulk.insert(connection, tables.debts, [_debt(n) for n in (0, 1)])
        await bulk.insert(connection, tables.debt_parts, [_part(n) for n in (0, 1)])
        for name, role in (("Ann Zulu", Role.FINANCE), ("Grace", Role.ADMIN), ("joseph", Role.AGENT)):
            await users.add_user(connection, User(name, role, (), None), NOW)
    await _pay(db, clock)
    await db.close()


def _tap(n):
    return {"tap_id": TAPS[n], "tap_number": f"24170{n}", "zone": "KNY", "created_at": NOW}


def _debt(n):
    return {
        "debt_id": derived("debt", str(n)), "tap_id": TAPS[n], "owner": TAPS[n], "zone": "KNY",
        "period": "2026-11", "currency": "ZMW", "created_at": NOW,
    }  # fmt: skip


def _part(n):
    return {
        "part_id": derived("part", str(n)), "debt_id": derived("debt", str(n)), "component": "water",
        "seller": "TRUST", "amount_minor": 3000, "paid_minor": 0,
    }  # fmt: skip


async def _pay(db, clock):
    async def announce(_connection, _events):
        pass

    rules = Rules(rails={"mtn": Rail("mtn", "mtn:default", TRAITS)})
    service = PaymentService(db, clock, Ids(clock), rules, announce)
    asked = Pay(
        payment_request_id=Ids().new(), request_hash="b", msisdn=PAYER, contact_msisdn=PAYER, tap_id=TAPS[0],
        tenant_id=None, amount_minor=None, currency=None, provider="mtn", channel="ussd",
        correlation_id="call", delay_s=0,
    )  # fmt: skip
    payment_id = (await service.submit(asked)).payment.payment_id
    await service.submit(StartPush(payment_id))
    await service.submit(PushAnswered(payment_id, PushReply(Taken.ACCEPTED, provider_reference="r-1")))
    await service.submit(Reported(payment_id, Report(Outcome.PAID, receipt="R1"), "poll"))
    await service.submit(
        RecordCash(
            payment_request_id=Ids().new(),
            agent=Agent("joseph", "+260971000003"),
            tap_id=TAPS[1],
            amount_minor=None,
            payer_msisdn=PAYER,
            channel="sms",
            source="in",
            correlation_id="sms",
        )
    )
    await service.close()


@pytest.fixture
def madzi(url):
    """Runs a command; returns its exit code and stdout, or the code of the error that refused it."""

    def run(*words):
        result = CliRunner().invoke(commands.app, words)
        if isinstance(result.exception, MadziError):
            return 1, result.exception.reason
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


def told(answer):
    code, text = answer
    assert code == 0, text
    return json.loads(text)


def test_a_part_below_the_limit_is_on_its_way_at_once(madzi):
    payout = told(madzi("refund", "R1", "--amount", "12.50", "--note", "wrong tap", "--json"))
    assert payout["amount"] == {"amount_minor": 1250, "currency": "ZMW"}
    assert (payout["status"], payout["kind"], payout["note"]) == ("initiated", "transfer", "wrong tap")
    story = told(madzi("payment", "show", "R1", "--json"))
    assert [one["payout_id"] for one in story["payouts"]] == [payout["payout_id"]]
    assert f"payout {payout['payout_id']} K12.50 transfer by mtn" in madzi("payment", "show", "R1")[1]


def test_all_of_it_waits_for_a_second_person(madzi):
    payout = told(madzi("refund", "R1", "--by", "Ann Zulu", "--json"))
    name = payout["payout_id"]
    assert (payout["status"], payout["requested_by"]) == ("requested", "Ann Zulu")
    assert name in madzi("payouts", "list", "--status", "requested")[1]
    assert madzi("payouts", "approve", name, "--by", "zulu ann") == (1, "same_person")
    assert madzi("payouts", "approve", name, "--by", "joseph") == (1, "not_allowed")
    assert madzi("payouts", "approve", name) == (1, "not_allowed")
    assert madzi("payouts", "approve", name, "--by", "Grace")[0] == 0
    assert told(madzi("payouts", "show", name, "--json"))["approved_by"] == "Grace"
    assert madzi("payouts", "reject", name, "--by", "Grace") == (1, "not_waiting")
    assert madzi("refund", "R1") == (1, "nothing_left")


def test_cash_goes_back_at_once_and_the_payer_hears_of_it(madzi, url):
    payout = told(madzi("refund", "C-000001", "--amount", "10", "--json"))
    assert (payout["status"], payout["provider"], payout["agent"]) == ("completed", "cash", "joseph")
    story = told(madzi("payment", "show", "C-000001", "--json"))
    (sms,) = [sms for sms in story["sms"] if sms["template"] == "back.cash"]
    assert sms["text"].startswith(
        f"Madzi: Sent back K10.00 for {TAPS[1]}: agent joseph gives it to you in cash"
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["refund", "NOBODY"], "no_such_payment"),
        (["refund", "R1", "--amount", "0"], "bad_amount"),
        (["refund", "R1", "--amount", "-5"], "bad_amount"),
        (["refund", "R1", "--amount", "ten"], "bad_amount"),
        (["refund", "R1", "--amount", "30.01"], "more_than_left"),
        (["refund", "R1", "--amount", "1.005"], "bad_amount"),
        (["refund", "R1", "--msisdn", "12"], "bad_msisdn"),
        (["refund", "R1", "--by", "joseph"], "not_allowed"),
        (["refund", "R1", "--by", "nobody"], "not_allowed"),
        (["refund", "R1", "--note", "x" * 161], "note_too_long"),
        (["refund", "R1", "--way", "reversal"], "no_way_out"),
        (["payouts", "approve", "nonsense"], "bad_payout"),
        (["payouts", "approve", derived("no", "payout"), "--by", "Grace"], "no_such_payout"),
        (["payouts", "show", "nonsense"], "no_such_payout"),
        (["payouts", "resolve", derived("no", "payout"), "sent", "--by", "Grace"], "no_such_payout"),
        (["payouts", "wallet", "0961234567"], "nothing_left"),
        (["payouts", "wallet", "0961234567", "--amount", "5"], "which_currency"),
        (["suspense", "refund", "nonsense"], "bad_item"),
        (["suspense", "refund", derived("no", "item")], "no_such_item"),
    ],
)
def test_what_is_refused_says_why_and_moves_nothing(madzi, words, code):
    assert madzi(*words) == (1, code)
    assert json.loads(madzi("payouts", "list", "--json")[1]) == []


def test_an_unknown_way_is_wrong_usage(madzi):
    assert madzi("refund", "R1", "--way", "pigeon")[0] == 2


def test_all_acts_are_audited_and_verify_holds(madzi, url):
    madzi("refund", "R1", "--by", "Ann Zulu")
    madzi("refund", "C-000001", "--amount", "10")
    madzi("refund", "R1", "--by", "joseph")

    async def look():
        db = Database(url)
        broken = {v.name for v in await verify.run(db) if not v.holds}
        async with db.read() as connection:
            rows = (await connection.execute(sa.select(audit_log))).all()
        await db.close()
        return broken, sorted((r.action, r.result) for r in rows if r.action.startswith("refund."))

    broken, acts = asyncio.run(look())
    assert broken <= {"success_is_told"}  # these payments were made without a gateway
    assert acts == [("refund.payment", "done"), ("refund.payment", "done"), ("refund.payment", "not_allowed")]


@pytest.mark.parametrize(
    ("option", "code"), [("--msisdn", "bad_msisdn"), ("--by", "bad_name"), ("--amount", "bad_amount")]
)
@pytest.mark.parametrize("nothing", ["", " "])
def test_an_option_that_was_left_empty_is_not_taken_for_none(madzi, option, code, nothing):
    """As where a script's variable was not set: the money would go to somebody, of somebody's own will."""
    assert madzi("refund", "R1", option, nothing) == (1, code)
    assert told(madzi("payouts", "list", "--json")) == []
