"""Resident memory of `madzi serve` after many calls of two hops each."""

import asyncio

from benchmarks.city import seed
from benchmarks.databases import Where
from benchmarks.hops import PATH, environment
from benchmarks.load import call_all
from benchmarks.servers import free_port, madzi, resident_mb, run, running

STEPS = (20_000, 50_000, 100_000)
BOUND_MB = 250
# Growth from the first step to the last that still counts as flat: less than 0.2 KB a session.
FLAT_MB = 15


def measure(where: Where) -> list[float]:
    """Return MB after each step."""
    run(seed(where.url))
    port, made, found = free_port(), 0, []
    with running(madzi("serve", "--port", str(port)), port, environment(where.url)) as gateway:
        for step in STEPS:
            calls = [(f"+26096{n:07d}", ("", "1")) for n in range(made, step)]
            served = asyncio.run(call_all(port, PATH, calls, tag=f"s{step}-"))
            if served.failed:
                raise SystemExit(f"{served.failed} hops were not answered with 200")
            made = step
            found.append(resident_mb(gateway))
    return found


def table(found: list[float]) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met."""
    steps = ", ".join(f"{mb:.0f} MB after {step:,}" for step, mb in zip(STEPS, found, strict=True))
    flat = found[-1] - found[0] <= FLAT_MB
    return [
        (
            "resident memory of `madzi serve`, sessions",
            steps,
            f"below {BOUND_MB} MB, flat (at most {FLAT_MB} MB more)",
            "yes" if found[-1] < BOUND_MB and flat else "NO",
        )
    ]


if __name__ == "__main__":
    from benchmarks.databases import sqlite

    with sqlite() as here:
        for row in table(measure(here)):
            print(*row, sep=" | ")
