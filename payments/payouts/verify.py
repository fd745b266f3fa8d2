"""The invariants of payouts, each a query that returns the rows that break it."""

import sqlalchemy as sa

from payments import tables as t
from payments import trails
from payments.payouts import tables
from payments.payouts.lifecycle import ALIVE, HOLDING, PAYOUT_TABLE
from payments.verify import Invariant, differing

_o, _s = tables.payouts.c, tables.payout_sources.c
_p, _c = t.payments.c, t.credits_.c
_e, _x, _b = t.ledger_entries.c, t.ledger_transactions.c, t.ledger_balances.c
_total = sa.func.sum
_TOOK = (*HOLDING, "completed", "failed")  # its money was held once


def _held() -> Invariant:
    account = (sa.literal("payout:") + _o.account_id).label("ledger_account")
    broken = differing(
        ("ledger_account", "currency"),
        sa.select(account, _o.currency, _o.amount_minor.label("minor")).where(_o.status.in_(HOLDING)),
        sa.select(_b.ledger_account, _b.currency, _b.balance_minor.label("minor")).where(
            _b.ledger_account.startswith("payout:")
        ),
    )
    return Invariant("payouts_are_held", "what is on its way out is held for it, and nothing else is", broken)


def _sources() -> Invariant:
    taken = (
        sa.select(_s.payout_id, _total(_s.amount_minor).label("taken_minor"))
        .group_by(_s.payout_id)
        .subquery()
    )
    taken_minor = sa.func.coalesce(taken.c.taken_minor, 0)
    broken = (
        sa.select(_o.payout_id, _o.status, _o.amount_minor, taken.c.taken_minor)
        .select_from(tables.payouts.outerjoin(taken, taken.c.payout_id == _o.payout_id))
        .where(sa.case((_o.status.in_(_TOOK), taken_minor != _o.amount_minor), else_=taken_minor != 0))
    )
    return Invariant("payouts_have_sources", "a payout took exactly its amount from where money lay", broken)


def _once() -> Invariant:
    """What has left is posted once for what is completed, and for nothing else."""
    fact = sa.literal("payout:") + _o.payout_id.cast(sa.String) + sa.literal(":done")
    left = (
        sa.select(_x.fact_key, _total(-_e.amount_minor).label("left_minor"))
        .join(t.ledger_entries, _e.ledger_id == _x.ledger_id)
        .where(_x.kind == "payout_done", _e.amount_minor < 0)
        .group_by(_x.fact_key)
        .subquery()
    )
    left_minor = sa.func.coalesce(left.c.left_minor, 0)
    broken = (
        sa.select(_o.payout_id, _o.status, _o.amount_minor, left.c.left_minor)
        .select_from(tables.payouts.outerjoin(left, left.c.fact_key == fact))
        .where(sa.case((_o.status == "completed", left_minor != _o.amount_minor), else_=left_minor != 0))
    )
    return Invariant(
        "payouts_leave_once", "what left was posted once for each payout that is completed", broken
    )


def _not_twice() -> Invariant:
    given = (
        sa.select(_o.payment_id, _total(_o.amount_minor).label("given_minor"))
        .where(_o.payment_id.is_not(None), _o.status.in_(ALIVE))
        .group_by(_o.payment_id)
        .subquery()
    )
    broken = (
        sa.select(given.c.payment_id, given.c.given_minor, _c.amount_minor.label("came_minor"))
        .select_from(given.outerjoin(t.credits_, _c.payment_id == given.c.payment_id))
        .where(given.c.given_minor > sa.func.coalesce(_c.amount_minor, 0))
    )
    return Invariant("nothing_refunded_twice", "no more goes back of a payment than it brought", broken)


def _ended() -> Invariant:
    given = (
        sa.select(_o.payment_id, _total(_o.amount_minor).label("given_minor"))
        .where(_o.status == "completed")
        .group_by(_o.payment_id)
        .subquery()
    )
    is_all = sa.func.coalesce(given.c.given_minor, 0) >= _c.amount_minor
    broken = (
        sa.select(_p.payment_id, _p.status, _c.amount_minor.label("came_minor"), given.c.given_minor)
        .select_from(
            t.payments.join(t.credits_, _c.payment_id == _p.payment_id).outerjoin(
                given, given.c.payment_id == _p.payment_id
            )
        )
        .where(_p.status.in_(("refunded", "reversed")) != is_all)
    )
    says = "a payment is refunded or reversed exactly when all of it has gone back"
    return Invariant("refunded_is_given_back", says, broken)


def _looked_at() -> Invariant:
    broken = sa.select(_o.payout_id, _o.status).where(
        (_o.status == "processing") != _o.next_check_at.is_not(None)
    )
    return Invariant("payouts_looked_at", "a payout that a rail may have has a time of looking", broken)


def _trail_ends() -> Invariant:
    broken = trails.incomplete(tables.payouts, tables.payout_transitions, "payout_id")
    return Invariant("payout_trail_complete", "every move of a payout is in its trail, without gaps", broken)


def _trail_legal() -> Invariant:
    broken = trails.illegal(tables.payout_transitions, "payout_id", PAYOUT_TABLE, "requested")
    return Invariant("payout_trail_legal", "every move of a payout follows the lifecycle", broken)


INVARIANTS: tuple[Invariant, ...] = (
    _held(),
    _sources(),
    _once(),
    _not_twice(),
    _ended(),
    _looked_at(),
    _trail_ends(),
    _trail_legal(),
)
