"""`madzi sms` prints what comes within `--wait` seconds, not only what comes first."""

import time
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from gateway.cli.phone import replies
from simulators.phone.watch import Addresses, Handset

NOON = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
async def inbox(aiohttp_server):
    """An aggregator whose inbox fills as time passes: one SMS at once, another 0.3 s later."""
    began = time.monotonic()

    async def read(_request):
        sms = [{"id": "1", "text": "first"}, {"id": "2", "text": "second"}]
        return web.json_response(sms if time.monotonic() - began >= 0.3 else sms[:1])

    app = web.Application()
    app.router.add_get("/_sim/sms", read)
    server = await aiohttp_server(app)
    return str(server.make_url("")).rstrip("/")


async def heard(url, wait_s):
    async with aiohttp.ClientSession() as http:
        handset = Handset(http, Addresses(None, url), "+260971234567", NOON)
        return [said async for said in replies(handset, wait_s)]


async def test_every_reply_within_the_wait_is_printed_once(inbox):
    assert await heard(inbox, 1.0) == ["first", "second"]


async def test_what_comes_after_the_wait_is_not_waited_for(inbox):
    assert await heard(inbox, 0) == ["first"]


async def test_without_a_simulated_aggregator_nothing_is_waited_for():
    assert await heard(None, 60) == []
