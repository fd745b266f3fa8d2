"""What is kept for phones: set-based, reading only."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments.tables import ledger_balances
from payments.wallet import accounts

_b = ledger_balances.c
_KEPT = sa.select(ledger_balances).where(_b.balance_minor < 0).order_by(_b.currency)


async def kept(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return what is kept for each phone (E.164): currency -> minor units; nothing for most.

    Whoever takes money out of a wallet locks the phone's row in `customers` first, then asks this.
    """
    owners = {accounts.held_for(msisdn): msisdn for msisdn in msisdns}
    found: dict[str, dict[str, int]] = {}
    for row in await bulk.fetch(connection, _KEPT, _b.ledger_account, owners):
        found.setdefault(owners[row.ledger_account], {})[row.currency] = -row.balance_minor
    return found
