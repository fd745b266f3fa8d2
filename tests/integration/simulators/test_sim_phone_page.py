"""What `/phone` serves: its files, and only the few addresses of the simulators that it needs."""

import re
from importlib import resources

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.cli.browser_phone import add_phone, demo_numbers, simulators_of
from gateway.settings import Settings
from simulators.phone import browser
from simulators.phone.browser import Number
from simulators.phone.watch import Addresses
from simulators.serve import start

NOWHERE = Addresses("http://127.0.0.1:9", "http://127.0.0.1:9")


class Echo:
    """Stands for a simulator; tells what it was asked."""

    def __init__(self):
        self.asked = []

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.running = await start(app)
        return self

    async def __aexit__(self, *error):
        await self.running.close()

    async def answer(self, request):
        self.asked.append((request.method, str(request.rel_url), (await request.read()).decode()))
        return web.json_response({"heard": True}, status=409 if "answer" in request.path else 200)


@pytest.fixture
async def serving():
    clients = []

    async def begin(add):
        app = web.Application()
        add(app)
        clients.append(TestClient(TestServer(app)))
        await clients[-1].start_server()
        return clients[-1]

    yield begin
    for client in clients:
        await client.close()


async def test_the_page_and_every_file_that_it_names_are_there(serving):
    client = await serving(lambda app: browser.add_to(app, NOWHERE))
    page = await (await client.get("/phone")).text()
    named = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    assert named == {"phone/icon.svg", "phone/phone.css", "phone/phone.js"}
    files = {file.name for file in resources.files("simulators.phone").joinpath("page").iterdir()}
    for name in files - {"phone.html"}:
        reply = await client.get(f"/phone/{name}")
        assert reply.status == 200, name
        text = await reply.text()
        for imported in re.findall(r'from "\./([^"]+)"', text):
            assert imported in files
        strangers = [url for url in re.findall(r"https?://[^\"' ]+", text) if "w3.org" not in url]
        assert strangers == [], "nothing comes from outside"
        assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(", text), "text stays text"


async def test_the_page_may_load_nothing_but_its_own_files(serving):
    client = await serving(lambda app: browser.add_to(app, NOWHERE))
    for path in ("/phone", "/phone/phone.js"):
        reply = await client.get(path)
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    page = await (await client.get("/phone")).text()
    assert not re.search(r"<style|<script>| style=| on[a-z]+=", page), "the policy would refuse it"


@pytest.mark.parametrize(
    ("method", "path", "side", "reached"),
    [
        ("GET", "/networks", "aggregator", "/_sim/networks"),
        ("GET", "/line?number=%2B260%2096", "aggregator", "/_sim/line?number=%2B260%2096"),
        ("POST", "/calls", "aggregator", "/_sim/calls"),
        ("GET", "/calls/ATUid_1f", "aggregator", "/_sim/calls/ATUid_1f"),
        ("POST", "/calls/ATUid_1f", "aggregator", "/_sim/calls/ATUid_1f"),
        ("DELETE", "/calls/ATUid_1f", "aggregator", "/_sim/calls/ATUid_1f"),
        ("GET", "/sms?to=%2B260961234567&since=2026-11-21T08:15:00Z", "aggregator",
         "/_sim/sms?to=%2B260961234567&since=2026-11-21T08:15:00Z"),
        ("POST", "/sms", "aggregator", "/_sim/sms"),
        ("GET", "/prompts?msisdn=%2B260961234567", "providers", "/_sim/prompts?msisdn=%2B260961234567"),
        ("POST", "/people", "providers", "/_sim/people"),
        ("DELETE", "/people/260961234567", "providers", "/_sim/people/260961234567"),
    ],
)  # fmt: skip
async def test_requests_are_passed_on_to_the_letter(serving, method, path, side, reached):
    async with Echo() as aggregator, Echo() as providers:
        at = Addresses(providers.running.url, aggregator.running.url)
        client = await serving(lambda app: browser.add_to(app, at))
        body = {"input": "1 & ŵ"} if method == "POST" else None
        reply = await client.request(method, f"/phone/api{path}", json=body)
        assert (reply.status, await reply.json()) == (200, {"heard": True})
        asked = {"aggregator": aggregator.asked, "providers": providers.asked}
        ((heard_method, heard_path, heard_body),) = asked.pop(side)
        assert (heard_method, heard_path) == (method, reached)
        assert ("1 & " in heard_body) == (body is not None)
        assert list(asked.values()) == [[]]


async def test_a_refusal_comes_back_as_it_is(serving):
    async with Echo() as providers:
        client = await serving(lambda app: browser.add_to(app, Addresses(providers.running.url, None)))
        reply = await client.post("/phone/api/prompts/pr_1/answer", json={"answer": "approve"})
        assert reply.status == 409


@pytest.mark.parametrize(
    "path",
    [
        "/faults",
        "/book",
        "/settings",
        "/recipients",
        "/calls/..%2Ffaults",
        "/people/*",
        "/prompts/a/b/answer",
    ],
)
async def test_nothing_else_of_a_simulator_can_be_reached(serving, path):
    async with Echo() as both:
        url = both.running.url
        client = await serving(lambda app: browser.add_to(app, Addresses(url, url)))
        for method in ("GET", "POST", "PUT", "DELETE"):
            body = {} if method in ("POST", "PUT") else None
            assert (await client.request(method, f"/phone/api{path}", json=body)).status in (404, 405)
        assert both.asked == []


async def test_a_form_of_a_strange_site_is_refused(serving):
    async with Echo() as both:
        client = await serving(lambda app: browser.add_to(app, Addresses(None, both.running.url)))
        assert (await client.post("/phone/api/sms", data={"from": "x", "text": "y"})).status == 415
        assert both.asked == []


async def test_simulators_that_are_away_or_not_there_are_said(serving):
    client = await serving(lambda app: browser.add_to(app, NOWHERE))
    reply = await client.get("/phone/api/networks")
    assert (reply.status, await reply.text()) == (502, "the simulator of the aggregator does not answer\n")
    client = await serving(lambda app: browser.add_to(app, Addresses()))
    reply = await client.get("/phone/api/prompts")
    assert (reply.status, await reply.text()) == (503, "no simulator of the providers is set\n")


async def test_phones_to_pick_up_are_told(serving):
    client = await serving(lambda app: browser.add_to(app, NOWHERE, [Number("0961239902", "cancels", True)]))
    assert await (await client.get("/phone/api/numbers")).json() == [
        {"number": "0961239902", "who": "cancels", "answers_itself": True}
    ]


# Where it may be


def settings(**given):
    return Settings(_env_file=None, **given)


PRODUCTION = {
    "env": "production",
    "channel_token": "x" * 20,
    "metrics_token": "y" * 20,
    "public_url": "https://madzi.example",
    "database_url": "sqlite+aiosqlite:///x.db",
    "master_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


async def test_there_is_no_phone_in_production(serving):
    client = await serving(lambda app: add_phone(app, settings(**PRODUCTION)))
    for path in ("/phone", "/phone/phone.js", "/phone/api/networks"):
        assert (await client.get(path)).status == 404


@pytest.mark.parametrize("env", ["demo", "test"])
async def test_there_is_a_phone_in_demo_and_test(serving, env):
    client = await serving(lambda app: add_phone(app, settings(env=env)))
    assert (await client.get("/phone")).status == 200


AT = {"username": "madzi", "api_key": "k"}
MTN = {"subscription_key": "k", "api_user": "u", "api_key": "k", "target_environment": "sandbox"}


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://10.1.2.3:80/sims", "http://10.1.2.3:80/sims"),
        ("http://simulators:8081/", "http://simulators:8081"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("https://sandbox.momodeveloper.mtn.com", None),
        ("https://api.sandbox.africastalking.com", None),
        ("http://8.8.8.8", None),
    ],
)
def test_simulators_are_where_the_settings_point_and_never_on_the_internet(base, found):
    told = settings(at={**AT, "base_url": base}, mtn={**MTN, "base_url": base.rstrip("/") + "/mtn"})
    assert simulators_of(told) == Addresses(found, found)
    assert simulators_of(settings()) == Addresses()


def test_the_demo_offers_one_of_each_role():
    offered = {number.who: number for number in demo_numbers()}
    assert len({number.number for number in offered.values()}) == len(offered)
    for who in ("somebody new", "tenant on KNY-0417-1", "caretaker of KNY-0417-1", "agent in KNY"):
        assert not offered[who].answers_itself
    assert offered["has no wallet"].answers_itself
