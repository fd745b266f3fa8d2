"""The phone in the terminal shows the call, then the prompt and the SMS."""

import asyncio
import io
import json

import pytest
from aiohttp import web
from rich.console import Console

from simulators.aggregator.app import WORLD
from simulators.aggregator.app import create as aggregator
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway
from simulators.phone.terminal import Patience, call
from simulators.phone.views import Boxes, Document, Plain
from simulators.phone.watch import Addresses
from simulators.providers.app import NETWORK
from simulators.providers.app import create as providers
from simulators.providers.book import Push
from simulators.providers.config import Config, Latency
from simulators.providers.people import Person
from simulators.providers.prompts import Prompt
from simulators.serve import start

ME = "+260961234567"
QUICK = Patience(all_s=3, first_s=0.3, after_s=0.05, look_s=0.02)


class Town:
    """A tiny gateway with both simulators on the machine's own time: END starts one prompt, then one SMS."""

    def __init__(self, after_s=0.05, *, prompts=True):
        self.person, self.prompts, self.servers = Person(after_s=after_s), prompts, []

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/ussd/africastalking/tok", self.hop)
        app.router.add_post("/ussd/africastalking/tok/events", self.end)
        self.aggregator = aggregator(AggregatorConfig(delivery_reports=False))
        self.providers = providers(Config(person=self.person, latency=Latency(prompt_s=0)))
        for served in (app, self.aggregator, self.providers):
            self.servers.append(await start(served))
        self.gateway = await Gateway(self.servers[0].url, "tok").__aenter__()
        self.at = Addresses(self.servers[2].url, self.servers[1].url)
        return self

    async def __aexit__(self, *error):
        await self.gateway.__aexit__(None, None, None)
        for server in self.servers:
            await server.close()

    async def hop(self, request):
        text = (await request.post())["text"]
        return web.Response(text="END wait [PIN]" if text.endswith("1") else "CON 1 Pay [K30.00]")

    async def end(self, request):
        if (await request.post())["status"] == "Success" and self.prompts:
            self.paying = asyncio.ensure_future(self.pay())
        return web.Response()

    async def pay(self):
        network = self.providers[NETWORK]
        push = Push("mtn", "r1", "e1", ME, "30.00", "ZMW", None, "2026-11-21T08:15:00Z")
        network.book.accept(push)
        prompt = Prompt("pr_1", "mtn", "r1", ME, "Pay ZMW 30.00", "30.00", "ZMW", "TRUST", "e1")
        answer = await network.handsets.ask(prompt, network.people.meet(ME), 2)
        world = self.aggregator[WORLD]
        world.inbox.put(ME, "MADZI", f"Madzi: {answer}", world.timing.now(), 101)

    async def call(self, inputs, view, ask=None):
        return await call(Dialler(self.gateway), self.at, ME, None, inputs, view, ask, QUICK)


async def test_inputs_print_screens_prompt_and_sms_as_plain_lines():
    out = io.StringIO()
    async with Town() as town:
        assert await town.call(["1"], Plain(out)) == 0
    assert out.getvalue().split("\n") == [
        "> *384*7#",
        "1 Pay [K30.00]",
        "",
        "> 1",
        "END wait [PIN]"[4:],
        "",
        "[pin] Pay ZMW 30.00",
        "[pin] approve",
        "[sms] MADZI: Madzi: approve",
        "",
    ]


async def test_json_is_one_document_on_one_line():
    out = io.StringIO()
    async with Town() as town:
        await town.call(["1"], Document(out))
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert (told["msisdn"], told["status"]) == (ME, "Success")
    assert [(s["input"], s["continues"]) for s in told["screens"]] == [("*384*7#", True), ("1", False)]
    assert [(p["state"], p["answer"]) for p in told["prompts"]] == [("answered", "approve")]
    assert [sms["text"] for sms in told["sms"]] == ["Madzi: approve"]


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("a", "approve"),
        ("c", "cancel"),
        ("w", "wrong_pin"),
        ("N", "no_balance"),
        ("1234", "approve"),
        ("9876", "wrong_pin"),
    ],
)
async def test_a_person_types_and_answers_the_prompt(key, answer):
    console = Console(file=io.StringIO(), width=60)
    typed = iter(["2", "1", key])
    asked = []

    async def ask(question, seconds=None):
        asked.append(question)
        return next(typed)

    async with Town() as town:
        assert await town.call(None, Boxes(console), ask) == 0
        assert town.providers[NETWORK].people.told() == {}
    shown = console.file.getvalue()
    assert "wait [PIN]" in shown
    assert f"PIN prompt: {answer}" in shown
    assert f"Madzi: {answer}" in shown
    assert asked[:2] == ["> ", "> "]


async def test_a_prompt_that_is_ignored_stays_until_it_expires():
    out, typed = io.StringIO(), iter(["1", "i"])

    async def ask(_question, _seconds=None):
        return next(typed)

    async with Town() as town:
        await town.call(None, Plain(out), ask)
    assert "[pin] expired" in out.getvalue()


async def test_a_call_that_goes_on_after_the_last_input_is_hung_up():
    out = io.StringIO()
    async with Town() as town:
        assert await town.call([], Document(out)) == 0
    told = json.loads(out.getvalue())
    assert (told["status"], len(told["screens"])) == ("Incomplete", 1)


async def test_a_call_after_which_nothing_comes_ends_by_itself():
    out = io.StringIO()
    async with Town(prompts=False) as town:
        assert await town.call(["1"], Document(out)) == 0
    assert (json.loads(out.getvalue())["prompts"], json.loads(out.getvalue())["sms"]) == ([], [])


async def test_a_gateway_that_is_away_is_a_broken_call():
    out = io.StringIO()
    async with Gateway("http://127.0.0.1:9", "tok") as gateway:
        assert await call(Dialler(gateway), Addresses(), ME, None, ["1"], Plain(out), None, QUICK) == 1
    assert "[end] Failed" in out.getvalue()
