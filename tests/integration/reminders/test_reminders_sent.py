"""What happens to a reminder between the outbox and the aggregator."""

import pytest

from sms import optouts

TAP = "KNY-0417-1"
MARY = "+260961234567"


@pytest.fixture
async def part(street):
    """A reminder for Mary's share waits in the outbox."""
    await street.tap(TAP)
    part_id = await street.owes(TAP, 1000, tenant=await street.tenant(TAP, MARY))
    assert await street.remind() == 1
    return part_id


async def status(street):
    [row] = await street.messages()
    return row.status


async def test_by_day_it_goes(street, part):
    [(msisdn, text)] = await street.deliver()
    assert (msisdn, "K10.00" in text, await status(street)) == (MARY, True, "sent")


async def test_at_night_it_waits_for_the_morning_and_keeps_all_its_tries(street, part):
    street.clock.advance(12 * 3600)  # 21:00
    assert await street.deliver() == []
    assert await status(street) == "queued"
    street.clock.advance(10 * 3600)  # 07:00
    assert await street.deliver() == []
    street.clock.advance(3600)
    assert len(await street.deliver()) == 1
    assert (await street.messages())[0].attempts == 1


async def test_after_stop_it_is_dropped(street, part):
    async with street.db.write() as connection:
        await optouts.stop(connection, [MARY], street.clock.now())
    assert await street.deliver() == []
    assert await status(street) == "dropped"
    street.clock.advance(86_400)
    assert await street.remind() == 0


@pytest.mark.parametrize("amount_minor", [1000, 400], ids=["paid", "paid in part"])
async def test_what_was_paid_meanwhile_is_not_asked_for(street, part, amount_minor):
    await street.pays(part, amount_minor)
    assert await street.deliver() == []
    assert await status(street) == "dropped"


async def test_while_a_payment_is_under_way_nothing_is_said(street, part):
    await street.payment(TAP, MARY, status="pending", claims=part)
    assert await street.deliver() == []
    assert await status(street) == "dropped"


async def test_a_last_day_that_is_over_is_not_announced(street, part):
    street.clock.advance(3 * 86_400)  # 30 November, the last day
    assert await status(street) == "queued"
    street.clock.advance(86_400)
    assert await street.deliver() == []
    assert await status(street) == "dropped"


async def test_on_the_last_day_itself_it_still_goes(street, part):
    street.clock.advance(3 * 86_400)
    assert len(await street.deliver()) == 1
