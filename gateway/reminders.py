"""Reminders: who is told once more what is to be paid, before the last day and after it. Off by default.

Told are tenants about their own open part. Of a shared tap's bill one person is told: whoever paid that tap
last within three months; where nobody has, the tap's caretaker. Telling every tenant would have several
people pay one bill. Nobody is told while a payment for that debt is under way, after STOP, at night, or more
often than the settings allow. A phone hears of a period at most once before its last day and once after it:
of its own part first, else of the largest bill.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.i18n import ENGLISH
from core.ids import Ids
from core.money import display
from gateway import reminder_facts as facts
from gateway.reminder_facts import Owed
from sms import optouts, outbound, templates
from sms.outbound import Notice, Purpose
from sms.quiet import NEVER, QuietHours, clock_of
from sms.templates import About, Printed
from taps import periods
from taps import store as taps_store
from taps.model import Zone
from taps.occupancy import due_day

_LATE_FOR = 7  # days in which one who was missed, by a clock that stood still, is told all the same
_PAID_WITHIN = timedelta(days=92)
_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """When reminders go: days before and after the last day, 0 for none; how many a month and phone."""

    before_days: int = 5
    after_days: int = 3
    most_a_month: int = 2
    quiet: QuietHours = NEVER


@dataclass(frozen=True, slots=True)
class Turn:
    """One reminding of one period."""

    period: str
    is_late: bool

    def fact_key(self, msisdn: str) -> str:
        """Return the fact that a phone is reminded of this turn."""
        return f"remind:{'after' if self.is_late else 'before'}:{self.period}:{msisdn}"


def turns(today: date, plan: Plan) -> Iterator[Turn]:
    """Yield what is to be reminded of on a day."""
    this = f"{today:%Y-%m}"
    for period in (f"{periods.first_day(this) - timedelta(days=1):%Y-%m}", this):
        days_left = (due_day(period) - today).days
        if plan.before_days and 0 <= days_left <= plan.before_days:
            yield Turn(period, is_late=False)
        if plan.after_days and plan.after_days <= -days_left < plan.after_days + _LATE_FOR:
            yield Turn(period, is_late=True)


def chosen(owed: Iterable[Owed], phones: Mapping[str, str]) -> dict[str, Owed]:
    """Return what each phone is reminded of: its own part first, else the most, else the first tap."""
    best: dict[str, Owed] = {}
    for one in sorted(owed, key=lambda o: (o.tenant_id is None, -o.open_minor, o.tap_id)):
        if one.owner in phones:
            best.setdefault(phones[one.owner], one)
    return best


class Reminders:
    """Puts reminders into the outbox, once a day for each zone, outside its quiet hours."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, plan: Plan, printed: Printed) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._plan = plan
        self._printed = printed
        self._done: dict[str, date] = {}  # a restart forgets it: a fact that was told is not told again

    async def run(self) -> int:
        """Remind where it is time; return how many SMS were made. To be called every hour or so."""
        async with self._db.scan() as connection:
            zones = await taps_store.all_zones(connection)
        return sum([await self._zone(zone) for zone in zones])

    async def _zone(self, zone: Zone) -> int:
        now = self._clock.now()
        today = now.astimezone(clock_of(zone.country)).date()
        if self._done.get(zone.zone) == today or self._plan.quiet.until(now, zone.country):
            return 0
        made = sum([await self._turn(zone, turn, now) for turn in turns(today, self._plan)])
        self._done[zone.zone] = today
        return made

    async def _turn(self, zone: Zone, turn: Turn, now: datetime) -> int:
        async with self._db.scan() as connection:
            asked = await self._asked(connection, zone, turn, now)
            languages = await taps_store.customers(connection, asked)
        made = 0
        for some in _pieces(sorted(asked.items())):
            rows = [self._row(zone, turn, msisdn, owed, languages.get(msisdn), now) for msisdn, owed in some]
            async with self._db.write() as connection:
                made += len(await outbound.enqueue(connection, rows))
            await asyncio.sleep(0)  # others write, too
        return made

    async def _asked(
        self, connection: AsyncConnection, zone: Zone, turn: Turn, now: datetime
    ) -> dict[str, Owed]:
        owed = await facts.owed_in(connection, zone.zone, turn.period)
        paying = await facts.being_paid(connection, (one.owner for one in owed))
        owed = [one for one in owed if one.owner not in paying]
        best = chosen(owed, await facts.phones_of(connection, owed, since=now - _PAID_WITHIN))
        stopped = await optouts.stopped(connection, best)
        sent, known = await facts.told(connection, best, since=_month_of(now, zone.country))
        return {
            msisdn: one
            for msisdn, one in best.items()
            if msisdn not in stopped
            and sent[msisdn] < self._plan.most_a_month
            and turn.fact_key(msisdn) not in known
        }

    def _row(
        self, zone: Zone, turn: Turn, msisdn: str, owed: Owed, customer: Any, now: datetime
    ) -> dict[str, Any]:
        about = About(owed.open_minor, owed.currency, owed.tap_id, "", owed.periods)
        text = templates.remind(about, self._printed, due=due_day(turn.period), is_late=turn.is_late)
        notice = Notice(
            fact_key=turn.fact_key(msisdn),
            msisdn=msisdn,
            language=(customer.language if customer else None) or ENGLISH,
            text=text,
            correlation_id=f"{owed.owner}:{turn.period}",
            purpose=Purpose.REMINDER,
            country=zone.country,
        )
        return outbound.compose(notice, sms_id=self._ids.new(), now=now, catalogues=templates.catalogues())


def _month_of(now: datetime, country: str) -> datetime:
    local = now.astimezone(clock_of(country))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def still_wanted(connection: AsyncConnection, rows: Sequence[Any], now: datetime) -> set[str]:
    """Return the ids of those reminders that are still true, right before they are handed over.

    One made yesterday may have been paid since, or in part, is being paid, or its last day is over.
    """
    about = {row.sms_id: row.correlation_id.rpartition(":") for row in rows}
    open_ = {
        period: await facts.owed_by(connection, {o for o, _, p in about.values() if p == period}, period)
        for period in {period for _, _, period in about.values()}
    }
    paying = await facts.being_paid(connection, {owner for owner, _, _ in about.values()})
    return {
        row.sms_id
        for row in rows
        for owner, _, period in (about[row.sms_id],)
        if owner not in paying
        and (owed := open_[period].get(owner))
        and _is_true(row, owed, due_day(period), now)
    }


def _is_true(row: Any, owed: Owed, due: date, now: datetime) -> bool:
    today = now.astimezone(clock_of(row.country)).date()
    is_in_time = row.template != templates.REMIND_BEFORE or today <= due
    return is_in_time and json.loads(row.params)["amount"] == display(owed.open_minor, owed.currency)


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _TOGETHER):
        yield rows[start : start + _TOGETHER]
