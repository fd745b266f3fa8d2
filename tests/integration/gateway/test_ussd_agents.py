"""Agents on the menu over HTTP: status, who has paid, taps behind, cash; and what they may not do."""

import asyncio

import pytest
import sqlalchemy as sa
from field import AGENT, BOTH, FAR, JOHN, KEEPER, MARY, SPLIT, call, noted, number_of, settle_field
from town import CALLER, NEIGHBOUR, OTHER_TAP, OWED, TAP

from payments.tables import cash_receipts
from taps.tables import user_zones, users

CASH_ALL = ("7", TAP, "2", "1", "0977123456", "1")


@pytest.fixture
async def field(town):
    await settle_field(town)
    await town.open()
    return town


async def receipts(town):
    return await town.rows(sa.select(cash_receipts).order_by(cash_receipts.c.number))


async def test_an_agent_sees_two_keys_more_and_a_stranger_does_not(field):
    menu = await call(field, AGENT, session="a")
    assert menu.endswith("6 Help\n7 Tap status\n8 Taps behind")
    plain = await call(field, CALLER, session="s")
    assert plain.endswith("5 Language\n6 Help")
    for key in ("7", "8"):
        guess = await call(field, CALLER, key, session=f"g{key}")
        assert guess == f"CON You typed {key}. It is not on the list.\n" + plain.partition("\n")[2]


async def test_a_shared_tap_shows_its_one_payment(field):
    await call(field, CALLER, "1", TAP, "1", "1", session="pay")
    await field.payment("success")
    shown = await call(field, AGENT, "7", TAP, session="a")
    assert shown.startswith(f"CON {TAP}, Nov: K30.05 of K30.05\nPaid by ending 4567, ")
    assert shown.endswith("\n1 Who has paid\n0 Back")
    who = await call(field, AGENT, "7", TAP, "1", session="w")
    assert "ending 4567" in who
    assert CALLER[-9:] not in who + shown


async def test_a_tap_of_tenants_shows_each_of_them(field):
    shown = await call(field, AGENT, "7", await number_of(field, SPLIT), session="a")
    assert shown.startswith(
        f"CON {SPLIT}, Nov: K0.00 of K30.05\nPaid by 0, not by 2, waiting 0\nOlder bills: "
    )
    who = await call(field, AGENT, "7", SPLIT, "1", session="w")
    assert who.startswith(f"CON {SPLIT}, Nov\nJohn Phiri 3456: K15.0")
    assert "Mary Banda 3456: K15.0" in who


async def test_a_tap_outside_the_zone_is_named_and_nothing_more(field):
    shown = await call(field, AGENT, "7", FAR, session="a")
    assert shown == f"CON {FAR} is not in your zone.\n0 Back"
    assert (await noted(field))[-1] == ("Joseph Agent", "agent", "tap.status", FAR, "other_zone")


async def test_every_look_is_noted_once_however_often_the_hop_comes(field):
    await call(field, AGENT, "7", TAP, "1", session="a")
    await call(field, AGENT, "7", TAP, "1", session="a")
    assert await noted(field) == [
        ("Joseph Agent", "agent", "tap.status", TAP, "done"),
        ("Joseph Agent", "agent", "tap.who", TAP, "done"),
    ]


async def test_taps_behind_are_those_of_the_zone(field):
    shown = await call(field, AGENT, "8", session="a")
    assert "Taps behind" in shown
    assert f" {SPLIT} K30.05" in shown
    assert FAR not in shown
    inside = await call(field, AGENT, "8", "1", session="b")
    assert inside.startswith(f"CON {TAP}, Nov: K0.00 of K30.05\nNobody has paid yet.\nOlder bills: K30.05")


async def test_cash_is_recorded_once_with_a_receipt_and_both_are_told(field):
    keys = CASH_ALL
    last = await call(field, AGENT, *keys, session="a")
    assert last.startswith(f"END Done: K60.10 cash for {TAP}. All paid.\nReceipt C-000001.")
    assert await call(field, AGENT, *keys, session="a") == last
    (receipt,) = await receipts(field)
    assert (receipt.agent, receipt.payer_msisdn) == ("Joseph Agent", "+260977123456")
    assert "C-000001" in (await field.sms("+260977123456"))[0]
    assert "C-000001" in (await field.sms(AGENT))[0]
    assert (await field.payments())[-1].amount_minor == 2 * OWED
    assert ("Joseph Agent", "agent", "cash.record", TAP, "done") in await noted(field)
    after = await call(field, AGENT, "7", TAP, session="b")
    assert "K30.05 of K30.05" in after
    assert "Record cash" not in after


async def test_the_confirming_hop_at_the_same_moment_many_times_is_one_receipt(field):
    await call(field, AGENT, *CASH_ALL[:-1], session="a")
    text = "*".join(CASH_ALL)
    replies = await asyncio.gather(*(field.hop(text, session="a", msisdn=AGENT) for _ in range(6)))
    assert len({body for _, body, _ in replies}) == 1
    assert len(await receipts(field)) == 1


async def test_a_part_in_cash_without_sms(field):
    last = await call(field, AGENT, "7", TAP, "2", "2", "10", "1", "1", session="a")
    assert last.startswith(f"END Done: K10.00 cash for {TAP}. Left to pay: K50.10.")
    (receipt,) = await receipts(field)
    assert receipt.payer_msisdn is None


async def test_cash_of_one_tenant_pays_that_tenants_part(field):
    shown = await call(field, AGENT, "7", SPLIT, "2", session="a")
    assert shown.startswith(f"CON {SPLIT}: cash for whom?\n1 For all on this tap\n2 John Phi 3456 K30.0")
    last = await call(field, AGENT, "7", SPLIT, "2", "2", "1", "1", session="b")
    assert last.startswith("END Done: K30.0")
    (receipt,) = await receipts(field)
    assert receipt.payer_msisdn == JOHN
    who = await call(field, AGENT, "7", SPLIT, "1", session="c")
    assert "John Phiri 3456: paid" in who
    assert MARY[-9:] not in who


async def test_cash_and_a_payment_under_way_do_not_meet(field):
    field.person(CALLER, "ignore")
    await call(field, CALLER, "1", TAP, "1", "1", session="pay")
    last = await call(field, AGENT, *CASH_ALL, session="a")
    assert last.startswith(f"CON Someone is paying K60.10 for {TAP} since ")
    assert await receipts(field) == []


async def test_an_agent_who_lost_his_role_in_mid_call_records_nothing(field):
    await call(field, AGENT, *CASH_ALL[:-1], session="a")
    async with field.db.write() as connection:
        await connection.execute(sa.delete(user_zones).where(user_zones.c.name == "Joseph Agent"))
        await connection.execute(sa.delete(users).where(users.c.name == "Joseph Agent"))
    reply = (await field.hop("*".join(CASH_ALL), session="a", msisdn=AGENT))[1]
    assert reply.startswith(f"CON You can not record cash for {TAP}.")
    assert await receipts(field) == []
    assert (await noted(field))[-1] == (AGENT, "", "cash.record", TAP, "not_allowed")


async def test_who_is_both_chooses_at_8(field):
    assert (await call(field, BOTH, session="m")).endswith("7 Tap status\n8 My taps")
    assert await call(field, BOTH, "8", session="a") == "CON Which taps?\n1 My taps\n2 Taps behind\n0 Back"
    assert OTHER_TAP in await call(field, BOTH, "8", "1", session="b")
    assert "Record cash" in await call(field, BOTH, "7", OTHER_TAP, session="c")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "7391",
        "\0",
        "\u200f",
        "\U0001f4a7" * 160,
        "'; DROP TABLE taps; --",
        "{tap}",
        "x" * 200,
        KEEPER,
    ],
)
async def test_any_tap_that_is_none_is_asked_for_again(field, typed):
    shown = await call(field, AGENT, "7", typed, session="a")
    assert shown.startswith("CON ")
    assert "0 Back" in shown
    assert "7391" not in shown


@pytest.mark.parametrize("typed", ["", "0977", "+1", "\u202e", "'; --", "x" * 200, "\U0001f4a7" * 160])
async def test_any_payer_that_is_none_is_asked_for_again(field, typed):
    shown = await call(field, AGENT, "7", TAP, "2", "1", typed, session="a")
    assert shown.endswith("1 Send no SMS\n0 Back")


async def test_many_agents_at_once_each_get_their_screen(field):
    calls = [
        call(field, who, "7", TAP, session=f"{n}")
        for n, who in enumerate((AGENT, BOTH, KEEPER, NEIGHBOUR) * 3)
    ]
    shown = await asyncio.gather(*calls)
    assert sum("Record cash" in one for one in shown) == 6
    assert sum("Who has paid" in one for one in shown) == 9
