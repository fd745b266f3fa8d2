"""CPU of a menu hop, session durable, against a bare aiohttp handler that parses the same form."""

import asyncio
import statistics
from dataclasses import dataclass

from benchmarks.city import seed
from benchmarks.databases import Where
from benchmarks.load import Served, call_all
from benchmarks.servers import bare_server, cpu_s, free_port, madzi, running

RUNS = 5
CALLS = 2000
BOUND = 2.2
TOKEN = "bench-channel-token"  # noqa: S105 - opens only a benchmark
PATH = f"/ussd/africastalking/{TOKEN}"
# Menus only: language, main menu, help, back, balance, back, help.
MENU = ("", "1", "1*6", "1*6*0", "1*6*0*2", "1*6*0*2*0", "1*6*0*2*0*6")
# What a payer sees before the confirmation: tap, debt with its parts, confirm, back.
PAYER = ("", "1", "1*1", "1*1*KNY-0417-1", "1*1*KNY-0417-1*1", "1*1*KNY-0417-1*1*0")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a hop."""

    bare_us: float
    menu_us: float
    payer_us: float


def environment(url: str) -> dict[str, str]:
    """Return settings for a gateway on a database of its own."""
    return {
        "MADZI_ENV": "test",
        "MADZI_DATABASE_URL": url,
        "MADZI_CHANNEL_TOKEN": TOKEN,
        "MADZI_LOG_LEVEL": "WARNING",
    }


def measure(where: Where) -> list[Cost]:
    """Return the cost of hops in each of five runs, the two servers side by side, after one that warms up."""
    asyncio.run(seed(where.url))
    bare_port, port = free_port(), free_port()
    with (
        running(bare_server(bare_port), bare_port) as bare,
        running(madzi("serve", "--port", str(port)), port, environment(where.url)) as gateway,
    ):
        return [_round(i, bare, bare_port, gateway, port) for i in range(RUNS + 1)][1:]


def _round(i: int, bare: int, bare_port: int, gateway: int, port: int) -> Cost:
    return Cost(
        _cost(bare, bare_port, MENU, f"r{i}-"),
        _cost(gateway, port, MENU, f"m{i}-"),
        _cost(gateway, port, PAYER, f"p{i}-"),
    )


def _cost(pid: int, port: int, texts: tuple[str, ...], tag: str) -> float:
    calls = [(f"+26096{tag.encode()[0]:03d}{n:04d}"[:13], texts) for n in range(CALLS)]
    before = cpu_s(pid)
    served: Served = asyncio.run(call_all(port, PATH, calls, tag=tag))
    if served.failed:
        raise SystemExit(f"{served.failed} of {served.requests} hops were not answered with 200")
    return (cpu_s(pid) - before) / served.requests * 1e6


def table(costs: list[Cost], name: str) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met."""
    bare = statistics.median(cost.bare_us for cost in costs)
    menu = statistics.median(cost.menu_us / cost.bare_us for cost in costs)
    payer = statistics.median(cost.payer_us / cost.bare_us for cost in costs)
    met = "yes" if menu <= BOUND else "NO"
    return [
        (f"bare aiohttp handler, CPU a hop ({name} run)", f"{bare:.0f} µs", "", ""),
        (f"menu hop, session durable, {name}, CPU against bare", f"{menu:.2f} x", f"at most {BOUND} x", met),
        (f"payer's hop with tap, debt and ways to pay, {name}, CPU against bare", f"{payer:.2f} x", "", ""),
    ]


if __name__ == "__main__":
    from benchmarks.databases import sqlite

    with sqlite() as here:
        for row in table(measure(here), here.name):
            print(*row, sep=" | ")
