"""A whole city on a bad day, every fault at once: the networks' books and our ledger agree at its end."""

import asyncio
import json
import logging
import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from core import logs
from tools.chaos import books, secrets
from tools.chaos.day import run
from tools.chaos.plan import Plan, every_fault

_EVERY_RAIL = {"mtn", "airtel", "zamtel", "daraja", "kcb", "kcb_multi", "stripe", "cash"}


def _asyncpg(uri, database):
    url = sa.make_url(uri).set(drivername="postgresql+asyncpg", database=database)
    return url.render_as_string(hide_password=False)


@pytest.fixture
def postgres_city(postgres_url):
    name = f"c{uuid.uuid4().hex[:12]}"

    async def admin(statement):
        engine = create_async_engine(_asyncpg(postgres_url, "postgres"), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(sa.text(statement))
        await engine.dispose()

    asyncio.run(admin(f"CREATE DATABASE {name}"))
    yield _asyncpg(postgres_url, name)
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


def _plan(people, seed, rate, log, **changes):
    """Return a short day with every fault but those of sending SMS, whose next try may be minutes away."""
    rates = {name: share for name, share in every_fault(rate).items() if not name.startswith("sms.")}
    short = {"expiry_s": 3.0, "per_s": 15.0, "outage_s": 4.0, "patience_s": 40.0, "refund_share": 0.15}
    return Plan(people, seed, rates, log=log, **{**short, **changes})


@pytest.fixture
def lived(tmp_path):
    """Live through a day with its logs in a file, as an operator has them."""

    def live(people, seed, rate, **changes):
        log = tmp_path / "day.log"
        with log.open("w") as to:
            logs.configure("INFO", to=to)
            handler = logging.StreamHandler(to)
            logging.getLogger().addHandler(handler)
            try:
                outcome = asyncio.run(run(_plan(people, seed, rate, log, **changes)))
            finally:
                logging.getLogger().removeHandler(handler)
        return outcome, log.read_text()

    return live


def _agree(outcome, count):
    assert outcome.under_way == dict.fromkeys(outcome.under_way, 0)
    assert (outcome.broken, outcome.missing_here, outcome.missing_there) == ([], [], [])
    assert (outcome.out_missing_here, outcome.out_missing_there, outcome.sums_differ) == ([], [], [])
    assert [one.kind for one in outcome.unexplained] == []
    assert (outcome.leaks, outcome.traces) == ([], {})
    assert outcome.agrees
    # It was a day on which people could pay by every rail, and on which things went wrong.
    assert set(outcome.providers) >= _EVERY_RAIL
    assert outcome.statuses["success"] > count / 2
    assert outcome.statuses["failed"] + outcome.statuses["expired"] > 0
    assert outcome.payouts["completed"] > 0


@pytest.mark.slow
def test_books_and_ledger_agree_after_every_fault_at_once_on_sqlite(lived):
    outcome, log = lived(110, 7, 0.02)
    _agree(outcome, 110)
    assert outcome.breakers > 0
    assert log.count("provider_call") > 110  # these were the logs of that day


@pytest.mark.slow
def test_books_and_ledger_agree_after_every_fault_at_once_on_postgresql(lived, postgres_city):
    outcome, _ = lived(50, 8, 0.03, database_url=postgres_city)
    _agree(outcome, 50)


def test_the_search_of_a_log_finds_a_secret_in_every_form_and_a_number():
    """A search that finds nothing proves nothing before it has found something."""
    secret, numbers = "ZGVt/y16+KEY", {"+260960012345"}
    for form in (secret, "ZGVt%2Fy16%2BKEY"):
        assert secrets.find(f"GET /Req?Password={form}", {"zamtel.password": secret}, numbers) == [
            "secret: zamtel.password"
        ]
    key = "p.5Zb-x_0aaaaaaaaaaaaa"
    assert secrets.find(f"POST /cb/t?key={key} 200", {}, (), {key: "a key"}) == ["secret: a key"]
    for form in ("260960012345", "+260960012345", "0960012345"):
        assert secrets.find(f"to {form}.", {}, numbers) == ["number: …345"]
    assert secrets.find("to 26096****345, in 9600123456789012345 ms", {"k": secret}, numbers) == []


def test_exceptions_in_a_log_are_counted_by_their_event():
    line = json.dumps(
        {"event": "check_failed", "exception": "Traceback (most recent call last)\n  x\nKeyError: 1"}
    )
    found = secrets.traces(f"{line}\n{{}}\n{line}\n")
    assert found == {"check_failed: KeyError: 1": 2}


def _line(**changes):
    row = {"provider_reference": "ref-1", "external_id": "ext", "receipt": "R1", "faults": []}
    return books.Line("mtn:default", "ZMW", 3005, row | changes)


def _posting(*names, minor=3005, account_id="mtn:default"):
    return books.Posting(account_id, "ZMW", minor, "payment:1", frozenset(names))


def test_a_debit_and_its_posting_are_paired_once():
    first, again = _posting("ref1"), _posting("ref1")
    assert books.matched([_line()], [first, again]) == ([(_line(), first)], [], [again])
    assert books.matched([_line(), _line()], [first]) == ([(_line(), first)], [_line()], [])
    assert books.matched([_line()], [_posting("ref1", account_id="mtn:GDN")])[0] == []


def test_the_reference_decides_before_a_receipt_that_a_forger_may_have_brought():
    forged, own = _posting("r1", "ref9"), _posting("ref1")
    pairs, alone, left = books.matched([_line()], [forged, own])
    assert (pairs, alone, left) == ([(_line(), own)], [], [forged])
