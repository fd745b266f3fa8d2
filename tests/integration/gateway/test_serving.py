"""Hops are answered before the router is asked; whatever is spelt otherwise is answered all the same."""

import asyncio
import json
from itertools import pairwise
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from town import CALLER, TOKEN

from core.errors import Refused
from gateway import problems, serving
from gateway.channels import africastalking
from gateway.sessions.tables import ussd_sessions

SPELT = [
    pytest.param("", {}, id="as it is"),
    pytest.param("?from=at", {}, id="with a query"),
    pytest.param("", {"Expect": "100-continue"}, id="asks before it sends the body"),
]


FORM = {"sessionId": "s1", "phoneNumber": CALLER, "networkCode": "64502", "text": ""}


async def _found(_request):
    return web.Response(text="found")


@pytest.fixture
def no_router(monkeypatch):
    """From the call on, every router breaks when it is asked."""

    async def resolve(_self, _request):
        raise AssertionError("the router was asked")

    return lambda: monkeypatch.setattr(web.UrlDispatcher, "resolve", resolve)


async def test_hops_do_not_ask_the_router(sqlite_town, no_router):
    await sqlite_town.open()
    no_router()
    assert (await sqlite_town.hop(""))[0] == 200
    async with sqlite_town.http.get(sqlite_town.gateway_url + "/healthz") as reply:
        assert reply.status == 500


JSON = {
    "hubtel": {"Type": "Initiation", "SessionId": "s1", "Mobile": CALLER[1:], "Message": "*384*7#"},
    "nalo": {"USERID": "u", "MSISDN": CALLER[1:], "USERDATA": "*384*7#", "MSGTYPE": True, "SESSIONID": "s1"},
    "arkesel": {"sessionID": "s1", "msisdn": CALLER[1:], "userData": "*384*7#", "newSession": True},
}


@pytest.mark.parametrize("name", JSON)
async def test_nor_do_those_of_the_aggregators_that_send_json(sqlite_town, no_router, name):
    await sqlite_town.open()
    no_router()
    async with sqlite_town.http.post(
        f"{sqlite_town.gateway_url}/ussd/{name}/{TOKEN}", json=JSON[name]
    ) as reply:
        assert reply.status == 200
        assert "1 English" in await reply.text()


@pytest.mark.parametrize(("rest", "headers"), SPELT)
async def test_an_address_spelt_otherwise_gets_the_same_screen(sqlite_town, rest, headers):
    await sqlite_town.open()
    url = f"{sqlite_town.gateway_url}/ussd/africastalking/{TOKEN}{rest}"
    async with sqlite_town.http.post(url, data=FORM, headers=headers) as reply:
        assert reply.status == 200
        assert (await reply.text()).startswith("CON ")
        assert reply.headers["at-ussd-hop-metadata"]


async def test_a_token_in_percents_gets_the_same_screen(sqlite_town):
    await sqlite_town.open()
    body = urlencode(FORM)
    percents = "".join(f"%{ord(letter):02X}" for letter in TOKEN)
    head, answer = await _by_hand(sqlite_town, [_request(percents, body)])
    assert head.startswith("HTTP/1.1 200")
    assert answer.startswith("CON ")


def _request(token, body, length=None):
    return (
        f"POST /ussd/africastalking/{token} HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\nConnection: close\r\n\r\n{body}"
    )


async def _by_hand(town, pieces):
    """Send a request in pieces; return head and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
    for piece in pieces:
        writer.write(piece.encode())
        await writer.drain()
        await asyncio.sleep(0.05)
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head, body


async def test_a_body_may_come_after_its_head_and_in_pieces(sqlite_town):
    await sqlite_town.open()
    body = urlencode(FORM)
    whole = _request(TOKEN, body)
    at = whole.index("\r\n\r\n") + 4
    seen = []
    for n, cuts in enumerate(([at], [at + 9], [at, at + 9, at + 40])):
        request = whole.replace("s1", f"s{n}")
        edges = [0, *cuts, len(request)]
        pieces = [request[a:b] for a, b in pairwise(edges)]
        seen.append(await _by_hand(sqlite_town, pieces))
    assert {head.split("\r\n")[0] for head, _ in seen} == {"HTTP/1.1 200 OK"}
    assert all(answer.startswith("CON ") for _, answer in seen)


async def test_a_body_that_never_comes_whole_is_no_hop_and_no_error_of_ours(sqlite_town, logged):
    await sqlite_town.open()
    _, writer = await asyncio.open_connection("127.0.0.1", sqlite_town.port)
    writer.write(_request(TOKEN, urlencode(FORM), length=500).encode())
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    assert (await sqlite_town.hop("", session="s2"))[0] == 200
    assert [call.external_id for call in await sqlite_town.rows(sa.select(ussd_sessions))] == ["s2"]
    assert logged == []


async def test_a_body_that_is_not_encoded_as_it_says_is_refused(sqlite_town, logged):
    await sqlite_town.open()
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    for path in (f"/ussd/africastalking/{TOKEN}", f"/sms/africastalking/{TOKEN}/inbound"):
        url = sqlite_town.gateway_url + path
        async with sqlite_town.http.post(url, data=b"nonsense", headers=headers) as reply:
            assert (reply.status, (await reply.json(content_type=None))["code"]) == (400, "bad_body")
    assert logged == []


async def test_a_body_that_comes_at_once_and_is_too_large_is_refused(sqlite_town):
    await sqlite_town.open()
    head, body = await _by_hand(sqlite_town, [_request(TOKEN, "text=" + "1" * 66_000)])
    assert head.startswith("HTTP/1.1 413")
    assert json.loads(body)["code"] == "too_large"


@pytest.fixture
def logged(monkeypatch):
    """What is logged of requests that went wrong."""
    events = []

    class Log:
        def exception(self, event, **about):
            events.append((event, about))

        info = exception

    monkeypatch.setattr(problems, "_log", Log())
    return events


async def test_what_breaks_is_a_problem_and_the_log_has_no_token(sqlite_town, monkeypatch, logged):
    await sqlite_town.open()
    assert (await sqlite_town.hop("", phoneNumber="call me"))[0] == 400

    def broken(*_, **__):
        raise RuntimeError("inside")

    monkeypatch.setattr(africastalking, "read", broken)
    status, body, _ = await sqlite_town.hop("")
    assert (status, json.loads(body)["code"]) == (500, "internal_error")
    assert "inside" not in body
    place = "/ussd/africastalking/{token}"
    assert logged == [
        ("refused", {"path": place, "code": "bad_msisdn"}),
        ("handler_broke", {"path": place}),
    ]


FIND = serving.hot({"/ussd/africastalking": _found}, "tökén")


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("POST", "/ussd/africastalking/tökén", True),
        ("PUT", "/ussd/africastalking/tökén", False),
        ("POST", "/ussd/africastalking/tökén?x=1", False),
        ("POST", "/ussd/africastalking/tökén/", False),
        ("POST", "/ussd/africastalking/tökén/events", False),
        ("POST", "/ussd/africastalking/t%C3%B6k%C3%A9n", False),
        ("POST", "/ussd/africastalking/token", False),
        ("POST", "/ussd/africastalking/", False),
        ("POST", "/ussd/africastalking/\udcff", False),
        ("POST", "/ussd/hubtel/tökén", False),
        ("POST", "http://x/ussd/africastalking/tökén", False),
        ("POST", "tökén", False),
        ("POST", "*", False),
    ],
)
def test_only_the_very_address_is_found_at_once(method, path, found):
    assert FIND(make_mocked_request(method, path)) is (_found if found else None)


def test_without_a_token_nothing_is_found():
    find = serving.hot({"/ussd/africastalking": _found}, "")
    assert find(make_mocked_request("POST", "/ussd/africastalking/")) is None


async def test_a_port_that_is_taken_is_refused_with_what_to_do():
    first, second = await serving.listen(web.Application()), web.Application()
    ended = []

    async def end(_app):
        ended.append("second")

    second.on_cleanup.append(end)
    port = first.addresses[0][1]
    with pytest.raises(Refused, match=rf"port {port} cannot be used.*choose another") as refused:
        await serving.listen(second, port=port)
    assert refused.value.reason == "port_taken"
    assert ended == ["second"]
    await first.cleanup()


async def test_what_an_application_lacks_at_its_start_is_no_matter_of_the_port():
    app = web.Application()

    async def begin(_app):
        raise FileNotFoundError("a file of its own")

    app.on_startup.append(begin)
    with pytest.raises(FileNotFoundError, match="a file of its own"):
        await serving.listen(app)


async def test_hot_endpoints_and_middlewares_do_not_go_together():
    @web.middleware
    async def never_asked(request, handler):
        return await handler(request)

    app = web.Application(middlewares=[never_asked])
    app[serving.HOT] = FIND
    with pytest.raises(RuntimeError, match="middlewares"):
        await serving.listen(app)
