"""One day, from the first call until nothing is under way any more."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack, suppress

import sqlalchemy as sa

from core.metrics import BREAKER_CHANGES
from gateway import verify
from payments.payouts.tables import payouts
from payments.tables import payments, suspense_items
from sms.tables import sms_messages
from tools.chaos import books, open_items, residents, secrets
from tools.chaos.city import City, build
from tools.chaos.office import Office, next_month, outage
from tools.chaos.plan import Outcome, Plan


async def run(plan: Plan) -> Outcome:
    """Live through the day."""
    began, opened = time.monotonic(), _opened()
    async with AsyncExitStack() as stack:
        city = await build(stack, plan)
        street = await residents.open_street(stack, city, plan)
        office = Office(city, plan)
        working = asyncio.create_task(office.work())
        await residents.live(street)
        await next_month(city)
        down = asyncio.create_task(outage(city, plan, after_s=plan.people / plan.per_s / 2))
        await residents.live(street)
        await down
        await _until_quiet(city, plan, street.unpaid)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await office.tidy()
        outcome = Outcome(under_way=await _until_quiet(city, plan, street.unpaid), acts=office.acts)
        await _tell(city, outcome, street.unpaid)
        if plan.log:
            text = await asyncio.to_thread(plan.log.read_text, errors="replace")
            outcome.leaks, outcome.traces = await secrets.leaks(city, text), secrets.traces(text)
        outcome.breakers = _opened() - opened
        outcome.seconds = time.monotonic() - began
        return outcome


async def _tell(city: City, outcome: Outcome, unpaid: set[str]) -> None:
    await books.compare(city, outcome)
    outcome.verdicts = await verify.run(city.runtime.db)
    outcome.open = await open_items.listed(city, unpaid)
    outcome.wallets = await open_items.in_wallets(city)
    async with city.runtime.db.read() as connection:
        for table, column, into in (
            (payments, payments.c.status, outcome.statuses),
            (payments, payments.c.provider, outcome.providers),
            (payouts, payouts.c.status, outcome.payouts),
            (suspense_items, suspense_items.c.kind, outcome.suspense),
            (sms_messages, sms_messages.c.status, outcome.sms),
        ):
            query = sa.select(column, sa.func.count()).select_from(table).group_by(column)
            into.update({row[0]: row[1] for row in await connection.execute(query)})


async def _until_quiet(city: City, plan: Plan, unpaid: set[str]) -> dict[str, int]:
    """Wait until nothing is under way, and return what still is where patience ends."""
    end = time.monotonic() + plan.patience_s
    last: dict[str, int] = {}
    while time.monotonic() < end:
        await asyncio.sleep(1 + plan.payments / 5000)
        now = await open_items.under_way(city, unpaid)
        if not any(now.values()):
            now["unsettled"] = await books.unsettled(city)
        if not any(now.values()):
            return now
        if now != last:
            last = now
            print(f"    waiting: {now}", file=sys.stderr)
    return last


def _opened() -> int:
    """Return how often breakers of this process have opened."""
    samples = (sample for metric in BREAKER_CHANGES.collect() for sample in metric.samples)
    return int(
        sum(one.value for one in samples if one.name.endswith("_total") and one.labels["state"] == "open")
    )
