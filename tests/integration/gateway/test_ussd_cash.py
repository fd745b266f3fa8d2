"""An agent's call that records cash, from the aggregator's form to the books and the SMS."""

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, OWED, PAY_ALL, TAP

from core.audit import audit_log
from core.clock import SystemClock
from gateway import verify
from payments.tables import cash_receipts
from payments.views import cash_held
from sms.tables import sms_messages
from taps import users
from taps.model import Role, User

AGENT, GRACE = "+260971000003", "+260971000004"
HERE = ("1", "7", TAP, "2")  # a phone that never called: English, tap status, the tap, record cash
ALL = (*HERE, "1", NEIGHBOUR, "1")  # all of it, the payer's phone, yes
PART = (*HERE, "2", "20", "1", "1")  # K20.00 of it, no SMS, yes


@pytest.fixture
async def street(town):
    """Two agents of Kanyama, one of Nairobi, and a gateway whose prompts wait."""
    now = SystemClock().now()
    async with town.db.write() as connection:
        for name, zone, msisdn in (
            ("Joseph Phiri", "KNY", AGENT),
            ("Grace Zulu", "KNY", GRACE),
            ("Wanjiru", "NRB", "+254700000001"),
        ):
            await users.add_user(connection, User(name, Role.AGENT, (zone,), msisdn), now)
    await town.open(worker=False)
    return town


async def _clean(town):
    return [verdict for verdict in await verify.run(town.db) if not verdict.holds] == []


async def _held(town, *names):
    async with town.db.read() as connection:
        return await cash_held(connection, names)


async def test_cash_is_recorded_told_and_held(street):
    said = await street.hops(*ALL, msisdn=AGENT)
    assert said[-1].startswith(f"END Done: K30.05 cash for {TAP}. All paid.\nReceipt C-000001.")
    (payment,) = await street.payments()
    assert (payment.provider, payment.channel, payment.status) == ("cash", "ussd", "success")
    assert (payment.amount_minor, payment.msisdn) == (OWED, NEIGHBOUR)
    told = {(row.msisdn, row.template) for row in await street.rows(sa.select(sms_messages))}
    assert told == {(NEIGHBOUR, "cash.payer"), (AGENT, "cash.agent")}
    assert await _held(street, "Joseph Phiri") == {"Joseph Phiri": {"ZMW": OWED}}
    assert await _clean(street)


async def test_a_hop_that_comes_again_gets_the_same_words_and_one_receipt(street):
    first = await street.hops(*PART, msisdn=AGENT)
    again = (await street.hop("*".join(PART), msisdn=AGENT))[1]
    assert again == first[-1]
    assert "Left to pay: K10.05" in again
    (receipt,) = await street.rows(sa.select(cash_receipts))
    assert (receipt.agent, receipt.payer_msisdn, receipt.left_minor) == ("Joseph Phiri", None, 1005)
    assert {row.template for row in await street.rows(sa.select(sms_messages))} == {"cash.agent"}


async def test_two_agents_with_the_same_debt_on_their_screens_take_it_once(street):
    for session, msisdn in (("a", AGENT), ("b", GRACE)):
        await street.hops(*ALL[:-1], session=session, msisdn=msisdn)
    first = (await street.hop("*".join(ALL), session="a", msisdn=AGENT))[1]
    second = (await street.hop("*".join(ALL), session="b", msisdn=GRACE))[1]
    assert first.startswith("END Done:")
    assert not second.startswith("END Done:")
    assert len(await street.payments()) == 1
    assert await _held(street, "Joseph Phiri", "Grace Zulu") == {
        "Joseph Phiri": {"ZMW": OWED},
        "Grace Zulu": {},
    }
    assert await _clean(street)


async def test_while_a_resident_is_paying_no_cash_is_taken(street):
    await street.hops(*ALL[:-1], session="a", msisdn=AGENT)
    await street.hops(*PAY_ALL, session="b", msisdn=CALLER)
    said = (await street.hop("*".join(ALL), session="a", msisdn=AGENT))[1]
    assert "Done" not in said
    assert [payment.provider for payment in await street.payments()] == ["mtn"]
    (noted,) = [row for row in await street.rows(sa.select(audit_log)) if row.action == "cash.record"]
    assert (noted.actor, noted.channel, noted.result) == ("Joseph Phiri", "ussd", "under_way")


async def test_an_agent_who_lost_the_role_meanwhile_records_nothing(street):
    await street.hops(*ALL[:-1], msisdn=AGENT)
    async with street.db.write() as connection:
        await connection.execute(sa.text("UPDATE users SET role = 'finance' WHERE name = 'Joseph Phiri'"))
    said = (await street.hop("*".join(ALL), msisdn=AGENT))[1]
    assert f"You can not record cash for {TAP}" in said
    assert not await street.payments()
    assert "not_allowed" in {row.result for row in await street.rows(sa.select(audit_log))}


async def test_cash_is_no_way_that_a_resident_is_offered(street):
    said = await street.hops("1", "1", TAP, "1", "3", msisdn=CALLER)
    assert "Another way" in said[-2]
    assert "Cash" not in said[-1]
