"""Each aggregator's wire sends what the vectors say, and reads what the vectors answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, web

from simulators.aggregator.app import create
from simulators.aggregator.config import Config
from simulators.aggregator.dialler import PROBLEM, Dialler
from simulators.aggregator.gateway import Gateway
from simulators.aggregator.wires import WIRES
from simulators.aggregator.wires.base import Answer, Line, Unreadable
from simulators.serve import start

ME = "+260961234567"
SESSIONS = {
    "hubtel": "3c796dac28174f739de4",
    "nalo": "16590115252429751",
    "nalo_by_number": "-",
    "arkesel": "53a3f4d1-2f7b",
    "infobip": "A7F2-01",
}
JSON_WIRES = list(SESSIONS)


@dataclass
class Aggregate:
    """A gateway of one aggregator: gives these answers one after the other, keeps what it was sent."""

    answers: Iterator[tuple[int, str]] = field(default_factory=lambda: iter(()))
    got: list[tuple[str, str, object]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.got.append((request.content_type, request.path, json.loads(text)))
        status, answer = next(self.answers, (200, "{}"))
        return web.Response(status=status, text=answer, content_type="application/json")


@pytest.fixture
async def calling(clock):
    """Opens a dialler over one wire on a gateway that answers so."""
    opened = []

    async def begin(wire, *answers, **options):
        side = Aggregate(iter(answers))
        app = web.Application()
        app.router.add_post("/{path:.*}", side.take)
        running = await start(app)
        gateway = await Gateway(running.url, "tok", 1).__aenter__()
        opened.append((running, gateway))
        ids = iter([SESSIONS[wire], "second"])
        return side, Dialler(gateway, timing=clock, session_ids=lambda: next(ids), wire=wire, **options)

    yield begin
    for running, gateway in opened:
        await gateway.__aexit__(None, None, None)
        await running.close()


def sent(vectors, wire, name):
    """The vector of a hop: its path and body, as this wire should send it."""
    channel = WIRES[wire].channel
    table = vectors(f"ussd_{channel}")
    by_number = {"first_hop": "first_hop_without_session", "next_hop": "next_hop_without_session"}
    request = table[by_number.get(name, name) if wire == "nalo_by_number" else name]["request"]
    return ("application/json", request["path"].replace("{channel_token}", "tok"), request["body"])


def answered(vectors, wire, name):
    return 200, json.dumps(vectors(f"ussd_{WIRES[wire].channel}")[name]["reply"]["body"])


@pytest.mark.parametrize("wire", JSON_WIRES)
async def test_a_call_is_sent_and_read_as_the_vectors_say(calling, vectors, wire):
    hops = ["first_hop", "next_hop", "last_hop"]
    side, dialler = await calling(wire, *(answered(vectors, wire, hop) for hop in hops))
    call = await dialler.dial(ME)
    assert (call.screen.text, call.screen.continues) == ("Madzi\n1 Pay for a tap", True)
    assert (await call.enter("1")).continues
    last = await call.enter("1")
    assert (last.text, last.status, call.history) == ("Thank you.", "Success", "1*1")
    wanted = [sent(vectors, wire, hop) for hop in ("first_hop", "next_hop")]
    assert side.got[:2] == wanted
    assert side.got[3:] == ([sent(vectors, wire, "end")] if wire == "infobip" else [])


@pytest.mark.parametrize("wire", ["hubtel", "nalo", "arkesel", "infobip"])
async def test_a_deep_dial_is_sent_as_it_was_dialled(calling, vectors, wire):
    side, dialler = await calling(wire, answered(vectors, wire, "deep_dial"))
    await dialler.dial(ME, "*384*7*1*KNY0417#")
    assert side.got[0] == sent(vectors, wire, "deep_dial")


@pytest.mark.parametrize("wire", JSON_WIRES)
async def test_a_typed_star_and_a_repeat_are_sent_to_the_letter(calling, vectors, wire):
    answers = [answered(vectors, wire, name) for name in ("first_hop", "next_hop", "next_hop")]
    side, dialler = await calling(wire, *answers)
    call = await dialler.dial(ME)
    await call.enter("KNY*0417")
    assert "KNY*0417" in side.got[1][2].values()
    await call.repeat()
    assert side.got[2] == side.got[1]
    assert call.hops == 3


@pytest.mark.parametrize("wire", JSON_WIRES)
async def test_hanging_up_is_told_where_the_aggregator_tells_it(calling, vectors, wire):
    side, dialler = await calling(wire, answered(vectors, wire, "first_hop"))
    call = await dialler.dial(ME)
    await call.hang_up()
    told = [(path, value) for _, path, value in side.got[1:]]
    session = SESSIONS[wire]
    match wire:
        case "hubtel":
            ((path, value),) = told
            release = vectors("ussd_hubtel")["release"]["request"]["body"]
            assert (path, value) == ("/ussd/hubtel/tok", release | {"Sequence": 2, "ClientState": "main"})
        case "infobip":
            ((path, value),) = told
            assert path == f"/ussd/infobip/tok/session/{session}/end"
            assert set(value) == set(vectors("ussd_infobip")["end"]["request"]["body"])
        case _:
            assert told == []
    assert (call.over, call.screen.status) == (True, "Incomplete")


@pytest.mark.parametrize("wire", ["hubtel", "infobip"])
async def test_ends_may_be_lost(calling, vectors, wire):
    side, dialler = await calling(wire, answered(vectors, wire, "first_hop"), end_events=False)
    await (await dialler.dial(ME)).hang_up()
    assert len(side.got) == 1


async def test_one_client_of_nalo_has_the_number_for_a_session(calling, vectors):
    answers = [answered(vectors, "nalo", "first_hop")] * 2
    side, dialler = await calling("nalo_by_number", *answers)
    await dialler.dial(ME)
    await dialler.dial(ME)
    assert side.got[0] == side.got[1]
    assert "SESSIONID" not in side.got[0][2]


SAID = '"Madzi\\n1 Pay for a tap"'
FLAGS = re.compile("true|false|Response")
SPOILT = {
    "nothing": lambda _: "",
    "text": lambda _: "CON Madzi",
    "cut": lambda body: body[:-3],
    "a list": lambda _: "[]",
    "null": lambda _: "null",
    "no fields": lambda _: "{}",
    "no words": lambda body: body.replace(SAID, '""'),
    "a number": lambda body: body.replace(SAID, "7"),
    "a strange flag": lambda body: FLAGS.sub("9", body),
}


@pytest.mark.parametrize("wire", JSON_WIRES)
@pytest.mark.parametrize("spoil", SPOILT)
async def test_an_answer_that_is_none_ends_the_call(calling, vectors, wire, spoil):
    status, body = answered(vectors, wire, "first_hop")
    _, dialler = await calling(wire, (status, SPOILT[spoil](body)))
    call = await dialler.dial(ME)
    assert (call.screen.text, call.over, call.screen.status) == (PROBLEM, True, "Failed")


@pytest.mark.parametrize("wire", JSON_WIRES)
async def test_another_status_than_200_ends_the_call(calling, vectors, wire):
    _, dialler = await calling(wire, (404, answered(vectors, wire, "first_hop")[1]))
    assert (await dialler.dial(ME)).screen.status == "Failed"


@pytest.mark.parametrize(
    ("wire", "changes"),
    [
        ("nalo", {"MSISDN": "260967654321"}),
        ("arkesel", {"sessionID": "another"}),
        ("infobip", {"responseExitCode": 500}),
    ],
)
def test_a_reply_for_somebody_else_is_not_shown(vectors, wire, changes):
    body = vectors(f"ussd_{wire}")["first_hop"]["reply"]["body"] | changes
    one = WIRES[wire](Line(SESSIONS[wire], ME, "*384*7#", "64502"))
    with pytest.raises(Unreadable):
        one.read(Answer(200, json.dumps(body)))


async def test_an_unknown_wire_is_refused(calling):
    _, dialler = await calling("hubtel")
    with pytest.raises(KeyError):
        await dialler.dial(ME, wire="pigeon")


async def test_a_wire_may_be_chosen_for_one_call(calling, vectors):
    side, dialler = await calling("hubtel", answered(vectors, "arkesel", "first_hop"))
    await dialler.dial(ME, wire="arkesel")
    assert side.got[0][1] == "/ussd/arkesel/tok"


async def test_a_phone_on_the_desk_may_choose_its_aggregator(vectors):
    side = Aggregate(
        iter([answered(vectors, "hubtel", "first_hop"), answered(vectors, "hubtel", "next_hop")])
    )
    app = web.Application()
    app.router.add_post("/{path:.*}", side.take)
    gateway = await start(app)
    desk = await start(create(Config(gateway_url=gateway.url, channel_token="tok")))
    try:
        async with ClientSession() as http:
            asked = {"msisdn": ME, "wire": "hubtel"}
            async with http.post(f"{desk.url}/_sim/calls", json=asked) as reply:
                row = await reply.json()
            assert (reply.status, row["text"], row["continues"]) == (201, "Madzi\n1 Pay for a tap", True)
            await http.post(f"{desk.url}/_sim/calls/{row['id']}", json={"input": "1"})
            for wire in ("pigeon", ["hubtel"], 7):
                async with http.post(f"{desk.url}/_sim/calls", json={"msisdn": ME, "wire": wire}) as reply:
                    assert reply.status == 400
    finally:
        await desk.close()
        await gateway.close()
    assert [path for _, path, _ in side.got] == ["/ussd/hubtel/tok"] * 2
    assert [value["Message"] for _, _, value in side.got] == ["*384*7#", "1"]
