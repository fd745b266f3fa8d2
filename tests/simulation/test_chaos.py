"""A whole city on a bad day, every fault at once: the networks' books and our ledger agree at its end."""

import asyncio
import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from core import logs
from tools.chaos.day import run
from tools.chaos.plan import Plan, every_fault


@pytest.fixture(autouse=True)
def _quiet():
    logs.configure("CRITICAL")


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


def _faults(rate):
    """Return every fault, but for those of sending SMS: their next try may be minutes away."""
    return {name: share for name, share in every_fault(rate).items() if not name.startswith("sms.")}


def _agree(outcome, people):
    broken = [verdict for verdict in outcome.verdicts if not verdict.holds]
    assert (broken, outcome.missing_here, outcome.missing_there, outcome.sums_differ) == ([], [], [], [])
    assert outcome.agrees
    # It was a day on which people could pay, and on which things went wrong.
    assert outcome.statuses["success"] > people / 2
    assert outcome.statuses["failed"] + outcome.statuses["expired"] > 0
    assert outcome.statuses["pending"] + outcome.statuses["initiated"] == 0


@pytest.mark.slow
def test_books_and_ledger_agree_after_every_fault_at_once_on_sqlite():
    _agree(asyncio.run(run(Plan(120, 7, _faults(0.02), expiry_s=4.0))), 120)


@pytest.mark.slow
def test_books_and_ledger_agree_after_every_fault_at_once_on_postgresql(postgres_city):
    plan = Plan(60, 8, _faults(0.03), expiry_s=4.0, database_url=postgres_city)
    _agree(asyncio.run(run(plan)), 60)
