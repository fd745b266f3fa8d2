"""The phone in the terminal that stays on: what is typed, what is shown."""

import io
from collections import deque

import pytest
from aiohttp import web
from rich.console import Console

from simulators.aggregator.app import WORLD
from simulators.aggregator.app import create as aggregator
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway
from simulators.aggregator.networks import Limits
from simulators.phone.pocket import Hands, Pocket
from simulators.phone.terminal import Patience
from simulators.phone.views import Boxes
from simulators.phone.watch import Addresses
from simulators.serve import start

ME = "+260961234567"
QUICK = Patience(all_s=1, first_s=0.3, after_s=0.05, look_s=0.02)
OUT_OF_TIME = object()


class Held:
    """A phone in somebody's hands: a gateway that answers every SMS, and a person with lines to type."""

    def __init__(self):
        self.typed, self.questions, self.seconds = deque(), [], []
        self.hops, self.ends, self.sms, self.servers = [], [], [], []
        self.console = Console(file=io.StringIO(), width=70)
        self.status = 200

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/ussd/africastalking/tok", self._hop)
        app.router.add_post("/ussd/africastalking/tok/events", self._end)
        app.router.add_post("/sms/africastalking/tok/inbound", self._sms)
        self.aggregator = aggregator(AggregatorConfig(delivery_reports=False))
        for served in (app, self.aggregator):
            self.servers.append(await start(served))
        self.gateway = await Gateway(self.servers[0].url, "tok").__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.gateway.__aexit__(None, None, None)
        for server in self.servers:
            await server.close()

    async def _hop(self, request):
        self.hops.append(dict(await request.post()))
        return web.Response(text="END [bye]" if self.hops[-1]["text"] else "CON 1 Pay")

    async def _end(self, request):
        self.ends.append((await request.post())["status"])
        return web.Response()

    async def _sms(self, request):
        self.sms.append(dict(await request.post()))
        world = self.aggregator[WORLD]
        world.inbox.put(
            self.sms[-1]["from"], "38407", f"heard {self.sms[-1]['text']}", world.timing.now(), 101
        )
        return web.Response(status=self.status)

    async def ask(self, question, seconds=None):
        self.questions.append(question)
        self.seconds.append(seconds)
        line = self.typed.popleft() if self.typed else None
        if line is OUT_OF_TIME:
            raise TimeoutError
        return line

    async def hold(self, *lines, **options):
        self.typed.extend(lines)
        ids = iter(f"in-{n}" for n in range(100))
        hands = Hands(self.ask, Boxes(self.console), lambda text: self.console.print(text, markup=False))
        at = Addresses(None, self.servers[1].url)
        dialler = Dialler(self.gateway, limits={"64502": Limits(50.0, 40.0)}, **options)
        await Pocket(dialler, at, ME, hands, lambda: next(ids), QUICK).run()
        return self.console.file.getvalue()


@pytest.fixture
async def held():
    async with Held() as phone:
        yield phone


async def test_it_says_what_it_can_do_and_whose_it_is(held):
    shown = await held.hold("quit", "never read")
    assert "sms WORDS" in shown
    assert held.questions == ["0961234567 MTN: "]
    assert list(held.typed) == ["never read"]


async def test_a_code_or_call_dials_and_the_network_waits_as_long_as_it_says(held):
    shown = await held.hold("*384*7#", "1", "call", None)
    assert "1 Pay" in shown
    assert "[bye]" in shown
    assert [hop["text"] for hop in held.hops] == ["", "1", ""]
    assert held.ends == ["Success", "Incomplete"]
    waits = [seconds for seconds in held.seconds if seconds is not None]
    assert all(39 < seconds <= 40 for seconds in waits)
    assert len(waits) == 2


async def test_a_person_who_thinks_too_long_loses_the_session_and_may_dial_again(held):
    shown = await held.hold("call", OUT_OF_TIME, "call", "1")
    assert "session timed out" in shown
    assert held.ends == ["Incomplete", "Success"]


async def test_sms_are_written_answered_and_kept(held):
    shown = await held.hold("inbox", "sms", "sms REG KNY-0417-1 [x]", "inbox")
    assert "No SMS yet." in shown
    assert "Write something: sms BAL" in shown
    assert "Sent." in shown
    assert shown.count("heard REG KNY-0417-1 [x]") == 2
    assert {name: held.sms[0][name] for name in ("from", "to", "id")} == {
        "from": ME,
        "to": "38407",
        "id": "in-0",
    }


async def test_an_sms_that_is_not_taken_is_said(held):
    held.status = 503
    assert "Not taken: the gateway answered 503." in await held.hold("sms BAL")
    await held.servers[0].close()
    assert "Not sent: " in await held.hold("sms BAL")


async def test_another_number_another_network_another_language(held):
    shown = await held.hold(
        "number 0977 123 456", "number 12", "network zamtel", "call", None, "network what", "language bem",
        "language fr", "network auto",
    )  # fmt: skip
    assert held.hops[0]["phoneNumber"] == "+260977123456"
    assert held.hops[0]["networkCode"] == "64503"
    assert "no such phone number exists" in shown
    assert "there is no network 'what'; there are airtel," in shown
    assert "Languages: en, ny, bem" in shown
    assert held.sms[0]["text"] == "LANG BEM"
    assert held.questions[-1] == "0977123456 AIRTEL: "


async def test_words_may_be_short_and_unknown_ones_are_helped(held):
    shown = await held.hold("c", None, "i", "fly", "q")
    assert len(held.hops) == 1
    assert "No SMS yet." in shown
    assert shown.count("puts the phone away") == 2
