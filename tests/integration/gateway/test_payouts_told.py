"""Who hears of money that goes back where nobody told us the payer's number."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core.clock import ManualClock
from core.ids import Ids
from gateway.payout_notices import PayoutNotifier
from payments.payouts.events import GivenBack
from payments.payouts.records import Payout
from payments.records import Payment
from sms.tables import sms_messages
from sms.templates import Printed

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
MARY, JOHN = "+260960000001", "+260960000002"


def given(msisdn, contact):
    shared = {"currency": "ZMW", "account_id": "mtn:acc", "provider": "mtn", "reference": "r"}
    shared |= {"callback_key": "k", "correlation_id": "c", "created_at": NOW, "updated_at": NOW}
    payment = Payment(
        payment_id="p", payment_request_id="q", request_hash="h", checkout_id="o", msisdn=msisdn,
        contact_msisdn=contact, tap_id="KNY-0417-1", zone="KNY", period="2026-11", amount_minor=3000,
        channel="c2b", status="reversed", push_after=NOW, expires_at=NOW, **shared,
    )  # fmt: skip
    payout = Payout(
        payout_id="o", kind="reversal", reason="payment", msisdn=msisdn, amount_minor=3000,
        status="completed", requested_by="Ann Zulu", **shared,
    )  # fmt: skip
    return GivenBack(payout, payment, 3000)


@pytest.mark.parametrize(
    ("payer", "contact", "told"), [(MARY, JOHN, [MARY]), ("", JOHN, [JOHN]), ("", "", [])]
)
async def test_the_payer_hears_of_it_else_who_heard_that_it_came(db, payer, contact, told):
    clock = ManualClock(NOW)
    notifier = PayoutNotifier(clock, Ids.seeded(1, clock), Printed("*384*7#", "0211000000"))
    async with db.write() as connection:
        await notifier.announce(connection, [given(payer, contact)])
    async with db.read() as connection:
        assert (await connection.execute(sa.select(sms_messages.c.msisdn))).scalars().all() == told
