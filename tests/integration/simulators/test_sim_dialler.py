"""The dialler speaks to a gateway as Africa's Talking does."""

from dataclasses import dataclass, field

import pytest
from aiohttp import web

from simulators.aggregator.dialler import PROBLEM, CallOver, Dialler
from simulators.aggregator.gateway import Gateway
from simulators.serve import start


@dataclass
class Menu:
    """Answers by the text of the hop; keeps the forms it was sent."""

    screens: dict[str, str]
    hops: list[dict[str, str]] = field(default_factory=list)
    ends: list[dict[str, str]] = field(default_factory=list)
    echoed: list[str | None] = field(default_factory=list)

    async def hop(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.hops.append(form)
        self.echoed.append(request.headers.get("at-ussd-hop-metadata"))
        headers = {"at-ussd-hop-metadata": f"screen{len(self.hops)}"}
        return web.Response(text=self.screens.get(form["text"], "CON other"), headers=headers)

    async def end(self, request: web.Request) -> web.Response:
        self.ends.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response()


@pytest.fixture
def dialling(clock):
    """Opens a dialler on a gateway with these screens."""

    class Opened:
        def __init__(self, screens, **options):
            self.menu = Menu(screens)
            self.options = options

        async def __aenter__(self):
            app = web.Application()
            app.router.add_post("/ussd/africastalking/tok", self.menu.hop)
            app.router.add_post("/ussd/africastalking/tok/events", self.menu.end)
            self.running = await start(app)
            self.gateway = await Gateway(self.running.url, "tok", 1).__aenter__()
            ids = iter(f"ATUid_{n}" for n in range(10))
            return self.menu, Dialler(
                self.gateway, timing=clock, session_ids=lambda: next(ids), **self.options
            )

        async def __aexit__(self, *error):
            await self.gateway.__aexit__(None, None, None)
            await self.running.close()

    return Opened


ME = "+260961234567"


async def test_a_call_sends_its_whole_history_and_ends_once(dialling, clock, vectors):
    async with dialling({"": "CON main", "1": "CON tap?", "1*KNY0417": "END bye"}) as (menu, dialler):
        call = await dialler.dial(ME)
        assert (call.screen.text, call.screen.continues) == ("main", True)
        await clock.advance(5)
        assert (await call.enter("1")).text == "tap?"
        last = await call.enter("KNY0417")
        assert (last.text, last.continues, last.status) == ("bye", False, "Success")
        assert [hop["text"] for hop in menu.hops] == ["", "1", "1*KNY0417"]
        assert menu.echoed == [None, "screen1", "screen2"]
        wire = vectors("africastalking")
        assert menu.hops[0] == wire["ussd_first_hop"]["request"]["form"] | {"sessionId": "ATUid_0"}
        assert set(menu.ends[0]) == set(wire["end_event_success"]["request"]["form"])
        assert menu.ends[0] == {
            "date": "2025-11-21T06:30:05Z",
            "sessionId": "ATUid_0",
            "serviceCode": "*384*7#",
            "networkCode": "64502",
            "phoneNumber": ME,
            "status": "Success",
            "cost": "ZMW 0.1000",
            "durationInMillis": "5000",
            "hopsCount": "3",
            "hopsMetadata": "screen1|screen2|screen3",
            "input": "1*KNY0417",
            "lastAppResponse": "END bye",
        }
        with pytest.raises(CallOver):
            await call.enter("1")
        await call.hang_up()
        assert len(menu.ends) == 1


@pytest.mark.parametrize(
    ("code", "service", "text"),
    [
        ("*384*7#", "*384*7#", ""),
        ("*384*7*1#", "*384*7#", "1"),
        ("*384*7*1*KNY-0417-1#", "*384*7#", "1*KNY-0417-1"),
        ("*384*70#", "*384*70#", ""),
    ],
)
async def test_a_longer_code_is_a_deep_dial(dialling, code, service, text):
    async with dialling({}) as (menu, dialler):
        await dialler.dial(ME, code)
        assert (menu.hops[0]["serviceCode"], menu.hops[0]["text"]) == (service, text)


async def test_after_a_deep_dial_the_history_goes_on(dialling):
    async with dialling({}) as (menu, dialler):
        call = await dialler.dial(ME, "*384*7*1#")
        await call.enter("KNY*0417")
        assert menu.hops[1]["text"] == "1*KNY*0417"


async def test_a_hop_is_repeated_to_the_letter(dialling):
    async with dialling({}) as (menu, dialler):
        call = await dialler.dial(ME)
        await call.enter("1")
        await call.repeat()
        assert menu.hops[1] == menu.hops[2]


async def test_hanging_up_is_incomplete(dialling, vectors):
    async with dialling({}) as (menu, dialler):
        call = await dialler.dial(ME)
        await call.hang_up()
        assert (menu.ends[0]["status"], call.over) == ("Incomplete", True)


@pytest.mark.parametrize("answer", ["", "main", " CON main", "CON ", "CONmain"])
async def test_a_malformed_answer_ends_the_call(dialling, answer, vectors):
    async with dialling({"": answer}) as (menu, dialler):
        call = await dialler.dial(ME)
        assert (call.screen.text, call.over, call.screen.status) == (PROBLEM, True, "Failed")
        assert set(menu.ends[0]) == set(vectors("africastalking")["end_event_failed"]["request"]["form"])


async def test_a_gateway_that_is_not_there_ends_the_call(clock):
    async with Gateway("http://127.0.0.1:9", "tok", 1) as gateway:
        call = await Dialler(gateway, timing=clock).dial(ME)
        assert (call.over, call.screen.status) == (True, "Failed")


@pytest.mark.parametrize(("network", "idle_s"), [("63902", 30), ("63903", 60), ("64502", 60)])
async def test_a_person_who_thinks_too_long_finds_the_call_gone(dialling, clock, network, idle_s):
    async with dialling({}) as (menu, dialler):
        call = await dialler.dial(ME, network=network)
        await clock.advance(idle_s)
        assert not (await call.enter("1")).status
        await clock.advance(idle_s + 1)
        assert (await call.enter("2")).status == "Incomplete"
        assert [hop["text"] for hop in menu.hops] == ["", "1"]
        assert menu.ends[0]["status"] == "Incomplete"


async def test_end_events_may_be_lost(dialling):
    async with dialling({"": "END bye"}, end_events=False) as (menu, dialler):
        assert (await dialler.dial(ME)).over
        assert menu.ends == []


async def test_sessions_have_ids_of_their_own(dialling, clock):
    async with dialling({}) as (menu, dialler):
        unnamed = Dialler(dialler.gateway, timing=clock)
        for _ in range(3):
            await unnamed.dial(ME)
        assert len({hop["sessionId"] for hop in menu.hops}) == 3
