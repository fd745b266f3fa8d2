"""The form of every reply, and of the header that the aggregator shows on its dashboard."""

import pytest
from town import KENYAN_TAP, PAY_ALL, TAP

WALKS = [
    PAY_ALL,
    ("1", "2", "0", "3", "0", "4", "0", "5", "0", "6", "0"),
    ("1", "1", TAP, "2", "12.50", "2", "0977123456", "1"),
    ("1", "1", TAP, "1", "3", "1", "1"),
    ("1", "1", KENYAN_TAP, "1", "1", "1"),
    ("2", "99", "98", "00", "9"),
]


@pytest.mark.parametrize("keys", WALKS, ids=range(len(WALKS)))
async def test_every_reply_is_con_or_end_and_fits(sqlite_town, keys):
    await sqlite_town.open()
    for n in range(len(keys) + 1):
        status, body, headers = await sqlite_town.hop("*".join(keys[:n]))
        assert status == 200
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert body[:4] in ("CON ", "END ")
        assert body[4:] == body[4:].strip() != ""
        assert len(body) <= 164
        metadata = headers["at-ussd-hop-metadata"]
        assert 0 < len(metadata) <= 99
        assert "|" not in metadata
        assert metadata.isascii()


async def test_a_number_without_plus_is_the_same_person(sqlite_town):
    await sqlite_town.open()
    await sqlite_town.hops(*PAY_ALL, msisdn="260961234567")
    assert (await sqlite_town.all_end())[0].msisdn == "+260961234567"


async def test_the_header_of_the_last_hop_may_come_back(sqlite_town):
    await sqlite_town.open()
    call = await sqlite_town.dial(*PAY_ALL)
    assert (call.screen.status, call.hops) == ("Success", 6)


async def test_a_call_may_go_on_after_a_dropped_one(town):
    await town.open()
    await town.hops(*PAY_ALL[:3])
    again = await town.hops("1", "1", "1", session="s2")
    assert "1 Go on where I was\n2 Start again" in again[0]
    assert again[1].startswith(f"CON {TAP}")
    assert again[3].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
