"""POST /api/v1/payments: what is accepted, what is refused, and what a repeat gets."""

import asyncio
import uuid

import pytest
import sqlalchemy as sa
from town import CALLER, KENYAN, KENYAN_OWED, KENYAN_TAP, NEIGHBOUR, OTHER_TAP, OWED, TAP

from gateway.api.tables import api_replies
from payments.tables import payment_orders

KEY = "0B7B6F3E-54F0-4F5C-9F0E-6A1E5C1D2B10"
BODY = {"tap_id": TAP, "msisdn": CALLER}
KENYAN_BODY = {"tap_id": KENYAN_TAP, "msisdn": "0708374149"}
INDIVIDUALIZED = "100008"
ZMW = "ZMW"


def amount(amount_minor, currency=ZMW):
    return {"amount": {"amount_minor": amount_minor, "currency": currency}}


async def test_a_whole_debt_is_accepted_with_an_order_for_each_seller(platform):
    reply = await platform.pay(key=KEY)
    assert reply.status == 202
    assert reply.headers["Content-Type"].startswith("application/json")
    payment = reply.json
    assert payment["payment_request_id"] == KEY.lower()
    assert payment["status"] == "initiated"
    assert payment["amount"] == {"amount_minor": OWED, "currency": ZMW}
    assert payment["provider"] == "mtn"
    orders = {order["seller"]: order["amount"]["amount_minor"] for order in payment["orders"]}
    assert orders == {"KANYAMA WATER TRUST": 2000, "KANYAMA WASTE": 1005}
    assert payment["links"] == {"self": f"/api/v1/payments/{payment['payment_id']}"}


async def test_the_payment_stands_as_it_was_answered(platform):
    answered = (await platform.pay({**BODY, "user_id": "bff:77"}, key=KEY)).json
    [payment] = await platform.town.payments()
    assert payment.payment_id == answered["payment_id"]
    assert (payment.channel, payment.user_id, payment.msisdn) == ("rest", "bff:77", CALLER)
    assert payment.push_after == payment.created_at
    [order, other] = await platform.town.rows(sa.select(payment_orders))
    assert {order.order_id, other.order_id} == {row["order_id"] for row in answered["orders"]}


async def test_a_payment_is_collected_to_its_end(working_platform):
    accepted = (await working_platform.pay()).json
    await working_platform.town.payment("success")
    shown = (await working_platform.get(f"/payments/{accepted['payment_id']}")).json
    assert shown["status"] == "success"
    assert shown["is_payment_done"]
    assert shown["receipt"]
    assert [step["to"] for step in shown["transitions"]] == ["initiated", "pending", "success"]
    await working_platform.town.agrees()


async def test_shillings_are_collected_from_a_number_in_kenyan_form(platform):
    payment = (await platform.pay(KENYAN_BODY)).json
    assert payment["msisdn"] == KENYAN
    assert payment["provider"] == "daraja"
    assert payment["amount"] == {"amount_minor": KENYAN_OWED, "currency": "KES"}


@pytest.mark.parametrize("typed", ["kny 0417 1", "KNY04171", "kny-0417-1"])
async def test_a_tap_is_read_as_people_type_it(sqlite_platform, typed):
    assert (await sqlite_platform.pay({**BODY, "tap_id": typed})).json["tap_id"] == TAP


async def test_a_tap_number_and_a_part_and_another_provider_by_name(sqlite_platform):
    body = {"tap_id": INDIVIDUALIZED, "msisdn": "0961234567", "provider": "mtn", **amount(1000)}
    payment = (await sqlite_platform.pay(body)).json
    assert payment["amount"]["amount_minor"] == 1000
    assert payment["tap_id"].startswith("KNY-0601-")


async def test_one_tenants_part_leaves_the_neighbours_free(platform):
    people = await platform.tenants()
    body = {"tap_id": INDIVIDUALIZED, "msisdn": CALLER}
    mary = await platform.pay({**body, "tenant_id": people["Mary"].tenant_id.upper()})
    john = await platform.pay({**body, "tenant_id": people["John"].tenant_id})
    assert (mary.status, john.status) == (202, 202)
    assert mary.json["tenant_id"] == people["Mary"].tenant_id
    assert mary.json["amount"]["amount_minor"] + john.json["amount"]["amount_minor"] == OWED
    again = await platform.pay(body)
    assert again.code == "payment_under_way"


# Repeats.


async def test_a_repeat_gets_the_same_bytes_even_after_the_payment_moved(working_platform):
    first = await working_platform.pay(key=KEY)
    await working_platform.town.payment("success")
    again = await working_platform.pay(dict(reversed(BODY.items())), key=KEY.lower())
    assert (again.status, again.raw) == (202, first.raw)
    assert len(await working_platform.town.payments()) == 1


async def test_the_answer_is_stored_with_its_payment(platform):
    first = await platform.pay(key=KEY)
    await platform.pay({**BODY, "tap_id": OTHER_TAP, **amount(10**9)})
    [row] = await platform.town.rows(sa.select(api_replies))
    assert (row.idempotency_key, row.status, row.body.encode()) == (KEY.lower(), 202, first.raw)
    assert row.user_name == "bff"


@pytest.mark.parametrize(
    "change", [{"tap_id": OTHER_TAP}, amount(100), {"msisdn": NEIGHBOUR}, {"user_id": "x"}]
)
async def test_the_same_key_with_another_body_is_refused(sqlite_platform, change):
    await sqlite_platform.pay(key=KEY)
    reply = await sqlite_platform.pay({**BODY, **change}, key=KEY)
    assert (reply.status, reply.code) == (422, "idempotency_mismatch")


async def test_the_key_of_another_user_tells_nothing(platform):
    await platform.pay(key=KEY)
    reply = await platform.pay(key=KEY, who="office")
    assert (reply.status, reply.code) == (422, "idempotency_mismatch")


async def test_a_refused_request_may_try_again_with_its_key(platform):
    refused = await platform.pay({**BODY, **amount(OWED + 1)}, key=KEY)
    assert refused.status == 422
    assert (await platform.pay(key=KEY)).status == 202


async def test_a_payment_above_the_limit_is_accepted_as_failed(limited_platform):
    reply = await limited_platform.pay(key=KEY)
    assert (reply.status, reply.json["status"], reply.json["reason"]) == (202, "failed", "limit_single")
    assert (await limited_platform.pay(key=KEY)).raw == reply.raw


# Many at once.


async def test_twenty_times_the_same_request_at_once_is_one_payment(platform):
    replies = await asyncio.gather(*(platform.pay(key=KEY) for _ in range(20)))
    accepted = [reply for reply in replies if reply.status == 202]
    others = [reply for reply in replies if reply.status != 202]
    assert accepted
    assert len({reply.raw for reply in accepted}) == 1
    assert {(reply.status, reply.code) for reply in others} <= {(409, "in_progress")}
    assert len(await platform.town.payments()) == 1


async def test_of_twenty_different_requests_for_one_tap_one_is_accepted(platform):
    replies = await asyncio.gather(*(platform.pay() for _ in range(20)))
    [accepted] = [reply for reply in replies if reply.status == 202]
    refused = [reply for reply in replies if reply.status != 202]
    assert {(reply.status, reply.code) for reply in refused} == {(409, "payment_under_way")}
    assert {reply.json["payment_id"] for reply in refused} == {accepted.json["payment_id"]}
    assert len(await platform.town.payments()) == 1


async def test_two_processes_take_one_request_once(platform):
    other = await platform.another_process()
    calls = [house.pay(key=KEY) for _ in range(6) for house in (platform, other)]
    replies = await asyncio.gather(*calls)
    accepted = {reply.raw for reply in replies if reply.status == 202}
    assert len(accepted) == 1
    assert {reply.code for reply in replies if reply.status != 202} <= {"in_progress"}
    assert len(await platform.town.payments()) == 1


async def test_of_many_at_once_each_is_answered_by_itself(platform):
    bodies = [BODY, {**BODY, "tap_id": "999995"}, KENYAN_BODY, {**BODY, "tap_id": OTHER_TAP, **amount(10**6)}]
    replies = await asyncio.gather(*(platform.pay(body) for body in bodies))
    assert [reply.status for reply in replies] == [202, 404, 202, 422]
    assert [reply.json["tap_id"] for reply in replies[::2]] == [TAP, KENYAN_TAP]


# Refusals.

NOBODY = str(uuid.UUID(int=7, version=4))
REFUSED = [
    ({**BODY, **amount(OWED + 1)}, 422, "more_than_owed"),
    ({**BODY, **amount(100, "KES")}, 422, "wrong_currency"),
    ({**KENYAN_BODY, **amount(150, "KES")}, 422, "amount_not_expressible"),
    ({**BODY, "provider": "stripe"}, 422, "no_provider"),
    ({**BODY, "provider": "daraja"}, 422, "no_provider"),
    ({**BODY, "msisdn": "+256701234567"}, 422, "no_provider"),
    ({**BODY, "msisdn": "+4915112345678"}, 422, "no_provider"),
    ({**BODY, "tenant_id": NOBODY}, 404, "no_such_tenant"),
    ({**BODY, "tap_id": "999995"}, 404, "no_such_tap"),
    ({**BODY, "tap_id": "KNY-0417-2"}, 400, "bad_tap_id"),
    ({**BODY, "tap_id": ""}, 400, "bad_tap_id"),
    ({**BODY, "tap_id": 417}, 400, "bad_tap_id"),
    ({**BODY, "msisdn": "12"}, 400, "bad_msisdn"),
    ({**BODY, "msisdn": "\x00" * 12}, 400, "bad_msisdn"),
    ({**BODY, **amount(0)}, 400, "bad_amount"),
    ({**BODY, **amount(-5)}, 400, "bad_amount"),
    ({**BODY, **amount("100")}, 400, "bad_amount"),
    ({**BODY, **amount(10.5)}, 400, "bad_amount"),
    ({**BODY, **amount(True)}, 400, "bad_amount"),
    ({**BODY, **amount(10**40)}, 400, "bad_amount"),
    ({**BODY, "amount": 30}, 400, "bad_amount"),
    ({**BODY, "tenant_id": "John"}, 400, "bad_input"),
    ({**BODY, "user_id": "a\x00b"}, 400, "bad_input"),
    ({**BODY, "provider": "paypal"}, 400, "bad_input"),
    ({**BODY, "colour": "blue"}, 400, "bad_input"),
    ({"msisdn": CALLER}, 400, "bad_tap_id"),
    ({"tap_id": TAP}, 400, "bad_msisdn"),
    ([], 400, "bad_input"),
    ("pay", 400, "bad_input"),
]


async def test_what_cannot_be_is_refused_with_a_code_and_nothing_stands(platform):
    for body, status, code in REFUSED:
        reply = await platform.pay(body)
        assert (reply.status, reply.code) == (status, code), body
    assert await platform.town.payments() == []


async def test_the_refusal_says_how_much_is_open(sqlite_platform):
    reply = await sqlite_platform.pay({**BODY, **amount(OWED + 1)})
    assert reply.json["open"] == {"amount_minor": OWED, "currency": ZMW}
    assert "K30.05" in reply.json["detail"]


async def test_what_is_paid_is_owed_no_more(working_platform):
    await working_platform.pay()
    await working_platform.town.payment("success")
    reply = await working_platform.pay()
    assert (reply.status, reply.code) == (422, "nothing_owed")


async def test_every_wrong_field_is_named(sqlite_platform):
    reply = await sqlite_platform.pay({"tap_id": 7, "msisdn": 8, "amount": {"amount_minor": 1}})
    assert [error["field"] for error in reply.json["errors"]] == ["tap_id", "msisdn", "amount.currency"]


@pytest.mark.parametrize("key", ["", "7", "not-a-uuid", "0b7b6f3e54f04f5c9f0e6a1e5c1d2b10"])
async def test_the_key_must_be_a_uuid(sqlite_platform, key):
    reply = await sqlite_platform.ask("POST", "/payments", json=BODY, headers={"Idempotency-Key": key})
    assert (reply.status, reply.code) == (400, "idempotency_key_needed")


async def test_without_a_key_nothing_is_paid(platform):
    reply = await platform.ask("POST", "/payments", json=BODY)
    assert (reply.status, reply.code) == (400, "idempotency_key_needed")
    assert await platform.town.payments() == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 9000, 400),
        (b'{"tap_id": "\\ud800", "msisdn": "0961234567"}', 400),
        (b"\xff\xfe", 400),
        (b'{"tap_id": "' + b"K" * 17_000 + b'"}', 413),
    ],
)
async def test_a_body_that_is_no_json_or_too_large_is_refused(sqlite_platform, raw, status):
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    reply = await sqlite_platform.ask("POST", "/payments", data=raw, headers=headers)
    assert reply.status == status
    assert reply.code == ("too_large" if status == 413 else "bad_input")


async def test_a_body_in_pieces_without_a_length_is_bounded_too(sqlite_platform):
    async def pieces():
        for _ in range(20):
            yield b" " * 1000

    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    reply = await sqlite_platform.ask("POST", "/payments", data=pieces(), headers=headers)
    assert reply.status == 413


async def test_a_body_that_only_claims_to_be_packed_is_refused(sqlite_platform):
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await sqlite_platform.ask("POST", "/payments", data=b"plain", headers=headers)
    assert (reply.status, reply.code) == (400, "bad_input")


async def test_a_form_is_refused(sqlite_platform):
    reply = await sqlite_platform.ask("POST", "/payments", data=BODY, headers={"Idempotency-Key": KEY})
    assert (reply.status, reply.code) == (415, "unsupported_media_type")
