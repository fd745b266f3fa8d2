"""Callbacks, SMS, health and metrics: stored once, refused with a code, never a trace of what is inside."""

from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from town import CALLER, PAY_ALL, TOKEN, until

from gateway.sessions.tables import ussd_end_events
from payments.tables import callbacks
from sms.tables import sms_delivery_reports, sms_inbound, sms_messages, sms_opt_outs

INBOUND = {
    "from": CALLER,
    "to": "38407",
    "text": "BAL \U0001f6b0",
    "date": "2026-11-21 08:15:00",
    "id": "m1",
}


async def _post(town, path, method="POST", **how):
    async with town.http.request(method, town.gateway_url + path, **how) as reply:
        return reply.status, await reply.text(), reply.headers


async def _problem(town, path, **how):
    async with town.http.request(how.pop("method", "POST"), town.gateway_url + path, **how) as reply:
        assert reply.content_type == "application/problem+json"
        body = await reply.json(content_type=None)
        assert set(body) >= {"type", "title", "status", "code", "detail"}
        assert body["status"] == reply.status
        return reply.status, body["code"]


async def test_alive_and_ready_and_not_ready_when_the_schema_is_behind(town):
    await town.open()
    assert (await _post(town, "/healthz", "GET"))[:2] == (200, '{"status": "ok"}')
    assert (await _post(town, "/readyz", "GET"))[:2] == (200, '{"status": "ready"}')
    async with town.db.write() as connection:
        await connection.execute(sa.text("DELETE FROM alembic_version"))
    status, body, _ = await _post(town, "/readyz", "GET")
    assert (status, "schema_behind" in body) == (503, True)
    assert (await _post(town, "/healthz", "GET"))[0] == 200


async def test_ready_whatever_providers_and_workers_do(town):
    await town.open(worker=False)
    await town.providers.close()
    assert (await _post(town, "/readyz", "GET"))[0] == 200


async def test_not_ready_when_the_database_is_gone(town, monkeypatch):
    house = await town.open()

    async def gone():
        raise RuntimeError("a driver's own error while it connects")

    monkeypatch.setattr(house.runtime.db, "ping", gone)
    status, body, _ = await _post(town, "/readyz", "GET")
    assert (status, "database_unreachable" in body) == (503, True)
    assert "driver" not in body


async def test_metrics_are_open_without_a_token_and_closed_with_one(sqlite_town):
    house = await sqlite_town.open()
    await sqlite_town.hops(*PAY_ALL)
    await sqlite_town.payment("success")
    status, body, headers = await _post(sqlite_town, "/metrics", "GET")
    assert (status, headers["Content-Type"].startswith("text/plain")) == (200, True)
    assert "madzi_" in body
    assert "260961234567" not in body
    await house.close()
    await sqlite_town.open(metrics_token="scrape-me-please")
    for given in (None, "Bearer wrong", "scrape", "Bearer \xfc"):
        headers = {"Authorization": given} if given else {}
        assert await _problem(sqlite_town, "/metrics", method="GET", headers=headers) == (401, "unauthorized")
    headers = {"Authorization": "Bearer scrape-me-please"}
    assert (await _post(sqlite_town, "/metrics", "GET", headers=headers))[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("rest", ["", "/stk", "?key=none", "/stk?key=%00%FF", "?key=" + "x" * 500])
async def test_a_callback_is_stored_raw_and_answered_at_once(town, method, rest):
    house = await town.open()
    for token, account in house.runtime.accounts.items():
        status, body, _ = await _post(town, f"/cb/{token}{rest}", method, data=b'{"any": "thing"}')
        assert status == 200
        assert body == house.runtime.providers[account.account_id].traits.callback_reply[1]
    rows = await town.rows(sa.select(callbacks))
    assert {row.body for row in rows} == {b'{"any": "thing"}'}
    assert {row.account_id for row in rows} == set(house.runtime.providers)


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b"{", b"null", b'{"Body": 1}', b"[" * 5000])
async def test_a_callback_that_means_nothing_is_kept_and_settles_nothing(town, body):
    house = await town.open()
    for token in house.runtime.accounts:
        assert (await _post(town, f"/cb/{token}", data=body))[0] == 200

    async def judged():
        rows = await town.rows(sa.select(callbacks))
        return rows if all(row.verdict != "new" for row in rows) else None

    assert {row.verdict for row in await until(judged)} <= {"unreadable", "unmatched"}
    await town.agrees()


async def test_callbacks_that_are_refused(sqlite_town):
    house = await sqlite_town.open()
    token = next(iter(house.runtime.accounts))
    assert await _problem(sqlite_town, "/cb/nobodys-token", data=b"{}") == (404, "not_found")
    assert await _problem(sqlite_town, f"/cb/{token}/UP.per", data=b"{}") == (404, "not_found")
    assert await _problem(sqlite_town, f"/cb/{token}", data=b"x" * 70_000) == (413, "too_large")
    assert await _problem(sqlite_town, f"/cb/{token}", method="GET") == (405, "method_not_allowed")
    assert await sqlite_town.rows(sa.select(callbacks)) == []


async def test_an_sms_of_a_person_is_stored_once_however_often_it_comes(town):
    await town.open()
    for _ in range(3):
        assert (await _post(town, f"/sms/africastalking/{TOKEN}/inbound", data=INBOUND))[0] == 200
    (row,) = await town.rows(sa.select(sms_inbound))
    assert (row.inbound_id, row.sender, row.text) == ("m1", CALLER, INBOUND["text"])


@pytest.mark.parametrize("changes", [{"id": ""}, {"id": "\x00"}, {"id": "x" * 101}, {"from": ""}])
async def test_an_sms_without_id_or_sender_is_refused(town, changes):
    await town.open()
    path = f"/sms/africastalking/{TOKEN}/inbound"
    assert await _problem(town, path, data=INBOUND | changes) == (400, "bad_sms")
    assert await town.rows(sa.select(sms_inbound)) == []


@pytest.mark.parametrize("text", ["", "\x00", "x" * 10_000, "\U0001f6b0" * 500])
async def test_an_sms_with_any_text_is_stored(town, text):
    await town.open()
    path = f"/sms/africastalking/{TOKEN}/inbound"
    assert (await _post(town, path, data=INBOUND | {"text": text}))[0] == 200
    assert len(await town.rows(sa.select(sms_inbound))) == 1


async def test_delivery_reports_move_the_sms_and_are_kept_even_if_strange(town):
    await town.open()
    await town.hops(*PAY_ALL)

    async def delivered():
        rows = await town.rows(sa.select(sms_messages))
        return rows if rows and rows[0].status == "delivered" else None

    (sms,) = await until(delivered)
    path = f"/sms/africastalking/{TOKEN}/delivery"
    for form in (
        {"id": sms.provider_message_id, "status": "Failed"},
        {"id": "nobody's", "status": "Success"},
        {"id": "\x00", "status": "Teleported", "failureReason": "x" * 500},
        {},
    ):
        assert (await _post(town, path, data=form))[0] == 200
    assert (await town.rows(sa.select(sms_messages)))[0].status == "delivered"
    assert len(await town.rows(sa.select(sms_delivery_reports))) == 5


async def test_an_opt_out_is_stored_once(town):
    await town.open()
    path = f"/sms/africastalking/{TOKEN}/optout"
    for _ in range(2):
        assert (await _post(town, path, data={"senderId": "MADZI", "phoneNumber": CALLER}))[0] == 200
    (row,) = await town.rows(sa.select(sms_opt_outs))
    assert row.msisdn == CALLER
    assert await _problem(town, path, data={"senderId": "MADZI"}) == (400, "bad_phone_number")
    assert await _problem(town, path, data={"phoneNumber": "me"}) == (400, "bad_msisdn")


async def test_an_end_event_is_stored_once_and_lets_the_push_go(town):
    await town.open(push_delay_s=60)
    await town.hops(*PAY_ALL)
    assert (await town.payments())[0].push_state == "none"
    event = {"sessionId": "s1", "status": "Success", "durationInMillis": "9" * 30, "hopsMetadata": "a|" * 900}
    for _ in range(2):
        assert (await _post(town, f"/ussd/africastalking/{TOKEN}/events", data=event))[0] == 200
    await town.payment("success")
    (kept,) = await town.rows(sa.select(ussd_end_events))
    assert kept.body == urlencode(event).encode()


async def test_an_end_event_without_a_session_is_refused(town):
    await town.open()
    path = f"/ussd/africastalking/{TOKEN}/events"
    for form in ({}, {"sessionId": ""}, {"sessionId": "\x00"}):
        assert await _problem(town, path, data=form) == (400, "bad_session_id")
    assert (await _post(town, path, data={"sessionId": "unknown\x00"}))[0] == 200


@pytest.mark.parametrize("path", ["inbound", "delivery", "optout"])
async def test_sms_endpoints_need_the_token(sqlite_town, path):
    await sqlite_town.open()
    assert await _problem(sqlite_town, f"/sms/africastalking/x/{path}", data=INBOUND) == (404, "not_found")


async def test_what_is_nowhere_is_a_problem_document(sqlite_town):
    await sqlite_town.open()
    for path in ("/", "/nowhere", "/cb", "/ussd/hubtel/x", "/%00", "/.env"):
        assert await _problem(sqlite_town, path, method="POST") == (404, "not_found")
