"""POST /api/v1/payments where we keep money of the payer: what the wallet pays, and what is asked for."""

import pytest
import sqlalchemy as sa
from town import CALLER, OTHER_TAP, OWED, TAP

from payments.tables import payments

KEY = "0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b11"
OTHER = {"tap_id": OTHER_TAP, "msisdn": CALLER}


async def _keep(platform, amount_minor):
    """Put money in the caller's wallet, with the entries and the balance that go with it."""
    account = f"wallet:{CALLER}"
    async with platform.town.db.write() as connection:
        await connection.execute(
            sa.text("INSERT INTO ledger_balances VALUES (:account, 'ZMW', :minor)"),
            {"account": account, "minor": -amount_minor},
        )


@pytest.fixture
async def shown(platform):
    async def show(payment_id):
        return (await platform.get(f"/payments/{payment_id}")).json

    return show


async def test_what_is_kept_pays_first_and_the_answer_says_so(platform, shown):
    await _keep(platform, 1200)
    reply = await platform.pay(OTHER, key=KEY)
    assert (reply.status, reply.json["status"]) == (202, "initiated")
    assert reply.json["amount"] == {"amount_minor": OWED - 1200, "currency": "ZMW"}
    before = reply.json["from_credit"]
    assert before["amount"] == {"amount_minor": 1200, "currency": "ZMW"}
    wallet = await shown(before["payment_id"])
    assert (wallet["status"], wallet["provider"], wallet["is_payment_done"]) == ("success", "wallet", True)
    assert wallet["from_credit"] is None
    assert (await shown(reply.json["payment_id"]))["from_credit"] == before


async def test_a_repeat_gets_the_same_answer_and_spends_nothing(platform):
    await _keep(platform, 1200)
    first = await platform.pay(OTHER, key=KEY)
    again = await platform.pay(OTHER, key=KEY)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert len(await platform.town.rows(sa.select(payments))) == 2


async def test_enough_of_it_is_the_payment_itself(platform, shown):
    await _keep(platform, OWED)
    reply = await platform.pay(OTHER, key=KEY)
    payment = reply.json
    assert (reply.status, payment["status"], payment["provider"]) == (202, "success", "wallet")
    assert (payment["payment_request_id"], payment["from_credit"]) == (KEY, None)
    assert payment["is_payment_done"]
    assert (await shown(KEY))["payment_id"] == payment["payment_id"]
    assert (await platform.pay(OTHER, key=KEY)).raw == reply.raw


async def test_the_list_says_it_too(platform):
    await _keep(platform, 1200)
    await platform.pay({"tap_id": TAP, "msisdn": CALLER}, key=KEY)
    items = (await platform.get(f"/payments?tap_id={TAP}")).json["items"]
    assert {item["provider"]: (item["from_credit"] or {}).get("amount") for item in items} == {
        "mtn": {"amount_minor": 1200, "currency": "ZMW"},
        "wallet": None,
    }


async def test_a_wallet_alone_is_asked_for_by_name_and_refused_where_it_is_not_enough(platform):
    await _keep(platform, 1200)
    refused = await platform.pay({**OTHER, "provider": "wallet"})
    assert (refused.status, refused.code) == (422, "no_provider")
    part = {**OTHER, "provider": "wallet", "amount": {"amount_minor": 1200, "currency": "ZMW"}}
    assert (await platform.pay(part)).json["status"] == "success"
