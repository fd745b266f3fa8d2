"""`madzi sms` prints what comes within `--wait` seconds, not only what comes first."""

import time
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from gateway.cli.phone import replies
from gateway.cli.reaching import simulators
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


async def test_what_is_no_simulator_has_no_replies(aiohttp_server):
    async def refuse(_request):
        return web.json_response({"error": "not here"}, status=404)

    app = web.Application()
    app.router.add_get("/_sim/sms", refuse)
    server = await aiohttp_server(app)
    assert await heard(str(server.make_url("")).rstrip("/"), 0) == []


@pytest.mark.parametrize(
    ("base_url", "looked_at"),
    [
        ("http://127.0.0.1:8302/", "http://127.0.0.1:8302"),
        ("http://localhost:8302", "http://localhost:8302"),
        ("https://api.africastalking.com", None),
        (None, None),
    ],
)
def test_without_a_demo_a_simulated_aggregator_on_this_machine_is_looked_at(
    tmp_path, monkeypatch, base_url, looked_at
):
    monkeypatch.setenv("MADZI_DATA_DIR", str(tmp_path))
    if base_url:
        for name, value in {"BASE_URL": base_url, "USERNAME": "madzi", "API_KEY": "key"}.items():
            monkeypatch.setenv(f"MADZI_AT_{name}", value)
    assert simulators(None).aggregator_url == looked_at
