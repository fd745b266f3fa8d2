"""A rail that a payment has left speaks of it after all: what it took is other money, seen and never lost."""

import json

import pytest
import sqlalchemy as sa
from town import KENYAN, KENYAN_TAP, kcb_settings, until

from gateway import verify
from payments.providers.accounts import callback_url
from payments.providers.base import Outcome, Report
from payments.tables import callbacks
from payments.wallet import views as wallet_views

DARAJA = "daraja:default"
OWED = 30_000


@pytest.fixture
async def moved(town):
    """A payment that went to KCB, as M-PESA gave no token; and what M-PESA answers from then on."""
    house = await town.open(kcb=kcb_settings(town.providers.url), payment_expiry_s=20)
    town.fault("daraja", "token", "error_before", times=10_000)
    await town.dial("1", "1", KENYAN_TAP, "1", "1", msisdn=KENYAN)
    payment = await town.payment("success", 15)
    assert payment.provider == "kcb"
    return house, payment


def says(monkeypatch, house, report):
    """Let M-PESA's query answer this, whatever it is asked about."""
    asked = []

    async def query(_self, reference, provider_reference):
        asked.append((reference, provider_reference))
        return report

    monkeypatch.setattr(type(house.runtime.providers[DARAJA]), "query", query)
    return asked


async def tell(town, house, payment, *, amount=300, code=0):
    items = [("Amount", amount), ("MpesaReceiptNumber", "TKL0LATE01"), ("PhoneNumber", KENYAN.lstrip("+"))]
    stk = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": "ws_CO_191220191020363925",
        "ResultCode": code,
        "ResultDesc": "?",
    }
    if not code:
        stk["CallbackMetadata"] = {"Item": [{"Name": name, "Value": value} for name, value in items]}
    address = callback_url(town.gateway_url, house.runtime.gateways.account_of(DARAJA), payment.callback_key)
    body = json.dumps({"Body": {"stkCallback": stk}})
    async with town.http.post(address, data=body, headers={"Content-Type": "application/json"}) as reply:
        assert reply.status == 200


async def judged(town, is_one):
    async def look():
        rows = await town.rows(sa.select(callbacks).where(callbacks.c.account_id == DARAJA))
        found = [row for row in rows if is_one(row)]
        return found[0] if found else None

    return await until(look)


@pytest.mark.parametrize("tells", [1, 2])
async def test_what_the_first_rail_took_all_the_same_is_kept_for_the_payer_once(
    town, moved, monkeypatch, tells
):
    house, payment = moved
    asked = says(monkeypatch, house, Report(Outcome.PAID, code="0"))
    for _ in range(tells):
        await tell(town, house, payment)
    second = await judged(town, lambda row: row.verdict == "credited")
    assert asked[0][1] == "ws_CO_191220191020363925"
    assert asked[0][0] != payment.reference
    assert second.payment_id != payment.payment_id
    told = (await town.sms(KENYAN, count=2))[-1]
    assert "KES 300.00" in told
    kinds = sorted((item.kind, item.payment_id == payment.payment_id) for item in await town.items())
    assert kinds == [("left_rail", True), ("second_success", False)]
    async with town.db.read() as connection:
        assert await wallet_views.kept(connection, [KENYAN]) == {KENYAN: {"KES": OWED}}
    assert [v.name for v in await verify.run(town.db) if not v.holds] == []


async def test_what_the_first_rail_denies_moves_nothing_and_a_person_sees_the_claim(town, moved, monkeypatch):
    house, payment = moved
    says(monkeypatch, house, Report(Outcome.NOT_PAID, code="1032"))
    await tell(town, house, payment)
    row = await judged(town, lambda row: row.verdict == "forged")
    assert row.payment_id == payment.payment_id
    assert [(item.kind, item.held_minor) for item in await town.items()] == [("left_rail", 0)]
    await town.agrees()


async def test_another_amount_is_not_asked_about(town, moved, monkeypatch):
    house, payment = moved
    asked = says(monkeypatch, house, Report(Outcome.PAID, code="0"))
    await tell(town, house, payment, amount=900)
    await judged(town, lambda row: row.verdict == "left_rail")
    assert asked == []
    await town.agrees()


async def test_a_no_of_the_first_rail_is_no_news(town, moved):
    house, payment = moved
    await tell(town, house, payment, code=1032)
    await judged(town, lambda row: row.verdict == "left_rail")
    assert await town.items() == []
    assert (await town.payment()).status == "success"
