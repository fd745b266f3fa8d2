"""A tiny gateway behind the simulators, in a thread of its own: a test decides what screens say."""

import asyncio
import threading

from aiohttp import web

from simulators.aggregator.app import create as aggregator
from simulators.aggregator.config import Config
from simulators.aggregator.networks import Limits
from simulators.phone import browser
from simulators.phone.browser import Number
from simulators.phone.watch import Addresses
from simulators.providers.app import create as providers
from simulators.serve import start

SHORT = Limits(session_s=60.0, idle_s=1.5)
PATIENT = Limits(session_s=60.0, idle_s=60.0)


class Town:
    """Answers hops by their text; keeps the end events and the SMS that came in."""

    def __init__(self):
        self.screens, self.hops, self.ends, self.sms = {}, [], [], []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.servers = []
        self.url = self._wait(self._open())

    def forget(self):
        self.screens = {}
        for kept in (self.hops, self.ends, self.sms):
            kept.clear()

    def close(self):
        self._wait(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    async def _open(self):
        app = web.Application()
        app.router.add_post("/ussd/africastalking/tok", self._hop)
        app.router.add_post("/ussd/africastalking/tok/events", self._keep(self.ends))
        app.router.add_post("/sms/africastalking/tok/inbound", self._keep(self.sms))
        gateway = await self._serve(app)
        # Zamtel lets nobody think, MTN lets everybody.
        limits = {"64503": SHORT, "64502": PATIENT}
        self.aggregator = await self._serve(
            aggregator(Config(gateway_url=gateway, channel_token="tok", limits=limits))
        )
        page = web.Application()
        browser.add_to(
            page,
            Addresses(await self._serve(providers()), self.aggregator),
            [Number("0961234567", "<i>somebody</i>")],
        )
        return await self._serve(page)

    async def _serve(self, app):
        self.servers.append(await start(app))
        return self.servers[-1].url

    async def _close(self):
        for server in reversed(self.servers):
            await server.close()

    async def _hop(self, request):
        form = dict(await request.post())
        self.hops.append(form)
        return web.Response(text=self.screens.get(form["text"], "CON what?"))

    def _keep(self, kept):
        async def handler(request):
            kept.append(dict(await request.post()))
            return web.Response()

        return handler
