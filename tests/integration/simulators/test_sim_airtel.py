"""Airtel Money's simulator says what its wire vectors say."""

import json

import pytest

from simulators.providers.airtel_wire import hash_of
from simulators.providers.config import Airtel

MADE_UP = {
    "access_token",
    "airtel_money_id",
    "key",
    "key_id",
    "valid_upto",
    "message",
    "hash",
    "response_code",
}
PUSH = "/merchant/v1/payments/"
KEYS = {"client_id": Airtel().client_id, "client_secret": Airtel().client_secret}


def same(told, wanted, key=""):
    """The same members and JSON types; the same values where Airtel does not make them up."""
    assert type(told) is type(wanted), (key, told, wanted)
    if isinstance(wanted, dict):
        assert set(told) == set(wanted)
        for name, value in wanted.items():
            same(told[name], value, name)
    elif key not in MADE_UP:
        assert told == wanted, key


class Line:
    """Speaks to the simulator under `/airtel`, with a token."""

    def __init__(self, speaker):
        self.speaker = speaker

    async def ask(self, request):
        text = json.dumps(request)
        for name, value in (KEYS | {"access_token": self.speaker.tokens.get("airtel", "")}).items():
            text = text.replace("{" + name + "}", value)
        filled = json.loads(text)
        data = filled.get("body_text") or (json.dumps(filled["body"]) if "body" in filled else None)
        url = f"{self.speaker.url}/airtel{filled['path']}"
        reply = await self.speaker.http.request(filled["method"], url, headers=filled["headers"], data=data)
        await reply.read()
        return reply

    async def check(self, vector):
        reply = await self.ask(vector["request"])
        assert reply.status == vector["reply"]["status"]
        if "body" in vector["reply"] and "the body" not in vector.get("assumed", ""):
            same(await reply.json(), vector["reply"]["body"])
        return reply


@pytest.fixture
def line(speak, vectors, gateway):
    async def begin(**settings):
        settings.setdefault("callback_url", gateway.url + "/cb/tok")
        speaker = await speak(airtel=Airtel(**settings))
        line = Line(speaker)
        token = await line.ask(vectors("airtel")["token"]["request"])
        speaker.tokens["airtel"] = (await token.json())["access_token"]
        return line

    return begin


async def tell(line, answer, **how):
    await line.speaker.sim("POST", "/_sim/people", {"msisdn": "260971234567", "answer": answer, **how})


@pytest.mark.parametrize(
    "name",
    ["token", "token_wrong_keys", "push_accepted", "push_with_ngwee", "encryption_key", "enquiry_too_early"],
)
async def test_it_answers_as_its_vector(line, vectors, name):
    await (await line()).check(vectors("airtel")[name])


@pytest.mark.parametrize("name", ["push_refused_under_200", "push_refused_under_400"])
async def test_who_has_no_wallet_is_refused(line, vectors, name):
    spoken = await line(refusal_status=vectors("airtel")[name]["reply"]["status"])
    await tell(spoken, "no_wallet")
    await spoken.check(vectors("airtel")[name])


async def test_a_token_ends_after_three_minutes(line, vectors, clock):
    spoken, vector = await line(), vectors("airtel")["push_token_refused"]
    await clock.advance(179)
    assert (await spoken.ask(vector["request"])).status == 200
    await clock.advance(1)
    await spoken.check(vector)


async def test_an_id_is_taken_once(line, vectors):
    spoken, vector = await line(), vectors("airtel_codes")["push_ESB000041"]
    assert (await (await spoken.ask(vector["request"])).json())["status"]["success"] is True
    await spoken.check(vector)
    assert len((await spoken.speaker.sim("GET", "/airtel/_sim/book"))["open"]) == 1


MISTAKES = [
    ({"subscriber": {"msisdn": "0971234567"}}, "ESB000033"),
    ({"subscriber": {"msisdn": "260971234567"}}, "ESB000033"),
    ({"subscriber": {"msisdn": 971234567}}, "ESB000033"),
    ({"subscriber": {"country": "UG"}}, "ESB000034"),
    ({"transaction": {"currency": "USD"}}, "ESB000035"),
    ({"transaction": {"amount": "30"}}, "ESB000008"),
    ({"transaction": {"amount": 0}}, "ESB000008"),
    ({"transaction": {"amount": 30.1000000001}}, "ESB000008"),
    ({"transaction": {"id": ""}}, "ESB000008"),
    ({"reference": None}, "ESB000008"),
]


@pytest.mark.parametrize(("mistake", "code"), MISTAKES)
async def test_a_mistake_in_a_push_is_refused(line, vectors, mistake, code):
    request = json.loads(json.dumps(vectors("airtel")["push_accepted"]["request"]))
    for name, value in mistake.items():
        part = request["body"][name]
        request["body"][name] = part | value if isinstance(part, dict) else value
    spoken = await line()
    body = await (await spoken.ask(request)).json()
    assert (body["status"]["result_code"], body["status"]["success"]) == (code, False)
    assert (await spoken.speaker.sim("GET", "/airtel/_sim/book"))["open"] == []


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("X-Country", None, "ROUTER003"),
        ("X-Country", "UG", "ROUTER006"),
        ("X-Currency", None, "ROUTER003"),
        ("X-Currency", "UGX", "ROUTER112"),
    ],
)
async def test_a_mistake_in_the_headers_is_refused(line, vectors, header, value, code):
    request = vectors("airtel")["push_accepted"]["request"]
    headers = {name: text for name, text in request["headers"].items() if name != header}
    headers |= {header: value} if value else {}
    body = await (await (await line()).ask(request | {"headers": headers})).json()
    assert body["status"]["response_code"] == code


@pytest.mark.parametrize(("version", "signing"), [("v2", False), ("v1", True)])
async def test_an_unsigned_push_is_forbidden_where_signing_is_wanted(line, vectors, version, signing):
    request = vectors("airtel")["push_accepted"]["request"]
    for headers in ({}, {"x-key": "!", "x-signature": "é"}, {"x-key": "QUJD", "x-signature": "QUJD"}):
        asked = request | {
            "path": f"/merchant/{version}/payments/",
            "headers": request["headers"] | headers,
        }
        body = await (await (await line(signing=signing)).ask(asked)).json()
        assert body["status"]["response_code"] == "DP00800001026"


@pytest.mark.parametrize(
    ("answer", "how", "enquiry"),
    [
        ("approve", {}, "enquiry_TS"),
        ("cancel", {}, "enquiry_TF"),
        ("ask", {}, "enquiry_TIP"),
        ("ignore", {"prompt_lifetime_s": 1}, "enquiry_TE"),
        ("refused", {"code": "TA"}, "enquiry_TA"),
        ("refused", {"code": "TI"}, "enquiry_TI"),
        ("refused", {"code": "TX"}, "enquiry_TX"),
    ],
)
async def test_an_enquiry_tells_how_it_stands(line, vectors, clock, answer, how, enquiry):
    spoken, found = await line(), vectors("airtel")
    await tell(spoken, answer, **how)
    await spoken.ask(found["push_accepted"]["request"])
    await clock.advance(2)
    await spoken.check(found[enquiry])


@pytest.mark.parametrize(("answer", "notice"), [("approve", "callback_TS"), ("cancel", "callback_TF")])
async def test_a_notice_goes_to_the_portals_address(line, vectors, clock, gateway, until, answer, notice):
    spoken = await line()
    await tell(spoken, answer)
    await spoken.ask(vectors("airtel")["push_accepted"]["request"])
    await clock.advance(2)
    await until(lambda: gateway.got)
    ((method, path, text),) = gateway.got
    assert (method, path) == ("POST", "/cb/tok")
    wanted = json.loads(vectors("airtel")[notice]["request"]["body_text"])
    same(json.loads(text), wanted | {"hash": "…"})


async def test_without_an_address_in_the_portal_nobody_is_told(line, vectors, clock, gateway):
    spoken = await line(callback_url=None)
    request = vectors("airtel")["push_accepted"]["request"]
    await spoken.ask(request)
    await clock.advance(2)
    assert (await spoken.speaker.sim("GET", "/airtel/_sim/book"))["debited"]
    assert gateway.got == []


async def test_the_portals_address_may_be_entered_later(line, vectors, clock, gateway, until):
    spoken = await line(callback_url=None)
    await spoken.speaker.sim("PUT", "/airtel/_sim/portal", {"callback_url": gateway.url + "/cb/new"})
    await spoken.ask(vectors("airtel")["push_accepted"]["request"])
    await clock.advance(2)
    await until(lambda: gateway.got)
    assert gateway.got[0][1] == "/cb/new"


@pytest.mark.parametrize("which", ["compact", "spaced", "whole_compact"])
def test_hashes_are_those_of_the_reference(vectors, which):
    body = json.loads(vectors("airtel")[f"callback_hash_{which}"]["request"]["body_text"])
    assert hash_of(body["transaction"], which, "callback-private-key") == body["hash"]


async def test_the_book_names_what_was_asked_for(line, vectors, clock):
    spoken = await line()
    await spoken.ask(vectors("airtel")["push_with_ngwee"]["request"])
    await clock.advance(2)
    (row,) = (await spoken.speaker.sim("GET", "/airtel/_sim/book"))["debited"]
    assert (row["msisdn"], row["amount"], row["currency"]) == ("+260971234567", "30.10", "ZMW")
    assert row["receipt"].startswith("MP251121.0830.")
    (prompt,) = await spoken.speaker.sim("GET", "/_sim/prompts")
    assert (prompt["payee"], prompt["account"]) == ("KANYAMA WATER TRUST", "Water TAP-KNY-0417")
