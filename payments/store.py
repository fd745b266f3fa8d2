"""Fills a desk for a batch of commands with a few set-based queries, and writes it back with a few more.

Rows are locked in one order everywhere (payments, debt parts, customers, each by key), so that batches of
several processes wait for each other and never in a circle. SQLite has one writer and needs no locks.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit, bulk
from core.clock import local
from core.db import UtcDateTime
from core.outbox import outbox
from payments import arrivals_store, cash, hand_in_store
from payments import tables as t
from payments.commands import (
    Arrive,
    AssignItem,
    CloseItem,
    Command,
    HandIn,
    Pay,
    PushAnswered,
    RecordCash,
    Reported,
    StartPush,
    TimeUp,
)
from payments.decide.wallet import request_id as wallet_request_id
from payments.desk import Desk
from payments.links import pay_links
from payments.providers.base import Report
from payments.providers.tables import gateway_accounts
from payments.records import CashReceipt, Claim, Credit, HeldItem, Order, Payment
from payments.wallet import accounts as wallet_accounts
from payments.wallet import views as wallet_views
from taps import store as taps_store
from taps.debts import oldest_first
from taps.tables import customers, debt_parts, taps, tenants, zones

_p, _k = t.payments.c, t.claims.c
_PAYMENTS = sa.select(t.payments)
_PAYMENTS_LOCKED = _PAYMENTS.order_by(_p.payment_id).with_for_update()
_CLAIMS = sa.select(t.claims)
_ORDERS = sa.select(t.payment_orders).order_by(t.payment_orders.c.order_id)
_OPEN_CLAIMS = (
    sa.select(_k.part_id, t.payments).join(t.payments, _p.payment_id == _k.payment_id).where(_k.is_open)
)
_TODAY = (
    sa.select(_p.msisdn, _p.currency, sa.func.sum(_p.amount_minor).label("sum_minor"))
    .where(
        _p.created_at >= sa.bindparam("midnight", type_=UtcDateTime),
        t.status_of_found.in_(("initiated", "pending", "success")),
        _p.provider.not_in((cash.PROVIDER, wallet_accounts.PROVIDER)),  # limits are for what rails collect
    )
    .group_by(_p.msisdn, _p.currency)
)
_CUSTOMERS_LOCKED = sa.select(customers.c.msisdn).order_by(customers.c.msisdn).with_for_update()
_ON_HANDSETS = _PAYMENTS.where(t.status_of_found.in_(("initiated", "pending")))
_UNRESOLVED = (
    sa.select(_k.part_id, _p.payment_id, _p.asked_at)
    .join(t.payments, _p.payment_id == _k.payment_id)
    .where(t.status_of_found.in_(("failed", "expired")), ~_p.is_final)
)
_TAPS = sa.select(taps.c.tap_id, taps.c.zone, zones.c.currency).join(zones, zones.c.zone == taps.c.zone)
_TENANCIES = sa.select(tenants.c.tap_id, tenants.c.msisdn, tenants.c.tenant_id)
_CASH = sa.select(t.cash_receipts)
# Whoever moves cash on PostgreSQL holds this lock until the commit; SQLite has one writer at a time anyway.
_CASH_LOCK = sa.select(sa.func.pg_advisory_xact_lock(0x63617368))
_LAST_CASH = sa.select(sa.func.coalesce(sa.func.max(t.cash_receipts.c.number), 0))
_OPEN_ITEMS = (
    sa.select(t.suspense_items)
    .where(t.suspense_items.c.status == "open", t.suspense_items.c.held_minor > 0)
    .order_by(t.suspense_items.c.item_id)
    .with_for_update()
)
_ACCOUNTS = sa.select(gateway_accounts.c.account_id, gateway_accounts.c.provider)
_ITEMS_LOCKED = (
    sa.select(t.suspense_items).order_by(t.suspense_items.c.item_id).with_for_update(of=t.suspense_items)
)
_CREDITS = sa.select(t.credits_).where(t.credits_.c.account_id == sa.bindparam("account_id", type_=sa.String))


async def load(connection: AsyncConnection, desk: Desk, commands: Sequence[Command]) -> None:
    """Put on the desk everything that deciding these commands can need."""
    pays = [c for c in commands if isinstance(c, Pay)]
    about = {c.payment_id for c in commands if isinstance(c, StartPush | PushAnswered | Reported | TimeUp)}
    arrived = [c for c in commands if isinstance(c, Arrive)]
    if arrived:
        about |= await _clues(connection, desk, arrived)
    await _payments(connection, desk, about)
    cash_ = [c for c in commands if isinstance(c, RecordCash)]
    asked: list[Pay | RecordCash] = [*pays, *cash_]
    tap_ids = {c.tap_id for c in asked} | {desk.payments[i].tap_id for i in about if i in desk.payments}
    tap_ids |= {c.tap_id for c in commands if isinstance(c, AssignItem)}
    tap_ids |= {tap_id for found in desk.clues.values() for tap_id in found.tap_ids}
    await _taps(connection, desk, tap_ids)
    starts = {c.payment_id for c in commands if isinstance(c, StartPush)} & desk.payments.keys()
    handsets = {p.msisdn for p in pays} | {desk.payments[i].msisdn for i in starts}
    await _handsets(connection, desk, handsets)
    hand_ins = [c for c in commands if isinstance(c, HandIn)]
    if cash_ or hand_ins:
        await _cash_numbers(connection, desk)
    # Read under the locks above: what another process has just accepted counts.
    if asked:
        await _repeats(connection, desk, {c.payment_request_id for c in asked})
        await _open_claims(connection, desk, tap_ids)
    if cash_:
        await _cash(connection, desk, cash_)
    if pays:
        await _today(connection, desk, {p.msisdn for p in pays})
        await _wallets(connection, desk, {p.msisdn for p in pays})
    await _unresolved(connection, desk, starts)
    await _receipts(connection, desk, [c for c in commands if isinstance(c, Reported | PushAnswered)])
    await _credited(connection, desk, arrived)
    await _items(connection, desk, {c.item_id for c in commands if isinstance(c, AssignItem | CloseItem)})
    if hand_ins:
        await hand_in_store.load(connection, desk, {c.agent.name for c in hand_ins})


async def load_payments(connection: AsyncConnection, desk: Desk, payment_ids: Iterable[str]) -> None:
    """Put payments on the desk, locked, with their claims and orders and the debts that they paid."""
    wanted = set(payment_ids)
    await _payments(connection, desk, wanted)
    await _taps(connection, desk, {desk.payments[i].tap_id for i in wanted if i in desk.payments})


async def lock_phones(connection: AsyncConnection, desk: Desk, msisdns: Iterable[str]) -> None:
    """Keep everybody else from these phones' wallets and prompts until this transaction ends."""
    wanted = sorted(set(msisdns))
    if wanted and connection.dialect.name == "postgresql":
        rows = [{"msisdn": msisdn, "created_at": desk.now} for msisdn in wanted]
        await bulk.insert_new(connection, customers, rows)
        await bulk.fetch(connection, _CUSTOMERS_LOCKED, customers.c.msisdn, wanted)


async def lock_cash(connection: AsyncConnection) -> None:
    """Keep everybody else from what agents hold until this transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_CASH_LOCK)


async def _payments(connection: AsyncConnection, desk: Desk, payment_ids: Iterable[str]) -> None:
    wanted = set(payment_ids)
    if not wanted:
        return
    for row in await bulk.fetch(connection, _PAYMENTS_LOCKED, _p.payment_id, wanted):
        desk.payments[row.payment_id] = Payment.of(row)
    await _claims_and_orders(connection, desk, wanted)


async def _claims_and_orders(connection: AsyncConnection, desk: Desk, payment_ids: set[str]) -> None:
    for row in await bulk.fetch(connection, _CLAIMS, _k.payment_id, payment_ids):
        claim = Claim.of(row)
        desk.claims.setdefault(claim.payment_id, {})[claim.part_id] = claim
        if claim.is_open:
            desk.open_claims[claim.part_id] = claim.payment_id
    await _orders(connection, desk, payment_ids)


async def _orders(connection: AsyncConnection, desk: Desk, payment_ids: set[str]) -> None:
    for row in await bulk.fetch(connection, _ORDERS, t.payment_orders.c.payment_id, payment_ids):
        desk.orders.setdefault(row.payment_id, []).append(Order.of(row))


async def _cash_numbers(connection: AsyncConnection, desk: Desk) -> None:
    """Read the newest receipt's number; nobody else gives out one until this transaction ends."""
    await lock_cash(connection)
    desk.last_cash = int((await connection.execute(_LAST_CASH)).scalar_one())


async def _cash(connection: AsyncConnection, desk: Desk, commands: Sequence[RecordCash]) -> None:
    """Find what these commands have recorded before, and where the payers named are or were tenants."""
    keys = {command.payment_request_id for command in commands}
    known = [desk.by_request[key] for key in keys & desk.by_request.keys()]
    for row in await bulk.fetch(connection, _CASH, t.cash_receipts.c.payment_id, known):
        desk.cash[row.payment_id] = CashReceipt.of(row)
    payers = {command.payer_msisdn for command in commands if command.payer_msisdn}
    for row in await bulk.fetch(connection, _TENANCIES, tenants.c.msisdn, payers):
        desk.tenancies[row.tap_id, row.msisdn] = row.tenant_id


async def _repeats(connection: AsyncConnection, desk: Desk, keys: set[str]) -> None:
    rows = await bulk.fetch(connection, _PAYMENTS, _p.payment_request_id, keys)
    for row in rows:
        desk.payments.setdefault(row.payment_id, Payment.of(row))
        desk.by_request[row.payment_request_id] = row.payment_id
    if not rows:
        return
    await _orders(connection, desk, {row.payment_id for row in rows} - desk.orders.keys())
    before = {wallet_request_id(row.payment_request_id) for row in rows}
    for row in await bulk.fetch(connection, _PAYMENTS, _p.payment_request_id, before):
        desk.payments.setdefault(row.payment_id, Payment.of(row))
        desk.by_request[row.payment_request_id] = row.payment_id


async def _taps(connection: AsyncConnection, desk: Desk, tap_ids: set[str]) -> None:
    if not tap_ids:
        return
    for tap in await bulk.fetch(connection, _TAPS, taps.c.tap_id, tap_ids):
        desk.currencies[tap.tap_id] = tap.currency
        desk.zones[tap.tap_id] = tap.zone
    claimed = {part_id for claims in desk.claims.values() for part_id in claims}
    owed = await taps_store.open_parts(connection, sorted(tap_ids), lock=not claimed)
    parts = [part for of_tap in owed.values() for part in of_tap]
    if claimed:
        # What is claimed and what is open is locked in one go: two goes would be two orders, and a circle.
        wanted = claimed | {part.part_id for part in parts}
        parts = oldest_first((await taps_store.parts_by_ids(connection, wanted, lock=True)).values())
    for part in parts:
        desk.parts.setdefault(part.tap_id, {})[part.part_id] = part


async def _open_claims(connection: AsyncConnection, desk: Desk, tap_ids: set[str]) -> None:
    """Who is paying these taps' debts now, with the payments themselves."""
    parts = {part_id for tap_id in tap_ids for part_id in desk.parts.get(tap_id, ())}
    for row in await bulk.fetch(connection, _OPEN_CLAIMS, _k.part_id, parts):
        desk.open_claims[row.part_id] = row.payment_id
        desk.payments.setdefault(row.payment_id, Payment.of(row))


async def _today(connection: AsyncConnection, desk: Desk, msisdns: set[str]) -> None:
    midnight = local(desk.now).replace(hour=0, minute=0, second=0, microsecond=0)
    for row in await bulk.fetch(connection, _TODAY, _p.msisdn, msisdns, {"midnight": midnight}):
        desk.today_minor[row.msisdn, row.currency] = int(row.sum_minor)


async def _wallets(connection: AsyncConnection, desk: Desk, msisdns: set[str]) -> None:
    """Read what is kept for the payers. Their rows are locked: nobody else spends it before the commit."""
    for msisdn, kept in (await wallet_views.kept(connection, msisdns)).items():
        for currency, amount_minor in kept.items():
            desk.wallets[msisdn, currency] = amount_minor


async def _handsets(connection: AsyncConnection, desk: Desk, msisdns: set[str]) -> None:
    """Lock each wallet's row, then list its open payments: one prompt at a time for a handset."""
    if not msisdns:
        return
    if connection.dialect.name == "postgresql":
        rows = [{"msisdn": msisdn, "created_at": desk.now} for msisdn in sorted(msisdns)]
        await bulk.insert_new(connection, customers, rows)
        await bulk.fetch(connection, _CUSTOMERS_LOCKED, customers.c.msisdn, msisdns)
    for row in await bulk.fetch(connection, _ON_HANDSETS, _p.msisdn, msisdns):
        payment = desk.payments.setdefault(row.payment_id, Payment.of(row))
        if desk.rules.asks_handset(payment):
            desk.handsets[row.msisdn].add(row.payment_id)


async def _unresolved(connection: AsyncConnection, desk: Desk, starts: set[str]) -> None:
    """Older attempts on the same debts whose outcome nobody knows and nobody has asked for since."""
    if not starts:
        return
    # Claims of ended payments are closed: a part has one open claim, hence one newer payment.
    mine = {part_id: i for i in starts for part_id, c in desk.claims.get(i, {}).items() if c.is_open}
    for row in await bulk.fetch(connection, _UNRESOLVED, _k.part_id, mine):
        newer = desk.payments[mine[row.part_id]]
        if row.asked_at is None or row.asked_at < newer.created_at:
            older = desk.unresolved.setdefault(newer.payment_id, [])
            if row.payment_id not in older:
                older.append(row.payment_id)


async def _receipts(
    connection: AsyncConnection, desk: Desk, heard: Sequence[Reported | PushAnswered]
) -> None:
    claimed: dict[str, set[str]] = defaultdict(set)  # by account: a receipt is one of its account's
    unplaced: set[str] = set()
    for command in heard:
        payment = desk.payments.get(command.payment_id)
        told = {word.receipt for word in _words(command) if word and word.receipt}
        if payment and told:
            claimed[payment.account_id] |= told
    for account_id, receipts in claimed.items():
        given = {"account_id": account_id}
        for row in await bulk.fetch(connection, _CREDITS, t.credits_.c.receipt, receipts, given):
            desk.receipts[row.account_id, row.receipt] = row.payment_id or row.credit_id
            if row.payment_id is None:
                unplaced.add(row.credit_id)
    await _unplaced(connection, desk, unplaced)


async def _clues(connection: AsyncConnection, desk: Desk, commands: Sequence[Arrive]) -> set[str]:
    """Look up what can tell whose money came; return the payments of ours that it may be."""
    for command in commands:
        key = (command.account_id, command.arrival.receipt)
        desk.clues[key] = await arrivals_store.clues(connection, command, desk.now)
    return {payment_id for found in desk.clues.values() for payment_id in found.payment_ids}


async def _credited(connection: AsyncConnection, desk: Desk, commands: Sequence[Arrive]) -> None:
    """Find which of this money is in the books already, and what suspense holds of it."""
    if not commands:
        return
    unplaced: set[str] = set()
    for key, owner, is_placed in await arrivals_store.credited(connection, commands):
        desk.receipts[key] = owner
        if not is_placed:
            unplaced.add(owner)
    await _unplaced(connection, desk, unplaced)


async def _items(connection: AsyncConnection, desk: Desk, item_ids: set[str]) -> None:
    """Lock the items that a person acts on, and read the payments that others have become before."""
    if not item_ids:
        return
    for row in await bulk.fetch(connection, _ITEMS_LOCKED, t.suspense_items.c.item_id, item_ids):
        desk.items[row.item_id] = HeldItem.of(row)
    named = {i for item in desk.items.values() for i in (item.payment_id, item.into_payment_id) if i}
    for row in await bulk.fetch(connection, _PAYMENTS, _p.payment_id, named - desk.payments.keys()):
        desk.payments[row.payment_id] = Payment.of(row)
    accounts = {item.account_id for item in desk.items.values()}
    for row in await bulk.fetch(connection, _ACCOUNTS, gateway_accounts.c.account_id, accounts):
        desk.account_providers[row.account_id] = row.provider
    credits_ = {item.credit_id for item in desk.items.values() if item.credit_id}
    for row in await bulk.fetch(connection, sa.select(t.credits_), t.credits_.c.credit_id, credits_):
        desk.credits[row.credit_id] = Credit.of(row)


async def _unplaced(connection: AsyncConnection, desk: Desk, credit_ids: set[str]) -> None:
    """Lock the items that hold money without a payment."""
    if not credit_ids:
        return
    for row in await bulk.fetch(connection, _OPEN_ITEMS, t.suspense_items.c.credit_id, credit_ids):
        desk.unplaced[row.credit_id] = HeldItem.of(row)


def _words(command: Reported | PushAnswered) -> tuple[Report | None, ...]:
    return (command.report, command.hint) if isinstance(command, Reported) else (command.reply.word,)


async def write(connection: AsyncConnection, desk: Desk) -> None:
    """Write all that was decided; the caller's transaction commits it at once."""
    rows = desk.rows
    await bulk.insert(connection, t.checkouts, rows["checkouts"])
    await _write_payments(connection, desk)
    await _write_orders_and_claims(connection, desk)
    await bulk.insert(connection, t.cash_receipts, rows["cash_receipts"])
    await bulk.insert(connection, t.hand_ins, rows["hand_ins"])
    await bulk.insert_new(connection, pay_links, rows["pay_links"])
    await bulk.insert(connection, t.payment_transitions, rows["payment_transitions"])
    await bulk.insert(connection, t.payment_routes, rows["payment_routes"])
    await bulk.update(connection, debt_parts, _parts(desk))
    await bulk.insert(connection, t.credits_, rows["credits"])
    await bulk.update(connection, t.credits_, rows["late_receipts"])
    await bulk.update(connection, t.credits_, rows["placed_credits"])
    await bulk.insert(connection, t.ledger_transactions, rows["ledger_transactions"])
    await bulk.insert(connection, t.ledger_entries, rows["ledger_entries"])
    await bulk.upsert(connection, t.ledger_balances, _balances(desk), add=frozenset({"balance_minor"}))
    await bulk.insert_new(connection, t.suspense_items, rows["suspense_items"])
    await bulk.update(connection, t.suspense_items, rows["resolved_items"])
    await _end_doubts(connection, desk)
    await bulk.insert(connection, outbox, rows["outbox"])
    await audit.write(connection, rows["audit_log"])


async def _end_doubts(connection: AsyncConnection, desk: Desk) -> None:
    """Close the items that only said that nobody knows: now somebody does, and nobody need look."""
    if not desk.out_of_doubt:
        return
    s = t.suspense_items.c
    doubts = s.payment_id.in_(sorted(desk.out_of_doubt)) & s.kind.in_(("unresolved", "outcome_unknown"))
    closed = {"status": "closed", "resolved_by": "madzi", "resolved_at": desk.now, "note": "its end is known"}
    await connection.execute(
        sa.update(t.suspense_items).where(doubts, s.status == "open", s.held_minor == 0).values(**closed)
    )


async def _write_payments(connection: AsyncConnection, desk: Desk) -> None:
    new = [desk.payments[i].as_row() for i in sorted(desk.created)]
    await bulk.insert(connection, t.payments, new)
    old = [desk.payments[i] for i in sorted(desk.changed - desk.created)]
    stayed = [_changed(payment, _FIXED) for payment in old if payment.payment_id not in desk.moved]
    await bulk.update(connection, t.payments, stayed)
    moved = [_changed(payment, _FIXED - _OF_RAIL) for payment in old if payment.payment_id in desk.moved]
    await bulk.update(connection, t.payments, moved)


_FIXED = frozenset(
    {
        "payment_request_id", "request_hash", "checkout_id", "user_id", "msisdn", "contact_msisdn", "tap_id",
        "tenant_id", "zone", "period", "amount_minor", "currency", "provider", "account_id", "reference",
        "callback_key", "channel", "correlation_id", "validation", "push_after", "created_at",
        "waits", "routes",
    }
)  # fmt: skip
_OF_RAIL = frozenset({"provider", "account_id", "reference", "routes"})


def _changed(payment: Payment, fixed: frozenset[str]) -> dict[str, Any]:
    row = {name: value for name, value in payment.as_row().items() if name not in fixed}
    return {**row, "version": payment.version + 1}


async def _write_orders_and_claims(connection: AsyncConnection, desk: Desk) -> None:
    orders = [order for i in sorted(desk.changed_orders) for order in desk.orders[i]]
    new = [order.as_row() for order in orders if order.payment_id in desk.created]
    await bulk.insert(connection, t.payment_orders, new)
    moved = [
        {"order_id": o.order_id, "status": o.status, "reason": o.reason, "credited_minor": o.credited_minor}
        for o in orders
        if o.payment_id not in desk.created
    ]
    await bulk.update(connection, t.payment_orders, moved)
    claims = [desk.claims[i][part] for i, part in sorted(desk.changed_claims)]
    old = [claim for claim in claims if claim.payment_id not in desk.created]
    changes = [
        {
            "payment_id": claim.payment_id,
            "part_id": claim.part_id,
            "credited_minor": claim.credited_minor,
            "is_open": claim.is_open,
        }
        for claim in old
    ]
    # Closing comes first: a claim opened in the same batch may be on a part that was just let go.
    await bulk.update(connection, t.claims, changes)
    fresh = [claim.as_row() for claim in claims if claim.payment_id in desk.created]
    await bulk.insert(connection, t.claims, fresh)


def _parts(desk: Desk) -> list[dict[str, Any]]:
    changed = (desk.parts[tap_id][part_id] for tap_id, part_id in sorted(desk.changed_parts))
    return [{"part_id": part.part_id, "paid_minor": part.paid_minor} for part in changed]


def _balances(desk: Desk) -> list[dict[str, Any]]:
    return [
        {"ledger_account": account, "currency": currency, "balance_minor": amount_minor}
        for (account, currency), amount_minor in sorted(desk.balances.items())
    ]


async def due_checks(connection: AsyncConnection, now: datetime, limit: int) -> list[Payment]:
    """Return payments whose provider is to be asked, or whose time is up, longest overdue first."""
    query = (
        sa.select(t.payments)
        .where(t.payments.c.next_check_at.is_not(None), t.payments.c.next_check_at <= now)
        .order_by(t.payments.c.next_check_at)
        .limit(limit)
    )
    return [Payment.of(row) for row in await connection.execute(query)]


async def by_ids(connection: AsyncConnection, payment_ids: Iterable[str]) -> dict[str, Payment]:
    """Return payments by id."""
    rows = await bulk.fetch(connection, _PAYMENTS, _p.payment_id, payment_ids)
    return {row.payment_id: Payment.of(row) for row in rows}
