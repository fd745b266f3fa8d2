"""The aggregator's simulator: SMS both ways, delivery reports, calls over HTTP."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

from simulators.aggregator.app import create
from simulators.aggregator.config import Config, Recipient
from simulators.aggregator.networks import Limits
from simulators.serve import start

ME = "+260961234567"


@dataclass
class Gateway:
    """Keeps what the aggregator posts; answers hops with one screen."""

    url: str = ""
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    screen: str = "CON main"
    status: int = 200

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, dict(parse_qsl(await request.text(), keep_blank_values=True))))
        return web.Response(text=self.screen, status=self.status)

    def forms(self, end: str) -> list[dict[str, str]]:
        return [form for path, form in self.got if path.endswith(end)]


@pytest.fixture
async def madzi():
    told = Gateway()
    app = web.Application()
    app.router.add_post("/{path:.*}", told.take)
    running = await start(app)
    told.url = running.url
    yield told
    await running.close()


@pytest.fixture
async def sim(clock, madzi):
    clients: list[TestClient[Any, Any]] = []

    async def begin(**settings):
        config = Config(gateway_url=madzi.url, channel_token="tok", timing=clock, **settings)
        client = TestClient(TestServer(create(config)))
        await client.start_server()
        clients.append(client)
        return client

    yield begin
    for client in clients:
        await client.close()


def request_of(vector):
    form = {**vector["request"]["form"], "username": "madzi"}
    headers = dict(vector["request"]["headers"])
    if headers["apiKey"] == "{api_key}":
        headers["apiKey"] = "demo-africastalking-api-key"
    return {"path": vector["request"]["path"], "headers": headers, "data": form}


async def ask(client, vector):
    return await client.post(**request_of(vector))


def plain(body):
    """The reply without the ids that each sending makes anew."""
    for recipient in body["SMSMessageData"]["Recipients"]:
        if recipient["messageId"] != "None":
            recipient["messageId"] = "ATXid_1"
    return body


CODES = [100, 101, 102, 401, 402, 403, 404, 405, 406, 407, 409, 500, 501, 502]


@pytest.mark.parametrize("code", CODES)
async def test_sending_answers_each_code_as_its_vector(sim, vectors, code):
    vector = vectors("africastalking")[f"recipient_{code}"]
    client = await sim(recipients={"+260971234567": Recipient(code=code)})
    reply = await ask(client, vector)
    assert (reply.status, reply.headers["Content-Type"]) == (201, "application/json")
    assert plain(await reply.json()) == vector["reply"]["body"]
    received = await (await client.get("/_sim/sms")).json()
    assert len(received) == (1 if code < 400 else 0)


async def test_sending_to_two_of_whom_one_is_refused(sim, vectors):
    vector = vectors("africastalking")["send_two_one_refused"]
    client = await sim()
    await client.post("/_sim/recipients", json={"msisdn": "+260970000403", "code": 403})
    assert plain(await (await ask(client, vector)).json()) == vector["reply"]["body"]


async def test_a_wrong_key_is_refused(sim, vectors):
    vector = vectors("africastalking")["send_wrong_api_key"]
    reply = await ask(await sim(), vector)
    assert (reply.status, await reply.text()) == (401, vector["reply"]["body_text"])


async def test_what_was_received_can_be_read_by_number_and_time(sim, vectors, clock):
    client, vector = await sim(), vectors("africastalking")["send_one"]
    await ask(client, vector)
    await clock.advance(60)
    await ask(client, vector)
    everything = await (await client.get("/_sim/sms")).json()
    later = await (await client.get("/_sim/sms", params={"since": "2025-11-21T06:30:30Z"})).json()
    mine = await (await client.get("/_sim/sms", params={"to": ME})).json()
    assert ([row["at"] for row in everything], mine) == (["2025-11-21T06:30:00Z", "2025-11-21T06:31:00Z"], [])
    assert later == everything[1:]
    assert (later[0]["from"], later[0]["text"]) == ("MADZI", "Madzi: Paid K30.00 for KNY-0417-1, Nov.")


DELIVERIES = [
    ("delivery_Success", ["Success"], None),
    ("delivery_Failed_UserDoesNotExist", ["Failed"], "UserDoesNotExist"),
    ("delivery_Rejected", ["Rejected"], "InsufficientCredit"),
]


@pytest.mark.parametrize(("name", "states", "reason"), DELIVERIES)
async def test_delivery_is_reported(sim, vectors, clock, madzi, until, name, states, reason):
    client, wire = await sim(), vectors("africastalking")
    rule = {"msisdn": "+260971234567", "delivery": states, "failure_reason": reason}
    await client.post("/_sim/recipients", json=rule)
    sent = await (await ask(client, wire["send_one"])).json()
    await clock.advance(1)
    (form,) = await until(lambda: madzi.forms("/sms/africastalking/tok/delivery"))
    wanted = wire[name]["request"]["form"] | {"retryCount": "0"}
    assert form == wanted | {"id": sent["SMSMessageData"]["Recipients"][0]["messageId"]}


async def test_delivery_states_come_in_order(sim, vectors, clock, madzi, until):
    client = await sim(recipients={"+260971234567": Recipient(delivery=("Sent", "Buffered", "Expired"))})
    await ask(client, vectors("africastalking")["send_one"])
    for count in (1, 2, 3):
        await clock.advance(0.5)
        await until(lambda wanted=count: len(madzi.got) == wanted)
    assert [form["status"] for _, form in madzi.got] == ["Sent", "Buffered", "Expired"]
    assert await (await client.get("/_sim/sms")).json() == []
    assert len(await (await client.get("/_sim/sms?all=1")).json()) == 1


async def script(client, **step):
    reply = await client.post("/_sim/faults/script", json=[{"provider": "africastalking", **step}])
    assert reply.status == 200


@pytest.mark.parametrize(
    ("fault", "status", "received"), [("error_before", 500, 0), ("error_after", 500, 1), ("too_many", 429, 0)]
)
async def test_sending_may_fail_before_and_after_it_was_taken(sim, vectors, fault, status, received):
    client = await sim()
    await script(client, operation="sms", fault=fault)
    assert (await ask(client, vectors("africastalking")["send_one"])).status == status
    assert len(await (await client.get("/_sim/sms")).json()) == received


async def test_sending_may_be_taken_without_an_answer(sim, vectors):
    client = await sim()
    await script(client, operation="sms", fault="close")
    with pytest.raises(ClientError):
        await ask(client, vectors("africastalking")["send_one"])
    (message,) = await (await client.get("/_sim/sms")).json()
    assert message["faults"] == ["sms.close"]


async def test_delivery_reports_may_come_twice(sim, vectors, clock, madzi, until):
    client = await sim()
    await script(client, operation="delivery", fault="twice")
    await ask(client, vectors("africastalking")["send_one"])
    await clock.advance(1)
    await until(lambda: len(madzi.got) == 2)
    assert madzi.got[0] == madzi.got[1]


async def test_a_persons_sms_reaches_the_gateway(sim, vectors, madzi):
    client, vector = await sim(), vectors("africastalking")["inbound"]
    reply = await client.post("/_sim/sms", json={"from": ME, "text": "BAL", "linkId": "SampleLinkId123"})
    form = madzi.forms("/sms/africastalking/tok/inbound")[0]
    assert set(form) == set(vector["request"]["form"])
    assert (form["from"], form["to"], form["text"], form["date"]) == (
        ME,
        "38407",
        "BAL",
        "2025-11-21T06:30:00Z",
    )
    assert await reply.json() == {"id": form["id"], "statuses": [200], "retrying": False}


async def test_copies_of_an_sms_have_one_id(sim, madzi):
    client = await sim()
    await client.post("/_sim/sms", json={"from": ME, "text": "BAL", "copies": 3, "id": "x1"})
    assert [form["id"] for _, form in madzi.got] == ["x1"] * 3


async def test_an_sms_that_is_not_taken_is_repeated_every_minute(sim, madzi, clock, until):
    client = await sim()
    madzi.status = 503
    reply = await client.post("/_sim/sms", json={"from": ME, "text": "BAL"})
    assert (await reply.json())["retrying"] is True
    await clock.advance(61)
    await until(lambda: len(madzi.got) == 2)
    madzi.status = 200
    await clock.advance(61)
    await until(lambda: len(madzi.got) == 3)
    await clock.advance(600)
    assert len(madzi.got) == 3


async def test_an_opt_out_reaches_the_gateway(sim, vectors, madzi):
    client = await sim()
    await client.post("/_sim/optout", json={"msisdn": ME})
    assert madzi.forms("/optout") == [vectors("africastalking")["opt_out"]["request"]["form"]]


async def test_a_call_over_http(sim, madzi):
    client = await sim()
    begun = await client.post("/_sim/calls", json={"msisdn": ME, "code": "*384*7#"})
    call = await begun.json()
    assert (begun.status, call["text"], call["continues"]) == (201, "main", True)
    url = f"/_sim/calls/{call['id']}"
    await client.post(url, json={"input": "1"})
    await client.post(url, json={"repeat": True})
    madzi.screen = "END bye"
    last = await (await client.post(url, json={"input": "2"})).json()
    assert (last["text"], last["continues"], last["history"]) == ("bye", False, "1*2")
    assert [form["text"] for form in madzi.forms("/tok")] == ["", "1", "1", "1*2"]
    assert (await client.post(url, json={"input": "3"})).status == 404


async def test_a_call_is_hung_up_over_http_or_ended_when_nobody_types(sim, madzi, clock, until):
    client = await sim()
    first = await (await client.post("/_sim/calls", json={"msisdn": ME})).json()
    await client.post("/_sim/calls", json={"msisdn": "260962000000", "network_code": "63902"})
    assert (await client.delete(f"/_sim/calls/{first['id']}")).status == 204
    await clock.advance(60)
    await until(lambda: len(madzi.forms("/events")) == 2)
    assert [form["status"] for form in madzi.forms("/events")] == ["Incomplete", "Incomplete"]


@pytest.mark.parametrize(
    ("network", "limits"),
    [(None, (60, 180)), ("63902", (30, 180)), ("63903", (60, 180)), ("99999", (60, 180))],
)
async def test_a_call_says_how_long_its_network_waits(sim, madzi, clock, network, limits):
    client = await sim()
    begun = await client.post("/_sim/calls", json={"msisdn": ME, "network_code": network})
    call = await begun.json()
    idle_s, session_s = limits
    assert call["network_code"] == (network or "64502")
    assert call["limits"] == {"idle_s": idle_s, "session_s": session_s}
    assert call["left_s"] == idle_s
    url = f"/_sim/calls/{call['id']}"
    await clock.advance(20)
    assert (await (await client.get(url)).json())["left_s"] == idle_s - 20
    assert (await (await client.post(url, json={"input": "1"})).json())["left_s"] == idle_s
    madzi.screen = "END bye"
    assert (await (await client.post(url, json={"input": "1"})).json())["left_s"] == 0


async def test_towards_the_end_the_whole_sessions_time_is_what_is_left(sim, clock):
    client = await sim()
    call = await (await client.post("/_sim/calls", json={"msisdn": ME})).json()
    for _ in range(3):
        await clock.advance(50)
        call = await (await client.post(f"/_sim/calls/{call['id']}", json={"input": "1"})).json()
    assert call["left_s"] == 180 - 150


async def test_a_call_whose_time_is_over_is_ended_by_looking_at_it(sim, madzi, clock):
    client = await sim(limits={"64502": Limits(session_s=60.0, idle_s=2.0)})
    call = await (await client.post("/_sim/calls", json={"msisdn": ME})).json()
    assert call["left_s"] == 2
    await clock.advance(2.5)
    seen = await (await client.get(f"/_sim/calls/{call['id']}")).json()
    assert (seen["continues"], seen["status"], seen["left_s"]) == (False, "Incomplete", 0)
    assert [form["status"] for form in madzi.forms("/events")] == ["Incomplete"]
    assert (await client.get(f"/_sim/calls/{call['id']}")).status == 404


async def test_networks_are_told_with_their_limits(sim):
    client = await sim(limits={"64503": Limits(session_s=9.0, idle_s=3.0)})
    told = await (await client.get("/_sim/networks")).json()
    assert (told["service_code"], told["short_code"]) == ("*384*7#", "38407")
    assert "africastalking" in told["wires"]
    rows = {row["code"]: row for row in told["networks"]}
    assert rows["64503"] == {
        "code": "64503", "name": "ZAMTEL", "country": "ZM", "idle_s": 3.0, "session_s": 9.0,
    }  # fmt: skip
    assert (rows["99999"]["name"], rows["63902"]["idle_s"]) == ("SANDBOX", 60.0)


async def test_a_number_is_understood_in_any_usual_form(sim):
    client = await sim()
    for typed in ("0961234567", "961 234 567", "+260961234567", "00260-961-234567"):
        line = await client.get("/_sim/line", params={"number": typed})
        assert await line.json() == {"msisdn": ME, "network_code": "64502"}
    for wrong in ("", "12", "0961234567x", "'; DROP TABLE", "\u202e"):
        refused = await client.get("/_sim/line", params={"number": wrong})
        assert (refused.status, "type it like 0961234567" in await refused.text()) == (400, True)


async def test_lines_are_bounded(sim):
    client = await sim(most_calls=1)
    assert (await client.post("/_sim/calls", json={"msisdn": ME})).status == 201
    assert (await client.post("/_sim/calls", json={"msisdn": ME})).status == 503


async def test_the_gateway_may_move(sim, madzi):
    client = await sim()
    await client.put("/_sim/settings", json={"channel_token": "other"})
    await client.post("/_sim/sms", json={"from": ME, "text": "BAL"})
    assert madzi.got[0][0] == "/sms/africastalking/other/inbound"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/_sim/sms", {"from": ME}),
        ("/_sim/sms", {"from": ME, "text": "x", "copies": 1000}),
        ("/_sim/recipients", {"msisdn": ME, "code": 999}),
        ("/_sim/calls", {}),
        ("/_sim/calls", []),
    ],
)
async def test_what_cannot_be_understood_is_refused(sim, path, wrong):
    assert (await (await sim()).post(path, json=wrong)).status == 400
