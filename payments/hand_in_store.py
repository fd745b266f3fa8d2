"""Reads what agents hold, and writes nothing: `payments.store` does, with everything else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments import cash
from payments import tables as t
from payments.desk import Desk

_LAST = sa.select(sa.func.coalesce(sa.func.max(t.hand_ins.c.number), 0))
_b = t.ledger_balances.c


@dataclass(frozen=True, slots=True)
class Held:
    """Cash that an agent, by user name, has not handed in: minor units, and when they last did."""

    agent: str
    currency: str
    amount_minor: int
    handed_in_at: datetime | None


async def load(connection: AsyncConnection, desk: Desk, agents: Iterable[str]) -> None:
    """Put on the desk what agents hold and the newest number; the caller holds the lock of cash."""
    desk.last_hand_in = int((await connection.execute(_LAST)).scalar_one())
    accounts = {cash.held_by(agent): agent for agent in agents}
    rows = await bulk.fetch(connection, sa.select(t.ledger_balances), _b.ledger_account, accounts)
    for row in rows:
        desk.cash_held[accounts[row.ledger_account], row.currency] = row.balance_minor


async def held(connection: AsyncConnection) -> Sequence[Held]:
    """Return what every agent holds who holds anything, by name and currency."""
    prefix = cash.held_by("")
    last = sa.select(t.hand_ins.c.agent, sa.func.max(t.hand_ins.c.at).label("at")).group_by(
        t.hand_ins.c.agent
    )
    at = {row.agent: row.at for row in await connection.execute(last)}
    query = (
        sa.select(t.ledger_balances)
        .where(_b.ledger_account.startswith(prefix), _b.balance_minor != 0)
        .order_by(_b.ledger_account, _b.currency)
    )
    return [
        Held(agent, row.currency, row.balance_minor, at.get(agent))
        for row in await connection.execute(query)
        for agent in (row.ledger_account.removeprefix(prefix),)
    ]
