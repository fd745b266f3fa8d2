"""`madzi verify`: the invariants of payments, and those between payments, outbox and SMS."""

import sqlalchemy as sa

from core.db import Database
from core.outbox import outbox
from payments.payouts.tables import payouts
from payments.payouts.verify import INVARIANTS as OF_PAYOUTS
from payments.tables import cash_receipts, payments
from payments.verify import INVARIANTS, Invariant, Verdict, verify
from sms.tables import sms_messages

_p, _m = payments.c, sms_messages.c


def _pushes_wait() -> Invariant:
    waiting = sa.exists().where(
        outbox.c.key == _p.correlation_id, outbox.c.kind == "push", outbox.c.status == "waiting"
    )
    broken = sa.select(_p.payment_id, _p.status, _p.push_state).where(
        _p.status == "initiated", _p.validation == "proceed", ~waiting
    )
    return Invariant(
        "pushes_wait", "an accepted payment that was not pushed has its push in the outbox", broken
    )


def _payouts_wait() -> Invariant:
    waiting = sa.exists().where(
        outbox.c.key == payouts.c.payout_id.cast(sa.String),
        outbox.c.kind == "payout",
        outbox.c.status == "waiting",
    )
    broken = sa.select(payouts.c.payout_id, payouts.c.status).where(payouts.c.status == "initiated", ~waiting)
    return Invariant("payouts_wait", "a payout that no rail has yet has its row in the outbox", broken)


def _checks_planned() -> Invariant:
    broken = sa.select(_p.payment_id, _p.status).where(
        _p.status.in_(("initiated", "pending")), _p.next_check_at.is_(None)
    )
    return Invariant(
        "nobody_forgotten", "every payment under way has a time at which it is looked at", broken
    )


def _told_once() -> Invariant:
    sms = sa.exists().where(_m.payment_id == _p.payment_id, _m.fact_key.like("payment:%:success"))
    r = cash_receipts.c
    # The agent has got the answer; nobody else was named.
    is_nameless = sa.exists().where(r.payment_id == _p.payment_id, r.payer_msisdn.is_(None))
    is_known = _p.contact_msisdn != ""  # of money that came by itself, perhaps nobody is
    broken = sa.select(_p.payment_id, _p.status).where(_p.status == "success", is_known, ~sms, ~is_nameless)
    return Invariant(
        "success_is_told", "every success has its SMS, unless nobody is known who could get it", broken
    )


def _sms_wait() -> Invariant:
    row = sa.exists().where(outbox.c.outbox_id == _m.sms_id, outbox.c.status == "waiting")
    broken = sa.select(_m.sms_id, _m.status).where(_m.status.in_(("queued", "sending")), ~row)
    return Invariant("sms_wait", "every SMS not yet handed over has its row in the outbox", broken)


ALL = (
    *INVARIANTS,
    *OF_PAYOUTS,
    _payouts_wait(),
    _pushes_wait(),
    _checks_planned(),
    _told_once(),
    _sms_wait(),
)


async def run(db: Database) -> list[Verdict]:
    """Check everything in one snapshot of a live system."""
    async with db.scan() as connection:
        return await verify(connection, ALL)
