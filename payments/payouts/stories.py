"""What is told of payouts: everything that is known, in the order in which it happened."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.clock import rfc3339
from core.errors import NotFound
from core.ids import is_uuid
from payments.payouts import store, tables
from payments.payouts.records import Payout
from payments.stories import money

_o, _m, _s = tables.payouts.c, tables.payout_transitions.c, tables.payout_sources.c
_OF_PAYMENT = sa.select(tables.payouts).order_by(_o.created_at, _o.payout_id)
_MOVES = sa.select(tables.payout_transitions).order_by(_m.payout_id, _m.seq)
_SOURCES = sa.select(tables.payout_sources).order_by(_s.payout_id, _s.seq)


async def find(connection: AsyncConnection, name: str) -> Payout:
    """Return a payout by its id; raises NotFound."""
    found = await store.by_ids(connection, [name.lower()]) if is_uuid(name) else {}
    if not found:
        raise NotFound(f"there is no payout {name[:40]!r}: see madzi payouts list", code="no_such_payout")
    return next(iter(found.values()))


async def of_payment(connection: AsyncConnection, payment_id: str) -> list[dict[str, Any]]:
    """Return what went back of a payment, goes back, or was to, oldest first."""
    rows = await bulk.fetch(connection, _OF_PAYMENT, _o.payment_id, [payment_id])
    return await full(connection, [Payout.of(row) for row in rows])


async def full(connection: AsyncConnection, payouts: Sequence[Payout]) -> list[dict[str, Any]]:
    """Return payouts with where their money lay, and their trails."""
    told = {payout.payout_id: payout_json(payout) for payout in payouts}
    for story in told.values():
        story["sources"], story["transitions"] = [], []
    if told:
        for row in await bulk.fetch(connection, _SOURCES, _s.payout_id, told):
            source = {"ledger_account": row.ledger_account, "amount_minor": row.amount_minor}
            told[row.payout_id]["sources"].append(source)
        for row in await bulk.fetch(connection, _MOVES, _m.payout_id, told):
            told[row.payout_id]["transitions"].append(_move(row))
    return list(told.values())


def _move(row: Any) -> dict[str, Any]:
    return {
        "from": row.from_status,
        "to": row.to_status,
        "at": rfc3339(row.at),
        "cause": row.cause,
        "actor": row.actor,
        "raw_id": row.raw_id,
        "detail": row.detail,
    }


def payout_json(payout: Payout) -> dict[str, Any]:
    """Return a payout as commands show it."""
    names = (
        "payout_id", "kind", "reason", "payment_id", "item_id", "msisdn", "provider", "account_id", "agent",
        "reference", "provider_reference", "receipt", "status", "failure", "requested_by", "approved_by",
        "note",
    )  # fmt: skip
    told = {name: getattr(payout, name) for name in names}
    told["amount"] = money(payout.amount_minor, payout.currency)
    told["created_at"], told["updated_at"] = rfc3339(payout.created_at), rfc3339(payout.updated_at)
    return told
