from datetime import UTC, datetime

import aiohttp
import pytest

from core import ids as core_ids
from core.clock import ManualClock
from sms import templates
from sms.outbound import Notice, compose, enqueue
from sms.templates import About

NOON = datetime(2026, 11, 21, 6, 16, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def ids(clock):
    return core_ids.Ids.seeded(7, clock)


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def composed(clock, ids):
    """Compose the SMS on a fact; a second call for the same fact has another id."""

    def make(fact, msisdn="+260971234567"):
        text = templates.paid(About(3000, "ZMW", "KNY-0417-1", "Airtel Money", ("2026-11",)), at=clock.now())
        notice = Notice(f"payment:{fact}:success", msisdn, "en", text, f"c-{fact}")
        return compose(notice, sms_id=ids.new(), now=clock.now(), catalogues=templates.catalogues())

    return make


@pytest.fixture
def queued(db, composed):
    """Store the SMS on a fact as a payment's transaction would; return its id."""

    async def store(fact, msisdn="+260971234567"):
        row = composed(fact, msisdn)
        async with db.write() as connection:
            await enqueue(connection, [row])
        return row["sms_id"]

    return store
