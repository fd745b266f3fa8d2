"""A first answer is kept for a month; then the payment itself answers a repeat, and nobody pays twice."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, TAP

from core.clock import ManualClock
from gateway import housekeeping
from gateway.api.tables import api_replies

KEY = "0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b10"
BODY = {"tap_id": TAP, "msisdn": CALLER}


async def kept(platform):
    return len(await platform.town.rows(sa.select(api_replies)))


async def tick(platform, days):
    """Clean up as it will be done some days from now."""
    clock = ManualClock(datetime.now(UTC) + timedelta(days=days))
    return (await housekeeping.tick(platform.town.db, clock))["api_replies"]


@pytest.fixture
async def forgotten(working_platform):
    """A platform where a payment of long ago succeeded, whose first answer was deleted."""
    await working_platform.pay(BODY, key=KEY)
    await working_platform.town.payment("success")
    assert await tick(working_platform, 31) == 1
    assert await kept(working_platform) == 0
    return working_platform


async def test_answers_are_kept_for_a_month(platform):
    await platform.pay(BODY, key=KEY)
    assert await tick(platform, 29) == 0
    assert await kept(platform) == 1


async def test_a_repeat_after_that_shows_the_same_payment(forgotten):
    reply = await forgotten.pay(BODY, key=KEY)
    [payment] = await forgotten.town.payments()
    assert reply.status == 202
    assert (reply.json["payment_id"], reply.json["status"]) == (payment.payment_id, "success")
    assert len(forgotten.town.book()["debited"]) == 1
    again = await forgotten.pay(BODY, key=KEY)
    assert again.raw == reply.raw
    await forgotten.town.agrees()


@pytest.mark.parametrize("change", [{"msisdn": NEIGHBOUR}, {"provider": "mtn"}])
async def test_another_request_with_that_key_is_refused_all_the_same(forgotten, change):
    reply = await forgotten.pay({**BODY, **change}, key=KEY)
    assert (reply.status, reply.json["code"]) == (422, "idempotency_mismatch")
    assert len(await forgotten.town.payments()) == 1
