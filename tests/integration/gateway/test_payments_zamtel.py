"""Payments by Zamtel Kwacha from the call to the SMS, on both databases, books compared."""

import asyncio
import io
import logging
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
import structlog
from town import CALLER, OTHER_TAP, OWED, PAY_ALL, TAP, WITH_ZAMTEL, free_port, until, zamtel_settings

from core import logs
from core.outbox import outbox
from gateway import callbacks, pushes, runtime
from payments.commands import StartPush
from payments.providers import http
from payments.tables import payment_transitions, suspense_items
from simulators.providers.config import Zamtel


async def open_town(town, **changes):
    own = {
        name: changes.pop(name) for name in ("answer_within_s", "base_url", "most_open") if name in changes
    }
    return await town.open(zamtel=zamtel_settings(town.providers.url, **own), **changes)


async def pay(town, msisdn=WITH_ZAMTEL):
    screen = (await town.dial(*PAY_ALL, msisdn=msisdn)).screen.text
    assert screen.startswith("Zamtel Kwacha will now ask for your PIN: K30.05")


async def items(town):
    return await town.rows(sa.select(suspense_items))


async def test_an_approved_prompt_is_a_success_by_the_answer_alone(town):
    await open_town(town)
    await pay(town)
    payment = await town.payment("success")
    (debit,) = town.book()["debited"]
    assert (payment.provider, payment.amount_minor, debit["amount"]) == ("zamtel", OWED, "30.05")
    assert debit["external_id"] == payment.payment_id.replace("-", "")
    assert payment.receipt == payment.provider_reference == debit["receipt"] == debit["provider_reference"]
    (told,) = await town.sms(WITH_ZAMTEL)
    assert told.startswith(f"Madzi: Paid K30.05 for {TAP}")
    assert told.endswith(f"Zamtel Kwacha {payment.receipt}")
    (credit,) = await town.agrees()
    assert (credit.amount_minor, credit.proof) == (OWED, "push")
    trail = await town.rows(sa.select(payment_transitions).order_by(payment_transitions.c.seq))
    assert [step.to_status for step in trail] == ["initiated", "pending", "success"]


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [("wrong_pin", "pin", "PIN"), ("no_balance", "balance", "not enough")],
)
async def test_a_refusal_frees_the_debt_and_says_why(town, answer, reason, words):
    await open_town(town)
    town.person(WITH_ZAMTEL, answer)
    await pay(town)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason, payment.is_final) == ("failed", reason, True)
    assert await town.agrees() == []
    assert await town.templates() == [f"fail.{reason}"]
    town.person(WITH_ZAMTEL, "approve")
    await pay_again(town)
    assert (await town.payment("success")).payment_id != payment.payment_id
    assert len(await town.agrees()) == 1


async def pay_again(town):
    """The debt of the last tap is offered at once."""
    call = await town.dial("1", "1", "1", "1", msisdn=WITH_ZAMTEL)
    if "PIN" not in call.screen.text:
        call = await town.dial("1", TAP, "1", "1", msisdn=WITH_ZAMTEL)


async def unknown_for_good(town, debits):
    """The payment stays open past its time, its debt stays claimed, and a person is asked, once."""
    payment = await town.payment("pending")
    (item,) = await until(lambda: items(town))
    assert (item.kind, item.payment_id, item.held_minor) == ("unresolved", payment.payment_id, 0)
    await asyncio.sleep(0.8)  # more checks come, and change nothing
    (payment,) = await town.payments()
    assert (payment.status, payment.push_state) == ("pending", "unknown")
    assert len(await items(town)) == 1
    assert len(town.book()["debited"]) == debits
    assert await town.agrees(unknown=debits) == []
    call = await town.dial("1", "1", TAP, "1", "1", msisdn=CALLER)
    assert len(await town.payments()) == 1, call.screen.text
    # Nothing is ever sent again.
    assert [row.status for row in await town.rows(sa.select(outbox).where(outbox.c.kind == "push"))] == [
        "done"
    ]


async def test_a_time_out_stays_open_for_a_person(town):
    await open_town(town, answer_within_s=0.3, payment_expiry_s=1)
    town.person(WITH_ZAMTEL, "approve", after_s=0.6)
    await pay(town)
    await unknown_for_good(town, debits=1)


@pytest.mark.parametrize(
    ("fault", "debits"),
    [("error_after", 1), ("close", 1), ("html_after", 1), ("close_before", 0), ("too_many", 0)],
)
async def test_an_answer_that_is_lost_stays_open_for_a_person(sqlite_town, fault, debits):
    await open_town(sqlite_town, payment_expiry_s=1)
    sqlite_town.fault("zamtel", "push", fault, msisdn=WITH_ZAMTEL)
    await pay(sqlite_town)
    await unknown_for_good(sqlite_town, debits)


@pytest.mark.parametrize("answer", ["cancel", "ignore", "no_wallet"])
async def test_a_status_that_says_nothing_settles_nothing(sqlite_town, answer):
    await open_town(sqlite_town, payment_expiry_s=1)
    sqlite_town.person(WITH_ZAMTEL, answer, prompt_lifetime_s=0.1)
    await pay(sqlite_town)
    await unknown_for_good(sqlite_town, debits=0)


async def test_an_answer_that_comes_after_the_payments_time_still_counts(town):
    await open_town(town, answer_within_s=5, payment_expiry_s=0.6)
    town.person(WITH_ZAMTEL, "approve", after_s=1.5)
    await pay(town)
    assert (await town.payment("pending")).push_state == "unknown"
    payment = await town.payment("success")
    assert len(await town.sms(WITH_ZAMTEL)) == 1
    assert payment.receipt
    assert [c.amount_minor for c in await town.agrees()] == [OWED]


async def test_a_process_that_dies_while_the_payer_thinks_leaves_it_to_a_person(town):
    house = await open_town(town, worker=False)
    await pay(town)
    (payment,) = await town.payments()
    assert (await house.runtime.payments.submit(StartPush(payment.payment_id))).action == "send"
    await house.close()  # whether the call left, nobody knows any more
    await open_town(town, payment_expiry_s=1)
    await unknown_for_good(town, debits=0)


async def test_where_nobody_answers_the_person_is_told_that_nothing_was_taken(town):
    await open_town(town, base_url=f"http://127.0.0.1:{free_port()}/zamtel", payment_expiry_s=4)
    await pay(town)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == ("failed", "down")
    assert "Zamtel Kwacha is not working. Nothing was taken." in (await town.sms(WITH_ZAMTEL))[0]
    assert await items(town) == []


async def test_a_callback_to_zamtels_address_is_stored_and_moves_nothing(town):
    house = await open_town(town, payment_expiry_s=60)
    town.person(WITH_ZAMTEL, "ask", prompt_lifetime_s=60)
    await pay(town)
    token = next(t for t, a in house.runtime.accounts.items() if a.provider == "zamtel")
    body = b'{"status":"0","message":"Success","TransactionId":"CK1"}'
    async with town.http.post(f"{town.gateway_url}/cb/{token}", data=body) as reply:
        assert reply.status == 200
    await asyncio.sleep(0.3)
    (payment,) = await town.payments()
    assert payment.status == "initiated"
    assert await town.agrees() == []


@pytest.fixture
def log(monkeypatch):
    """Everything that is logged, as configured for production."""
    kept, before = io.StringIO(), structlog.get_config()
    logs.configure("DEBUG", to=kept)
    # A logger that was used before holds on to the settings of that time.
    for module, name in ((callbacks, "_log"), (pushes, "_log"), (runtime, "_log"), (http, "log")):
        monkeypatch.setattr(module, name, structlog.get_logger())
    yield kept.getvalue
    structlog.configure(**before)


async def test_no_log_holds_the_password(sqlite_town, log, caplog):
    with caplog.at_level(logging.DEBUG):
        await open_town(sqlite_town, payment_expiry_s=2)
        await pay(sqlite_town)
        await sqlite_town.payment("success")
        sqlite_town.fault("zamtel", "push", "close", msisdn="+260955000002")
        await sqlite_town.dial("1", "1", OTHER_TAP, "1", "1", msisdn="+260955000002")
        await sqlite_town.payment("pending")
    text = log() + caplog.text
    assert "provider_call" in text
    secret = Zamtel().password
    for form in (secret, quote(secret), quote_plus(secret), Zamtel().third_party_id):
        assert form not in text
    kept = [dict(row._mapping) for row in await sqlite_town.rows(sa.select(outbox))]
    assert secret not in repr(kept)
