"""What a payer does with the prompt, and what becomes of the payment: on both databases, books compared."""

import pytest
from town import CALLER, KENYAN, KENYAN_OWED, KENYAN_TAP, NEIGHBOUR, OTHER_TAP, OWED, PAY_ALL, TAP

KENYAN_KEYS = ("1", "1", KENYAN_TAP, "1", "1")


@pytest.mark.parametrize(
    ("msisdn", "keys", "owed", "receipt_of"),
    [(CALLER, PAY_ALL, OWED, "mtn"), (KENYAN, KENYAN_KEYS, KENYAN_OWED, "daraja")],
    ids=["mtn", "daraja"],
)
async def test_an_approved_prompt_is_a_success(town, msisdn, keys, owed, receipt_of):
    await town.open()
    assert (await town.dial(*keys, msisdn=msisdn)).screen.status == "Success"
    (payment,) = await town.all_end()
    assert (payment.status, payment.amount_minor, payment.provider) == ("success", owed, receipt_of)
    (debit,) = town.book()["debited"]
    assert (debit["receipt"], debit["msisdn"]) == (payment.receipt, msisdn)
    (told,) = await town.sms(msisdn)
    assert told.startswith("Madzi: Paid ")
    assert told.endswith(payment.receipt)
    assert [c.amount_minor for c in await town.agrees()] == [owed]


@pytest.mark.parametrize(
    ("answer", "status", "reason", "template"),
    [
        ("cancel", "failed", "cancelled", "fail.cancelled"),
        ("no_balance", "failed", "balance", "fail.balance"),
        ("ignore", "expired", "expired", "expired"),
    ],
)
@pytest.mark.parametrize("rail", ["mtn", "daraja"])
async def test_a_prompt_that_brings_no_money_says_why_once(town, answer, status, reason, template, rail):
    await town.open(payment_expiry_s=1.2)
    msisdn, keys = (CALLER, PAY_ALL) if rail == "mtn" else (KENYAN, KENYAN_KEYS)
    town.person(msisdn, answer, prompt_lifetime_s=30)
    await town.dial(*keys, msisdn=msisdn)
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == (status, reason)
    assert len(await town.sms(msisdn)) == 1
    assert await town.templates() == [template]
    assert await town.agrees() == []


async def test_the_networks_own_expiry_is_an_expiry(town):
    await town.open()
    town.person(CALLER, "ignore", prompt_lifetime_s=0.3)
    await town.dial(*PAY_ALL)
    (payment,) = await town.all_end()
    assert (payment.status, payment.is_final) == ("expired", True)
    assert await town.templates() == ["expired"]
    await town.agrees()


@pytest.mark.parametrize("rail", ["mtn", "daraja"])
async def test_a_success_after_expiry_is_accepted_and_told_once(town, rail):
    await town.open(payment_expiry_s=0.8)
    msisdn, keys = (CALLER, PAY_ALL) if rail == "mtn" else (KENYAN, KENYAN_KEYS)
    town.person(msisdn, "approve", after_s=1.5, prompt_lifetime_s=30)
    await town.dial(*keys, msisdn=msisdn)
    await town.payment("expired")
    payment = await town.payment("success")
    assert payment.receipt
    first, second = await town.sms(msisdn, count=2)
    assert first.startswith("Madzi: Not paid in time")
    assert "It came late" in second
    assert payment.receipt in second
    assert await town.templates() == ["expired", "paid.late"]
    assert len(await town.agrees()) == 1


async def test_after_a_refusal_the_person_may_pay_again(town):
    await town.open()
    town.person(CALLER, "cancel", times=1)
    await town.dial(*PAY_ALL)
    await town.payment("failed")
    await town.dial("1", "1", "1", "1")  # the tap is known now
    assert [p.status for p in await town.all_end(2)] == ["failed", "success"]
    assert (await town.sms(count=2))[-1].startswith("Madzi: Paid K30.05")
    await town.agrees()


async def test_a_second_payer_is_told_that_somebody_pays(town):
    await town.open()
    town.person(CALLER, "approve", after_s=0.8, prompt_lifetime_s=5)
    await town.dial(*PAY_ALL)
    call = await town.dial("1", "1", TAP, msisdn=NEIGHBOUR)
    assert call.screen.text.startswith(f"Someone is paying K30.05 for {TAP} since")
    await town.all_end(1)
    await town.agrees()


async def test_two_who_confirm_at_the_same_moment_make_one_payment(town):
    await town.open()
    await town.hops(*PAY_ALL[:4], session="a")
    await town.hops(*PAY_ALL[:4], session="b", msisdn=NEIGHBOUR)
    first = (await town.hop("*".join(PAY_ALL), session="a"))[1]
    second = (await town.hop("*".join(PAY_ALL), session="b", msisdn=NEIGHBOUR))[1]
    assert first.startswith("END MTN MoMo will now ask")
    assert second.startswith("CON Someone is paying K30.05")
    await town.all_end(1)
    await town.agrees()


async def test_two_prompts_for_one_handset_come_one_after_the_other(town):
    await town.open()
    town.person(CALLER, "approve", after_s=0.6)
    await town.dial(*PAY_ALL)
    keys = ("1", "1", OTHER_TAP, "1", "2", "0961234567", "1")  # a neighbour, from the caller's wallet
    call = await town.dial(*keys, msisdn=NEIGHBOUR)
    assert call.screen.text.startswith("Another payment is asking for your PIN.")
    await town.payment("initiated")
    assert len(list(town.network.handsets.prompts(CALLER))) <= 1
    first, second = await town.all_end(2)
    assert (first.status, second.status) == ("success", "success")
    assert second.pushed_at > first.updated_at
    await town.agrees()


async def test_a_person_under_way_sees_it_first_and_may_ask_again(town):
    await town.open(poll_after_s=60, payment_expiry_s=120)
    town.fault("mtn", "callback", "dropped")
    town.person(CALLER, "approve", after_s=0.3)
    await town.dial(*PAY_ALL)
    await town.payment("pending")
    call = await town.dial()
    assert call.screen.text.startswith(f"Waiting: K30.05 for {TAP}, MTN MoMo, since")
    # Nobody would ask before a minute has passed; pressing 1 asks now.
    await call_until_success(town)
    assert len(await town.sms()) == 1
    await town.agrees()


async def call_until_success(town):
    for _ in range(8):
        await town.dial("1")
        try:
            return await town.payment("success", within_s=1)
        except TimeoutError:
            continue
    raise AssertionError("it was never asked")


async def test_a_long_wait_is_told_once_with_what_to_expect(town):
    await town.open(guide_after_s=0.5)
    town.person(CALLER, "approve", after_s=1.5)
    await town.dial(*PAY_ALL)
    waiting, paid = await town.sms(count=2)
    assert waiting.startswith("Madzi: Waiting: K30.05")
    assert paid.startswith("Madzi: Paid K30.05")
    assert await town.templates() == ["wait.long", "paid"]
    await town.agrees()
