"""The invariants of money, each a query that returns the rows that break it. An empty answer proves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import cash, trails
from payments import tables as t
from payments.hand_in import safe_account
from payments.lifecycles import PAYMENT_TABLE
from payments.payouts import tables as out
from payments.payouts.lifecycle import HOLDING
from payments.wallet import accounts as wallets
from taps.tables import debt_parts

_MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold, and the query for what does not."""

    name: str
    says: str
    broken: sa.Select[Any] | sa.CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: at most 20 of the rows that break it."""

    name: str
    says: str
    rows: tuple[dict[str, Any], ...]

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.rows


async def verify(connection: AsyncConnection, invariants: Sequence[Invariant]) -> list[Verdict]:
    """Check invariants in the connection's one snapshot."""
    found = []
    for invariant in invariants:
        rows = await connection.execute(invariant.broken.limit(_MOST_ROWS))
        found.append(Verdict(invariant.name, invariant.says, tuple(dict(row._mapping) for row in rows)))  # noqa: SLF001 - SQLAlchemy's public name for it
    return found


_p, _c, _o, _k = t.payments.c, t.credits_.c, t.payment_orders.c, t.claims.c
_entries, _transactions = t.ledger_entries.c, t.ledger_transactions.c
_PAID = ("success", "refunded", "reversed")
_HELD = ("open",)  # items whose money still lies in suspense
_y, _w = out.payouts.c, out.payout_sources.c
_GIVES = ("payment", "payout", "payout_back")  # kinds of postings that move what sellers have
_IN_WALLETS = _entries.ledger_account.startswith(wallets.held_for(""))
_total = sa.func.sum


def _unbalanced() -> Invariant:
    broken = (
        sa.select(_entries.ledger_id, _entries.currency, _total(_entries.amount_minor).label("sum_minor"))
        .group_by(_entries.ledger_id, _entries.currency)
        .having(_total(_entries.amount_minor) != 0)
    )
    return Invariant("entries_balance", "every ledger transaction adds up to zero in each currency", broken)


def differing(keys: Sequence[str], ours: sa.Select[Any], theirs: sa.Select[Any]) -> sa.Select[Any]:
    """Return the keys under which two lists of (keys, signed `minor`) do not add up to zero together.

    A key that only one of them has counts as zero in the other.
    """
    both = sa.union_all(ours, theirs).subquery()
    columns = [both.c[name] for name in keys]
    difference = _total(both.c.minor)
    return (
        sa.select(*columns, difference.label("difference_minor")).group_by(*columns).having(difference != 0)
    )


def _balances() -> Invariant:
    b = t.ledger_balances.c
    broken = differing(
        ("ledger_account", "currency"),
        sa.select(_entries.ledger_account, _entries.currency, _entries.amount_minor.label("minor")),
        sa.select(b.ledger_account, b.currency, (-b.balance_minor).label("minor")),
    )
    return Invariant("balances_match", "every kept balance is the sum of its entries", broken)


def _credited_once() -> Invariant:
    rail = (
        sa.select(_transactions.payment_id, _total(_entries.amount_minor).label("posted_minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "payment", _entries.amount_minor > 0)
        .group_by(_transactions.payment_id)
        .subquery()
    )
    broken = (
        sa.select(_p.payment_id, _p.status, _c.amount_minor.label("credit_minor"), rail.c.posted_minor)
        .select_from(
            t.payments.outerjoin(t.credits_, _c.payment_id == _p.payment_id).outerjoin(
                rail, rail.c.payment_id == _p.payment_id
            )
        )
        .where(
            sa.case(
                (
                    _p.status.in_(_PAID),
                    sa.or_(
                        _c.amount_minor.is_(None),
                        rail.c.posted_minor.is_(None),
                        rail.c.posted_minor != _c.amount_minor,
                    ),
                ),
                else_=sa.or_(_c.amount_minor.is_not(None), rail.c.posted_minor.is_not(None)),
            )
        )
    )
    return Invariant(
        "success_is_credited_once", "a payment has a credit and its postings if it succeeded", broken
    )


def _orders() -> Invariant:
    by_order = (
        sa.select(_o.payment_id, _total(_o.credited_minor).label("orders_minor"))
        .group_by(_o.payment_id)
        .subquery()
    )
    held = (
        sa.select(t.suspense_items.c.payment_id, _total(t.suspense_items.c.held_minor).label("held_minor"))
        .where(t.suspense_items.c.payment_id.is_not(None))
        .group_by(t.suspense_items.c.payment_id)
        .subquery()
    )
    kept = (
        sa.select(_transactions.payment_id, (-_total(_entries.amount_minor)).label("kept_minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "payment", _IN_WALLETS, _entries.amount_minor < 0)
        .group_by(_transactions.payment_id)
        .subquery()
    )
    gone = (
        sa.select(_y.payment_id, _total(_w.amount_minor).label("gone_minor"))
        .join(out.payouts, _y.payout_id == _w.payout_id)
        .where(_y.status == "completed", _w.part_id.is_not(None))
        .group_by(_y.payment_id)
        .subquery()
    )
    broken = (
        sa.select(
            _c.payment_id,
            _c.amount_minor,
            by_order.c.orders_minor,
            held.c.held_minor,
            kept.c.kept_minor,
            gone.c.gone_minor,
        )
        .select_from(
            t.credits_.outerjoin(by_order, by_order.c.payment_id == _c.payment_id)
            .outerjoin(held, held.c.payment_id == _c.payment_id)
            .outerjoin(kept, kept.c.payment_id == _c.payment_id)
            .outerjoin(gone, gone.c.payment_id == _c.payment_id)
        )
        .where(
            _c.payment_id.is_not(None),
            sa.func.coalesce(by_order.c.orders_minor, 0)
            + sa.func.coalesce(held.c.held_minor, 0)
            + sa.func.coalesce(kept.c.kept_minor, 0)
            + sa.func.coalesce(gone.c.gone_minor, 0)
            != _c.amount_minor,
        )
    )
    says = "what a payment brought is in its orders, was kept for its payer or in suspense, or went back"
    return Invariant("orders_add_up", says, broken)


def _order_claims() -> Invariant:
    claimed = (
        sa.select(
            _k.order_id, _total(_k.credited_minor).label("claims_minor"), _total(_k.amount_minor).label("all")
        )
        .group_by(_k.order_id)
        .subquery()
    )
    broken = (
        sa.select(_o.order_id, _o.credited_minor, claimed.c.claims_minor, _o.amount_minor)
        .select_from(t.payment_orders.outerjoin(claimed, claimed.c.order_id == _o.order_id))
        .where(
            (sa.func.coalesce(claimed.c.claims_minor, 0) != _o.credited_minor)
            | (sa.func.coalesce(claimed.c.all, 0) != _o.amount_minor)
        )
    )
    return Invariant("claims_add_up", "an order is the sum of its claims, asked and credited", broken)


def _asked() -> Invariant:
    by_payment = (
        sa.select(_o.payment_id, _total(_o.amount_minor).label("orders_minor"))
        .group_by(_o.payment_id)
        .subquery()
    )
    broken = (
        sa.select(_p.payment_id, _p.amount_minor, by_payment.c.orders_minor)
        .select_from(t.payments.outerjoin(by_payment, by_payment.c.payment_id == _p.payment_id))
        .where(sa.func.coalesce(by_payment.c.orders_minor, 0) != _p.amount_minor)
    )
    return Invariant("orders_make_payment", "what a payment asks for is the sum of its orders", broken)


def _sellers() -> Invariant:
    account = sa.literal("seller:") + _p.zone + sa.literal(":") + _o.seller
    broken = differing(
        ("payment_id", "ledger_account"),
        sa.union_all(
            sa.select(_o.payment_id, account.label("ledger_account"), _o.credited_minor.label("minor")).join(
                t.payments, _p.payment_id == _o.payment_id
            ),
            sa.select(_y.payment_id, _w.ledger_account, (-_w.amount_minor).label("minor"))
            .join(out.payouts, _y.payout_id == _w.payout_id)
            .where(_y.status.in_(HOLDING), _w.part_id.is_not(None)),
        )
        .subquery()
        .select(),
        sa.select(_transactions.payment_id, _entries.ledger_account, _entries.amount_minor.label("minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind.in_(_GIVES), _entries.ledger_account.startswith("seller:")),
    )
    says = "each seller's account was posted what its orders got, less what is on its way back"
    return Invariant("sellers_get_theirs", says, broken)


def _cash() -> Invariant:
    r = t.cash_receipts.c
    held = sa.literal(cash.held_by("")) + r.agent
    broken = differing(
        ("payment_id", "ledger_account"),
        sa.select(r.payment_id, held.label("ledger_account"), (-_p.amount_minor).label("minor")).join(
            t.payments, _p.payment_id == r.payment_id
        ),
        sa.select(_transactions.payment_id, _entries.ledger_account, _entries.amount_minor.label("minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "payment", _entries.ledger_account.startswith(cash.held_by(""))),
    )
    return Invariant("agents_hold_cash", "each agent's account was posted the cash of their receipts", broken)


def _hand_ins() -> Invariant:
    """What an agent handed in left their account and came to the safe, under its number, once."""
    h = t.hand_ins.c
    fact = sa.literal("hand_in:") + h.number.cast(sa.String)
    held, safe = sa.literal(cash.held_by("")) + h.agent, sa.literal(safe_account("")) + h.safe
    columns = (fact.label("fact_key"), h.currency)
    gone = sa.select(*columns, held.label("ledger_account"), h.amount_minor.label("minor"))
    come = sa.select(*columns, safe.label("ledger_account"), (-h.amount_minor).label("minor"))
    broken = differing(
        ("fact_key", "currency", "ledger_account"),
        sa.select(sa.union_all(gone, come).subquery()),
        sa.select(
            _transactions.fact_key,
            _entries.currency,
            _entries.ledger_account,
            _entries.amount_minor.label("minor"),
        )
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "hand_in"),
    )
    return Invariant("hand_ins_match", "cash that was handed in left its agent and came to a safe", broken)


def _no_agent_below_zero() -> Invariant:
    b = t.ledger_balances.c
    broken = sa.select(b.ledger_account, b.currency, b.balance_minor).where(
        b.ledger_account.startswith(cash.held_by("")), b.balance_minor < 0
    )
    return Invariant("agents_not_overdrawn", "no agent has handed in more than they took", broken)


def _receipts() -> Invariant:
    r = t.cash_receipts.c
    broken = (
        sa.select(_p.payment_id, _p.receipt, r.number)
        .select_from(t.payments.outerjoin(t.cash_receipts, r.payment_id == _p.payment_id))
        .where(
            sa.or_(
                (_p.provider == cash.PROVIDER) != r.number.is_not(None),
                (_p.provider == cash.PROVIDER) & _p.status.not_in(_PAID),
                sa.func.ltrim(_p.receipt, "C-0") != r.number.cast(sa.String),
            )
        )
    )
    return Invariant(
        "cash_has_receipts", "a payment in cash is paid and has the number of its receipt", broken
    )


def _order_states() -> Invariant:
    broken = (
        sa.select(_o.order_id, _o.status, _p.status.label("payment_status"), _o.credited_minor)
        .join(t.payments, _p.payment_id == _o.payment_id)
        .where(
            sa.or_(
                (_o.status == "success") != (_o.credited_minor > 0),
                (_o.status == "success") & _p.status.not_in(_PAID),
                _o.status.in_(("not_started", "executing")) & _p.status.not_in(("initiated", "pending")),
            )
        )
    )
    return Invariant(
        "orders_follow", "an order succeeded if money was credited to it, and ends with its payment", broken
    )


def _parts() -> Invariant:
    credited = (
        sa.select(_k.part_id, _total(_k.credited_minor).label("claims_minor")).group_by(_k.part_id).subquery()
    )
    d = debt_parts.c
    broken = (
        sa.select(d.part_id, d.paid_minor, credited.c.claims_minor)
        .select_from(debt_parts.outerjoin(credited, credited.c.part_id == d.part_id))
        .where(sa.func.coalesce(credited.c.claims_minor, 0) != d.paid_minor)
    )
    return Invariant("debts_add_up", "what a debt counts as paid is what payments credited to it", broken)


def _one_claim() -> Invariant:
    broken = (
        sa.select(_k.part_id, sa.func.count().label("open_claims"))
        .where(_k.is_open)
        .group_by(_k.part_id)
        .having(sa.func.count() > 1)
    )
    return Invariant("one_claim", "at most one payment is under way for a debt and seller", broken)


def _claims_open() -> Invariant:
    broken = (
        sa.select(_k.payment_id, _k.part_id, _k.is_open, _p.status)
        .join(t.payments, _p.payment_id == _k.payment_id)
        .where(_k.is_open != _p.status.in_(("initiated", "pending")))
    )
    return Invariant("claims_follow", "a claim is open exactly while its payment is", broken)


def _trail_ends() -> Invariant:
    broken = trails.incomplete(t.payments, t.payment_transitions, "payment_id")
    return Invariant("trail_complete", "every move of a payment is in its trail, without gaps", broken)


def _trail_legal() -> Invariant:
    broken = trails.illegal(t.payment_transitions, "payment_id", PAYMENT_TABLE, "initiated")
    says = "every move follows the lifecycle; a success is never downgraded"
    return Invariant("trail_legal", says, broken)


def _suspense() -> Invariant:
    s, b = t.suspense_items.c, t.ledger_balances.c
    account = sa.literal("suspense:") + s.account_id
    broken = differing(
        ("ledger_account", "currency"),
        sa.select(account.label("ledger_account"), s.currency, s.held_minor.label("minor")).where(
            s.status.in_(_HELD)
        ),
        sa.select(b.ledger_account, b.currency, b.balance_minor.label("minor")).where(
            b.ledger_account.startswith("suspense:")
        ),
    )
    return Invariant("suspense_itemized", "all money in suspense belongs to an item that staff see", broken)


def _wallets() -> Invariant:
    b = t.ledger_balances.c
    broken = sa.select(b.ledger_account, b.currency, b.balance_minor).where(
        b.ledger_account.startswith(wallets.held_for("")), b.balance_minor > 0
    )
    return Invariant("wallets_not_overdrawn", "nobody has spent more than was kept for them", broken)


def _spent() -> Invariant:
    wallet = (sa.literal(wallets.held_for("")) + _p.msisdn).label("ledger_account")
    broken = differing(
        ("payment_id", "ledger_account"),
        sa.select(_p.payment_id, wallet, (-_p.amount_minor).label("minor")).where(
            _p.provider == wallets.PROVIDER
        ),
        sa.select(_transactions.payment_id, _entries.ledger_account, _entries.amount_minor.label("minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "payment", _IN_WALLETS, _entries.amount_minor > 0),
    )
    says = "a payment from a wallet took all of it from its payer's, and nothing else took any"
    return Invariant("wallets_pay_theirs", says, broken)


def _kept_for() -> Invariant:
    broken = (
        sa.select(_transactions.payment_id, _entries.ledger_account, _p.msisdn, _entries.amount_minor)
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .join(t.payments, _p.payment_id == _transactions.payment_id)
        .where(
            _transactions.kind == "payment",
            _IN_WALLETS,
            _entries.ledger_account != sa.literal(wallets.held_for("")) + _p.msisdn,
        )
    )
    return Invariant(
        "surplus_is_the_payers", "what a payment brought too much is in its payer's wallet", broken
    )


def _unplaced() -> Invariant:
    """Money without a payment: one item holds all of it, or has sent it back, and it was posted once."""
    s = t.suspense_items.c
    held = (
        sa.select(s.credit_id, _total(s.held_minor).label("held_minor"))
        .where(s.credit_id.is_not(None), s.status != "assigned")
        .group_by(s.credit_id)
        .subquery()
    )
    posted = (
        sa.select(_transactions.fact_key, _total(_entries.amount_minor).label("posted_minor"))
        .join(t.ledger_entries, _entries.ledger_id == _transactions.ledger_id)
        .where(_transactions.kind == "arrival", _entries.ledger_account.startswith("rail:"))
        .group_by(_transactions.fact_key)
        .subquery()
    )
    fact = sa.literal("arrival:") + _c.credit_id.cast(sa.String)
    broken = (
        sa.select(_c.credit_id, _c.amount_minor, held.c.held_minor, posted.c.posted_minor)
        .select_from(
            t.credits_.outerjoin(held, held.c.credit_id == _c.credit_id).outerjoin(
                posted, posted.c.fact_key == fact
            )
        )
        .where(
            _c.payment_id.is_(None),
            sa.or_(
                sa.func.coalesce(held.c.held_minor, 0) != _c.amount_minor,
                sa.func.coalesce(posted.c.posted_minor, 0) != _c.amount_minor,
            ),
        )
    )
    says = "money without a payment was posted once, and an item holds all of it"
    return Invariant("arrivals_are_held", says, broken)


def _assigned() -> Invariant:
    """An item is assigned if a payment has taken all that it held."""
    s = t.suspense_items.c
    broken = (
        sa.select(s.item_id, s.status, s.held_minor, s.into_payment_id, _c.amount_minor.label("credit_minor"))
        .select_from(t.suspense_items.outerjoin(t.credits_, _c.payment_id == s.into_payment_id))
        .where(
            sa.case(
                (
                    s.status == "assigned",
                    sa.or_(s.into_payment_id.is_(None), sa.func.coalesce(_c.amount_minor, 0) != s.held_minor),
                ),
                else_=s.into_payment_id.is_not(None),
            )
        )
    )
    says = "an item is assigned if the money that it held is a payment's"
    return Invariant("assigned_is_paid", says, broken)


INVARIANTS: tuple[Invariant, ...] = (
    _unbalanced(),
    _balances(),
    _credited_once(),
    _orders(),
    _asked(),
    _order_claims(),
    _sellers(),
    _cash(),
    _receipts(),
    _order_states(),
    _parts(),
    _one_claim(),
    _claims_open(),
    _trail_ends(),
    _trail_legal(),
    _suspense(),
    _wallets(),
    _spent(),
    _kept_for(),
    _unplaced(),
    _assigned(),
    _hand_ins(),
    _no_agent_below_zero(),
)
