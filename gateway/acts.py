"""Does what people have decided on a menu: kind by kind, for many calls at once.

All of it belongs into the transaction of the hops. Kinds go in the order in which SMS does them too (tenants,
flags, then all money in one go), so that no two transactions wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.acts_asked import Asked
from gateway.acts_field import Field
from gateway.acts_money import Money
from ussd_menus import outcome as o


@dataclass(frozen=True, slots=True)
class Acts:
    """Executes acts."""

    field: Field
    money: Money

    async def do(self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime) -> list[o.Result]:
        """Execute acts; results come in the same order."""
        results: dict[int, o.Result] = {}
        for kind, do in (
            (o.Change, self.field.change),
            (o.Report, self.field.report),
            ((o.Confirmed, o.RecordCash), self.money.move),
        ):
            places = [i for i, one in enumerate(asked) if isinstance(one.act, kind)]
            if places:
                done = await do(connection, [asked[i] for i in places], now)
                results |= zip(places, done, strict=True)
        return [results[i] for i in range(len(asked))]
