"""The resident's call over HTTP, from the first screen to one payment, whatever is repeated or restarted."""

import asyncio

from town import CALLER, OWED, PAY_ALL, TAP


async def test_a_call_pays_a_shared_tap(town):
    await town.open()
    call = await town.hops(*PAY_ALL)
    assert [body[:4] for body in call] == ["CON "] * 5 + ["END "]
    assert call[0] == "CON Madzi\n1 English\n2 Nyanja\n3 Bemba"
    assert call[1].startswith("CON Madzi water taps\n1 Pay for a tap\n2 Balance\n")
    assert call[2].startswith("CON Type the tap number.")
    assert "To pay: K30.05\n1 Pay all\n2 Pay part\n0 Back" in call[3]
    assert call[4].startswith(f"CON Pay K30.05 for {TAP} with MTN MoMo 0961234567?\n1 Yes\n")
    assert call[5].startswith("END MTN MoMo will now ask for your PIN: K30.05 to KANYAMA WATER TRUST.")
    (payment,) = await town.all_end()
    assert (payment.status, payment.amount_minor, payment.msisdn) == ("success", OWED, CALLER)
    assert payment.receipt in (await town.sms())[0]
    await town.agrees()


async def test_every_hop_twice_gives_the_same_bytes_and_one_payment(town):
    await town.open()
    texts = [""] + ["*".join(PAY_ALL[:n]) for n in range(1, 6)]
    for text in texts:
        first, again = await town.hop(text), await town.hop(text)
        assert first[:2] == again[:2]
        assert first[2]["at-ussd-hop-metadata"] == again[2]["at-ussd-hop-metadata"]
    await town.all_end(1)
    assert (await town.hop(texts[-1]))[1].startswith("END MTN MoMo will now ask")
    await town.agrees()


async def test_the_confirming_hop_at_the_same_moment_many_times(town):
    await town.open()
    await town.hops(*PAY_ALL[:4])
    replies = await asyncio.gather(*(town.hop("*".join(PAY_ALL)) for _ in range(8)))
    assert len({body for _, body, _ in replies}) == 1
    assert {status for status, _, _ in replies} == {200}
    await town.all_end(1)
    await town.agrees()


async def test_two_first_hops_at_the_same_moment_are_one_call(town):
    await town.open()
    replies = await asyncio.gather(*(town.hop("") for _ in range(4)))
    assert len({body for _, body, _ in replies}) == 1
    call = await town.hops(*PAY_ALL)
    assert call[-1].startswith("END MTN MoMo")
    await town.all_end(1)


async def test_the_whole_call_hop_by_hop_twice_is_one_payment(town):
    await town.open()
    first = await town.hops(*PAY_ALL)
    assert await town.hops(*PAY_ALL) == first
    await town.all_end(1)
    assert await town.hops(*PAY_ALL) == first
    assert len(await town.sms()) == 1
    await town.agrees()


async def test_the_same_keys_in_a_new_call_do_not_pay_twice(town):
    await town.open()
    await town.hops(*PAY_ALL)
    again = await town.hops(*PAY_ALL[1:], session="s2")
    assert "PIN" not in again[-1]
    await town.all_end(1)
    await town.agrees()


async def test_a_deep_dial_pays_in_one_hop_and_repeats_itself(town):
    await town.open()
    history = f"1*{TAP}*1*1"
    first = await town.hop(history)
    assert first[1].startswith("END MTN MoMo will now ask")
    assert (await town.hop(history))[1] == first[1]
    await town.all_end(1)
    await town.agrees()


async def test_a_restart_between_any_two_hops_loses_nobody(town):
    bodies = []
    for n in range(6):
        house = await town.open()
        bodies.append((await town.hop("*".join(PAY_ALL[:n])))[1])
        if n < 5:
            await house.close()
    assert bodies[3].startswith(f"CON {TAP}")
    assert bodies[5].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    assert await town.hops(*PAY_ALL) == bodies
    await town.agrees()
