"""Notices at the edge: refused with a code before their body is looked at, or stored and answered."""

import gzip
import io
import json

import pytest
import sqlalchemy as sa
from town import KENYAN_TAP, until

from payments.tables import callbacks

BODY = {"externalId": "x", "status": "SUCCESSFUL"}
BY_HAND = {
    "TransactionType": "Pay Bill",
    "TransID": "TKL51ZDR4F",
    "TransTime": "20251121121325",
    "TransAmount": "30.00",
    "BusinessShortCode": "174379",
    "BillRefNumber": KENYAN_TAP,
    "InvoiceNumber": "",
    "OrgAccountBalance": "",
    "ThirdPartyTransID": "",
    "MSISDN": "2547 ***** 126",
    "FirstName": "NICHOLAS",
    "MiddleName": "",
    "LastName": "",
}


def _address(town, house, provider, kind=""):
    token = next(a.callback_token for a in house.runtime.accounts.values() if a.provider == provider)
    return f"{town.gateway_url}/cb/{token}{kind}"


async def _send(town, address, **how):
    async with town.http.post(address, **how) as reply:
        text = await reply.text()
        code = json.loads(text)["code"] if reply.content_type == "application/problem+json" else None
        return reply.status, code, text


async def _stored(town):
    async with town.db.read() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(callbacks))).scalar_one()


async def test_a_notice_from_elsewhere_is_refused_and_not_kept(sqlite_town):
    house = await sqlite_town.open(worker=False, callback_sources={"daraja": ["196.201.214.0/24"]})
    status, code, _ = await _send(sqlite_town, _address(sqlite_town, house, "daraja", "/stk"), json=BODY)
    assert (status, code, await _stored(sqlite_town)) == (403, "source_not_allowed", 0)
    status, code, _ = await _send(sqlite_town, _address(sqlite_town, house, "mtn"), json=BODY)
    assert (status, code, await _stored(sqlite_town)) == (200, None, 1)


async def test_behind_a_proxy_the_proxys_word_counts(sqlite_town):
    sources = {"daraja": ["196.201.214.0/24"]}
    house = await sqlite_town.open(worker=False, callback_sources=sources, trusted_proxies=1)
    address = _address(sqlite_town, house, "daraja", "/stk")
    for forwarded, expected in (("6.6.6.6, 196.201.214.200", 200), ("196.201.214.200, 6.6.6.6", 403)):
        status, _, _ = await _send(sqlite_town, address, json=BODY, headers={"X-Forwarded-For": forwarded})
        assert status == expected


async def test_more_than_an_account_may_send_is_told_to_wait(sqlite_town):
    house = await sqlite_town.open(worker=False, callback_rate_per_s=0.01, callback_burst=3)
    address = _address(sqlite_town, house, "mtn")
    answers = [(await _send(sqlite_town, address, json=BODY))[:2] for _ in range(4)]
    assert answers == [(200, None)] * 3 + [(429, "too_many")]
    assert await _stored(sqlite_town) == 3
    assert (await _send(sqlite_town, _address(sqlite_town, house, "airtel"), json=BODY))[0] == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP, identity"])
async def test_an_encoded_body_is_not_unpacked(sqlite_town, encoding):
    house = await sqlite_town.open(worker=False)
    bomb = gzip.compress(b"0" * 20_000_000)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    status, code, _ = await _send(
        sqlite_town, _address(sqlite_town, house, "mtn"), data=bomb, headers=headers
    )
    assert status in (400, 413, 415)
    assert code in ("encoded_body", "too_large", "http_error", None)
    assert await _stored(sqlite_town) == 0
    assert (await _send(sqlite_town, _address(sqlite_town, house, "mtn"), json=BODY))[0] == 200


async def test_ten_megabytes_are_refused(sqlite_town):
    house = await sqlite_town.open(worker=False)
    status, code, _ = await _send(
        sqlite_town, _address(sqlite_town, house, "mtn"), data=io.BytesIO(b"[" * 10_000_000)
    )
    assert (status, code, await _stored(sqlite_town)) == (413, "too_large", 0)


# Whether money may come at all.


async def _ask(town, house, **changes):
    address = _address(town, house, "daraja", "/c2b_validation")
    status, _, text = await _send(town, address, json=BY_HAND | changes)
    assert status == 200
    return json.loads(text)["ResultCode"]


async def test_anything_may_come_unless_told_otherwise(sqlite_town):
    house = await sqlite_town.open(worker=False)
    assert await _ask(sqlite_town, house) == "0"
    assert await _ask(sqlite_town, house, BillRefNumber="nobody's") == "0"
    for nothing in ("0", "-30", "lots"):
        assert await _ask(sqlite_town, house, TransAmount=nothing) == "C2B00016"

    async def kept():
        return await _stored(sqlite_town) == 5

    await until(kept)


async def test_where_it_is_strict_only_for_a_tap_of_ours(town):
    house = await town.open(worker=False, c2b_strict=True)
    assert await _ask(town, house) == "0"
    assert await _ask(town, house, BillRefNumber=f"tap {KENYAN_TAP.replace('-', ' ').lower()}") == "0"
    assert await _ask(town, house, BillRefNumber="KNY-9999-9") == "C2B00012"


async def test_a_busy_database_keeps_no_payer_waiting(town, monkeypatch):
    house = await town.open(worker=False, c2b_strict=True)
    async with town.db.write() as connection:  # somebody writes, and does not end
        await connection.execute(sa.text("UPDATE zones SET name = name"))
        assert await _ask(town, house) == "0"
        assert await _ask(town, house, BillRefNumber="KNY-9999-9") == "C2B00012"

    async def gone(*_):
        raise TimeoutError

    monkeypatch.setattr("gateway.arrivals.arrivals_store.named_taps", gone)
    assert await _ask(town, house, BillRefNumber="KNY-9999-9") == "0"
