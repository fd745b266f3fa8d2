"""Switching taps between shared and individualized billing (requirement T2).

A switch is a line in the tap's history and touches no debt: what was raised stays as it is, and so does what
was paid on it. A later decision replaces what was decided for later periods.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.clock import Clock
from core.errors import NotFound
from taps import periods
from taps.model import Billing
from taps.tables import debts, tap_billings, taps


@dataclass(frozen=True, slots=True)
class Switched:
    """A switch that was written; `billed` says that debts of its first period were raised before it."""

    tap_id: str
    billing: Billing
    from_period: str
    billed: bool


async def switch_billing(
    connection: AsyncConnection,
    tap_id: str,
    billing: Billing,
    *,
    clock: Clock,
    from_period: str | None = None,
) -> Switched:
    """Bill a tap otherwise from a period on, by default the next one.

    Raises NotFound for an unknown tap, BadInput (bad_period) for what is no month.
    """
    start = periods.check(from_period) if from_period else periods.next_period(periods.period_of(clock.now()))
    known = sa.select(taps.c.tap_id).where(taps.c.tap_id == tap_id).with_for_update()
    if (await connection.execute(known)).first() is None:
        raise NotFound(f"there is no tap {tap_id[:20]!r}", code="unknown_tap")
    await write_switches(connection, {tap_id: billing}, start)
    raised = sa.select(debts.c.debt_id).where(debts.c.tap_id == tap_id, debts.c.period == start).limit(1)
    billed = (await connection.execute(raised)).first() is not None
    return Switched(tap_id, billing, start, billed)


async def write_switches(
    connection: AsyncConnection, billings: Mapping[str, Billing], from_period: str
) -> None:
    """Write switches of many taps from one period on, in place of what was decided for later ones."""
    if not billings:
        return
    later = tap_billings.c.from_period > from_period
    await connection.execute(sa.delete(tap_billings).where(tap_billings.c.tap_id.in_(list(billings)), later))
    rows = [
        {"tap_id": tap_id, "from_period": from_period, "billing": billing.value}
        for tap_id, billing in sorted(billings.items())
    ]
    await bulk.upsert(connection, tap_billings, rows)
