"""Real sockets that fail in every way after they may have taken a push: no second rail is asked (rule 3)."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from town import KENYAN, KENYAN_TAP, kcb_settings, until

from payments.tables import payment_routes
from simulators.providers.config import Daraja
from tools.ports import free_port

TOKEN = b'{"access_token": "t", "expires_in": "3599"}'
TAKEN = b'{"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1", "MerchantRequestID": "1"}'
DAMAGED = '{"ResponseCode": "0", "CheckoutReq'


def answer(status, body, length=None, kind="application/json"):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length or len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


# What the socket does after it has read the push. None: it says nothing; "reset": it is torn down.
UNCLEAR = {
    "closed in silence": b"",
    "torn down": "reset",
    "silent for ever": None,
    "cut within the status line": b"HTTP/1.1 20",
    "cut within the headers": b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n",
    "cut within the body": answer(200, DAMAGED.encode(), 500),
    "no HTTP": b"\x00\xff\x00\xffnonsense\r\n\r\n",
    "accepted, and unreadable": answer(200, DAMAGED.encode()),
    "a page that says 200": answer(200, b"<html>ok</html>", kind="text/html"),
    "500": answer(500, b'{"errorCode": "500.001.1001", "errorMessage": "?"}'),
    "a page that says 500": answer(500, b"<html>oops</html>", kind="text/html"),
    "502 of a proxy": answer(502, b"<html>bad gateway</html>", kind="text/html"),
    "503 of a proxy": answer(503, b"<html>unavailable</html>", kind="text/html"),
    "504 of a proxy": answer(504, b"<html>time-out</html>", kind="text/html"),
    "an answer without a word": answer(200, b"{}"),
    "a status that nobody knows": answer(299, TAKEN[:20]),
    "accepted": answer(200, TAKEN),
}


@asynccontextmanager
async def daraja_that(does):
    """A server that gives tokens, and does this with every push; queries are never answered."""
    pushes = []

    async def serve(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/oauth/" in head.split(b"\r\n")[0]:
                writer.write(answer(200, TOKEN))
                await writer.drain()
                return
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if b"query" in head.split(b"\r\n")[0]:
                return
            pushes.append(head)
            if does is None:
                await asyncio.sleep(30)
            elif does == "reset":
                writer.transport.abort()
            else:
                writer.write(does)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pushes
    finally:
        server.close()


def _settings(base_url):
    keys = Daraja()
    return {
        "base_url": base_url,
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "shortcode": keys.shortcode,
        "passkey": keys.passkey,
        "spike_pause_s": 1,
    }


async def _pay(town, base_url):
    kcb = kcb_settings(town.providers.url)
    await town.open(daraja=_settings(base_url), kcb=kcb, provider_timeout_s=1, payment_expiry_s=20)
    await town.dial("1", "1", KENYAN_TAP, "1", "1", msisdn=KENYAN)

    async def answered():
        found = await town.payment()
        return found if found.push_state not in ("none", "started") else None

    return await until(answered)


@pytest.mark.parametrize("does", list(UNCLEAR))
async def test_a_push_that_may_have_been_taken_stays_where_it_is(sqlite_town, does):
    async with daraja_that(UNCLEAR[does]) as (base_url, pushes):
        payment = await _pay(sqlite_town, base_url)
        assert (payment.status, payment.provider) == ("pending", "daraja")
        await asyncio.sleep(0.5)
        assert len(pushes) == 1
    rows = await sqlite_town.rows(sa.select(payment_routes))
    assert [row.provider for row in rows] == ["daraja"]
    assert sqlite_town.book()["debited"] == []


async def test_where_nobody_listens_the_other_rail_is_asked_at_once(sqlite_town):
    await _pay(sqlite_town, f"http://127.0.0.1:{free_port()}")
    assert (await sqlite_town.payment("success")).provider == "kcb"
    (debited,) = sqlite_town.book()["debited"]
    assert debited["provider"] == "kcb"


async def test_where_it_says_too_many_the_other_rail_is_asked_at_once(sqlite_town):
    too_many = answer(429, b'{"errorCode": "429.001.01", "errorMessage": "spike arrest"}')
    async with daraja_that(too_many) as (base_url, pushes):
        await _pay(sqlite_town, base_url)
        assert (await sqlite_town.payment("success")).provider == "kcb"
        assert len(pushes) == 1
