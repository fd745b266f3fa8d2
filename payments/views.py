"""What people and screens ask about payments: set-based, reading only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments import cash
from payments import tables as t
from payments.records import Payment

_NEWEST = 10

_p = t.payments.c
_UNDER_WAY = sa.select(t.payments).where(t.status_of_found.in_(("initiated", "pending")))
_CLAIMED = (
    sa.select(t.claims.c.part_id, t.payments)
    .join(t.payments, _p.payment_id == t.claims.c.payment_id)
    .where(t.claims.c.is_open)
)
# A tap has some hundred payments in its life. A window over all of them would go through those of every tap
# on SQLite, and the status must not lead it to the index that begins with it.
_PAID = sa.select(_p.tap_id, _p.tenant_id, _p.amount_minor, _p.updated_at).where(
    # Money by hand for what was paid already is a payment of nothing: all of it is kept for its payer.
    sa.func.coalesce(_p.status, "") == "success",
    _p.amount_minor > 0,
)
_HELD = sa.select(t.ledger_balances).order_by(t.ledger_balances.c.currency)
_LATEST = sa.select(t.payments).order_by(_p.created_at.desc())


@dataclass(frozen=True, slots=True)
class LastPaid:
    """The latest success for a tap or tenant; minor units, UTC."""

    amount_minor: int
    at: datetime


def _oldest(rows: Iterable[Any]) -> dict[str, Payment]:
    newest_first = sorted(rows, key=lambda row: row.created_at, reverse=True)
    return {row.contact_msisdn: Payment.of(row) for row in newest_first}


# The oldest open payment that each phone asked for.
UNDER_WAY = bulk.Asked(((_UNDER_WAY, _p.contact_msisdn),), _oldest)


async def under_way_by_part(connection: AsyncConnection, part_ids: Iterable[str]) -> dict[str, Payment]:
    """Return the payment that has claimed each debt part."""
    rows = await bulk.fetch(connection, _CLAIMED, t.claims.c.part_id, part_ids)
    return {row.part_id: Payment.of(row) for row in rows}


async def last_paid(
    connection: AsyncConnection, tap_ids: Iterable[str]
) -> dict[tuple[str, str | None], LastPaid]:
    """Return the latest success by (tap, tenant), and by (tap, None) over all of its payments."""
    found: dict[tuple[str, str | None], LastPaid] = {}
    rows = await bulk.fetch(connection, _PAID, _p.tap_id, tap_ids)
    for row in sorted(rows, key=lambda row: row.updated_at):
        paid = LastPaid(row.amount_minor, row.updated_at)
        found[row.tap_id, row.tenant_id] = found[row.tap_id, None] = paid
    return found


async def latest_by_phone(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, list[Payment]]:
    """Return each phone's newest payments, whether it asked for them or its wallet paid."""
    wanted = set(msisdns)
    found: dict[str, dict[str, Payment]] = {msisdn: {} for msisdn in wanted}
    for column in (_p.contact_msisdn, _p.msisdn):
        for row in await bulk.fetch(connection, _LATEST, column, wanted):
            found[getattr(row, column.name)][row.payment_id] = Payment.of(row)
    newest = {
        m: sorted(by_id.values(), key=lambda p: p.created_at, reverse=True) for m, by_id in found.items()
    }
    return {msisdn: payments[:_NEWEST] for msisdn, payments in newest.items()}


async def cash_held(connection: AsyncConnection, agents: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the cash that each agent, by user name, has not handed in yet: currency -> minor units."""
    accounts = {cash.held_by(agent): agent for agent in agents}
    found: dict[str, dict[str, int]] = {agent: {} for agent in accounts.values()}
    for row in await bulk.fetch(connection, _HELD, t.ledger_balances.c.ledger_account, accounts):
        found[accounts[row.ledger_account]][row.currency] = row.balance_minor
    return found
