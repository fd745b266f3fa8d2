"""Networks that fail, answer twice, late, or wrongly: money is counted once, and never on a claim alone."""

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
from town import CALLER, KENYAN, KENYAN_TAP, OWED, PAY_ALL, free_port, until

from core.outbox import outbox
from payments.providers import daraja, daraja_wire, mtn, mtn_wire
from payments.providers.accounts import urls
from payments.providers.faults import push_without_token
from payments.tables import callbacks, payments
from simulators.providers.config import Daraja

KENYAN_KEYS = ("1", "1", KENYAN_TAP, "1", "1")
RAILS = [("mtn", CALLER, PAY_ALL), ("daraja", KENYAN, KENYAN_KEYS)]


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch):
    """Let what provably was not taken be tried again after 2 s instead of 5 s."""
    for module in (mtn_wire, daraja_wire):
        monkeypatch.setattr(module, "_RETRY_S", 0.3)
    for module in (mtn, daraja):
        monkeypatch.setattr(
            module, "push_without_token", lambda f: replace(push_without_token(f), retry_after_s=5.1)
        )


each_rail = pytest.mark.parametrize(("rail", "msisdn", "keys"), RAILS, ids=["mtn", "daraja"])


async def _pay(town, msisdn, keys):
    assert (await town.dial(*keys, msisdn=msisdn)).screen.text.endswith("Dial *384*7#")


async def _verdicts(town, count):
    """Wait until this many callbacks have been judged."""

    async def look():
        found = [row.verdict for row in await town.rows(sa.select(callbacks)) if row.verdict != "new"]
        return sorted(found) if len(found) >= count else None

    return await until(look)


async def _told(town, msisdn):
    """What a person was told, but for a receipt that came later than the success."""
    return [text for text in await town.sms(msisdn) if "now with its receipt" not in text]


@each_rail
@pytest.mark.parametrize("fault", ["error_after", "html_after", "close", "error_before", "too_many"])
async def test_a_push_that_goes_wrong_is_counted_at_most_once(sqlite_town, rail, msisdn, keys, fault):
    town = sqlite_town
    await town.open(payment_expiry_s=9)
    town.fault(rail, "push", fault, msisdn=msisdn)
    await _pay(town, msisdn, keys)
    payment = await town.payment("success" if _reaches(rail, fault) else None)
    if payment.status == "success":
        assert len(await _told(town, msisdn)) == 1
    assert len(town.book()["debited"]) <= 1
    await town.agrees(unknown=len(town.book()["debited"]) - int(payment.status == "success"))


def _reaches(rail, fault):
    """Say whether the payment must succeed: MTN may be asked again, Daraja only where nothing was taken."""
    return rail == "mtn" or fault != "error_before"


@each_rail
async def test_a_push_that_is_never_answered_succeeds_by_the_callback(town, rail, msisdn, keys):
    await town.open(provider_timeout_s=0.4)
    town.fault(rail, "push", "slow_drip", msisdn=msisdn)
    await _pay(town, msisdn, keys)
    payment = await town.payment("success")
    assert payment.provider_reference == town.book()["debited"][0]["provider_reference"]
    assert len(await _told(town, msisdn)) == 1
    await town.agrees()


@each_rail
@pytest.mark.parametrize(("fault", "copies"), [("twice", 2), ("ten_times", 10)])
async def test_callbacks_that_come_again_credit_once(town, rail, msisdn, keys, fault, copies):
    await town.open()
    town.fault(rail, "callback", fault, msisdn=msisdn)
    await _pay(town, msisdn, keys)
    assert set(await town.callbacks(copies)) == {200}
    assert set(await _verdicts(town, copies)) <= {"confirmed", "repeated"}
    assert len(await _told(town, msisdn)) == 1
    assert len(await town.agrees()) == 1


@each_rail
@pytest.mark.parametrize("fault", ["before_reply", "out_of_order", "late", "dropped"])
async def test_a_callback_early_late_or_never_changes_nothing(town, rail, msisdn, keys, fault):
    await town.open()
    town.fault(rail, "callback", fault, msisdn=msisdn, late_s=0.5)
    await _pay(town, msisdn, keys)
    await town.payment("success")
    assert len(await _told(town, msisdn)) == 1
    await town.agrees()


@each_rail
async def test_a_forged_callback_for_what_is_not_paid_credits_nothing(town, rail, msisdn, keys):
    await town.open()
    town.person(msisdn, "cancel")
    town.fault(rail, "callback", "forged", msisdn=msisdn)
    await _pay(town, msisdn, keys)
    assert await town.callbacks(2) == [200, 200]
    await _verdicts(town, 2)
    (payment,) = await town.all_end()
    assert payment.status == "failed"
    assert await town.agrees() == []
    assert await town.templates() == ["fail.cancelled"]


@each_rail
async def test_a_forged_callback_before_the_payer_decides_credits_nothing(town, rail, msisdn, keys):
    await town.open()
    town.person(msisdn, "cancel", after_s=0.5)
    town.fault(rail, "callback", "forged_early", msisdn=msisdn)
    await _pay(town, msisdn, keys)
    (payment,) = await town.all_end()
    assert payment.status == "failed"
    assert await town.agrees() == []


@each_rail
async def test_a_forged_callback_after_a_success_changes_nothing(town, rail, msisdn, keys):
    await town.open()
    town.fault(rail, "callback", "forged", msisdn=msisdn)
    await _pay(town, msisdn, keys)
    await town.payment("success")
    await _verdicts(town, 2)
    assert len(await town.agrees()) == 1
    assert len(await _told(town, msisdn)) == 1
    assert "left_rail" not in [item.kind for item in await town.items()]  # it never went by another one


async def test_a_callback_with_another_amount_opens_an_item_and_the_poll_settles_it(town):
    await town.open()
    town.fault("daraja", "callback", "other_amount", msisdn=KENYAN, amount="1")
    await _pay(town, KENYAN, KENYAN_KEYS)
    payment = await town.payment("success")
    (item,) = await until(town.items)
    assert (item.kind, item.payment_id, item.held_minor) == ("amount_differs", payment.payment_id, 0)
    assert [c.amount_minor for c in await town.agrees()] == [30_000]


async def test_mtns_own_amount_counts_whatever_a_callback_claims(town):
    await town.open()
    town.fault("mtn", "callback", "other_amount", msisdn=CALLER, amount="1")
    await _pay(town, CALLER, PAY_ALL)
    await town.payment("success")
    assert [c.amount_minor for c in await town.agrees()] == [OWED]


@each_rail
@pytest.mark.parametrize("fault", ["token_refused"])
async def test_a_token_refused_once_is_fetched_again(sqlite_town, rail, msisdn, keys, fault):
    town = sqlite_town
    await town.open(payment_expiry_s=9)
    town.fault(rail, "token", fault)
    await _pay(town, msisdn, keys)
    await town.payment("success")
    assert len(await _told(town, msisdn)) == 1
    await town.agrees()


@each_rail
async def test_a_query_that_fails_is_made_again(sqlite_town, rail, msisdn, keys):
    town = sqlite_town
    await town.open(payment_expiry_s=9)
    town.fault(rail, "callback", "dropped", msisdn=msisdn)
    for fault in ("html", "error_before", "close"):
        town.fault(rail, "query", fault)
    await _pay(town, msisdn, keys)
    await town.payment("success")
    await town.agrees()


async def test_a_provider_that_is_down_is_told_with_what_to_do(town):
    nobody = f"http://127.0.0.1:{free_port()}/mtn"
    house = await town.open()
    settings = house.runtime.settings.mtn.model_dump() | {"base_url": nobody}
    await house.close()
    await town.open(mtn=settings, payment_expiry_s=1.5)
    await _pay(town, CALLER, PAY_ALL)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason, payment.is_final) == ("failed", "down", True)
    (told,) = await town.sms()
    assert told.startswith("Madzi: Not paid: K30.05")
    assert "MTN MoMo is not working. Nothing was taken." in told
    assert await town.templates() == ["fail.down"]
    assert await town.agrees() == []


async def test_a_provider_that_only_says_503_is_down(town):
    from aiohttp import web

    from simulators.serve import start

    async def unavailable(_request):
        return web.Response(status=503, text="<html>maintenance</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", unavailable)
    running = await start(app)
    keys = Daraja()
    await town.open(
        daraja={
            "base_url": running.url,
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "shortcode": keys.shortcode,
            "passkey": keys.passkey,
        },
        payment_expiry_s=1.5,
    )
    await _pay(town, KENYAN, KENYAN_KEYS)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == ("failed", "down")
    assert "Nothing was taken" in (await town.sms(KENYAN))[0]
    await running.close()
    await town.agrees()


async def test_no_push_leaves_after_expiry(town):
    house = await town.open(worker=False, payment_expiry_s=0.3)
    await town.dial(*PAY_ALL)
    await asyncio.sleep(0.5)  # the worker was away for longer than the payment lives
    await house.close()
    await town.open(payment_expiry_s=0.3)
    (payment,) = await town.all_end()
    assert (payment.status, payment.push_state, payment.is_final) == ("expired", "none", True)
    book = town.book()
    assert (book["debited"], book["refused"], book["open"]) == ([], [], [])
    assert await town.templates() == ["expired"]
    await town.agrees()


async def test_a_slow_provider_keeps_the_payers_of_another_waiting_no_longer(town):
    await town.open(provider_timeout_s=3, payment_expiry_s=9)
    town.fault("daraja", "callback", "dropped", msisdn=KENYAN)
    town.fault("daraja", "query", "slow_drip", times=3)
    await _pay(town, KENYAN, KENYAN_KEYS)
    await town.payment("pending")
    await asyncio.sleep(0.6)  # the query of the slow one is under way
    town.fault("mtn", "callback", "dropped", msisdn=CALLER)
    await _pay(town, CALLER, PAY_ALL)
    await town.payment("success", within_s=2.5)
    query = sa.select(payments).where(payments.c.provider == "daraja")
    assert (await town.rows(query))[0].status == "pending"


async def test_an_sms_that_the_aggregator_refuses_is_sent_again(sqlite_town):
    town = sqlite_town
    await town.open()
    town.world.faults.add([_sms_fault("error_before")])
    await _pay(town, CALLER, PAY_ALL)
    assert len(await town.sms()) == 1
    await town.agrees()


def _sms_fault(name):
    from simulators.faults import Step

    return Step("africastalking", "sms", name)


async def test_everything_in_the_outbox_comes_to_an_end(town):
    await town.open()
    await _pay(town, CALLER, PAY_ALL)
    await town.payment("success")

    async def look():
        rows = await town.rows(sa.select(outbox))
        return rows if {row.status for row in rows} == {"done"} else None

    assert {row.kind for row in await until(look)} == {"push", "callback", "sms"}


async def test_a_receipt_that_comes_after_the_success_is_told_once_in_an_sms_of_its_own(town):
    town.fault("daraja", "callback", "late", msisdn=KENYAN, late_s=1.5)
    await town.open()
    await _pay(town, KENYAN, KENYAN_KEYS)
    payment = await town.payment("success")
    assert payment.receipt is None  # our query was first, and it gives none
    first, second = await town.sms(KENYAN, count=2)
    (debit,) = town.book()["debited"]
    assert first.startswith("Madzi: Paid KES 300.00")
    assert debit["receipt"] not in first
    assert "The same payment, now with its receipt." in second
    assert second.endswith(debit["receipt"])
    assert await town.templates() == ["paid", "paid.receipt"]
    await town.agrees()


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_mtns_notice_without_a_key_or_our_reference_is_known_by_our_id_of_the_payment(town, method):
    house = await town.open()
    town.person(CALLER, "approve", after_s=0.6)
    town.fault("mtn", "callback", "dropped", msisdn=CALLER)
    await _pay(town, CALLER, PAY_ALL)
    payment = await town.payment("pending")
    claim = {
        "financialTransactionId": "363440463", "externalId": payment.payment_id, "amount": "30.05",
        "currency": "ZMW", "payer": {"partyIdType": "MSISDN", "partyId": CALLER.lstrip("+")},
        "status": "SUCCESSFUL",
    }  # fmt: skip
    address = urls(town.gateway_url, house.runtime.gateways.account_of("mtn:default"))["callback"]
    async with town.http.request(method, address, json=claim) as reply:
        assert reply.status == 200
    assert (await town.payment()).status == "pending"  # anybody could have sent it
    assert await _verdicts(town, 1) in (["confirmed"], ["repeated"])
    (row,) = await town.rows(sa.select(callbacks))
    assert row.payment_id == payment.payment_id
    await town.agrees()
