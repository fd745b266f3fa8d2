"""Payments by Airtel Money from the call to the SMS, on both databases, books compared."""

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from town import OWED, PAY_ALL, TAP, WITH_AIRTEL, settings_of, until

from core.metrics import REPORTS
from payments.providers import airtel, airtel_wire
from payments.providers.faults import push_without_token
from payments.tables import callbacks
from simulators.providers.config import Airtel

WITHOUT_ENQUIRIES = {"poll_after_s": 60, "payment_expiry_s": 120}


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch):
    """Let what provably was not taken be tried again after 2 s instead of 5 s."""
    monkeypatch.setattr(airtel_wire, "RETRY_S", 0.3)
    monkeypatch.setattr(
        airtel, "push_without_token", lambda f: replace(push_without_token(f), retry_after_s=0.3)
    )


def settings(town, **changes):
    own = settings_of("", "", town.providers.url, "http://127.0.0.1").airtel
    return own.model_dump() | changes


async def pay(town):
    screen = (await town.dial(*PAY_ALL, msisdn=WITH_AIRTEL)).screen.text
    assert screen.startswith("Airtel Money will now ask for your PIN: K30.05")


async def verdicts(town, count=1):
    """Wait until this many callbacks have been judged."""

    async def look():
        found = [row.verdict for row in await town.rows(sa.select(callbacks)) if row.verdict != "new"]
        return sorted(found) if len(found) >= count else None

    return await until(look)


async def test_an_approved_prompt_is_a_success(town):
    await town.open(**WITHOUT_ENQUIRIES)
    await pay(town)
    payment = await town.payment("success")
    assert (payment.provider, payment.amount_minor) == ("airtel", OWED)
    (debit,) = town.book()["debited"]
    assert (debit["receipt"], debit["msisdn"], debit["amount"]) == (payment.receipt, WITH_AIRTEL, "30.05")
    assert payment.provider_reference == debit["provider_reference"] == payment.reference.replace("-", "")
    (told,) = await town.sms(WITH_AIRTEL)
    assert told.startswith(f"Madzi: Paid K30.05 for {TAP}")
    assert told.endswith(f"Airtel Money {payment.receipt}")
    assert await verdicts(town) == ["confirmed"]
    assert [c.amount_minor for c in await town.agrees()] == [OWED]


@pytest.mark.parametrize(
    ("answer", "status", "reason", "template"),
    [
        ("cancel", "failed", "cancelled", "fail.cancelled"),
        ("no_balance", "failed", "balance", "fail.balance"),
        ("wrong_pin", "failed", "pin", "fail.pin"),
        ("no_wallet", "failed", "other", "fail.other"),
        ("ignore", "expired", "expired", "expired"),
    ],
)
async def test_a_prompt_that_brings_no_money_says_why_once(town, answer, status, reason, template):
    await town.open()
    town.person(WITH_AIRTEL, answer, prompt_lifetime_s=0.2)
    await pay(town)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == (status, reason)
    assert len(await town.sms(WITH_AIRTEL)) == 1
    assert await town.templates() == [template]
    assert await town.agrees() == []


async def test_airtels_own_expiry_is_asked_about_once_more(town):
    await town.open()
    town.person(WITH_AIRTEL, "ignore", prompt_lifetime_s=0.2)
    await pay(town)
    first = await town.payment("expired")

    async def final():
        (payment,) = await town.payments()
        return payment if payment.is_final else None

    last = await until(final)
    assert (first.status, last.status, last.next_check_at) == ("expired", "expired", None)
    await town.agrees()


async def test_a_success_after_our_expiry_is_accepted_and_told_once(town):
    await town.open(payment_expiry_s=0.8)
    town.person(WITH_AIRTEL, "approve", after_s=1.5, prompt_lifetime_s=30)
    await pay(town)
    await town.payment("expired")
    payment = await town.payment("success")
    _first, second = await town.sms(WITH_AIRTEL, count=2)
    assert "It came late" in second
    assert payment.receipt in second
    assert await town.templates() == ["expired", "paid.late"]
    assert len(await town.agrees()) == 1


async def test_a_lost_callback_is_found_by_an_enquiry(town):
    await town.open()
    town.fault("airtel", "callback", "dropped", msisdn=WITH_AIRTEL)
    await pay(town)
    payment = await town.payment("success")
    assert payment.receipt == town.book()["debited"][0]["receipt"]
    assert await town.rows(sa.select(callbacks)) == []
    assert len(await town.agrees()) == 1


async def test_airtel_is_not_asked_sooner_than_it_wants_but_at_the_end(sqlite_town):
    town = sqlite_town
    await town.open(payment_expiry_s=1.0, poll_after_s=0.1, airtel=settings(town, query_after_s=180))
    town.fault("airtel", "callback", "dropped", msisdn=WITH_AIRTEL)
    await pay(town)
    payment = await town.payment("success")
    assert (payment.updated_at - payment.pushed_at).total_seconds() >= 0.9
    await town.agrees()


@pytest.mark.parametrize(
    "fault", ["error_after", "html_after", "close", "error_before", "too_many", "token_refused"]
)
async def test_a_push_that_goes_wrong_is_made_good_and_counted_once(sqlite_town, fault):
    """Airtel takes an id once, so the same push may go out again."""
    town = sqlite_town
    await town.open(payment_expiry_s=9)
    town.fault("airtel", "push", fault, msisdn=WITH_AIRTEL)
    await pay(town)
    await town.payment("success")
    assert len(town.book()["debited"]) == 1
    assert len(await town.sms(WITH_AIRTEL)) == 1
    assert len(await town.agrees()) == 1


async def test_a_push_that_is_never_answered_is_found_by_our_own_reference(town):
    await town.open(provider_timeout_s=0.4, **WITHOUT_ENQUIRIES)
    town.fault("airtel", "push", "slow_drip", msisdn=WITH_AIRTEL, times=20)
    await pay(town)
    payment = await town.payment("success")
    assert payment.receipt
    assert len(await town.agrees()) == 1


@pytest.mark.parametrize("fault", ["twice", "ten_times", "before_reply", "late", "out_of_order"])
async def test_callbacks_again_early_late_and_out_of_order_credit_once(town, fault):
    await town.open()
    town.fault("airtel", "callback", fault, msisdn=WITH_AIRTEL, late_s=0.5)
    await pay(town)
    await town.payment("success")
    assert set(await town.callbacks({"twice": 2, "ten_times": 10, "out_of_order": 2}.get(fault, 1))) == {200}
    await verdicts(town)
    assert len(await town.sms(WITH_AIRTEL)) == 1
    assert len(await town.agrees()) == 1


@pytest.mark.parametrize("fault", ["forged", "forged_early"])
async def test_a_forged_notice_credits_nothing(town, fault):
    await town.open()
    town.person(WITH_AIRTEL, "cancel")
    town.fault("airtel", "callback", fault, msisdn=WITH_AIRTEL)
    await pay(town)
    (payment,) = await town.all_end()
    assert payment.status == "failed"
    assert await town.agrees() == []
    assert await town.templates() == ["fail.cancelled"]


async def deliver(town, house, body):
    """Post a notice to Airtel's own address."""
    account = next(a for a in house.runtime.accounts.values() if a.provider == "airtel")
    async with town.http.post(f"{house.url}/cb/{account.callback_token}", data=body) as reply:
        assert reply.status == 200


async def test_a_notice_without_airtels_hash_makes_us_ask_and_no_more(sqlite_town):
    town = sqlite_town
    house = await town.open(**WITHOUT_ENQUIRIES)
    town.fault("airtel", "callback", "dropped", msisdn=WITH_AIRTEL)
    await pay(town)
    payment = await town.payment("pending")
    await until(lambda: _true(town.book()["debited"]))
    notice = {"id": payment.provider_reference, "status_code": "TF", "airtel_money_id": "MPFORGED"}
    await deliver(town, house, json.dumps({"transaction": notice, "hash": "AAAA"}))
    paid = await town.payment("success")
    assert paid.receipt == town.book()["debited"][0]["receipt"]
    assert len(await town.agrees()) == 1


async def _true(value):
    return value


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"{", "unreadable"),
        (b'{"transaction":{}}', "unreadable"),
        (b'{"transaction":{"id":"pay01JDAB7Q","status_code":"TS"}}', "unmatched"),
        (b'{"transaction":{"id":"' + b"0" * 32 + b'","status_code":"TS"}}', "unmatched"),
    ],
)
async def test_a_strangers_notice_moves_nothing_and_opens_nothing(sqlite_town, body, verdict):
    town = sqlite_town
    house = await town.open()
    await deliver(town, house, body)
    assert await verdicts(town) == [verdict]
    assert await town.items() == []
    await town.agrees()


@pytest.mark.parametrize("code", ["TA", "TX"])
async def test_a_status_that_is_ambiguous_or_unheard_of_settles_nothing_and_is_counted(sqlite_town, code):
    town = sqlite_town
    await town.open(payment_expiry_s=1.0)
    before = _unknown()
    town.person(WITH_AIRTEL, "refused", code=code)
    await pay(town)
    payment = await town.payment("expired")
    assert (payment.is_final, payment.reason) == (False, "expired")
    assert payment.next_check_at is not None
    assert _unknown() > before
    assert await town.agrees() == []


def _unknown():
    return REPORTS.labels("airtel", "unknown")._value.get()


async def test_v2_signs_what_it_sends(sqlite_town):
    town = sqlite_town
    await town.open(airtel=settings(town, version="v2"), **WITHOUT_ENQUIRIES)
    await pay(town)
    await town.payment("success")
    await town.agrees()


async def test_no_secret_is_logged(sqlite_town, capsys):
    town = sqlite_town
    await town.open()
    await pay(town)
    await town.payment("success")
    said = "".join(capsys.readouterr())
    assert "airtel_callback_genuine" in said
    for secret in (Airtel().client_secret, Airtel().callback_key, Airtel().client_id):
        assert secret not in said
