"""Money back over the wire, by every rail that can: from the refund to the SMS, books compared."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from town import (
    CALLER,
    KENYAN,
    KENYAN_TAP,
    PAY_ALL,
    TAP,
    WITH_AIRTEL,
    WITH_ZAMTEL,
    until,
    zamtel_settings,
)

from core.errors import Refused
from gateway import verify
from payments.payouts.commands import By, RefundPayment, Resolve, StartPayout
from payments.payouts.tables import payout_transitions, payouts
from payments.tables import callbacks, ledger_balances, payments
from simulators.providers import airtel_keys
from simulators.providers.config import Airtel, Daraja, Mtn, Zamtel
from simulators.providers.daraja_keys import certificate_pem
from taps import users
from taps.debts import total_open_minor
from taps.model import Role, User
from taps.store import open_parts
from tools.towns import settings_of

ROOT = By("root", is_named=False)
PHONES = {"mtn": CALLER, "airtel": WITH_AIRTEL, "zamtel": WITH_ZAMTEL, "daraja": KENYAN}
TAPS = {"daraja": KENYAN_TAP}
KEYS = PAY_ALL[:2], PAY_ALL[3:]


def with_money_out(town, **changes):
    """The settings of every rail, with what it needs to send money out."""
    usual = settings_of(town.url, town.gateway_url, town.providers.url, town.aggregator.url)
    mtn, airtel, daraja, zamtel = Mtn(), Airtel(), Daraja(), Zamtel()
    own = {
        "mtn": {
            "disbursement_key": mtn.disbursement_key,
            "disbursement_user": mtn.disbursement_user,
            "disbursement_api_key": mtn.disbursement_api_key,
        },
        "airtel": {"pin": airtel.pin, "public_key": airtel_keys.public_der()},
        "daraja": {
            "initiator": daraja.initiator,
            "initiator_password": daraja.initiator_password,
            "certificate": certificate_pem(),
        },
    }
    made = {name: getattr(usual, name).model_dump() | more for name, more in own.items()}
    made["zamtel"] = zamtel_settings(
        town.providers.url, identifier=zamtel.identifier, credential=zamtel.credential
    )
    return {**made, "poll_after_s": 0.2, **changes}


async def paid(town, rail="mtn"):
    """Pay a tap in full by a rail; return the payment once it has succeeded, with its receipt."""
    msisdn, tap_id = PHONES[rail], TAPS.get(rail, TAP)
    await town.dial(*KEYS[0], tap_id, *KEYS[1], msisdn=msisdn)
    await town.payment("success")

    async def receipted():
        found = (await town.payments())[-1]
        return found if found.receipt else None

    payment = await until(receipted)
    assert (payment.provider, payment.msisdn) == (rail, msisdn)
    await town.sms(msisdn)
    return payment


async def refund(house, payment, **how):
    return await house.runtime.payouts.service.submit(
        RefundPayment(payment_id=payment.payment_id, by=ROOT, **how)
    )


async def ended(town, payout_id, status="completed"):
    async def look():
        row = (await town.rows(sa.select(payouts).where(payouts.c.payout_id == payout_id)))[0]
        return row if row.status == status else None

    return await until(look)


async def books_agree(town):
    """Check every invariant, and what each rail has sent out against our ledger."""
    assert [verdict for verdict in await verify.run(town.db) if not verdict.holds] == []
    done = await town.rows(sa.select(payouts).where(payouts.c.status == "completed"))
    sent = sorted((row["provider"], row["amount"]) for row in town.book()["paid_out"])
    ours = [(row.provider, row.amount_minor) for row in done]
    assert sorted((provider, round(float(amount) * 100)) for provider, amount in sent) == sorted(ours)
    balances = await town.rows(sa.select(ledger_balances))
    assert not [b for b in balances if b.ledger_account.startswith("payout:") and b.balance_minor]


async def owed(town, tap_id=TAP):
    async with town.db.read() as connection:
        return total_open_minor((await open_parts(connection, [tap_id]))[tap_id])


@pytest.mark.parametrize(
    ("rail", "kind", "end"),
    [
        ("mtn", "refund", "refunded"),
        ("airtel", "refund", "refunded"),
        ("zamtel", "transfer", "refunded"),
        ("daraja", "reversal", "reversed"),
    ],
)
async def test_a_payment_goes_back_whole_by_each_rail(town, rail, kind, end):
    house = await town.open(**with_money_out(town))
    payment = await paid(town, rail)
    assert await owed(town, payment.tap_id) == 0
    payout = await refund(house, payment)
    assert (payout.kind, payout.amount_minor) == (kind, payment.amount_minor)
    await ended(town, payout.payout_id)
    assert (await town.payments())[-1].status == end
    assert await owed(town, payment.tap_id) == payment.amount_minor

    async def told_back():
        return [text for text in town.received(payment.msisdn) if text.startswith("Madzi: Sent back")]

    (told,) = await until(told_back)
    assert f"for {payment.tap_id} to " in told
    assert payment.msisdn[-4:] in told
    await books_agree(town)


async def test_what_came_by_hand_beyond_the_debt_goes_back_whole(sqlite_town):
    town = sqlite_town
    rails = with_money_out(town, pull_every_s=1)
    house = await town.open(**{**rails, "daraja": rails["daraja"] | {"pull": True}})
    by_hand = {"msisdn": KENYAN, "account": KENYAN_TAP, "amount": "450"}
    async with town.http.post(f"{town.providers.url}/daraja/_sim/payments", json=by_hand) as reply:
        assert reply.status == 201
    payment = await town.payment("success")
    payout = await refund(house, payment)
    assert (payment.amount_minor, payout.kind, payout.amount_minor) == (30000, "reversal", 45000)
    await ended(town, payout.payout_id)
    assert (await town.payments())[-1].status == "reversed"
    await books_agree(town)


@pytest.mark.parametrize("rail", ["mtn", "airtel", "zamtel", "daraja"])
async def test_a_part_goes_to_the_payers_number(sqlite_town, rail):
    town = sqlite_town
    house = await town.open(**with_money_out(town))
    payment = await paid(town, rail)
    payout = await refund(house, payment, amount_minor=1000)
    assert payout.kind == "transfer"
    await ended(town, payout.payout_id)
    assert (await town.payments())[-1].status == "success"
    assert await owed(town, payment.tap_id) == 1000
    await books_agree(town)


@pytest.mark.parametrize("fault", ["error_after", "close"])
@pytest.mark.parametrize("rail", ["mtn", "airtel", "zamtel", "daraja"])
async def test_an_answer_that_is_lost_pays_nobody_twice(sqlite_town, rail, fault):
    town = sqlite_town
    house = await town.open(**with_money_out(town))
    payment = await paid(town, rail)
    town.fault(rail, "payout", fault)
    payout = await refund(house, payment, amount_minor=1000)
    if rail == "zamtel":  # knows no reference and answers no question: staff must look
        await ended(town, payout.payout_id, "processing")
        await asyncio.sleep(0.5)
    else:
        await ended(town, payout.payout_id)
        await books_agree(town)
    assert len(town.book()["paid_out"]) == 1


async def test_a_rail_that_is_down_is_tried_again_and_pays_once(sqlite_town):
    town = sqlite_town
    house = await town.open(**with_money_out(town))
    payment = await paid(town)
    town.fault("mtn", "payout", "error_before")
    payout = await refund(house, payment)
    await ended(town, payout.payout_id)
    await books_agree(town)


@pytest.mark.parametrize("fault", ["twice", "ten_times", "dropped"])
async def test_results_that_repeat_or_never_come(sqlite_town, fault):
    town = sqlite_town
    house = await town.open(**with_money_out(town))
    for rail in ("mtn", "airtel", "daraja"):
        if (rail, fault) == ("daraja", "dropped"):
            continue  # nobody can be asked: see the test of staff below
        payment = await paid(town, rail)
        town.fault(rail, "callback", fault)
        payout = await refund(house, payment)
        await ended(town, payout.payout_id)
    await asyncio.sleep(0.2)
    await books_agree(town)


@pytest.mark.parametrize("fault", ["timed_out", "missing_values", "single_object"])
async def test_each_shape_of_an_m_pesa_result_ends_well(sqlite_town, fault):
    town = sqlite_town
    house = await town.open(**with_money_out(town))
    payment = await paid(town, "daraja")
    town.fault("daraja", "result", fault)
    payout = await refund(house, payment)
    await ended(town, payout.payout_id)
    await books_agree(town)


def result_of(payout, code, amount="300"):
    """What M-PESA would tell of a reversal."""
    told = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "x",
        "OriginatorConversationID": payout.provider_reference,
        "ConversationID": "AG_1",
        "TransactionID": "TKL0000001",
    }
    if code == 0:
        told["ResultParameters"] = {"ResultParameter": [{"Key": "Amount", "Value": amount}]}
    return json.dumps({"Result": told})


async def post_result(town, house, body, key):
    account = next(a for a in house.runtime.accounts.values() if a.provider == "daraja")
    address = f"{town.gateway_url}/cb/{account.callback_token}/b2c_result"
    async with town.http.post(address, params={"key": key} if key else None, data=body) as reply:
        return reply.status


async def verdict_of(town):
    async def look():
        rows = await town.rows(sa.select(callbacks).order_by(callbacks.c.received_at.desc()).limit(1))
        return rows[0].verdict if rows and rows[0].verdict != "new" else None

    return await until(look)


@pytest.fixture
async def waiting(sqlite_town):
    """A reversal that M-PESA has taken and tells nothing of."""
    town = sqlite_town
    house = await town.open(**with_money_out(town, poll_after_s=60))
    payment = await paid(town, "daraja")
    town.fault("daraja", "callback", "dropped")
    payout = await refund(house, payment)
    return town, house, await ended(town, payout.payout_id, "processing")


async def test_a_result_that_never_comes_is_found_out_by_staff(waiting):
    town, house, payout = waiting
    async with town.db.write() as connection:
        await users.add_user(connection, User("Grace", Role.FINANCE, (), None), house.runtime.clock.now())

    async def seen_there():
        return town.book()["paid_out"]

    receipt = (await until(seen_there))[0]["receipt"]
    answer = await house.runtime.payouts.service.submit(
        Resolve(payout.payout_id, By("Grace"), was_sent=True, receipt=receipt)
    )
    assert (answer.status, answer.receipt) == ("completed", receipt)
    await books_agree(town)


async def test_a_forged_failure_sends_no_money_a_second_time(waiting):
    town, house, payout = waiting
    assert await post_result(town, house, result_of(payout, 1), payout.callback_key) == 200
    await verdict_of(town)
    assert (await ended(town, payout.payout_id, "processing")).send_state == "accepted"
    assert "payout_refused" in {item.kind for item in await town.items()}
    with pytest.raises(Refused, match="nothing_left"):
        payment = (await town.rows(sa.select(payments)))[0]
        await refund(house, payment)


@pytest.mark.parametrize("key", ["", "p.AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA"])
async def test_a_result_at_no_payouts_address_ends_nothing_by_itself(waiting, key):
    town, house, payout = waiting
    body = result_of(payout, 1)
    assert await post_result(town, house, body, key) == 200
    await asyncio.sleep(0.2)
    assert (await ended(town, payout.payout_id, "processing")).status == "processing"
    assert "payout_refused" not in {item.kind for item in await town.items()}


async def test_a_result_of_another_amount_ends_nothing(waiting):
    town, house, payout = waiting
    await post_result(town, house, result_of(payout, 0, "1"), payout.callback_key)
    await verdict_of(town)
    assert (await ended(town, payout.payout_id, "processing")).receipt is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Result": 5}', b"\xff\xfe"])
async def test_what_cannot_be_read_ends_nothing(waiting, body):
    town, house, payout = waiting
    assert await post_result(town, house, body, payout.callback_key) == 200
    assert await verdict_of(town) == "unreadable"
    assert (await ended(town, payout.payout_id, "processing")).checks == 0


async def test_a_gateway_that_is_killed_while_sending_asks_instead_of_sending_again(sqlite_town):
    town = sqlite_town
    house = await town.open(worker=False, **with_money_out(town))
    other = await town.open(port=town.port + 1 if town.port < 65_000 else 20_000, **with_money_out(town))
    payment = await paid(town, "daraja")
    await other.close()
    payout = await refund(house, payment, amount_minor=1000)
    await house.runtime.payouts.service.submit(StartPayout(payout.payout_id))  # and then it dies
    await house.close()
    await town.open(**with_money_out(town))
    await ended(town, payout.payout_id)
    await books_agree(town)
    trail = await town.rows(sa.select(payout_transitions).order_by(payout_transitions.c.seq))
    assert [move.to_status for move in trail] == ["requested", "initiated", "processing", "completed"]
    assert trail[2].detail == "outcome unknown"
