"""One day, from the first call until nothing is under way any more."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack

from tools.chaos import books, residents
from tools.chaos.city import City, build
from tools.chaos.plan import Outcome, Plan


async def run(plan: Plan) -> Outcome:
    """Live through the day."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        city = await build(stack, plan)
        await residents.live(city, plan)
        await _until_quiet(city, plan)
        outcome = await books.compare(city)
        outcome.seconds = time.monotonic() - began
        return outcome


async def _until_quiet(city: City, plan: Plan) -> None:
    """Wait until nothing is under way, nothing waits to be sent, and nobody can still be debited."""
    end = time.monotonic() + 60 + plan.payments / 20
    last = None
    while time.monotonic() < end:
        await asyncio.sleep(1)
        now = await books.pending(city)
        if not any(now.values()):
            return
        if now != last:
            last = now
            print(f"    waiting: {now}", file=sys.stderr)
