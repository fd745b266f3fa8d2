"""Fills a desk for a batch of commands on payouts, and writes it back.

Rows are locked in one order everywhere: payments, debt parts, phones (their wallets), cash, suspense items,
payouts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments import cash
from payments import store as books
from payments import tables as t
from payments.payouts import tables
from payments.payouts.commands import Command, RefundPayment, RefundSuspense, RefundWallet
from payments.payouts.desk import PayoutDesk
from payments.payouts.records import Payout, Source
from payments.records import Credit, HeldItem
from payments.wallet import accounts as wallets
from taps import users

_o, _s, _e, _x = tables.payouts.c, tables.payout_sources.c, t.ledger_entries.c, t.ledger_transactions.c
_PAYOUTS = sa.select(tables.payouts)
_PAYOUTS_LOCKED = _PAYOUTS.order_by(_o.payout_id).with_for_update()
_NAMED = sa.select(_o.payout_id, _o.payment_id, _o.item_id, _o.msisdn, _o.reason)
_SOURCES = sa.select(tables.payout_sources).order_by(_s.payout_id, _s.seq)
_ITEMS_LOCKED = sa.select(t.suspense_items).order_by(t.suspense_items.c.item_id).with_for_update()
_ITEM_PAYMENTS = sa.select(t.suspense_items.c.item_id, t.suspense_items.c.payment_id)
_CREDITS = sa.select(t.credits_)
_AGENTS = sa.select(t.cash_receipts.c.payment_id, t.cash_receipts.c.agent)
_SURPLUS = (
    sa.select(_x.payment_id, _e.ledger_account, sa.func.sum(-_e.amount_minor).label("came_minor"))
    .join(t.ledger_entries, _e.ledger_id == _x.ledger_id)
    .where(_x.kind == "payment", _e.ledger_account.startswith(wallets.held_for("")), _e.amount_minor < 0)
    .group_by(_x.payment_id, _e.ledger_account)
)
_BALANCES = sa.select(t.ledger_balances)


async def load(connection: AsyncConnection, desk: PayoutDesk, commands: Sequence[Command]) -> None:
    """Put on the desk everything that deciding these commands can need."""
    named = await _named(connection, commands)
    payment_ids = {c.payment_id for c in commands if isinstance(c, RefundPayment)}
    payment_ids |= {row.payment_id for row in named if row.payment_id}
    item_ids = {c.item_id for c in commands if isinstance(c, RefundSuspense)}
    payment_ids |= await _payments_of_items(connection, item_ids)
    await books.load_payments(connection, desk.books, payment_ids)
    owners = await _surplus(connection, desk, payment_ids)
    owners |= {c.msisdn for c in commands if isinstance(c, RefundWallet)}
    owners |= {row.msisdn for row in named if row.reason == "wallet"}
    await books.lock_phones(connection, desk.books, owners)
    await _agents(connection, desk, payment_ids)
    item_ids |= {row.item_id for row in named if row.item_id}
    await _items(connection, desk, payment_ids, item_ids)
    await _credits(connection, desk, payment_ids)
    await _payouts(connection, desk, {row.payout_id for row in named}, payment_ids, item_ids, owners)
    # Read under the locks above: what another process has just taken is gone.
    held = {wallets.held_for(msisdn) for msisdn in owners} | {cash.held_by(a) for a in desk.agents.values()}
    for row in await bulk.fetch(connection, _BALANCES, t.ledger_balances.c.ledger_account, held):
        desk.balances[row.ledger_account, row.currency] = row.balance_minor
    desk.people = await users.all_users(connection)


async def _named(connection: AsyncConnection, commands: Sequence[Command]) -> list[Any]:
    wanted = {c.payout_id for c in commands if hasattr(c, "payout_id")}
    return await bulk.fetch(connection, _NAMED, _o.payout_id, wanted) if wanted else []


async def _payments_of_items(connection: AsyncConnection, item_ids: set[str]) -> set[str]:
    if not item_ids:
        return set()
    rows = await bulk.fetch(connection, _ITEM_PAYMENTS, t.suspense_items.c.item_id, item_ids)
    return {row.payment_id for row in rows if row.payment_id}


async def _surplus(connection: AsyncConnection, desk: PayoutDesk, payment_ids: set[str]) -> set[str]:
    """Find what payments brought into wallets; return whose."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    if payment_ids:
        for row in await bulk.fetch(connection, _SURPLUS, _x.payment_id, payment_ids):
            found[row.payment_id].append((row.ledger_account, int(row.came_minor)))
    desk.surplus = dict(found)
    return {owner for of in found.values() for account, _ in of if (owner := wallets.owner(account))}


async def _agents(connection: AsyncConnection, desk: PayoutDesk, payment_ids: set[str]) -> None:
    """Find who took payments in cash; nobody else moves what agents hold before the commit."""
    if not payment_ids:
        return
    for row in await bulk.fetch(connection, _AGENTS, t.cash_receipts.c.payment_id, payment_ids):
        desk.agents[row.payment_id] = row.agent
    if desk.agents:
        await books.lock_cash(connection)


async def _items(
    connection: AsyncConnection, desk: PayoutDesk, payment_ids: set[str], item_ids: set[str]
) -> None:
    i = t.suspense_items.c
    for column, keys in ((i.payment_id, payment_ids), (i.item_id, item_ids)):
        if keys:
            for row in await bulk.fetch(connection, _ITEMS_LOCKED, column, keys):
                desk.items[row.item_id] = HeldItem.of(row)
    credit_ids = {item.credit_id for item in desk.items.values() if item.credit_id}
    if credit_ids:
        for row in await bulk.fetch(connection, _CREDITS, t.credits_.c.credit_id, credit_ids):
            desk.arrivals[row.credit_id] = Credit.of(row)


async def _credits(connection: AsyncConnection, desk: PayoutDesk, payment_ids: set[str]) -> None:
    if not payment_ids:
        return
    for row in await bulk.fetch(connection, _CREDITS, t.credits_.c.payment_id, payment_ids):
        desk.credits[row.payment_id] = Credit.of(row)


async def _payouts(
    connection: AsyncConnection,
    desk: PayoutDesk,
    payout_ids: set[str],
    payment_ids: set[str],
    item_ids: set[str],
    msisdns: set[str],
) -> None:
    """Put payouts on the desk, with all others that took from the same payments, items and wallets."""
    wanted = set(payout_ids)
    for column, keys in ((_o.payment_id, payment_ids), (_o.item_id, item_ids), (_o.msisdn, msisdns)):
        if keys:
            wanted |= {row.payout_id for row in await bulk.fetch(connection, _NAMED, column, keys)}
    if not wanted:
        return
    for row in await bulk.fetch(connection, _PAYOUTS_LOCKED, _o.payout_id, wanted):
        desk.payouts[row.payout_id] = Payout.of(row)
        desk.sources[row.payout_id] = []
    for row in await bulk.fetch(connection, _SOURCES, _s.payout_id, wanted):
        desk.sources[row.payout_id].append(Source.of(row))


async def write(connection: AsyncConnection, desk: PayoutDesk) -> None:
    """Write all that was decided; the caller's transaction commits it at once."""
    resolved = {row["item_id"]: row for row in desk.books.rows["resolved_items"]}
    desk.books.rows["resolved_items"] = list(resolved.values())  # taken and sent in one go: the last word
    await books.write(connection, desk.books)
    await bulk.update(connection, t.suspense_items, desk.split_items)
    await bulk.insert(connection, tables.payouts, [desk.payouts[i].as_row() for i in sorted(desk.created)])
    old = [desk.payouts[i] for i in sorted(desk.changed - desk.created)]
    await bulk.update(connection, tables.payouts, [_changed(payout) for payout in old])
    new = [source.as_row() for i in sorted(desk.held) for source in desk.sources[i]]
    await bulk.insert(connection, tables.payout_sources, new)
    await bulk.insert(connection, tables.payout_transitions, desk.transitions)


_MOVING = (
    "payout_id", "provider_reference", "receipt", "status", "failure", "send_state", "attempts", "checks",
    "next_check_at", "is_final", "approved_by", "sent_at", "moves", "updated_at",
)  # fmt: skip


def _changed(payout: Payout) -> dict[str, Any]:
    return {name: getattr(payout, name) for name in _MOVING} | {"version": payout.version + 1}


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[Payout]:
    """Return payouts whose rail is to be asked, longest overdue first."""
    query = _PAYOUTS.where(_o.next_check_at <= now).order_by(_o.next_check_at).limit(limit)
    return [Payout.of(row) for row in await connection.execute(query)]


async def by_ids(connection: AsyncConnection, payout_ids: Iterable[str]) -> dict[str, Payout]:
    """Return payouts by id."""
    rows = await bulk.fetch(connection, _PAYOUTS, _o.payout_id, payout_ids)
    return {row.payout_id: Payout.of(row) for row in rows}


async def newest(connection: AsyncConnection, status: str | None, limit: int) -> list[Payout]:
    """Return the newest payouts, of one state where it is named."""
    query = _PAYOUTS.order_by(_o.created_at.desc()).limit(limit)
    query = query.where(_o.status == status) if status else query
    return [Payout.of(row) for row in await connection.execute(query)]


async def of_notice(
    connection: AsyncConnection,
    account_id: str,
    *,
    key: str = "",
    reference: str | None = None,
    provider_reference: str | None = None,
) -> Payout | None:
    """Return the payout that a notice speaks of: by its key, our reference, or the rail's name for it."""
    query = _PAYOUTS.where(_o.account_id == account_id)
    if key:
        query = query.where(_o.callback_key == key)
    elif reference:
        # Rails repeat one or the other of our two names for it.
        query = query.where(sa.or_(_o.reference == reference, _o.payout_id == reference))
    elif provider_reference:
        query = query.where(_o.provider_reference == provider_reference)
    else:
        return None
    found = (await connection.execute(query.limit(1))).first()
    return Payout.of(found) if found else None
