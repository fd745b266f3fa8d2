"""GET: one payment, pages of them, what an agent sees of a tap; and who may."""

import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
from town import CALLER, KENYAN, KENYAN_TAP, NEIGHBOUR, OTHER_TAP, OWED, TAP, TOKEN

from core.clock import rfc3339
from taps import users

BODY = {"tap_id": TAP, "msisdn": CALLER}
KENYAN_BODY = {"tap_id": KENYAN_TAP, "msisdn": KENYAN}
INDIVIDUALIZED = "100008"
FOUR = (
    {**BODY, "amount": {"amount_minor": 1000, "currency": "ZMW"}},
    {**BODY, "tap_id": OTHER_TAP, "msisdn": NEIGHBOUR},
    KENYAN_BODY,
    {"tap_id": INDIVIDUALIZED, "msisdn": CALLER},
)


async def pay_four(platform):
    """Accept four payments one after the other; return their ids, newest first."""
    return [(await platform.pay(body)).json["payment_id"] for body in FOUR][::-1]


def ids(reply):
    return [item["payment_id"] for item in reply.json["items"]]


# One payment.


async def test_a_payment_is_found_by_either_id_with_its_trail(platform):
    accepted = (await platform.pay()).json
    for name in (accepted["payment_id"], accepted["payment_request_id"].upper()):
        shown = await platform.get(f"/payments/{name}")
        assert shown.status == 200
        trail = shown.json.pop("transitions")
        assert [(step["from"], step["to"], step["cause"]) for step in trail] == [(None, "initiated", "rest")]
        assert {name: shown.json[name] for name in accepted} == accepted


@pytest.mark.parametrize("name", [str(uuid.UUID(int=1)), "no-id", "MP261121.0815", "%00", "a%2Fb", "x" * 300])
async def test_a_payment_that_does_not_exist_is_not_found(sqlite_platform, name):
    reply = await sqlite_platform.get(f"/payments/{name}")
    assert reply.status == 404
    assert reply.code in ("no_such_payment", "not_found")


# Pages.


async def test_a_page_holds_payments_newest_first(platform):
    newest_first = await pay_four(platform)
    reply = await platform.get("/payments")
    assert ids(reply) == newest_first
    assert reply.json["next_cursor"] is None
    [shown] = [item for item in reply.json["items"] if item["payment_id"] == newest_first[0]]
    assert len(shown["orders"]) == 2


@pytest.mark.parametrize("limit", [1, 3])
async def test_pages_together_hold_every_payment_once_though_new_ones_come(platform, limit):
    everything = await pay_four(platform)
    seen, cursor = [], ""
    for _ in range(len(everything)):
        reply = await platform.get(f"/payments?limit={limit}&cursor={cursor}")
        assert len(ids(reply)) <= limit
        seen += ids(reply)
        cursor = reply.json["next_cursor"]
        await platform.pay({**BODY, "tap_id": TAP})  # refused or not, the pages stay
        if cursor is None:
            break
    assert seen == everything


async def test_pages_are_stable_where_payments_are_of_the_same_moment(platform):
    everything = await pay_four(platform)
    await platform.same_moment()
    first = await platform.get("/payments?limit=3")
    rest = await platform.get(f"/payments?limit=3&cursor={first.json['next_cursor']}")
    assert sorted(ids(first) + ids(rest)) == sorted(everything)
    assert ids(first) == sorted(everything, reverse=True)[:3]


async def test_payments_are_found_by_tap_phone_status_and_time(platform):
    fourth, third, second, first = await pay_four(platform)
    rows = {row.payment_id: row for row in await platform.town.payments()}
    third_at = quote(rfc3339(rows[third].created_at))
    later = quote(rfc3339(rows[fourth].created_at + timedelta(seconds=1)))
    for query, expected in (
        ("tap_id=kny04171", [first]),
        ("tap_id=100008", [fourth]),
        ("tap_id=999995", []),
        ("msisdn=0967654321", [second]),
        (f"msisdn={quote(CALLER)}&status=initiated", [fourth, first]),
        ("status=success", []),
        (f"since={third_at}", [fourth, third]),
        (f"since={later}", []),
        ("since=2020-01-01&limit=1", [fourth]),
        ("tap_id=&msisdn=&status=&since=&cursor=", [fourth, third, second, first]),
    ):
        reply = await platform.get(f"/payments?{query}")
        assert (reply.status, query, ids(reply)) == (200, query, expected)


async def test_wrong_parameters_are_named_by_a_code(sqlite_platform):
    for query, code in (
        ("tap_id=KNY-0417-2", "bad_tap_id"),
        ("tap_id=%00", "bad_tap_id"),
        ("msisdn=12", "bad_msisdn"),
        ("status=done", "bad_status"),
        ("since=yesterday", "bad_since"),
        ("since=0001-01-01T00:00:00%2B14:00", "bad_since"),
        ("cursor=x", "bad_cursor"),
        ("cursor=%FF", "bad_cursor"),
        ("cursor=" + "A" * 300, "bad_cursor"),
        ("cursor=MjAyNi0xMS0yMVQwNjowMDowMFp8eA", "bad_cursor"),
        ("limit=0", "bad_limit"),
        ("limit=201", "bad_limit"),
        ("limit=-1", "bad_limit"),
        ("limit=%D9%A3", "bad_limit"),
        ("colour=blue", "unknown_parameter"),
        ("limit=1&limit=2", "bad_parameter"),
    ):
        reply = await sqlite_platform.get(f"/payments?{query}")
        assert (reply.status, reply.code) == (400, code), query


async def test_the_earliest_time_there_is_does_not_break_a_page(platform):
    assert (await platform.get("/payments?since=0001-01-01")).status == 200


# Taps.


async def test_an_agent_sees_who_owes_what_and_what_is_being_paid(platform):
    accepted = (await platform.pay()).json
    status = (await platform.get("/taps/kny04171/status", who="agent")).json
    assert (status["tap_id"], status["zone"], status["billing"]) == (TAP, "KNY", "shared")
    assert status["open"] == {"amount_minor": OWED, "currency": "ZMW"}
    [debt] = status["debts"]
    assert (debt["period"], debt["tenant_id"], debt["paid"]["amount_minor"]) == ("2026-11", None, 0)
    [paying] = status["under_way"]
    assert paying["payment_id"] == accepted["payment_id"]
    assert (paying["since"], paying["provider"]) == (accepted["created_at"], "mtn")


async def test_an_individualized_tap_shows_each_tenants_debt_and_no_names(platform):
    reply = await platform.get(f"/taps/{INDIVIDUALIZED}/status", who="agent")
    people = await platform.tenants()
    assert reply.json["billing"] == "individualized"
    assert {debt["tenant_id"] for debt in reply.json["debts"]} == {t.tenant_id for t in people.values()}
    assert sum(debt["open"]["amount_minor"] for debt in reply.json["debts"]) == OWED
    text = reply.raw.decode()
    assert not any(tenant.name in text or tenant.msisdn in text for tenant in people.values())


async def test_a_paid_tap_shows_what_was_paid(working_platform):
    await working_platform.pay()
    await working_platform.town.payment("success")
    status = (await working_platform.get(f"/taps/{TAP}/status")).json
    assert status["open"]["amount_minor"] == 0
    assert status["debts"][0]["paid"]["amount_minor"] == OWED
    assert status["under_way"] == []


@pytest.mark.parametrize("name", ["KNY-0417-2", "999995", "x", "%00", "K" * 200, "%C3%A9"])
async def test_a_tap_that_does_not_exist_is_not_found(sqlite_platform, name):
    reply = await sqlite_platform.get(f"/taps/{name}/status")
    assert (reply.status, reply.code) == (404, "no_such_tap")


# Who may.

PATHS = (
    ("GET", "/payments"),
    ("POST", "/payments"),
    ("GET", f"/payments/{uuid.UUID(int=1)}"),
    ("GET", f"/taps/{TAP}/status"),
)


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Bearer guess", "Basic YTpi", "Bearer \xe9", "Bearer " + "a" * 5000]
)
async def test_without_a_valid_token_nobody_gets_in(sqlite_platform, header):
    headers = {"Authorization": header} if header is not None else {}
    for method, path in PATHS:
        reply = await sqlite_platform.ask(method, path, who=None, headers=headers)
        assert (reply.status, reply.code) == (401, "unauthorized")
        assert reply.headers["WWW-Authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case(sqlite_platform):
    headers = {"Authorization": f"bearer {sqlite_platform.tokens['bff']}"}
    assert (await sqlite_platform.ask("GET", "/payments", who=None, headers=headers)).status == 200


@pytest.mark.parametrize("who", ["agent", "keeper"])
async def test_agents_and_caretakers_read_and_do_not_pay(sqlite_platform, who):
    accepted = (await sqlite_platform.pay()).json
    assert (await sqlite_platform.get(f"/payments/{accepted['payment_id']}", who=who)).status == 200
    refused = await sqlite_platform.pay(who=who)
    assert (refused.status, refused.code) == (403, "not_allowed")
    assert len(await sqlite_platform.town.payments()) == 1


async def test_another_zone_is_as_if_it_were_not_there(platform):
    ours = (await platform.pay()).json["payment_id"]
    theirs = (await platform.pay(KENYAN_BODY)).json["payment_id"]
    assert ids(await platform.get("/payments", who="office")) == [ours]
    assert ids(await platform.get("/payments", who="nairobi")) == [theirs]
    assert ids(await platform.get(f"/payments?tap_id={KENYAN_TAP}", who="office")) == []
    for path, code in (
        (f"/payments/{theirs}", "no_such_payment"),
        (f"/taps/{KENYAN_TAP}/status", "no_such_tap"),
    ):
        reply = await platform.get(path, who="office")
        assert (reply.status, reply.code) == (404, code)
    reply = await platform.pay(KENYAN_BODY, who="office")
    assert (reply.status, reply.code) == (404, "no_such_tap")


async def test_staff_of_a_zone_pay_there(platform):
    assert (await platform.pay(KENYAN_BODY, who="nairobi")).status == 202


async def test_numbers_are_read_as_the_users_country_writes_them(platform):
    theirs = (await platform.pay(KENYAN_BODY)).json["payment_id"]
    assert ids(await platform.get("/payments?msisdn=0708374149", who="nairobi")) == [theirs]


async def test_a_new_token_works_at_once(platform):
    assert (await platform.get("/payments")).status == 200
    async with platform.town.db.write() as connection:
        await users.set_token(connection, "bff", f"new-{TOKEN}")
    headers = {"Authorization": f"Bearer new-{TOKEN}"}
    assert (await platform.get("/payments", who=None, headers=headers)).status == 200


async def test_who_asks_too_often_is_told_how_long_to_wait_and_others_are_not(limited_platform):
    replies = [await limited_platform.get("/payments") for _ in range(5)]
    assert [reply.status for reply in replies] == [200] * 4 + [429]
    assert replies[-1].code == "too_many_requests"
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 100
    assert (await limited_platform.get("/payments", who="office")).status == 200


# Edges of HTTP.


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/payments", 405), ("PUT", f"/taps/{TAP}/status", 405), ("GET", "/nothing", 404)],
)
async def test_what_no_endpoint_takes_is_a_problem_too(sqlite_platform, method, path, status):
    reply = await sqlite_platform.ask(method, path)
    assert reply.status == status
    assert reply.code == {404: "not_found", 405: "method_not_allowed"}[status]
