"""What callers get when something is wrong on our side."""

import asyncio

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, PAY_ALL

from gateway import hops as hops_module
from payments.tables import payments

BUSY = "END Madzi is busy. No payment was started. Dial *384*7# again in 1 minute."


async def test_a_caller_past_the_bound_hears_at_once_that_we_are_busy(sqlite_town):
    await sqlite_town.open(max_waiting_hops=1)
    calls = [sqlite_town.hop("", session=f"s{i}", msisdn=f"+2609600{i:05d}") for i in range(40)]
    bodies = [body for _, body, _ in await asyncio.gather(*calls)]
    assert BUSY in bodies
    assert "CON Madzi\n1 English\n2 Nyanja\n3 Bemba" in bodies
    assert {body for body in bodies if body != BUSY} == {"CON Madzi\n1 English\n2 Nyanja\n3 Bemba"}


async def test_who_was_told_busy_is_served_when_the_hop_comes_again(sqlite_town):
    await sqlite_town.open(max_waiting_hops=1)
    keys = [{"session": f"s{i}", "msisdn": f"+2609600{i:05d}"} for i in range(40)]
    first = [body for _, body, _ in await asyncio.gather(*(sqlite_town.hop("", **key) for key in keys))]
    refused = [key for key, body in zip(keys, first, strict=True) if body == BUSY]
    assert (await sqlite_town.hop("", **refused[0]))[1].startswith("CON Madzi")


@pytest.mark.parametrize("broken", ["step", "begin", "conclude"])
async def test_a_bug_in_a_screen_leaves_every_other_caller_answered(town, monkeypatch, broken):
    await town.open()
    right = getattr(hops_module, broken)

    def wrong(*args, **kwargs):
        who = args[0].session if broken == "conclude" else args[0]
        if getattr(who, "msisdn", who) == NEIGHBOUR:
            raise RuntimeError("a bug")
        return right(*args, **kwargs)

    monkeypatch.setattr(hops_module, broken, wrong)
    mine, theirs = await asyncio.gather(
        town.hops(*PAY_ALL, session="a"), town.hops(*PAY_ALL, session="b", msisdn=NEIGHBOUR)
    )
    assert BUSY in theirs
    assert all(body.startswith(("CON ", "END ")) for body in theirs)
    assert mine[-1].startswith(("END MTN MoMo will now ask", "CON Someone is paying"))
    await town.all_end(1)
    assert {p.contact_msisdn for p in await town.payments()} <= {CALLER, NEIGHBOUR}
    await town.agrees()


async def test_a_database_that_refuses_gives_a_sentence_and_starts_nothing(town, monkeypatch):
    house = await town.open()
    await town.hops(*PAY_ALL[:4])

    async def refuse(*_args):
        raise sa.exc.OperationalError("commit", {}, Exception("disk full"))

    monkeypatch.setattr(house.runtime.payments, "execute", refuse)
    assert (await town.hop("*".join(PAY_ALL)))[:2] == (200, BUSY)
    monkeypatch.undo()
    assert await town.rows(sa.select(payments)) == []
    assert (await town.hop("*".join(PAY_ALL)))[1].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()
