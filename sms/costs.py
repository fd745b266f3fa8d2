"""What SMS cost: added up from the aggregator's own words, which count in smaller units than money has."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.say import LOCAL
from sms.tables import sms_messages
from taps.periods import first_day, next_period

_m = sms_messages.c


@dataclass(frozen=True, slots=True)
class Cost:
    """What was paid in one currency; an empty currency: handed over, and the price was never told."""

    currency: str
    amount: Decimal
    messages: int
    segments: int


async def of_month(connection: AsyncConnection, period: str) -> list[Cost]:
    """Return the costs of the SMS made in a month of Lusaka (`2026-11`), by currency."""
    query = (
        sa.select(_m.cost_said, sa.func.count().label("messages"), sa.func.sum(_m.segments).label("segments"))
        .where(_m.created_at >= _begin(period), _m.created_at < _begin(next_period(period)))
        .where(_m.status.in_(("sent", "delivered", "failed")))
        .group_by(_m.cost_said)
    )
    costs: dict[str, Cost] = {}
    for said, messages, segments in await connection.execute(query):
        currency, _, each = (said or " 0").partition(" ")
        so_far = costs.get(currency, Cost(currency, Decimal(0), 0, 0))
        costs[currency] = Cost(
            currency,
            so_far.amount + Decimal(each) * messages,
            so_far.messages + messages,
            so_far.segments + int(segments),
        )
    return [costs[currency] for currency in sorted(costs)]


def _begin(period: str) -> datetime:
    day = first_day(period)
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL)
