"""BAL and PAY of phones for which we keep money."""

import pytest
import sqlalchemy as sa
from village import FAR, KENYAN, SHARED, STRANGER


async def _keep(village, msisdn, amount_minor, currency="ZMW"):
    row = {"account": f"wallet:{msisdn}", "currency": currency, "minor": -amount_minor}
    async with village.db.write() as connection:
        statement = sa.text("INSERT INTO ledger_balances VALUES (:account, :currency, :minor)")
        await connection.execute(statement, row)


async def test_bal_says_what_we_keep(village):
    await _keep(village, STRANGER, 1200)
    (said,) = await village.say(STRANGER, f"BAL {SHARED}")
    assert "To pay: K60.00" in said
    assert said.endswith(" We keep K12.00 for you, it pays first.")


async def test_bal_of_a_paid_tap_says_it_too(village):
    await _keep(village, STRANGER, 6500)
    await village.say(STRANGER, f"PAY {SHARED}")
    (said,) = await village.say(STRANGER, "BAL")
    assert said.startswith(f"Madzi: Nothing to pay for {SHARED}.")
    assert said.endswith(" We keep K5.00 for you, it pays first.")


async def test_bal_of_others_says_nothing_of_it(village):
    await _keep(village, STRANGER, 1200)
    (said,) = await village.say("+260966000001", f"BAL {SHARED}")
    assert "keep" not in said


async def test_pay_asks_for_the_rest_and_tells_what_was_paid_before(village):
    await _keep(village, STRANGER, 1200)
    (said,) = await village.say(STRANGER, f"PAY {SHARED}")
    assert said.startswith("Madzi: Waiting: K48.00")
    told = {row.template: row.text for row in await village.sms(STRANGER)}
    assert "Paid K12.00" in told["paid.before"]
    assert "Left to pay: K48.00. We ask for it" in told["paid.before"]


async def test_pay_with_enough_of_it_needs_no_prompt(village):
    await _keep(village, STRANGER, 6000)
    (said,) = await village.say(STRANGER, f"PAY {SHARED}")
    assert said == (
        f"Madzi: Done: K60.00 for {SHARED} is paid from the money we kept for you. Nothing to do."
    )
    (payment,) = await village.payments_made()
    assert (payment.provider, payment.status) == ("wallet", "success")
    assert {row.template for row in await village.sms(STRANGER)} == {"pay.kept", "paid"}


@pytest.mark.parametrize(("kept_minor", "is_paid"), [(100_000, True), (1000, False)])
async def test_a_number_without_a_network_of_ours_pays_from_what_we_keep_alone(village, kept_minor, is_paid):
    await _keep(village, STRANGER, kept_minor, "KES")
    (said,) = await village.say(STRANGER, f"PAY {KENYAN}")
    assert ("is paid from the money we kept" in said) == is_paid
    assert len(await village.payments_made()) == is_paid


async def test_kept_money_pays_a_part_as_it_was_asked(village):
    await _keep(village, STRANGER, 1200)
    await village.say(STRANGER, f"PAY {FAR} 10")
    (payment,) = await village.payments_made()
    assert (payment.provider, payment.amount_minor) == ("wallet", 1000)
