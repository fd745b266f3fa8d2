"""`python -m benchmarks [hops acceptance notices …]`: measure and print a table.

A run of everything is kept in docs/performance.md.
"""

import argparse
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks import (
    acceptance,
    applied,
    complete,
    crowd,
    databases,
    hops,
    memory,
    messages,
    node_builder,
    notices,
    outage,
    redis_server,
    servers,
)

Row = tuple[str, str, str, str]
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEAD: Row = ("what", "figure", "bound", "met")


def _hops() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from _kept(where, hops.IN_MEMORY)
    with databases.sqlite() as where:
        yield from _kept(where, hops.in_database(where.name, 1.8))
    with databases.postgresql() as where:
        yield from _kept(where, hops.in_database(where.name, 1.8))
    with redis_server.redis() as url:
        if url is None:
            yield "menu hop, session in Redis", "not measured: no Redis for this Python", "", ""
        else:
            yield from _in_redis(url)


def _kept(where: databases.Where, kept: hops.Kept) -> Iterator[Row]:
    yield from hops.table(hops.measure(where, kept), kept)


def _in_redis(url: str) -> Iterator[Row]:
    kept = hops.in_redis(url)
    with databases.sqlite() as where, node_builder.installed() as found:
        if isinstance(found, str):
            yield from _kept(where, kept)
            yield node_builder.NAME, f"not measured: {found}", "", ""
            return
        costs = hops.measure(where, kept, lambda port: node_builder.command(found, port, url))
        yield from hops.table(costs, kept)
        yield from hops.against(costs, kept, node_builder.NAME)


def _acceptance() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from acceptance.table(acceptance.measure(where), where.name)
    with databases.postgresql() as where:
        yield from acceptance.table(acceptance.measure(where), where.name)


def _complete() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from complete.table(complete.measure(where))


def _memory() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from memory.table(memory.measure(where))


def _messages() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from messages.table(messages.measure(where))


def _notices() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from notices.table(notices.measure(where), where.name)
    with databases.postgresql() as where:
        yield from notices.table(notices.measure(where), where.name)


def _applied() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from applied.table(applied.measure(where), where)
    with databases.postgresql() as where:
        yield from applied.table(applied.measure(where), where)


def _crowd() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from crowd.table(crowd.measure(where), where.name)


def _outage() -> Iterator[Row]:
    with databases.sqlite() as where:
        yield from outage.table(outage.measure(where), where.name)


_ALL: dict[str, Callable[[], Iterator[Row]]] = {
    "hops": _hops,
    "acceptance": _acceptance,
    "notices": _notices,
    "applied": _applied,
    "complete": _complete,
    "crowd": _crowd,
    "outage": _outage,
    "messages": _messages,
    "memory": _memory,
}


def machine() -> str:
    """Return what the figures depend on."""
    with databases.postgresql() as where:
        version = servers.run(databases.version(where))
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, uvloop {metadata.version('uvloop')}, "
        f"SQLite {sqlite3.sqlite_version}, PostgreSQL {version}; load {load:.1f} at the start"
    )


def markdown(rows: list[Row], about: str) -> str:
    """Return the table as docs/performance.md keeps it."""
    lines = ["| " + " | ".join(row) + " |" for row in (_HEAD, ("---",) * 4, *rows)]
    return "\n".join([BEGIN, f"Measured {about}.", "", *lines, END])


def keep(text: str) -> None:
    """Put the table between its markers."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + text + after, encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Madzi.")
    parser.add_argument("names", nargs="*", choices=[*_ALL, []], default=[])
    names = parser.parse_args().names or list(_ALL)
    about, rows = machine(), []
    print(about)
    for name in names:
        for row in _ALL[name]():
            rows.append(row)
            print(f"{row[0]:<86} {row[1]:<16} {row[2]:<20} {row[3]}", flush=True)
    if set(names) == set(_ALL):
        keep(markdown(rows, about))


if __name__ == "__main__":
    main()
