"""Taps behind: what is owed for periods whose due day has passed, worst first (requirements C8, T3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from taps.occupancy import Recovery
from taps.periods import period_of
from taps.tables import debt_parts, debts, taps

USUAL, MOST = 20, 200


@dataclass(frozen=True, slots=True)
class Behind:
    """A tap behind.

    `owed_minor` of `currency` is open in `n_periods` overdue periods; `recovery_percent`, rounded down, is
    what came in of all that was billed for these.
    """

    tap_id: str
    tap_number: str
    zone: str
    currency: str
    owed_minor: int
    n_periods: int
    recovery_percent: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some taps behind, and how many more there are after the last one."""

    items: tuple[Behind, ...]
    n_after: int = 0

    @property
    def has_more(self) -> bool:
        """Whether there is another page."""
        return self.n_after > 0


def _sum(amount: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    # PostgreSQL sums big integers as decimal numbers.
    return sa.cast(sa.func.sum(amount), sa.BigInteger)


_OWED = _sum(debt_parts.c.amount_minor - debt_parts.c.paid_minor)
_OVERDUE = debts.c.period < sa.bindparam("this_period", type_=sa.String)
# Debts are found by zone and period (ix_debts_zone_period), their parts by debt (ix_debt_parts_debt_id).
_WORST = (
    sa.select(
        debts.c.tap_id,
        taps.c.tap_number,
        debts.c.zone,
        debts.c.currency,
        _OWED.label("owed_minor"),
        sa.func.count().over().label("n_all"),  # of the taps behind: counted before the limit
    )
    .join(debt_parts, debt_parts.c.debt_id == debts.c.debt_id)
    .join(taps, taps.c.tap_id == debts.c.tap_id)
    .where(_OVERDUE, debt_parts.c.paid_minor < debt_parts.c.amount_minor)
    .group_by(debts.c.tap_id, taps.c.tap_number, debts.c.zone, debts.c.currency)
    .order_by(debts.c.currency, _OWED.desc(), debts.c.tap_id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_SO_MUCH = sa.bindparam("after_owed", type_=sa.BigInteger)
_MONEY = sa.bindparam("after_currency", type_=sa.String)
_WORST_AFTER = _WORST.having(
    sa.or_(
        debts.c.currency > _MONEY,
        sa.and_(debts.c.currency == _MONEY, _OWED < _SO_MUCH),
        sa.and_(
            debts.c.currency == _MONEY,
            _OWED == _SO_MUCH,
            debts.c.tap_id > sa.bindparam("after_tap", type_=sa.String),
        ),
    )
)
_PERIODS = (
    sa.select(
        debts.c.tap_id,
        debts.c.period,
        _sum(debt_parts.c.amount_minor).label("billed_minor"),
        _sum(debt_parts.c.paid_minor).label("paid_minor"),
    )
    .join(debt_parts, debt_parts.c.debt_id == debts.c.debt_id)
    .where(_OVERDUE)
    .group_by(debts.c.tap_id, debts.c.period)
    .having(_OWED > 0)
)


async def page(
    connection: AsyncConnection,
    zones: Sequence[str],
    now: datetime,
    *,
    after: Behind | None = None,
    limit: int = USUAL,
) -> Page:
    """Return the taps behind in zones, those that owe most first; `after` is the last one seen.

    Amounts of different currencies cannot be compared: each currency has its own run. A user of every zone
    asks with every zone's code. At most 200 at once.
    """
    limit = max(1, min(limit, MOST))
    params: dict[str, Any] = {"this_period": period_of(now), "most": limit}
    if after:
        params |= {
            "after_owed": after.owed_minor,
            "after_tap": after.tap_id,
            "after_currency": after.currency,
        }
    query = _WORST_AFTER if after else _WORST
    rows = await bulk.fetch(connection, query, debts.c.zone, zones, params)
    behind = await _periods(connection, [row.tap_id for row in rows], params)
    n_after = rows[0].n_all - len(rows) if rows else 0
    return Page(tuple(_behind(row, behind[row.tap_id]) for row in rows), n_after)


async def _periods(
    connection: AsyncConnection, tap_ids: Sequence[str], params: dict[str, Any]
) -> dict[str, list[Recovery]]:
    found: dict[str, list[Recovery]] = {tap_id: [] for tap_id in tap_ids}
    given = {"this_period": params["this_period"]}
    for row in await bulk.fetch(connection, _PERIODS, debts.c.tap_id, tap_ids, given):
        found[row.tap_id].append(Recovery(row.period, row.billed_minor, row.paid_minor))
    return found


def _behind(row: Any, overdue: Sequence[Recovery]) -> Behind:
    """Return a row with its periods; what was billed is what was expected when the period was billed."""
    paid, billed = sum(r.paid_minor for r in overdue), sum(r.expected_minor for r in overdue)
    return Behind(
        tap_id=row.tap_id,
        tap_number=row.tap_number,
        zone=row.zone,
        currency=row.currency,
        owed_minor=row.owed_minor,
        n_periods=len(overdue),
        recovery_percent=Recovery("", billed, paid).percent or 0,
    )
