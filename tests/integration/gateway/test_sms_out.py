"""SMS on the wire: gateway, worker and the aggregator's simulator, whatever it answers and reports."""

import pytest
import sqlalchemy as sa
from town import CALLER, PAY_ALL, until

from core import outbox
from core.clock import SystemClock
from core.ids import Ids
from simulators.aggregator.config import Recipient
from simulators.faults import Step
from sms import optouts, outbound, queue, templates
from sms.outbound import Notice
from sms.tables import sms_messages
from sms.templates import About

IDS = Ids()


async def tell(town, *msisdns, **how):
    """Put an SMS for each of these numbers into the outbox; the worker finds it."""
    now = SystemClock().now()
    text = templates.paid(About(3000, "ZMW", "KNY-0417-1", "MTN MoMo", ("2026-11",)), at=now)
    async with town.db.write() as connection:
        for msisdn in msisdns:
            notice = Notice(f"test:{IDS.new()}", msisdn, "en", text, "c", **how)
            row = outbound.compose(notice, sms_id=IDS.new(), now=now, catalogues=templates.catalogues())
            await outbound.enqueue(connection, [row])


async def story(town, msisdn):
    rows = await town.rows(sa.select(sms_messages).where(sms_messages.c.msisdn == msisdn))
    return rows[0]


async def becomes(town, msisdn, **wanted):
    """Wait until the SMS to a number is as wanted; return it."""

    async def look():
        row = await story(town, msisdn)
        return row if all(getattr(row, name) == value for name, value in wanted.items()) else None

    return await until(look)


def number(n):
    return f"+26096555{n:04}"


async def test_each_answer_of_the_aggregator_leads_where_the_table_says(town):
    rules = {
        101: ("delivered", None),
        401: ("dead", "risk_hold"),
        402: ("queued", "sender_name"),
        403: ("dead", "bad_number"),
        404: ("dead", "number_type"),
        405: ("queued", "no_credit"),
        406: ("dead", "blacklist"),
        407: ("queued", "no_route"),
        409: ("dead", "do_not_disturb"),
        500: ("queued", "gateway"),
        501: ("queued", "gateway"),
        502: ("dead", "rejected"),
    }
    town.world.recipients.update({number(code): Recipient(code) for code in rules})
    await tell(town, *(number(code) for code in rules))
    await town.open()
    for code, (status, reason) in rules.items():
        sms = await becomes(town, number(code), status=status, reason=reason)
        assert sms.unknowns == 0
    sent = await story(town, number(101))
    assert (sent.cost_minor, sent.cost_currency, sent.cost_said) == (25, "ZMW", "ZMW 0.2500")


@pytest.mark.parametrize("fault", ["token_refused", "too_many", "error_before", "html", "close_before"])
async def test_no_answer_of_the_whole_account_kills_an_sms(sqlite_town, fault):
    town = sqlite_town
    town.world.faults.add([Step("africastalking", "sms", fault, msisdn=number(1))])
    await tell(town, number(1))
    await town.open()

    async def tried():
        row = await story(town, number(1))
        return row if row.attempts and row.status == "queued" else None

    sms = await until(tried)
    assert sms.reason in {"keys", "busy", "no_answer", "no_connection"}
    async with town.db.write() as connection:
        await outbox.wake(connection, "sms", [sms.sms_id], now=SystemClock().now())
    await becomes(town, number(1), status="delivered", reason=None)
    assert len(town.received(number(1))) == 1


@pytest.mark.parametrize("fault", ["error_after", "html_after", "close"])
async def test_what_was_taken_without_our_knowing_goes_at_most_twice_and_waits_for_a_person(
    sqlite_town, fault
):
    town = sqlite_town
    town.world.faults.add([Step("africastalking", "sms", fault, msisdn=number(1), times=5)])
    await tell(town, number(1))
    await town.open()
    sms = await becomes(town, number(1), status="dead", reason="no_answer")
    assert (sms.unknowns, len(town.received(number(1)))) == (2, 2)
    async with town.db.write() as connection:
        done = await queue.replay(connection, [sms.sms_id], now=SystemClock().now())
    assert done.may_have_arrived == (sms.sms_id,)


@pytest.mark.parametrize(
    ("states", "why", "status", "reason"),
    [
        (("Sent", "Submitted", "Buffered", "Success"), None, "delivered", None),
        (("Expired",), None, "failed", "expired"),
        (("Buffered", "Rejected"), "InsufficientCredit", "failed", "no_credit"),
        (("Failed",), "UserDoesNotExist", "failed", "bad_number"),
        (("Failed",), "NoSuchReason", "failed", "other"),
        (("Teleported", "Success"), None, "delivered", None),
    ],
)
@pytest.mark.parametrize("fault", [None, "twice", "before_reply", "out_of_order"])
async def test_reports_move_an_sms_however_they_come(sqlite_town, states, why, status, reason, fault):
    town = sqlite_town
    town.world.recipients[number(1)] = Recipient(101, states, why)
    if fault:
        town.world.faults.add([Step("africastalking", "delivery", fault, msisdn=number(1))])
    await tell(town, number(1))
    await town.open()
    await becomes(town, number(1), status=status, reason=reason)


async def test_dead_letters_go_again_when_their_cause_is_mended(town):
    town.world.recipients[number(1)] = Recipient(502)
    await tell(town, number(1))
    await town.open()
    sms = await becomes(town, number(1), status="dead")
    del town.world.recipients[number(1)]
    for _ in range(2):
        async with town.db.write() as connection:
            await queue.replay(connection, [sms.sms_id], now=SystemClock().now())
    await becomes(town, number(1), status="delivered")
    assert len(town.received(number(1))) == 1


async def test_replies_leave_from_the_number_texted_and_notices_from_the_name(sqlite_town):
    town = sqlite_town
    await tell(town, number(1), sender="38407")
    await tell(town, number(2))
    house = await town.open()
    assert house.runtime.settings.at.sender_id is None
    for n in (1, 2):
        await becomes(town, number(n), status="delivered")
    senders = {m.to: m.sender for m in town.world.inbox.find(None, None, lost_too=True)}
    assert senders == {number(1): "38407", number(2): "AFRICASTKNG"}


async def test_metrics_tell_what_is_lost_and_how_old_the_queue_is(sqlite_town):
    town = sqlite_town
    town.world.recipients[number(1)] = Recipient(403)
    town.world.recipients[number(2)] = Recipient(101, ("Expired",))
    await tell(town, number(1), number(2))
    await town.open()
    await becomes(town, number(1), status="dead")
    await becomes(town, number(2), status="failed")
    async with town.http.get(town.gateway_url + "/metrics") as reply:
        shown = await reply.text()
    assert 'madzi_sms_lost{reason="bad_number",status="dead"} 1.0' in shown
    assert 'madzi_sms_lost{reason="expired",status="failed"} 1.0' in shown
    assert "madzi_sms_oldest_seconds 0.0" in shown
    assert 'madzi_sms_handed_total{outcome="refused",reason="bad_number"}' in shown


async def test_a_payment_is_told_although_its_payer_has_sent_stop(sqlite_town):
    town = sqlite_town
    async with town.db.write() as connection:
        await optouts.stop(connection, [CALLER], SystemClock().now())
    await town.open()
    await town.hops(*PAY_ALL)
    assert "Paid K30.05" in (await town.sms())[-1]
