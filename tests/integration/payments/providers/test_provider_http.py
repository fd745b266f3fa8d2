"""What a call says when the other side misbehaves, byte by byte."""

import asyncio
import contextlib
import socket

import pytest
import structlog
from yarl import URL

from payments.providers.http import Call, Http, HttpSettings, Reach

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Wire:
    """Answers every connection with the same bytes, piece by piece, then closes or hangs."""

    def __init__(self):
        self.pieces = []
        self.pause_s = 0.0
        self.hangs = False
        self.received = []

    async def serve(self, reader, writer):
        try:
            self.received.append(await reader.readuntil(b"\r\n\r\n"))
            for piece in self.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self.pause_s)
            if self.hangs:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone: that is the point of some tests
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def wire():
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a"
    yield wire
    server.close()
    await server.wait_closed()


def call_to(url, **changes):
    values = {"provider": "mtn", "operation": "push", "method": "POST", "url": URL(url), "headers": {}}
    return Call(**values | changes)


@pytest.fixture
async def http():
    async with Http(HttpSettings(connect_s=0.2, total_s=0.4)) as session:
        yield session


async def test_a_whole_answer(wire, http):
    wire.pieces = [OK + b'Content-Length: 8\r\n\r\n{"a": 1}']
    answer = await http.call(call_to(wire.url, body=b"{}"))
    assert (answer.reach, answer.status, answer.body) == (Reach.ANSWERED, 200, {"a": 1})


async def test_it_says_who_asks(wire, http):
    wire.pieces = [OK + b"Content-Length: 0\r\n\r\n"]
    await http.call(call_to(wire.url))
    assert b"User-Agent: madzi\r\n" in wire.received[0]


async def test_a_call_without_body_sends_none(wire, http):
    wire.pieces = [OK + b"Content-Length: 0\r\n\r\n"]
    await http.call(call_to(wire.url))
    assert b"Content-Length: 0\r\n" in wire.received[0]
    assert b"Content-Type" not in wire.received[0]


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_nobody_listens(http):
    answer = await http.call(call_to(f"http://127.0.0.1:{closed_port()}/a"))
    assert (answer.reach, answer.fault) == (Reach.NEVER, "no_connection")


async def test_no_such_host(http):
    answer = await http.call(call_to("http://nobody.invalid/a"))
    assert answer.reach is Reach.NEVER


async def test_no_connection_within_the_bound(http):
    # A full backlog: the connection is neither made nor refused.
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        answer = await http.call(call_to(f"http://127.0.0.1:{listener.getsockname()[1]}/a"))
    assert (answer.reach, answer.fault) == (Reach.NEVER, "no_connection")


async def test_all_connections_are_taken(wire):
    wire.hangs = True
    async with Http(HttpSettings(connect_s=0.1, total_s=0.5, connections=1)) as http:
        first, second = await asyncio.gather(*(http.call(call_to(wire.url)) for _ in range(2)))
    assert {first.reach, second.reach} == {Reach.UNCLEAR, Reach.NEVER}
    assert len(wire.received) == 1


async def test_no_tls_on_the_other_side(wire, http):
    wire.pieces = [OK]
    answer = await http.call(call_to(wire.url.replace("http:", "https:")))
    assert answer.reach is Reach.NEVER


@pytest.mark.parametrize(
    ("pieces", "hangs", "fault"),
    [
        ([], True, "timeout"),  # sent, no answer
        ([], False, "dropped"),  # sent, connection closed
        ([b"HTTP/1.1 200 OK\r\nContent-"], False, "dropped"),
        ([b"HTTP/1.1 200 OK\r\nContent-"], True, "timeout"),
        ([OK + b'Content-Length: 100\r\n\r\n{"a":'], False, "dropped"),  # truncated
        ([OK + b'Content-Length: 100\r\n\r\n{"a":'], True, "timeout"),
        ([b"this is no HTTP at all\r\n\r\n"], False, "dropped"),
        ([OK + b"X: " + b"x" * 20_000 + b"\r\n\r\n"], False, "dropped"),
        ([OK + b"Content-Length: 70000\r\n\r\n", b"x" * 70_000], False, "oversize"),
        (
            [OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 20],
            True,
            "oversize",
        ),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], False, "dropped"),
        ([OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"], False, "dropped"),
    ],
)
async def test_what_may_have_been_taken_is_unclear(wire, http, pieces, hangs, fault):
    wire.pieces, wire.hangs = pieces, hangs
    answer = await http.call(call_to(wire.url))
    assert (answer.reach, answer.fault, answer.body) == (Reach.UNCLEAR, fault, None)


async def test_a_slow_drip_ends_at_the_bound(wire, http):
    wire.pieces, wire.pause_s = [OK + b"Content-Length: 100\r\n\r\n", *[b" "] * 100], 0.05
    answer = await http.call(call_to(wire.url))
    assert (answer.reach, answer.fault) == (Reach.UNCLEAR, "timeout")


async def test_a_call_may_have_more_time(wire, http):
    wire.pieces, wire.pause_s = [OK + b"Content-Length: 9\r\n\r\n", b'{"a"', b":123", b"}"], 0.2
    answer = await http.call(call_to(wire.url, total_s=5.0))
    assert answer.body == {"a": 123}


async def test_html_is_an_answer_without_a_body(wire, http):
    wire.pieces = [b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"]
    answer = await http.call(call_to(wire.url))
    assert (answer.reach, answer.status, answer.body, answer.text) == (Reach.ANSWERED, 403, None, "<html>")


async def test_a_redirect_is_not_followed(wire, http):
    wire.pieces = [b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"]
    answer = await http.call(call_to(wire.url))
    assert (answer.reach, answer.status) == (Reach.ANSWERED, 307)
    assert len(wire.received) == 1


async def test_a_push_is_not_repeated_on_a_connection_that_was_closed(wire, http):
    wire.pieces = [OK + b"Content-Length: 2\r\n\r\n{}"]
    await http.call(call_to(wire.url))  # answered as if kept alive, then closed
    await http.call(call_to(wire.url))
    assert len(wire.received) <= 2


async def test_a_closed_session_sends_nothing(wire):
    http = Http()
    await http.close()
    answer = await http.call(call_to(wire.url))
    assert (answer.reach, answer.fault) == (Reach.NEVER, "closed")
    assert wire.received == []


async def test_each_call_is_one_line_without_secrets(wire, http):
    wire.pieces = [OK + b'Content-Length: 18\r\n\r\n{"token":"secret"}']
    headers = {"Authorization": "Bearer secret"}
    with structlog.testing.capture_logs() as lines:
        await http.call(call_to(wire.url + "/secret", headers=headers, body=b"secret"))
        await http.call(call_to(f"http://127.0.0.1:{closed_port()}/secret"))
    assert [(line["provider"], line["operation"], line["status"]) for line in lines] == [
        ("mtn", "push", 200),
        ("mtn", "push", "no_connection"),
    ]
    assert all(line["ms"] >= 0 for line in lines)
    assert "secret" not in str(lines)


@pytest.mark.parametrize(("is_once", "sent"), [(False, 2), (True, 1)])
async def test_a_get_that_moves_money_is_never_sent_again(http, wire, is_once, sent):
    """The library sends a GET again whose connection was dropped; a second debit could follow."""
    answer = await http.call(call_to(wire.url, method="GET", is_once=is_once))
    assert (answer.reach, answer.fault) == (Reach.UNCLEAR, "dropped")
    assert len(wire.received) == sent


async def test_a_call_that_is_sent_once_still_knows_that_nobody_was_there(http):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/a"
    answer = await http.call(call_to(url, method="GET", is_once=True))
    assert (answer.reach, answer.fault) == (Reach.NEVER, "no_connection")


async def test_without_keep_alive_each_call_has_its_own_connection(wire):
    wire.pieces = [OK + b"Content-Length: 2\r\n\r\n{}"]
    wire.hangs = True
    async with Http(HttpSettings(connect_s=0.2, total_s=0.4, keep_alive=False)) as http:
        for _ in range(2):
            assert (await http.call(call_to(wire.url))).reach is Reach.ANSWERED
    assert len(wire.received) == 2


def test_a_call_does_not_show_its_address():
    assert "Password" not in repr(call_to("http://127.0.0.1/Req?Password=hidden"))
