"""Callbacks accepted over HTTP (stored raw with what hands them on, then answered), against a bare handler.

Both run as processes of their own on databases of one kind; notices are those of MTN and M-PESA, by turns,
over 256 connections. Then a thousand come at once, each over a connection of its own.
"""

import asyncio
import json
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from benchmarks import bare_notices, databases, rails
from benchmarks.city import seed
from benchmarks.databases import Where
from benchmarks.load import Connection, connect, request
from benchmarks.servers import cpu_s, free_port, madzi, python, run, running
from core.ids import Ids

RUNS = 5
NOTICES = 10_000
CONNECTIONS = 256
AT_ONCE = 1000
BOUND = 0.5
BOUND_S = 0.25
_UNBOUNDED = {"MADZI_CALLBACK_RATE_PER_S": "1000000", "MADZI_CALLBACK_BURST": "1000000"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Notices a second, CPU seconds of the server for each, and the slow end of a thousand at once."""

    per_s: float
    cpu_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Server:
    """A process that takes notices."""

    pid: int
    port: int


def measure(where: Where) -> list[tuple[Pace, Pace]]:
    """Return ours and the bare handler's of five rounds, after one that warms up."""
    run(seed(where.url))
    port, bare_port = free_port(), free_port()
    env = rails.around(where.url, f"http://127.0.0.1:{port}") | rails.mtn() | rails.daraja() | _UNBOUNDED
    urls = run(rails.notice_urls(env))
    paths = urlsplit(urls["mtn"]["callback"]).path, urlsplit(urls["daraja"]["stk"]).path
    bare = python("benchmarks.bare_notices", str(bare_port), _apart(where))
    with ExitStack() as stack:
        ours = Server(stack.enter_context(running(madzi("serve", "--port", str(port)), port, env)), port)
        floor = Server(stack.enter_context(running(bare, bare_port)), bare_port)
        paces = [(run(_pace(ours, paths)), run(_pace(floor, paths))) for _ in range(RUNS + 1)]
    run(_check(where, (RUNS + 1) * (NOTICES + AT_ONCE)))
    return paces[1:]


def _apart(where: Where) -> str:
    """Return where the bare handler writes: a file of its own, or a table of its own on the same server."""
    return f"{where.raw}.bare" if where.is_sqlite else where.raw


async def _pace(server: Server, paths: tuple[str, str]) -> Pace:
    many, crowd = list(_requests(paths, NOTICES)), list(_requests(paths, AT_ONCE))
    async with _connected(server.port, CONNECTIONS) as connections:
        spent, began = cpu_s(server.pid), time.perf_counter()
        await _send(connections, many)
        took = time.perf_counter() - began
        spent = cpu_s(server.pid) - spent
    async with _connected(server.port, AT_ONCE) as connections:
        delays = await _send(connections, crowd)
    return Pace(NOTICES / took, spent / NOTICES, statistics.quantiles(delays, n=100)[98])


def _requests(paths: tuple[str, str], count: int) -> Iterator[bytes]:
    """Yield notices as MTN sends them (PUT, with the key of our push) and as M-PESA does (POST), by turns."""
    ids, mtn, stk = Ids(), *paths
    for n in range(count):
        if n % 2:
            yield request("POST", f"{stk}?key={ids.token(16)}", "application/json", _stk(n))
        else:
            yield request("PUT", f"{mtn}?key={ids.token(16)}", "application/json", _mtn(n, ids.new()))


def _mtn(n: int, payment_id: str) -> bytes:
    """Return a success as MTN tells it (reference mtn-momo §5)."""
    notice = {
        "financialTransactionId": f"18{n:08d}",
        "externalId": payment_id,
        "amount": "30",
        "currency": "ZMW",
        "payer": {"partyIdType": "MSISDN", "partyId": f"26096{n:07d}"},
        "payerMessage": "Water KNY-0417-1",
        "payeeNote": "nov 2026",
        "status": "SUCCESSFUL",
    }
    return json.dumps(notice).encode()


def _stk(n: int) -> bytes:
    """Return a success as M-PESA tells it (reference daraja §3)."""
    items = [
        {"Name": "Amount", "Value": 30.00},
        {"Name": "MpesaReceiptNumber", "Value": f"TKL{n:07d}"},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20261121093011},
        {"Name": "PhoneNumber", "Value": 254700000000 + n},
    ]
    notice = {
        "MerchantRequestID": f"29115-{n:08d}-1",
        "CheckoutRequestID": f"ws_CO_21112026093002{n:010d}",
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return json.dumps({"Body": {"stkCallback": notice}}).encode()


@asynccontextmanager
async def _connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Give so many open connections."""
    connections = [await connect(port) for _ in range(count)]
    yield connections
    for connection in connections:
        connection.close()
    await asyncio.sleep(0.1)  # the server lets go of them before anything else is measured


async def _send(connections: Sequence[Connection], requests: Sequence[bytes]) -> list[float]:
    """Send every request over whichever connection is free; return the seconds that each answer took."""
    waiting, delays = iter(requests), []

    async def sender(connection: Connection) -> None:
        for one in waiting:
            began = time.perf_counter()
            status, body = await connection.ask(one)
            delays.append(time.perf_counter() - began)
            if status != 200:  # noqa: PLR2004 - HTTP
                raise SystemExit(f"a notice was answered with {status}: {body[:200]!r}")

    await asyncio.gather(*(sender(connection) for connection in connections))
    return delays


async def _check(where: Where, sent: int) -> None:
    """Stop where anything that was answered is not stored, here or by the bare handler."""
    for table, place in (
        ("callbacks", where.raw),
        ("outbox", where.raw),
        (bare_notices.TABLE, _apart(where)),
    ):
        stored = await _count(where, place, f"SELECT count(*) FROM {table}")  # noqa: S608 - names above
        if stored != sent:
            raise SystemExit(f"{sent} notices were answered, {table} has {stored}")


async def _count(where: Where, place: str, query: str) -> int:
    if where.is_sqlite:
        db = sqlite3.connect(place)
        found = db.execute(query).fetchone()[0]
        db.close()
    else:
        server = await asyncpg.connect(place)
        found = await server.fetchval(query)
        await server.close()
    return int(found)


def table(paces: list[tuple[Pace, Pace]], name: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield rows: what, figure, bound, met."""
    ours, bare = [ours for ours, _ in paces], [bare for _, bare in paces]
    ratio = statistics.median(our.per_s / its.per_s for our, its in paces)
    cpu = statistics.median(our.cpu_s / its.cpu_s for our, its in paces)
    slowest, its_slowest = (statistics.median(p.p99_s for p in of) for of in (ours, bare))
    floor = f"bare handler that stores one row, {name}"
    what = f"callbacks accepted, {CONNECTIONS} connections, {name}"
    crowd = f"p99 of {AT_ONCE:,} at once"
    yield f"{floor}", f"{statistics.median(p.per_s for p in bare):,.0f}/s", "", ""
    yield what, f"{statistics.median(p.per_s for p in ours):,.0f}/s", "", ""
    yield f"{what}, against bare", f"{ratio:.2f}", f"at least {BOUND}", "yes" if ratio >= BOUND else "NO"
    yield f"{what}, CPU against bare", f"{cpu:.2f} x", "", ""
    yield f"{floor}, {crowd}", f"{its_slowest * 1000:.0f} ms", "", ""
    yield (
        f"callbacks accepted, {crowd}, {name}",
        f"{slowest * 1000:.0f} ms",
        f"below {BOUND_S * 1000:.0f} ms",
        "yes" if slowest < BOUND_S else "NO",
    )


if __name__ == "__main__":
    for kind in (databases.sqlite, databases.postgresql):
        with kind() as here:
            for row in table(measure(here), here.name):
                print(*row, sep=" | ")
