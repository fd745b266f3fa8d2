"""What staff see of items: what each is about, and what is known of the money that it holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import NotFound
from payments import tables as t

_s, _c, _p = t.suspense_items.c, t.credits_.c, t.payments.c


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its money: minor units, UTC; empty where nobody knows."""

    item_id: str
    kind: str
    status: str
    account_id: str
    held_minor: int
    currency: str
    detail: str
    created_at: datetime
    payment_id: str | None
    into_payment_id: str | None
    receipt: str | None
    account_reference: str | None  # what the payer typed
    payer: str | None  # E.164, or as told with parts hidden
    resolved_by: str | None
    resolved_at: datetime | None
    note: str | None


_ITEMS = (
    sa.select(
        t.suspense_items,
        sa.func.coalesce(_c.receipt, _p.receipt).label("receipt"),
        _c.account_reference,
        sa.func.coalesce(_c.msisdn, sa.func.nullif(_p.msisdn, ""), _c.masked_msisdn).label("payer"),
    )
    .select_from(
        t.suspense_items.outerjoin(t.payments, _p.payment_id == _s.payment_id).outerjoin(
            t.credits_, sa.or_(_c.credit_id == _s.credit_id, _c.payment_id == _s.payment_id)
        )
    )
    .order_by(_s.created_at, _s.item_id)
)


async def find(
    connection: AsyncConnection, *, kind: str | None = None, status: str | None = "open", limit: int = 200
) -> list[Item]:
    """Return items, the oldest first: of one kind, or in one state, where these are given."""
    query = _ITEMS.limit(limit)
    if status:
        query = query.where(_s.status == status)
    if kind:
        query = query.where(_s.kind == kind)
    return [_item(row) for row in await connection.execute(query)]


async def one(connection: AsyncConnection, item_id: str) -> Item:
    """Return an item; raises NotFound (unknown_item)."""
    row = (await connection.execute(_ITEMS.where(_s.item_id == item_id))).first()
    if row is None:
        raise NotFound("there is no such item; see madzi suspense list", code="unknown_item")
    return _item(row)


def _item(row: Any) -> Item:
    return Item(**{name: getattr(row, name) for name in Item.__dataclass_fields__})
