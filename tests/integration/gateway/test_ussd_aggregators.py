"""The same calls over every aggregator's wire: the menu never knows which one it talks to."""

import asyncio
import json
from contextlib import asynccontextmanager
from importlib.resources import files
from io import BytesIO

import pytest
import sqlalchemy as sa
from town import CALLER, OWED, PAY_ALL, TAP, TOKEN

from core.gsm import fits
from gateway.sessions.tables import ussd_end_events
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway as Line
from simulators.aggregator.wires import WIRES
from simulators.aggregator.wires.base import Post

CHANNELS = ["hubtel", "nalo", "arkesel", "infobip"]


@asynccontextmanager
async def dialling(town, wire):
    async with Line(town.gateway_url, TOKEN) as line:
        yield Dialler(line, wire=wire)


async def call_of(town, wire, *typed, code=None, msisdn=CALLER):
    """Make a call; return it, and its screens."""
    async with dialling(town, wire) as dialler:
        call = await dialler.dial(msisdn, code)
        first = call.screen.text
        return call, [first, *[(await call.enter(word)).text for word in typed]]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_resident_pays_over_every_aggregator(sqlite_town, wire):
    town = sqlite_town
    await town.open()
    call, screens = await call_of(town, wire, *PAY_ALL)
    assert (call.screen.status, call.hops) == ("Success", 6)
    assert screens[-1].startswith("MTN MoMo will now ask")
    (payment,) = await town.all_end(1)
    assert (payment.status, payment.amount_minor, payment.msisdn) == ("success", OWED, CALLER)
    assert "K30.05" in (await town.sms())[0]
    await town.agrees()


@pytest.mark.parametrize("wire", ["hubtel", "nalo_by_number"])
async def test_a_resident_pays_on_both_databases(town, wire):
    await town.open()
    await call_of(town, wire, *PAY_ALL[:2])
    call, screens = await call_of(town, wire, "2", *PAY_ALL[1:])
    assert "1 Go on where I was" in screens[0]
    assert call.screen.status == "Success"
    await town.all_end(1)
    await town.agrees()


WALK = ("1", "2", "0", "3", "0", "6", "0", "1", "KNY*0417", TAP, "2", "12.50", "0", "99", "9")


async def test_the_screens_are_the_same_to_the_letter(sqlite_town):
    await sqlite_town.open()
    seen = {}
    for n, wire in enumerate(WIRES):
        _, screens = await call_of(sqlite_town, wire, *WALK, msisdn=f"+26096123000{n}")
        seen[wire] = [screen.replace(f"096123000{n}", "…") for screen in screens]
    for screens in seen.values():
        assert screens == seen["africastalking"]
    assert len(set(seen["hubtel"])) > 8


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("code", "says"),
    [("*384*7#", "1 English"), ("*384*7*1#", "plate"), (f"*384*7*1*{TAP}#", TAP), ("*384*7*2#", "")],
)
async def test_a_deep_dial_plays_its_keys_over_every_aggregator(sqlite_town, wire, code, says):
    await sqlite_town.open()
    by_deep_dial = (await call_of(sqlite_town, wire, code=code))[1][0]
    assert says in by_deep_dial
    history = code.removeprefix("*384*7").strip("*#")
    usual = (await sqlite_town.hop(history, session="other", msisdn="+260967654321"))[1]
    assert by_deep_dial == usual.partition(" ")[2]


@pytest.mark.parametrize("wire", WIRES)
async def test_every_hop_sent_twice_does_nothing_twice(sqlite_town, wire):
    town = sqlite_town
    await town.open(repeat_within_s=10)
    async with dialling(town, wire) as dialler:
        call = await dialler.dial(CALLER, "*384*7*1#")
        for word in (TAP, "2", "10", "1"):  # never the same twice: some aggregators could not tell it apart
            shown = call.screen
            assert await call.repeat() == shown
            await call.enter(word)
        assert call.screen.text.startswith("MTN MoMo will now ask")
        again = await dialler.gateway.send(call._post)
        assert call._wire.read(again).text == call.screen.text
    (payment,) = await town.all_end(1)
    assert payment.amount_minor == 1000
    await town.agrees()


@pytest.mark.parametrize("wire", ["africastalking", "infobip"])
async def test_the_end_of_a_call_lets_the_prompt_go_at_once(sqlite_town, wire):
    await sqlite_town.open(push_delay_s=60)
    await call_of(sqlite_town, wire, *PAY_ALL)
    await sqlite_town.all_end(1)
    (event,) = await sqlite_town.rows(sa.select(ussd_end_events))
    assert event.channel == wire


async def test_a_release_of_hubtel_lets_the_prompt_go_at_once(sqlite_town):
    town = sqlite_town
    await town.open(push_delay_s=60)
    async with dialling(town, "hubtel") as dialler:
        call = await dialler.dial(CALLER)
        for word in PAY_ALL:
            await call.enter(word)
        value = {**call._post.value, "Type": "Release", "Message": "", "ClientState": "paid"}
        for _ in range(2):
            answer = await dialler.gateway.send(Post("hubtel", value=value))
            assert (answer.status, json.loads(answer.text)["Type"]) == (200, "Release")
    await town.all_end(1)
    (event,) = await town.rows(sa.select(ussd_end_events))
    assert (event.status, event.hops_metadata) == ("release", "paid")


@pytest.mark.parametrize("wire", ["hubtel", "infobip"])
async def test_a_call_that_is_hung_up_is_stored_and_may_go_on_later(sqlite_town, wire):
    await sqlite_town.open()
    async with dialling(sqlite_town, wire) as dialler:
        call = await dialler.dial(CALLER)
        await call.enter("1")
        await call.enter("1")
        await call.hang_up()
    (event,) = await sqlite_town.rows(sa.select(ussd_end_events))
    assert (event.channel, event.external_id) == (wire, call.session_id)
    assert "1 Go on where I was" in (await call_of(sqlite_town, "arkesel"))[1][0]


async def test_screens_fit_what_is_set_for_the_network(sqlite_town):
    await sqlite_town.open(networks={"64502": {"septets": 110}})
    for n, wire in enumerate(("africastalking", "hubtel", "nalo")):
        _, (*_, help_) = await call_of(sqlite_town, wire, "1", "6", msisdn=f"+26096123000{n}")
        assert fits(help_, 110)
    _, (*_, help_) = await call_of(sqlite_town, "nalo", "1", "6", msisdn="+260971230001")
    assert not fits(help_, 110)
    assert fits(help_, 160)


# What is no hop.


def refused():
    for channel in CHANNELS:
        text = files("fixtures").joinpath("wire", f"ussd_{channel}.json").read_text("utf-8")
        for vector in json.loads(text)["vectors"]:
            if "refused" in vector["meaning"]:
                yield vector


async def test_what_cannot_be_a_hop_is_refused_with_a_code(sqlite_town):
    await sqlite_town.open()
    for vector in refused():
        request = vector["request"]
        url = sqlite_town.gateway_url + request["path"].replace("{channel_token}", TOKEN)
        body = request["body_text"] if "body_text" in request else json.dumps(request["body"])
        async with sqlite_town.http.post(url, data=body.encode(), headers=request["headers"]) as reply:
            assert reply.status == 400, vector["name"]
            answer = await reply.json(content_type="application/problem+json")
            assert answer["code"] == vector["meaning"]["refused"]
    assert await sqlite_town.payments() == []


def address(town, channel, token=TOKEN):
    session = "/session/s/start" if channel == "infobip" else ""
    return f"{town.gateway_url}/ussd/{channel}/{token}{session}"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_wrong_token_is_nothing_that_exists(sqlite_town, channel):
    await sqlite_town.open()
    for token in ("wrong", TOKEN + "x", "%00", "ü", "%FF"):
        async with sqlite_town.http.post(address(sqlite_town, channel, token), data=b"{}") as reply:
            assert (reply.status, (await reply.json(content_type=None))["code"]) == (404, "not_found")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_ten_megabytes_are_refused(sqlite_town, channel):
    await sqlite_town.open()
    body = BytesIO(b'{"Message": "' + b"1" * 10_000_000 + b'"}')
    async with sqlite_town.http.post(address(sqlite_town, channel), data=body) as reply:
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (413, "too_large")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_get_is_told_how_it_must_be_asked(sqlite_town, channel):
    await sqlite_town.open()
    async with sqlite_town.http.get(address(sqlite_town, channel)) as reply:
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (405, "method_not_allowed")
        assert "POST" in reply.headers["Allow"]


@pytest.mark.parametrize("path", ["/session/s/status", "/session/s", "/session//start", ""])
async def test_what_infobip_may_not_ask_does_not_exist(sqlite_town, path):
    await sqlite_town.open()
    async with sqlite_town.http.post(f"{sqlite_town.gateway_url}/ussd/infobip/{TOKEN}{path}") as reply:
        assert reply.status == 404


async def test_where_too_many_wait_each_is_told_so_in_its_own_form(sqlite_town):
    await sqlite_town.open(max_waiting_hops=0)
    for wire in WIRES:
        call, screens = await call_of(sqlite_town, wire)
        assert (call.screen.status, "*384*7#" in screens[0]) == ("Success", True)


@pytest.mark.parametrize("wire", ["nalo", "arkesel", "infobip"])
async def test_a_bare_input_that_comes_again_while_it_is_answered_gets_the_same_answer(sqlite_town, wire):
    await sqlite_town.open()
    async with dialling(sqlite_town, wire) as dialler:
        call = await dialler.dial(CALLER, "*384*7*1#")
        await call.enter(TAP)
        await call.enter("1")  # Pay all; the confirmation stands there
        sent = [dialler.gateway.send(call._post) for _ in range(2)]
        first, again = await asyncio.gather(*sent)
        assert first.text == again.text
    assert len(await sqlite_town.payments()) <= 1
