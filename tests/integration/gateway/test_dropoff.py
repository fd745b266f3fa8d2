"""End events: stored once, counted once, and a table of where callers leave."""

import asyncio
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from town import CALLER, EVERY_STORE, NEIGHBOUR, PAY_ALL, TAP, TOKEN
from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.sessions import dropoff
from gateway.sessions.tables import ussd_end_events
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway as Line

every_store = pytest.mark.parametrize(**EVERY_STORE)


async def hung_up(town, *typed, msisdn=CALLER):
    async with Line(town.gateway_url, TOKEN) as line:
        call = await Dialler(line).dial(msisdn)
        for word in typed:
            await call.enter(word)
        await call.hang_up()


async def ends(town, session, screens, status="Incomplete"):
    form = {"sessionId": session, "phoneNumber": CALLER, "status": status, "hopsMetadata": screens}
    url = f"{town.gateway_url}/ussd/africastalking/{TOKEN}/events"
    async with town.http.post(url, data=form) as reply:
        return reply.status


async def used(town, **ago):
    (since,) = (await town.rows(sa.select(sa.func.max(ussd_end_events.c.received_at))))[0]
    async with town.db.scan() as connection:
        found = await dropoff.read(connection, since - timedelta(**ago))
    return {use.screen: (use.reached, use.ended, use.left) for use in found}


def ended(status, screen):
    name = "madzi_ussd_calls_ended_total"
    return REGISTRY.get_sample_value(name, {"status": status, "screen": screen}) or 0


@every_store
async def test_calls_are_counted_by_screen_whatever_keeps_them(town, kept_in):
    await town.open(**kept_in)
    before = ended("incomplete", "debt"), ended("success", "pin.next")
    await town.dial(*PAY_ALL)
    await hung_up(town, "1", "1", TAP, msisdn=NEIGHBOUR)
    found = await used(town, days=1)
    assert found["language"] == found["main"] == (2, 0, 0)
    assert found["pin.next"] == (1, 1, 0)
    assert sum(left for _, _, left in found.values()) == 1
    assert (ended("success", "pin.next") - before[1]) == 1


async def test_an_end_told_twice_counts_once(sqlite_town):
    await sqlite_town.open(worker=False)
    before = ended("failed", "confirm")
    for _ in range(3):
        assert await ends(sqlite_town, "s1", "main|debt|confirm", "Failed") == 200
    assert ended("failed", "confirm") - before == 1
    assert await used(sqlite_town, days=1) == {"confirm": (1, 0, 1), "main": (1, 0, 0), "debt": (1, 0, 0)}


async def test_names_that_no_screen_has_make_no_label(sqlite_town):
    await sqlite_town.open(worker=False)
    before = ended("other", "other")
    for n in range(5):
        await ends(sqlite_town, f"s{n}", f"main|made_up_{n}", f"status {n}")
    assert ended("other", "other") - before == 5
    assert (await used(sqlite_town, days=1))["other"] == (5, 0, 5)


async def test_of_a_very_long_call_the_last_screens_are_kept(sqlite_town):
    await sqlite_town.open(worker=False)
    await ends(sqlite_town, "s1", "language|" + "main|" * 200 + "debt")
    (event,) = await sqlite_town.rows(sa.select(ussd_end_events))
    assert len(event.hops_metadata) <= 400
    assert event.hops_metadata.startswith("main|main")
    assert (await used(sqlite_town, days=1))["debt"] == (1, 0, 1)


async def test_older_calls_are_left_out(sqlite_town):
    await sqlite_town.open(worker=False)
    await ends(sqlite_town, "old", "main")
    async with sqlite_town.db.write() as connection:
        (row,) = await sqlite_town.rows(sa.select(ussd_end_events))
        await connection.execute(
            sa.update(ussd_end_events).values(received_at=row.received_at - timedelta(days=8))
        )
    await ends(sqlite_town, "new", "help")
    assert await used(sqlite_town, days=7) == {"help": (1, 0, 1)}
    assert set(await used(sqlite_town, days=9)) == {"help", "main"}


# The command.


def madzi(town, *words):
    env = {"MADZI_DATABASE_URL": town.url, "MADZI_ENV": "test"}
    return CliRunner().invoke(app, ["menu", "dropoff", *words], env=env)


@pytest.fixture
async def told(town):
    await town.open(worker=False)
    for n in range(3):
        await ends(town, f"a{n}", "main|tap_ask")
    await ends(town, "b", "main|tap_ask|debt|pin.next", "Success")
    return town


async def test_the_table_names_the_screen_most_left_first(told):
    result = await asyncio.to_thread(madzi, told)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["screen", "reached", "ended", "left", "share"]
    assert lines[1] == ["tap_ask", "4", "0", "3", "75.0", "%"]
    assert lines[2] == ["main", "4", "0", "0", "0.0", "%"]
    assert ["pin.next", "1", "1", "0", "0.0", "%"] in lines


async def test_the_table_as_json(told):
    result = await asyncio.to_thread(madzi, told, "--json", "--since", "2020-01-01")
    first = json.loads(result.stdout)[0]
    assert first == {"screen": "tap_ask", "reached": 4, "ended": 0, "left": 3, "left_percent": 75.0}


async def test_no_calls_no_rows(told):
    assert (await asyncio.to_thread(madzi, told, "--json", "--since", "2999-01-01")).stdout == "[]\n"


async def test_a_date_that_is_none_is_refused(told):
    result = await asyncio.to_thread(madzi, told, "--since", "yesterday")
    assert result.exit_code == 1
