import asyncio

import aiohttp
import pytest
from aiohttp import web

from benchmarks.door import Way, door
from benchmarks.servers import free_port
from simulators.serve import start


@pytest.fixture
async def behind():
    app = web.Application()

    async def greet(_request):
        return web.Response(text="hello")

    app.router.add_get("/", greet)
    running = await start(app)
    yield int(running.url.rpartition(":")[2])
    await running.close()


async def test_calls_go_through_hang_or_are_refused(behind):
    port = free_port()
    async with door(port, behind) as provider, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/"
        async with session.get(url) as reply:
            assert await reply.text() == "hello"
        await provider.turn(Way.HANGING)
        with pytest.raises(TimeoutError):
            await session.get(url, timeout=aiohttp.ClientTimeout(total=0.2))
        await provider.turn(Way.REFUSED)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
        await provider.turn(Way.THROUGH)
        async with session.get(url) as reply:
            assert await reply.text() == "hello"


async def test_a_call_that_hangs_is_cut_off_when_all_are_refused(behind):
    port = free_port()
    async with door(port, behind) as provider, aiohttp.ClientSession() as session:
        await provider.turn(Way.HANGING)
        hanging = asyncio.create_task(session.get(f"http://127.0.0.1:{port}/"))
        await asyncio.sleep(0.1)
        await provider.turn(Way.REFUSED)
        with pytest.raises(aiohttp.ClientError):
            await hanging
