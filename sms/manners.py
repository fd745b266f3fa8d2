"""What is asked about reminders right before their hand-over: STOP, the night, whether still true."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from sms import optouts
from sms.attempts import Manners
from sms.outbound import Purpose
from sms.quiet import NEVER, QuietHours

# Takes rows of sms_messages that are reminders; returns the ids of those whose debt is still to be paid.
StillWanted = Callable[[AsyncConnection, Sequence[Any], datetime], Awaitable[set[str]]]


async def _all(_connection: AsyncConnection, rows: Sequence[Any], _now: datetime) -> set[str]:
    return {row.sms_id for row in rows}


@dataclass(frozen=True, slots=True)
class Asking:
    """Answers for reminders; every other SMS goes at any hour, whatever the person has stopped."""

    quiet: QuietHours = NEVER
    still_wanted: StillWanted = _all

    async def about(
        self, connection: AsyncConnection, rows: Iterable[Any], now: datetime
    ) -> dict[str, Manners]:
        """Return the manners of the reminders among these rows of `sms_messages`, by sms_id."""
        reminders = [row for row in rows if row.purpose == Purpose.REMINDER]
        if not reminders:
            return {}
        stopped = await optouts.stopped(connection, (row.msisdn for row in reminders))
        wanted = await self.still_wanted(connection, reminders, now)
        return {
            row.sms_id: Manners(
                is_wanted=row.sms_id in wanted and row.msisdn not in stopped,
                not_before=self.quiet.until(now, row.country),
            )
            for row in reminders
        }
