"""Paying by a link to a page, and by KCB's multi-currency gateway: over REST only, proved, books compared."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from town import CALLER, KENYAN, KENYAN_OWED, KENYAN_TAP, OTHER_TAP, OWED, TAP, until

from payments.links import pay_links
from payments.tables import callbacks, payments, suspense_items

BY_CARD = {"tap_id": TAP, "msisdn": CALLER, "provider": "stripe"}
BY_KCB = {"tap_id": KENYAN_TAP, "msisdn": KENYAN, "provider": "kcb_multi"}


async def linked(platform, body=BY_CARD):
    """Ask for a payment by card; return it and the address in the SMS."""
    reply = await platform.pay(body)
    assert reply.status == 202, reply.raw
    texts = await platform.town.sms(CALLER)
    (address,) = [word for word in texts[-1].split() if word.startswith("http")]
    return reply.json["payment_id"], address, texts[-1]


async def opened(platform, address):
    async with platform.town.http.get(address, allow_redirects=False) as reply:
        return reply.status, reply.headers.get("Location"), await reply.text()


async def use(platform, page, card="good"):
    async with platform.town.http.post(page, data={"card": card}, allow_redirects=False) as reply:
        return reply.status


async def verdicts(town, count):
    async def look():
        rows = await town.rows(sa.select(callbacks).order_by(callbacks.c.raw_id))
        found = [row.verdict for row in rows if row.verdict != "new"]
        return found if len(found) >= count else None

    return await until(look)


async def test_a_payment_by_card_is_asked_linked_paid_and_told(wide_platform):
    town = wide_platform.town
    payment_id, address, text = await linked(wide_platform)
    assert text.startswith("Madzi: To pay: K30.05 for KNY-0417-1")
    assert "The link works until" in text
    assert len(text) <= 160
    shown = (await wide_platform.get(f"/payments/{payment_id}")).json
    assert (shown["status"], shown["links"]["pay"]) == ("pending", address)
    status, page, _ = await opened(wide_platform, address)
    assert (status, page.startswith(town.providers.url + "/stripe/c/pay/cs_test_")) == (303, True)
    assert await use(wide_platform, page) == 303
    payment = await town.payment("success")
    (debit,) = town.book()["debited"]
    assert (payment.amount_minor, payment.receipt) == (OWED, debit["receipt"])
    assert (debit["amount"], debit["external_id"]) == ("30.05", payment_id)
    told = (await town.sms(CALLER, 2))[-1]
    assert told.startswith("Madzi: Paid K30.05 for KNY-0417-1")
    assert told.endswith(f"Card {payment.receipt}")
    assert await verdicts(town, 1) == ["confirmed"]
    (credit,) = await town.agrees()
    assert credit.proof == "callback"
    status, _, said = await opened(wide_platform, address)
    assert (status, "This is paid" in said) == (200, True)
    assert "pay" not in (await wide_platform.get(f"/payments/{payment_id}")).json["links"]


async def test_the_payer_has_a_day_and_the_handset_is_free_meanwhile(wide_platform):
    town = wide_platform.town
    await linked(wide_platform)
    (payment,) = await town.payments()
    assert payment.expires_at - payment.pushed_at == timedelta(days=1)
    (link,) = await town.rows(sa.select(pay_links))
    assert timedelta(hours=23) < link.until - payment.pushed_at <= timedelta(days=1)
    reply = await wide_platform.pay({"tap_id": OTHER_TAP, "msisdn": CALLER})  # by MTN, on the same phone

    async def other():
        rows = await town.rows(sa.select(payments).where(payments.c.payment_id == reply.json["payment_id"]))
        return rows[0].status == "success"

    assert await until(other)
    assert "has not answered" not in " ".join(town.received(CALLER))


async def test_a_declined_card_ends_nothing(wide_platform):
    town = wide_platform.town
    _, address, _ = await linked(wide_platform)
    _, page, _ = await opened(wide_platform, address)
    assert await use(wide_platform, page, "bad") == 200
    await verdicts(town, 1)
    assert (await town.payments())[0].status == "pending"
    await use(wide_platform, page)
    await town.payment("success")
    assert len(await town.agrees()) == 1


async def test_a_notice_that_comes_ten_times_credits_once(wide_platform):
    town = wide_platform.town
    town.fault("stripe", "callback", "ten_times")
    _, address, _ = await linked(wide_platform)
    await use(wide_platform, (await opened(wide_platform, address))[1])
    assert sorted(await verdicts(town, 10)) == ["confirmed"] + ["repeated"] * 9
    assert len(await town.agrees()) == len(town.received(CALLER)) - 1 == 1
    assert await town.items() == []


async def test_a_forged_notice_moves_nothing(wide_platform):
    town = wide_platform.town
    town.fault("stripe", "callback", "forged_early")
    await linked(wide_platform)
    assert await verdicts(town, 1) == ["forged"]
    assert (await town.payments())[0].status == "pending"
    assert town.book()["debited"] == []


async def test_without_its_notice_a_payment_is_found_by_asking(wide_platform):
    town = wide_platform.town
    town.fault("stripe", "callback", "dropped")
    payment_id, address, _ = await linked(wide_platform)
    await use(wide_platform, (await opened(wide_platform, address))[1])
    async with town.db.write() as connection:  # as if its minute had passed
        long_ago = sa.update(payments).values(next_check_at=payments.c.created_at)
        await connection.execute(long_ago.where(payments.c.payment_id == payment_id))
    payment = await town.payment("success")
    assert payment.receipt == town.book()["debited"][0]["receipt"]
    (credit,) = await town.agrees()
    assert credit.proof == "poll"


async def test_an_old_notice_is_shown_to_a_person(wide_platform):
    """Signed in its time, kept for a day by somebody, and sent again for a payment that is open still."""
    town = wide_platform.town
    real = town.network.timing.now

    class Yesterday:
        sleep = town.network.timing.sleep

        def now(self):
            return real() - timedelta(days=1)

    _, address, _ = await linked(wide_platform)
    page = (await opened(wide_platform, address))[1]
    town.network.timing = Yesterday()
    await use(wide_platform, page)
    assert await verdicts(town, 1) == ["stale"]
    (item,) = await town.rows(sa.select(suspense_items))
    assert (item.kind, item.held_minor) == ("stale_notice", 0)


async def test_a_link_that_is_none_says_what_to_do(wide_platform):
    town = wide_platform.town
    status, _, said = await opened(wide_platform, town.gateway_url + "/pay/nobodys")
    assert (status, "There is no such link" in said) == (404, True)
    payment_id, address, _ = await linked(wide_platform)
    async with town.db.write() as connection:
        over = sa.update(pay_links).values(until=pay_links.c.created_at)
        await connection.execute(over.where(pay_links.c.payment_id == payment_id))
    status, where, said = await opened(wide_platform, address)
    assert (status, where, "has ended" in said) == (410, None, True)


async def test_no_phone_is_offered_the_page(wide_platform):
    call = await wide_platform.town.dial("1", "1", TAP, "1", "3")
    assert "Card" not in call.screen.text


async def test_nobodys_number_goes_to_stripe(wide_platform):
    asked = []
    real = wide_platform.town.network.book.accept

    def note(push):
        asked.append(json.dumps([push.msisdn, push.external_id, push.extra]))
        real(push)

    wide_platform.town.network.book.accept = note
    await linked(wide_platform)
    assert asked
    assert CALLER.lstrip("+") not in asked[0]


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("approve", "success", None),
        ("wrong_pin", "failed", "pin"),
        ("cancel", "failed", "cancelled"),
        ("no_balance", "failed", "balance"),
        ("unreachable", "failed", "noanswer"),
    ],
)
async def test_the_multi_currency_gateway_collects_in_nairobi(wide_platform, answer, status, reason):
    town = wide_platform.town
    town.person(KENYAN, answer)
    assert (await wide_platform.pay(BY_KCB)).status == 202
    payment = await town.payment(status)
    assert (payment.provider, payment.reason, payment.amount_minor) == ("kcb_multi", reason, KENYAN_OWED)
    assert len(await town.agrees()) == (status == "success")
    assert len(await town.sms(KENYAN)) == 1


async def test_its_callback_alone_is_a_hint(wide_platform):
    town = wide_platform.town
    town.fault("kcb_multi", "callback", "forged_early", msisdn=KENYAN)
    town.person(KENYAN, "cancel", after_s=0.6)
    await wide_platform.pay(BY_KCB)
    payment = await town.payment("failed")
    assert payment.reason == "cancelled"
    assert town.book()["debited"] == await town.agrees() == []


async def test_a_lost_answer_of_the_gateway_is_found_by_our_reference(wide_platform):
    town = wide_platform.town
    town.fault("kcb_multi", "push", "close", msisdn=KENYAN)
    town.fault("kcb_multi", "callback", "dropped", msisdn=KENYAN)
    await wide_platform.pay(BY_KCB)
    await town.payment("success")
    assert len(await town.agrees()) == 1
