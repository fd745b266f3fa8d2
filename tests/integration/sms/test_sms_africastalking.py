"""The sender against servers that speak the reference's wire format, and ones that speak nonsense."""

import asyncio
import json
from dataclasses import replace
from importlib.resources import files

import pytest
from aiohttp import web
from pydantic import SecretStr

from sms.senders.africastalking import AfricasTalking
from sms.senders.africastalking_reply import HTTP_CODES, RECIPIENT_CODES, cost, read
from sms.senders.base import Outcome, Outgoing
from sms.settings import AfricasTalkingSettings

VECTORS = [
    vector
    for vector in json.loads(files("fixtures").joinpath("wire", "africastalking.json").read_text("utf-8"))[
        "vectors"
    ]
    if vector["direction"] == "out"
]
NUMBER = "+260971234567"
MESSAGE = Outgoing("s1", NUMBER, "Madzi: Paid K30.00 for KNY-0417-1, Nov.")


def settings(base_url):
    return AfricasTalkingSettings(
        base_url=base_url, username="madzi", api_key=SecretStr("key"), sender_id="MADZI"
    )


@pytest.fixture
def served(aiohttp_server, session):
    """Start a server with one answer; return a sender to it and what it was asked."""

    async def start(answer, path="", **options):
        asked = []

        async def messaging(request):
            asked.append((request.headers, dict(await request.post())))
            return await answer(request) if callable(answer) else answer

        app = web.Application()
        app.router.add_post(path + "/version1/messaging", messaging)
        server = await aiohttp_server(app)
        return AfricasTalking(session, settings(str(server.make_url(path or "/"))), **options), asked

    return start


def recipients(*rows):
    return web.json_response({"SMSMessageData": {"Message": "…", "Recipients": list(rows)}}, status=201)


async def test_the_request_is_the_references(served):
    vector = next(vector for vector in VECTORS if vector["name"] == "send_one")
    sender, asked = await served(recipients())
    await sender.send(MESSAGE)
    [(headers, form)] = asked
    assert form == vector["request"]["form"] | {"username": "madzi"}
    assert (headers["apiKey"], headers["Accept"]) == ("key", "application/json")


async def test_without_a_sender_id_none_is_sent(aiohttp_server, served, session):
    sender, asked = await served(recipients())
    sender._sender_id = None
    await sender.send(MESSAGE)
    assert "from" not in asked[0][1]


async def test_a_base_url_may_carry_a_path(served):
    sender, asked = await served(recipients(), path="/behind/a/proxy")
    await sender.send(MESSAGE)
    assert len(asked) == 1


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_reply_of_the_wire_vectors_is_read_as_it_is_meant(vector):
    reply = vector["reply"]
    body = reply.get("body_text") or json.dumps(reply["body"])
    for number, meaning in vector.get("meaning", {}).get("recipients", {NUMBER: "refused"}).items():
        handed = read(reply["status"], body.encode(), number)
        assert (handed.outcome is Outcome.SENT) == (meaning == "sent")
        assert handed.outcome is not Outcome.UNKNOWN
        assert (handed.provider_message_id is not None) == (meaning == "sent")


async def test_a_reply_leaves_from_the_number_that_was_texted_and_all_else_from_the_name(served):
    sender, asked = await served(recipients())
    await sender.send(replace(MESSAGE, sender="38407"))
    await sender.send(MESSAGE)
    assert [form["from"] for _, form in asked] == ["38407", "MADZI"]


@pytest.mark.parametrize("code", [*RECIPIENT_CODES, 999, "x"])
@pytest.mark.parametrize("status", [*HTTP_CODES, 400, 500])
def test_whatever_was_not_sent_has_a_reason(code, status):
    row = {"statusCode": code, "number": NUMBER, "status": "X", "cost": "0", "messageId": "None"}
    for handed in (
        read(201, json.dumps({"SMSMessageData": {"Recipients": [row]}}).encode(), NUMBER),
        read(status, b"", NUMBER),
    ):
        assert (handed.reason is None) == (handed.outcome is Outcome.SENT)


def test_letters_that_no_database_takes_cannot_undo_the_results_of_a_batch():
    row = {
        "statusCode": 101,
        "number": NUMBER,
        "status": "O\0K\ud800",
        "cost": "ZMW 0.2500",
        "messageId": "A\ud800",
    }
    handed = read(201, json.dumps({"SMSMessageData": {"Recipients": [row]}}).encode(), NUMBER)
    assert (handed.code, handed.provider_message_id) == ("101 O?K?", None)


async def test_what_was_sent_has_its_id_and_its_cost(served):
    row = {"statusCode": 101, "number": NUMBER, "status": "Success", "cost": "ZMW 0.2500", "messageId": "A1"}
    sender, _ = await served(recipients(row))
    handed = await sender.send(MESSAGE)
    assert (handed.outcome, handed.provider_message_id) == (Outcome.SENT, "A1")
    assert (handed.cost_minor, handed.cost_currency, handed.cost_said) == (25, "ZMW", "ZMW 0.2500")


@pytest.mark.parametrize(
    ("code", "outcome", "alarm"),
    [
        (401, Outcome.REFUSED, True),
        (402, Outcome.TRY_AGAIN, True),
        (403, Outcome.REFUSED, False),
        (405, Outcome.TRY_AGAIN, True),
        (406, Outcome.REFUSED, False),
        (407, Outcome.TRY_AGAIN, False),
        (500, Outcome.TRY_AGAIN, False),
        (502, Outcome.REFUSED, False),
        (408, Outcome.UNKNOWN, False),
        ("101", Outcome.UNKNOWN, False),
        (None, Outcome.UNKNOWN, False),
    ],
)
def test_a_recipients_code_decides_and_an_unknown_one_is_never_guessed(code, outcome, alarm):
    row = {"statusCode": code, "number": NUMBER, "status": "X", "cost": "0", "messageId": "None"}
    handed = read(201, json.dumps({"SMSMessageData": {"Recipients": [row]}}).encode(), NUMBER)
    assert (handed.outcome, handed.is_config_fault) == (outcome, alarm)
    assert handed.provider_message_id is None


def test_the_table_has_the_references_codes_and_no_others():
    assert sorted(RECIPIENT_CODES) == [
        *(100, 101, 102),
        *(401, 402, 403, 404, 405, 406, 407, 409),
        *(500, 501, 502),
    ]


@pytest.mark.parametrize(
    ("status", "outcome", "alarm"),
    [
        (401, Outcome.TRY_AGAIN, True),
        (402, Outcome.TRY_AGAIN, True),
        (403, Outcome.TRY_AGAIN, True),
        (404, Outcome.TRY_AGAIN, True),
        (405, Outcome.TRY_AGAIN, True),
        (407, Outcome.TRY_AGAIN, True),
        (410, Outcome.TRY_AGAIN, True),
        (408, Outcome.UNKNOWN, False),
        (413, Outcome.REFUSED, True),
        (422, Outcome.REFUSED, True),
        (425, Outcome.TRY_AGAIN, False),
        (501, Outcome.UNKNOWN, False),
        (504, Outcome.UNKNOWN, False),
        (400, Outcome.REFUSED, True),
        (429, Outcome.TRY_AGAIN, False),
        (500, Outcome.UNKNOWN, False),
        (502, Outcome.UNKNOWN, False),
        (503, Outcome.TRY_AGAIN, False),
        (302, Outcome.UNKNOWN, False),
    ],
)
async def test_an_http_refusal_is_told_from_an_unknown_outcome(served, status, outcome, alarm):
    sender, asked = await served(web.Response(status=status, text="<html>…</html>", content_type="text/html"))
    handed = await sender.send(MESSAGE)
    assert (handed.outcome, handed.is_config_fault) == (outcome, alarm)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"SMSMessageData": []}',
        b'{"SMSMessageData": {"Recipients": {}}}',
        b'{"SMSMessageData": {"Recipients": []}}',
        b'{"SMSMessageData": {"Recipients": [1, null, "x"]}}',
        b'{"SMSMessageData": {"Recipients": [{"statusCode": 101, "number": "+260970000000"}]}}',
        b"[" * 60_000,
        b"x" * 200_000,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_an_answer_that_cannot_be_read_is_an_unknown_outcome(served, body):
    sender, _ = await served(web.Response(status=200, body=body, content_type="application/json"))
    assert (await sender.send(MESSAGE)).outcome is Outcome.UNKNOWN


async def test_silence_is_an_unknown_outcome(served):
    async def hang(_request):
        await asyncio.sleep(5)

    sender, asked = await served(hang, timeout_s=0.1)
    assert (await sender.send(MESSAGE)).outcome is Outcome.UNKNOWN
    assert len(asked) == 1


async def test_a_connection_that_breaks_after_the_request_is_an_unknown_outcome(served):
    async def break_off(request):
        request.transport.close()
        return web.Response()

    sender, _ = await served(break_off)
    assert (await sender.send(MESSAGE)).outcome is Outcome.UNKNOWN


async def test_no_connection_means_that_nothing_was_taken(session, unused_tcp_port):
    sender = AfricasTalking(session, settings(f"http://127.0.0.1:{unused_tcp_port}"))
    assert (await sender.send(MESSAGE)).outcome is Outcome.TRY_AGAIN


async def test_a_number_that_the_sdk_refuses_never_leaves(served):
    sender, asked = await served(recipients())
    assert (await sender.send(Outgoing("s1", "0971234567", "x"))).outcome is Outcome.REFUSED
    assert asked == []


async def test_many_sendings_share_few_connections(served):
    peers = set()

    async def answer(request):
        peers.add(request.transport.get_extra_info("peername"))
        return recipients({"statusCode": 101, "number": NUMBER, "messageId": "A"})

    sender, asked = await served(answer)
    for _ in range(5):
        assert (await sender.send(MESSAGE)).outcome is Outcome.SENT
    assert (len(asked), len(peers)) == (5, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZMW 0.2500", (25, "ZMW")),
        ("KES 0.8000", (80, "KES")),
        ("UGX 24.5000", (25, "UGX")),
        ("ZMW 0.2450", (25, "ZMW")),
        ("0", (None, None)),
        ("None", (None, None)),
        ("XXX 1.00", (None, None)),
        ("ZMW nan", (None, None)),
        ("ZMW -1", (None, None)),
        ("ZMW 1e999999", (None, None)),
        ("ZMW 0." + "25" * 20, (None, None)),
        (None, (None, None)),
        (0.25, (None, None)),
    ],
)
def test_the_cost_is_read_to_the_nearest_minor_unit_or_not_at_all(text, expected):
    assert cost(text) == expected


async def test_the_simulated_aggregator_takes_what_we_send(aiohttp_server, session):
    aggregator = pytest.importorskip("simulators.aggregator.app")
    config_of = pytest.importorskip("simulators.aggregator.config")
    config = config_of.Config(delivery_reports=False)
    server = await aiohttp_server(aggregator.create(config))
    account = AfricasTalkingSettings(
        base_url=str(server.make_url("/")), username=config.username, api_key=SecretStr(config.api_key)
    )
    handed = await AfricasTalking(session, account).send(MESSAGE)
    assert handed.outcome is Outcome.SENT
    assert handed.provider_message_id
    refused = await AfricasTalking(session, account.model_copy(update={"username": "other"})).send(MESSAGE)
    assert (refused.outcome, refused.is_config_fault) == (Outcome.TRY_AGAIN, True)
