"""The story of a payment: everything that is known of it, in the order in which it happened."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.clock import rfc3339
from core.errors import NotFound
from core.ids import is_uuid
from payments import cash
from payments import tables as t
from payments.decide import wallet
from payments.records import Order, Payment
from payments.wallet import accounts

_WITHOUT_PROMPT = (cash.PROVIDER, accounts.PROVIDER)


def money(amount_minor: int, currency: str) -> dict[str, Any]:
    """Return money as JSON carries it (contract §4)."""
    return {"amount_minor": amount_minor, "currency": currency}


def payment_json(payment: Payment, orders: Sequence[Order], before: Payment | None = None) -> dict[str, Any]:
    """Return a payment as the interface shows it; `before` is what was paid from the payer's wallet first."""
    return {
        "payment_id": payment.payment_id,
        "payment_request_id": payment.payment_request_id,
        "status": payment.status,
        "reason": payment.reason,
        "amount": money(payment.amount_minor, payment.currency),
        "from_credit": _from_credit(before) if before else None,
        "tap_id": payment.tap_id,
        "tenant_id": payment.tenant_id,
        "user_id": payment.user_id,
        "msisdn": payment.msisdn,
        "provider": payment.provider,
        "provider_reference": payment.provider_reference,
        "receipt": payment.receipt,
        "channel": payment.channel,
        "is_payment_done": bool(orders) and all(order.status == "success" for order in orders),
        "orders": [
            {
                "order_id": order.order_id,
                "seller": order.seller,
                "amount": money(order.amount_minor, order.currency),
                "credited": money(order.credited_minor, order.currency),
                "status": order.status,
                "reason": order.reason,
            }
            for order in orders
        ],
        "created_at": rfc3339(payment.created_at),
        "updated_at": rfc3339(payment.updated_at),
        "links": {"self": f"/api/v1/payments/{payment.payment_id}"},
    }


def _from_credit(before: Payment) -> dict[str, Any]:
    return {"payment_id": before.payment_id, "amount": money(before.amount_minor, before.currency)}


async def before(connection: AsyncConnection, payments: Iterable[Payment]) -> dict[str, Payment]:
    """Return the payments from wallets that went before prompts, by the id of the prompt's payment."""
    keys = {
        wallet.request_id(payment.payment_request_id): payment.payment_id
        for payment in payments
        if payment.provider not in _WITHOUT_PROMPT
    }
    query = sa.select(t.payments)
    rows = await bulk.fetch(connection, query, t.payments.c.payment_request_id, keys)
    return {keys[row.payment_request_id]: Payment.of(row) for row in rows}


async def find(connection: AsyncConnection, name: str) -> Payment:
    """Return a payment by its id, request id, receipt or provider reference; raises NotFound."""
    p = t.payments.c
    if is_uuid(name):
        key = name.lower()
        which = sa.or_(p.payment_id == key, p.payment_request_id == key, p.reference == key)
    else:
        which = sa.or_(p.receipt == name, p.provider_reference == name)
    found = (await connection.execute(sa.select(t.payments).where(which).limit(1))).first()
    if found is None:
        raise NotFound(f"no payment has the id, receipt or reference {name[:60]!r}", code="no_such_payment")
    return Payment.of(found)


async def orders_of(connection: AsyncConnection, payment_ids: Sequence[str]) -> dict[str, list[Order]]:
    """Return the orders of payments."""
    query = sa.select(t.payment_orders).order_by(t.payment_orders.c.order_id)
    found: dict[str, list[Order]] = {payment_id: [] for payment_id in payment_ids}
    for row in await bulk.fetch(connection, query, t.payment_orders.c.payment_id, payment_ids):
        found[row.payment_id].append(Order.of(row))
    return found


async def transitions(connection: AsyncConnection, payment_id: str) -> list[dict[str, Any]]:
    """Return the trail of a payment, oldest first."""
    m = t.payment_transitions.c
    query = sa.select(t.payment_transitions).where(m.payment_id == payment_id).order_by(m.seq)
    return [
        {
            "from": row.from_status,
            "to": row.to_status,
            "at": rfc3339(row.at),
            "cause": row.cause,
            "actor": row.actor,
            "raw_id": row.raw_id,
            "detail": row.detail,
        }
        for row in await connection.execute(query)
    ]


async def full(connection: AsyncConnection, payment: Payment) -> dict[str, Any]:
    """Return the whole story: orders, trail, routes, callbacks, postings, open items, who took cash."""
    payment_id = payment.payment_id
    orders = (await orders_of(connection, [payment_id]))[payment_id]
    story = payment_json(payment, orders, (await before(connection, [payment])).get(payment_id))
    story["same_checkout"] = await _same_checkout(connection, payment)
    story["transitions"] = await transitions(connection, payment_id)
    story["account_id"] = payment.account_id
    story["routes"] = await _routes(connection, payment_id)
    story["validation"] = payment.validation
    story["push"] = {"state": payment.push_state, "attempts": payment.push_attempts, "checks": payment.checks}
    story["callbacks"] = await _rows(
        connection, t.callbacks, payment_id, ("raw_id", "kind", "verdict", "received_at")
    )
    story["suspense"] = await _rows(
        connection, t.suspense_items, payment_id, ("item_id", "kind", "status", "held_minor", "detail")
    )
    story["postings"] = await _postings(connection, payment_id)
    story["cash"] = await _cash(connection, payment_id)
    return story


async def _routes(connection: AsyncConnection, payment_id: str) -> list[dict[str, Any]]:
    """Return by which rails it went, and what was said of each rail that was there."""
    r = t.payment_routes.c
    query = sa.select(t.payment_routes).where(r.payment_id == payment_id).order_by(r.seq)
    return [
        {
            "at": rfc3339(row.at),
            "cause": row.cause,
            "provider": row.provider,
            "account_id": row.account_id,
            "reference": row.reference,
            "rails": [
                {"provider": provider, "rank": rank or None, "is_kept": bool(rank), "why": why}
                for provider, rank, why in json.loads(row.reasons)
            ],
        }
        for row in await connection.execute(query)
    ]


async def _same_checkout(connection: AsyncConnection, payment: Payment) -> list[dict[str, Any]]:
    """Return the other payments of one act of paying: from a wallet first, then by a prompt."""
    p, o = t.payments.c, t.payment_orders.c
    mine = sa.select(o.payment_id).where(o.checkout_id == payment.checkout_id)
    query = (
        sa.select(p.payment_id, p.provider, p.amount_minor, p.currency, p.status)
        .where(p.payment_id.in_(mine), p.payment_id != payment.payment_id)
        .order_by(p.payment_id)
    )
    return [dict(row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


async def _rows(
    connection: AsyncConnection, table: sa.Table, payment_id: str, names: Sequence[str]
) -> list[dict[str, Any]]:
    query = sa.select(*(table.c[name] for name in names)).where(table.c.payment_id == payment_id)
    rows = (row._mapping for row in await connection.execute(query))  # noqa: SLF001 - SQLAlchemy's public name
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value


async def _postings(connection: AsyncConnection, payment_id: str) -> list[dict[str, Any]]:
    e, x = t.ledger_entries.c, t.ledger_transactions.c
    query = (
        sa.select(e.ledger_account, e.currency, e.amount_minor)
        .join(t.ledger_transactions, x.ledger_id == e.ledger_id)
        .where(x.payment_id == payment_id)
        .order_by(e.ledger_id, e.seq)
    )
    return [dict(row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


async def _cash(connection: AsyncConnection, payment_id: str) -> dict[str, Any] | None:
    c = t.cash_receipts.c
    found = (await connection.execute(sa.select(t.cash_receipts).where(c.payment_id == payment_id))).first()
    if found is None:
        return None
    return {
        "agent": found.agent,
        "receipt": cash.receipt(found.number),
        "payer_msisdn": found.payer_msisdn,
        "at": rfc3339(found.at),
    }
