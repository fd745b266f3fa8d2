"""An outage from its first failure to the last payment that waited for its end, on both databases."""

import asyncio

import pytest
import sqlalchemy as sa
from town import KENYAN, KENYAN_TAP, NEIGHBOUR, OTHER_TAP, PAY_ALL, TAP, kcb_settings, until

from core.outbox import outbox
from gateway import gauges
from gateway.cli import stories
from payments import health
from payments.breaker import State
from payments.health_tables import gateway_health
from payments.tables import payment_routes

QUICK = {"failures": 2, "window_s": 60, "wait_s": 0.5, "most_wait_s": 1}
MTN = "mtn:default"


async def _is(town, state, account_id=MTN):
    async def look():
        async with town.db.read() as connection:
            found = (await health.breakers(connection)).get(account_id)
        return found and found.state == state

    await until(look, 15)


async def _down(town, **changes):
    """Open a gateway, and let MTN fail until its breaker opens."""
    house = await town.open(payment_expiry_s=30, breaker=QUICK, **changes)
    town.fault("mtn", "push", "error_before", times=10_000)
    town.fault("mtn", "token", "error_before", times=10_000)
    for _ in range(2):
        house.runtime.health.hear(MTN, works=False)
    await _is(town, State.OPEN)
    return house


def _mend(town):
    town.network.faults.clear()


async def test_a_payment_in_an_outage_is_held_told_and_made_when_it_ends(town):
    await town.open(payment_expiry_s=30, breaker=QUICK)
    town.fault("mtn", "push", "error_before", times=10_000)
    town.fault("mtn", "token", "error_before", times=10_000)
    await town.dial(*PAY_ALL)
    await _is(town, State.OPEN)
    (told,) = await town.sms()
    assert told.startswith("Madzi: Waiting: K30.05 for KNY-0417-1. MTN MoMo is not working now. We try again")
    _mend(town)
    await town.payment("success", 20)
    await _is(town, State.CLOSED)
    assert (await town.sms(count=2))[1].startswith("Madzi: Paid K30.05")
    await town.agrees()


async def test_prompts_of_unknown_outcome_open_the_breaker_though_questions_are_answered(sqlite_town):
    town = sqlite_town
    await town.open(payment_expiry_s=30, breaker=QUICK)
    town.fault("mtn", "push", "error_before", times=10_000)
    await town.dial(*PAY_ALL)
    await _is(town, State.OPEN)
    assert (await town.payment()).status == "pending"
    assert town.received() == []  # that it waits is not known: no word of it
    _mend(town)
    await town.payment("success", 20)
    await town.agrees()


async def test_an_outage_ends_by_itself_where_nobody_waits(sqlite_town):
    town = sqlite_town
    await _down(town)
    await asyncio.sleep(1)
    assert town.book()["debited"] == []
    _mend(town)
    await _is(town, State.CLOSED)
    assert town.book()["debited"] == []


async def test_who_tries_asks_for_the_token_first_so_that_no_phone_rings_in_vain(sqlite_town):
    town = sqlite_town
    house = await _down(town)
    house.runtime.payments.down = _never_down  # the menu took it before the outage was known
    await town.dial(*PAY_ALL)
    house.runtime.payments.down = house.runtime.health.down
    await until(lambda: _attempts(town))
    before = (await town.payment()).push_attempts
    await asyncio.sleep(1.5)  # several waits of the breaker
    payment = await town.payment()
    assert (payment.status, payment.push_attempts) == ("initiated", before)
    _mend(town)
    await town.payment("success", 20)


async def _ask_later(town, screen):
    """Choose to be asked when it is back, and say Yes; return the last screen."""
    key = next(line[0] for line in screen.split("\n") if line.endswith("Ask me when it is back"))
    await town.hop(f"1*1*{TAP}*1*{key}")
    return (await town.hop(f"1*1*{TAP}*1*{key}*1"))[1]


async def _never_down(_connection):
    return frozenset()


async def _attempts(town):
    return [p for p in await town.payments() if p.held_at]


async def test_the_menu_says_which_way_is_down_and_takes_the_wish_to_be_asked_later(town):
    house = await _down(town)
    screen = (await town.hops("1", "1", TAP, "1"))[-1]
    assert screen.startswith(
        "CON MTN MoMo is not working now.\nPay K30.05 for KNY-0417-1 with:\n1 Airtel Money"
    )
    assert (await _ask_later(town, screen)).startswith("END When MTN MoMo is back we SMS you.")
    payment = await town.payment("initiated")
    assert payment.waits
    limit_s = house.runtime.settings.wait_for_provider_s
    assert (payment.expires_at - payment.push_after).total_seconds() == limit_s
    await until(lambda: _attempts(town))
    assert town.received() == []
    _mend(town)
    assert (await town.payment("success", 20)).waits
    first, second = sorted(await town.sms(count=2), key=lambda text: "Paid" in text)
    assert first.startswith(
        "Madzi: Waiting: K30.05 for KNY-0417-1. MTN MoMo is back and now asks for the PIN"
    )
    assert second.startswith("Madzi: Paid K30.05 for KNY-0417-1")
    await town.agrees()


async def test_who_waits_in_vain_is_told_at_the_limit(sqlite_town):
    town = sqlite_town
    await _down(town, wait_for_provider_s=2)
    await _ask_later(town, (await town.hops("1", "1", TAP, "1"))[-1])
    await town.payment("expired", 15)
    (told,) = await town.sms()
    assert told.startswith("Madzi: Not paid in time: K30.05 for KNY-0417-1")
    assert town.book()["debited"] == []


async def test_many_who_waited_are_let_go_a_few_at_a_time(sqlite_town, monkeypatch):
    from gateway import health as module

    monkeypatch.setattr(module, "LET_GO_A_SECOND", 1)
    town = sqlite_town
    house = await _down(town)
    house.runtime.payments.down = _never_down
    await town.dial(*PAY_ALL)
    await town.dial("1", "1", OTHER_TAP, "1", "1", msisdn=NEIGHBOUR)
    house.runtime.payments.down = house.runtime.health.down

    async def both_held():
        rows = await town.rows(sa.select(outbox).where(outbox.c.last_error.like("held:%")))
        return len(rows) == 2

    await until(both_held, 15)
    _mend(town)
    assert {p.status for p in await _ended(town, 2)} == {"success"}
    await town.agrees()


async def _ended(town, count):
    async def look():
        found = [p for p in await town.payments() if p.status not in ("initiated", "pending")]
        return found if len(found) == count else None

    return await until(look, 25)


async def test_the_other_rail_of_the_same_wallet_takes_over_and_the_story_says_why(town):
    kcb = kcb_settings(town.providers.url)
    await town.open(kcb=kcb, payment_expiry_s=20)
    town.fault("daraja", "token", "error_before", times=10_000)
    await town.dial("1", "1", KENYAN_TAP, "1", "1", msisdn=KENYAN)
    payment = await town.payment("success", 15)
    assert payment.provider == "kcb"
    async with town.db.read() as connection:
        story = await stories.payment(connection, payment.payment_id)
    assert [(r["cause"], r["provider"]) for r in story["routes"]] == [
        ("accepted", "daraja"),
        ("not_reached", "kcb"),
    ]
    assert story["routes"][1]["reference"] == payment.reference != story["routes"][0]["reference"]
    why = {rail["provider"]: (rail["is_kept"], rail["why"]) for rail in story["routes"][0]["rails"]}
    assert why["daraja"] == (True, "cost 0")
    assert why["mtn"] == (False, "network")
    await town.agrees()


UNCLEAR = ["error_before", "error_after", "html_after", "close", "html"]


@pytest.mark.parametrize("fault", UNCLEAR)
async def test_after_anything_unclear_no_other_rail_is_asked(sqlite_town, fault):
    town = sqlite_town
    await town.open(kcb=kcb_settings(town.providers.url), payment_expiry_s=20)
    town.fault("daraja", "push", fault, times=10_000)
    await town.dial("1", "1", KENYAN_TAP, "1", "1", msisdn=KENYAN)

    async def pushed():
        found = await town.payment()
        return found if found.push_state not in ("none", "started") else None

    await until(pushed)
    await asyncio.sleep(0.5)
    assert {row.provider for row in await town.rows(sa.select(payment_routes))} == {"daraja"}
    assert [row for row in town.book()["debited"] if row["provider"] == "kcb"] == []


async def test_the_gauge_shows_what_does_not_work(sqlite_town):
    town = sqlite_town
    house = await _down(town)
    families = await gauges.look(town.db, house.runtime.clock.now())
    found = next(family for family in families if family.name == "madzi_gateway_healthy")
    assert {s.labels["account"]: s.value for s in found.samples} == {
        MTN: 0.0,
        "airtel:default": 1.0,
        "daraja:default": 1.0,
    }


async def test_calls_that_go_well_are_written_once_a_second_and_not_each(sqlite_town):
    town = sqlite_town
    house = await town.open(worker=False)
    for _ in range(1000):
        house.runtime.health.hear(MTN, works=True)
    assert await town.rows(sa.select(gateway_health)) == []
    await house.runtime.health.tick()
    (row,) = await town.rows(sa.select(gateway_health))
    assert (row.good, row.version) == (1000, 1)
