"""Payments accepted a second at 256 waiting, against the same rows written by hand on the same database.

Accepted means: the confirming hop is answered, and its checkout, payment, transition, orders, claims, outbox
row and stored reply are durable. The floor reads back exactly those rows, deletes them, and writes them again
with one bulk statement a table and one commit for 256 payments, values made ready before the clock starts.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks import databases, floor
from benchmarks.city import seed_taps
from benchmarks.databases import Where
from benchmarks.servers import run
from core import logs
from gateway.channels.africastalking import NAME
from gateway.channels.hop import Hop
from gateway.cli.processes import calm_garbage_collector
from gateway.runtime import Runtime, open_runtime
from gateway.settings import Settings

RUNS = 5
PAYMENTS = 2048
WAITING = 256
BOUND = 0.3


@dataclass(frozen=True, slots=True)
class Rate:
    """Payments a second: ours, and the same rows written by hand."""

    ours: float
    by_hand: float

    @property
    def ratio(self) -> float:
        """How much of what the database can do is left for payments."""
        return self.ours / self.by_hand


def measure(where: Where) -> list[Rate]:
    """Return the rates of five rounds, after one that warms up."""
    rates: list[Rate] = run(_measure(where))
    return rates[1:]


async def _measure(where: Where) -> list[Rate]:
    logs.configure("ERROR")
    taps = await seed_taps(where.url, PAYMENTS * (RUNS + 1))
    calm_garbage_collector()  # as `madzi serve` does; by hand gains by it too
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings(where.url)))
        by_hand = await stack.enter_async_context(floor.opened(where))
        return [
            await _round(runtime, by_hand, i, taps[i * PAYMENTS : (i + 1) * PAYMENTS])
            for i in range(RUNS + 1)
        ]


def settings(url: str) -> Settings:
    """Return settings with a wallet that is never reached: no worker runs."""
    mtn = {
        "base_url": "http://127.0.0.1:9",
        "subscription_key": "none",
        "api_user": "00000000-0000-4000-8000-000000000000",
        "api_key": "none",
        "target_environment": "mtnzambia",
    }
    return Settings.model_validate({"env": "test", "database_url": url, "push_delay_s": 0, "mtn": mtn})


async def _round(runtime: Runtime, by_hand: floor.Floor, i: int, taps: Sequence[str]) -> Rate:
    tag = f"r{i}-"
    for hop in range(5):
        await _hop(runtime, tag, taps, hop)
    await by_hand.settle()
    ours = await _hop(runtime, tag, taps, 5)
    work = await by_hand.take(tag, WAITING)
    if work.payments != len(taps):
        raise SystemExit(f"{work.payments} of {len(taps)} payments were accepted")
    await by_hand.settle()
    return Rate(len(taps) / ours, len(taps) / await by_hand.write(work))


async def _hop(runtime: Runtime, tag: str, taps: Sequence[str], hop: int) -> float:
    """Let every caller take one hop, with so many waiting at any time; return the seconds it took."""
    calls = iter(enumerate(taps))

    async def caller() -> None:
        for n, tap in calls:
            text = "*".join(("1", "1", tap, "1", "1")[:hop])
            await runtime.hops.answer(Hop(NAME, f"{tag}{n}", f"+26096{tag[1]}{n:06d}", text, "64502"))

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(WAITING)))
    return time.perf_counter() - began


def table(rates: list[Rate], name: str) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met."""
    ours = statistics.median(rate.ours for rate in rates)
    by_hand = statistics.median(rate.by_hand for rate in rates)
    ratio = statistics.median(rate.ratio for rate in rates)
    what = f"payments accepted, {WAITING} waiting, {name}"
    return [
        (f"the same rows in hand-made bulk statements, {name}", f"{by_hand:,.0f} payments/s", "", ""),
        (what, f"{ours:,.0f} payments/s", "", ""),
        (f"{what}, against by hand", f"{ratio:.2f}", f"at least {BOUND}", "yes" if ratio >= BOUND else "NO"),
    ]


if __name__ == "__main__":
    for kind in (databases.sqlite, databases.postgresql):
        with kind() as where:
            for row in table(measure(where), where.name):
                print(*row, sep=" | ")
