"""What is left for people when the day is over: everything that is open, and why it is there."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core.outbox import outbox
from payments.payouts.tables import payouts
from payments.tables import ledger_balances, payments, suspense_items
from tools.chaos.city import City
from tools.chaos.plan import Open

_SOON = timedelta(seconds=5)
# Why an item of a kind can be open at the end of such a day.
WHY: Mapping[str, str] = {
    "unresolved": "the answer or signed notice got lost on a rail that cannot be asked: see its list",
    "outcome_unknown": "a push was never answered and the rail does not know our reference; its list tells",
    "second_success": "the debt was paid before, late or by hand: the money is in the payer's wallet",
    "over_payment": "more came than was owed: the rest is in the payer's wallet, or waits here",
    "no_match": "paid by hand for no tap of ours, by nobody known to owe in one place only: the money waits",
    "amount_differs": "an unsigned notice claimed another amount than was asked; it booked nothing",
    "unmatched_callback": "a notice claims money for no request of ours, perhaps forged: nothing was booked",
    "second_receipt": "a signed notice names another receipt for what was paid: nothing was booked twice",
    "stale_notice": "a genuine notice came long after its time: a person sees what it says",
    "contradiction": "a rail said no of what it, or a notice, had said yes to: nothing moves by itself",
    "payout_unresolved": "money out whose answer got lost, on a rail that cannot be asked: it stays held",
    "payout_refused": "an unsigned notice says that money out failed; staff ask the rail about it",
    "payout_differs": "the rail told another amount of money out than was asked",
    "payout_failed": "money out was refused for good: it lies where it was",
    "no_way_out": "to be given back, and nothing that is set up can: by the provider's own pages",
    "repeated_receipt": "the rail gave one receipt for two payments",
    "other_payer": "another number paid than was asked",
    "other_currency": "money in another currency than the tap's",
    "left_rail": "a rail that a payment had left claims to have taken money for it",
    "arrival_unclear": "money by hand that may be a push whose end nobody knows",
}
_PENDING: Mapping[str, str] = {
    "page": "a page for a card that its payer has not opened: it is open for a day",
    "unknown": "on a rail that cannot be asked and gave no word; staff have an item about it",
}
_PAYOUTS: Mapping[str, str] = {
    "requested": "above what one person gives back: a second one has not said yes",
    "processing": "handed over, and no word came on a rail that cannot be asked: held, staff resolve it",
}


async def under_way(city: City, unpaid: set[str]) -> dict[str, int]:
    """Return how much will still move by itself, by what it is."""
    p, y, s, o = payments.c, payouts.c, suspense_items.c, outbox.c
    now = city.runtime.clock.now()
    told = sa.exists().where(s.payment_id == p.payment_id, s.kind == "unresolved")
    async with city.runtime.db.read() as connection:
        waiting = (
            await connection.execute(
                sa.select(p.payment_id).where(p.status.in_(("initiated", "pending")), ~told)
            )
        ).all()
        fact = sa.literal("payout_unresolved:") + y.payout_id.cast(sa.String)
        moving = (y.status == "initiated") | (
            (y.status == "processing") & ~sa.exists().where(s.fact_key == fact)
        )
        outgoing = await connection.scalar(sa.select(sa.func.count()).select_from(payouts).where(moving))
        # A callback that nobody can confirm is tried for minutes; what it claims moves no money.
        messages = await connection.scalar(
            sa.select(sa.func.count())
            .select_from(outbox)
            .where(o.status == "waiting", o.kind != "sms", o.available_at < now + _SOON)
        )
    pushes = [push for network in city.networks.values() for push in network.book.open_pushes()]
    return {
        "payments": sum(row.payment_id not in unpaid for row in waiting),
        "payouts": outgoing or 0,
        "outbox": messages or 0,
        "prompts": sum(push.provider != "stripe" for push in pushes),  # pages are opened at once, or never
    }


async def listed(city: City, unpaid: set[str]) -> list[Open]:
    """Return everything that is open, by kind, with why; an empty why is what nobody can explain."""
    s, p, y = suspense_items.c, payments.c, payouts.c
    async with city.runtime.db.read() as connection:
        items = (
            await connection.execute(
                sa.select(suspense_items).where(
                    s.status != "assigned", s.status != "refunded", s.status != "closed"
                )
            )
        ).all()
        told = {row.payment_id for row in items if row.kind == "unresolved"}
        doubtful = {row.fact_key for row in items if row.kind == "payout_unresolved"}
        open_ = (
            await connection.execute(sa.select(payments).where(p.status.in_(("initiated", "pending"))))
        ).all()
        out = (
            await connection.execute(
                sa.select(payouts).where(y.status.in_(("requested", "initiated", "processing")))
            )
        ).all()
    groups: dict[str, list[Any]] = defaultdict(list)
    whys: dict[str, str] = {}
    for row in items:
        name = f"item {row.kind}" + (" (being given back)" if row.status == "refunding" else "")
        groups[name].append((row.held_minor, row.currency, row.detail))
        whys[name] = WHY.get(row.kind, "")
    for row in open_:
        kind = "page" if row.payment_id in unpaid else "unknown" if row.payment_id in told else row.status
        name = f"payment {row.provider} {kind}"
        groups[name].append((0, row.currency, row.payment_id))
        whys[name] = _PENDING.get(kind, "")
    for row in out:
        name = f"payout {row.provider} {row.status}"
        groups[name].append((row.amount_minor, row.currency, row.payout_id))
        is_known = row.status == "requested" or f"payout_unresolved:{row.payout_id}" in doubtful
        whys[name] = _PAYOUTS.get(row.status, "") if is_known else ""
    return [_open(name, rows, whys[name]) for name, rows in sorted(groups.items())]


def _open(name: str, rows: list[tuple[int, str, str]], why: str) -> Open:
    held: Counter[str] = Counter()
    for minor, currency, _ in rows:
        if minor:
            held[currency] += minor
    return Open(name, len(rows), dict(held), why, rows[0][2])


async def in_wallets(city: City) -> dict[str, int]:
    """Return what is kept for people, by currency."""
    b = ledger_balances.c
    query = (
        sa.select(b.currency, sa.func.sum(-b.balance_minor).label("minor"))
        .where(b.ledger_account.startswith("wallet:"))
        .group_by(b.currency)
    )
    async with city.runtime.db.read() as connection:
        return {row.currency: int(row.minor) for row in await connection.execute(query) if row.minor}
