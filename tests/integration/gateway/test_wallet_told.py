"""Surplus on both databases, with the menu, the interface and the SMS that tell of it; the exported rows."""

import asyncio
import csv
import io
import json

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, OTHER_TAP, OWED, PAY_ALL, TAP
from typer.testing import CliRunner

from core.ids import derived
from gateway import verify
from gateway.cli.commands import app
from payments.commands import Pay, Reported
from payments.providers.base import Outcome, Report
from sms.tables import sms_messages

PAY_OTHER = ("1", "1", OTHER_TAP, "1")  # the first tap is known by now, and paid


async def _brings(house, payment_id, amount_minor):
    await house.runtime.payments.submit(
        Reported(payment_id, Report(Outcome.PAID, amount_minor=amount_minor), "poll")
    )


async def _overpaid(town, house, kept_minor):
    """Have the caller pay the first tap, and too much by so much; return the payment's id."""
    await town.hops(*PAY_ALL, session="first")
    payment = await town.payment()
    await _brings(house, payment.payment_id, OWED + kept_minor)
    return payment.payment_id


async def _told(town):
    query = sa.select(sms_messages).order_by(sms_messages.c.created_at, sms_messages.c.sms_id)
    return {(row.template, row.msisdn): row.text for row in await town.rows(query)}


async def _holds(town):
    assert [verdict for verdict in await verify.run(town.db) if not verdict.holds] == []


async def test_a_payer_is_told_what_is_kept_and_sees_it_pay_first(town):
    house = await town.open(worker=False)
    await _overpaid(town, house, 1200)
    told = (await _told(town))["kept.more", CALLER]
    assert told.startswith(f"Madzi: Paid too much: K12.00 for {TAP}")
    assert "We keep it for your next bill." in told

    _, balance = await town.hops("2", session="balance")
    assert balance.startswith("CON We keep K12.00 for you, it pays first.\nTo pay:")
    *_, sure, end = await town.hops(*PAY_OTHER, "1", session="second")
    assert (
        f"Pay K30.05 for {OTHER_TAP}: K12.00 that we keep for you, K18.05 with MTN MoMo 0961234567?" in sure
    )
    assert end.startswith("END MTN MoMo will now ask for your PIN: K18.05 to")

    _, before, after = sorted(await town.payments(), key=lambda p: (p.created_at, p.status == "initiated"))
    assert (before.provider, before.status, before.amount_minor) == ("wallet", "success", 1200)
    assert (after.provider, after.status, after.amount_minor) == ("mtn", "initiated", 1805)
    told = (await _told(town))["paid.before", CALLER]
    assert "Paid K12.00" in told
    assert "Left to pay: K18.05" in told
    await _holds(town)


async def test_enough_of_it_pays_at_the_yes_and_the_sms_says_from_what(town):
    house = await town.open(worker=False)
    await _overpaid(town, house, OWED + 100)
    *_, sure, end = await town.hops(*PAY_OTHER, "1", session="second")
    assert f"Pay K30.05 for {OTHER_TAP} from the money we keep for you?" in sure
    assert end == (
        f"END Paid K30.05 for {OTHER_TAP} from the money we kept for you. We send you an SMS. Nothing to do."
    )
    *_, again = await town.hops(*PAY_OTHER, "1", session="second")
    assert again == end
    payment = await town.payment("success")
    assert (payment.provider, payment.amount_minor, len(await town.payments())) == ("wallet", OWED, 2)
    told = (await _told(town))["paid", CALLER]
    assert len([row for row in await town.rows(sa.select(sms_messages)) if row.template == "paid"]) == 2
    assert told.endswith("From the money we kept for you.")
    _, balance = await town.hops("2", session="balance")
    assert "We keep K1.00 for you" in balance
    await _holds(town)


async def test_who_pays_for_another_phone_cannot_use_what_is_kept_for_it_nor_see_it(town):
    house = await town.open(worker=False)
    await _overpaid(town, house, 5000)
    keys = (*PAY_OTHER, "2", CALLER)
    *_, sure = await town.hops(*keys, session="stranger", msisdn=NEIGHBOUR)
    assert f"Pay K30.05 for {OTHER_TAP} with MTN MoMo 0961234567?" in sure
    assert "keep" not in sure


@pytest.mark.parametrize("is_all", [True, False])
async def test_payer_and_asker_are_each_told_what_is_theirs_to_know(town, is_all):
    house = await town.open(worker=False)
    asked = Pay(
        payment_request_id=derived("test", "key"),
        request_hash="b",
        msisdn=NEIGHBOUR,
        contact_msisdn=CALLER,
        tap_id=TAP,
        tenant_id=None,
        amount_minor=None,
        currency=None,
        provider="mtn",
        channel="ussd",
        correlation_id="call",
        delay_s=60,
    )
    payment_id = (await house.runtime.payments.submit(asked)).payment.payment_id
    if is_all:  # the debt is paid by somebody else meanwhile
        async with town.db.write() as connection:
            await connection.execute(sa.text("UPDATE debt_parts SET paid_minor = amount_minor"))
    await _brings(house, payment_id, OWED if is_all else OWED + 100)
    told = await _told(town)
    if is_all:
        assert set(told) == {("kept.other", CALLER), ("kept.twice", NEIGHBOUR)}
        assert "for the phone that paid, ending 4321." in told["kept.other", CALLER]
        assert told["kept.twice", NEIGHBOUR].startswith(f"Madzi: Paid twice: K30.05 for {TAP}")
    else:
        assert set(told) == {("paid", CALLER), ("kept.more", NEIGHBOUR)}


async def test_the_story_and_the_export_tell_of_the_wallet(town, monkeypatch):
    house = await town.open(worker=False)
    await _overpaid(town, house, 1200)
    await town.hops(*PAY_OTHER, "1", session="second")
    found = {p.provider: p for p in await town.payments() if p.tap_id == OTHER_TAP}
    monkeypatch.setenv("MADZI_DATABASE_URL", town.url)
    shown = await _madzi("payment", "show", found["mtn"].payment_id)
    wallet_id = found["wallet"].payment_id
    assert f"together with {wallet_id}: K12.00 from the payer's wallet: success" in shown
    story = json.loads(await _madzi("payment", "show", wallet_id, "--json"))
    assert [other["provider"] for other in story["same_checkout"]] == ["mtn"]
    rows = {
        row["payment_id"]: row for row in csv.DictReader(io.StringIO(await _madzi("payments", "export", "-")))
    }
    assert (rows[wallet_id]["provider"], rows[wallet_id]["amount_minor"]) == ("wallet", "1200")


async def _madzi(*words):
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == 0, result.output
    return result.output
