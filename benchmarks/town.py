"""A gateway with its worker as processes of their own; the networks are in the process that dials."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from benchmarks import rails
from benchmarks.databases import Where
from benchmarks.servers import free_port, madzi, running
from core.db import Database
from core.outbox import outbox
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.providers import app as providers_app
from simulators.providers.book import Book
from simulators.providers.config import Config as ProvidersConfig
from simulators.serve import start

Env = dict[str, str]
Urls = Mapping[str, Mapping[str, str]]  # by provider and kind: where notices go
_WORKER_STARTS_S = 2.0  # it has no port that tells when it is ready
_WAITING = sa.select(sa.func.count()).where(outbox.c.status == "waiting")


@dataclass(frozen=True, slots=True)
class Network:
    """A network as people in Zambia know it: how its numbers begin, and its code."""

    prefix: str
    code: str
    wallet: str


MTN = Network("+26096", "64502", "MTN MoMo")
AIRTEL = Network("+26097", "64501", "Airtel Money")
ZAMTEL = Network("+26095", "64503", "Zamtel Kwacha")
NETWORKS = (MTN, AIRTEL, ZAMTEL)


@dataclass(frozen=True, slots=True)
class Call:
    """One payer's call: who dials, and for which tap."""

    external_id: str
    network: Network
    msisdn: str
    tap: str

    def texts(self) -> list[str]:
        """Return the history at each hop: language, pay, tap, all of it, yes."""
        words = ("1", "1", self.tap, "1", "1")
        return ["*".join(words[:n]) for n in range(len(words) + 1)]


def calls(taps: list[str], first: int = 0, networks: tuple[Network, ...] = NETWORKS) -> list[Call]:
    """Return a call for each tap, from numbers that nobody else has, on these networks by turns."""
    whose = [(n, networks[n % len(networks)], tap) for n, tap in enumerate(taps, first)]
    return [Call(f"c{n}", network, f"{network.prefix}{n:07d}", tap) for n, network, tap in whose]


@dataclass(frozen=True, slots=True)
class Town:
    """Where to dial, and what really happened to people's money."""

    port: int
    providers_url: str
    book: Book


@asynccontextmanager
async def town(
    url: str, providers: Callable[[Urls], ProvidersConfig], settings: Callable[[str], Env]
) -> AsyncIterator[Town]:
    """Run networks, gateway and worker on a seeded database.

    `providers` is told where notices go; `settings`, where the providers are, returns what is set for them.
    """
    port = free_port()
    gateway_url = f"http://127.0.0.1:{port}"
    env = rails.around(url, gateway_url)
    async with AsyncExitStack() as stack:
        urls = await rails.notice_urls(env | settings(rails.NOWHERE))
        app = providers_app.create(providers(urls))
        networks = await start(app)
        stack.push_async_callback(networks.close)
        token = env["MADZI_CHANNEL_TOKEN"]
        aggregator = await start(
            aggregator_app.create(AggregatorConfig(gateway_url=gateway_url, channel_token=token))
        )
        stack.push_async_callback(aggregator.close)
        env |= settings(networks.url) | {"MADZI_AT_BASE_URL": aggregator.url}
        stack.enter_context(running(madzi("serve", "--port", str(port)), port, env))
        stack.enter_context(running(madzi("worker"), None, env))
        await asyncio.sleep(_WORKER_STARTS_S)
        yield Town(port, networks.url, app[providers_app.NETWORK].book)


def confirmed(where: Where) -> dict[str, float]:
    """Return when each payer's confirmation was queued, by number, in seconds since 1970."""
    rows = _select(
        where,
        "SELECT p.msisdn, s.created_at FROM sms_messages s JOIN payments p USING (payment_id) "
        "WHERE p.status = 'success' AND s.template = 'paid'",
    )
    return {msisdn: datetime.fromisoformat(at).timestamp() for msisdn, at in rows}


def _select(where: Where, query: str) -> list[Any]:
    db = sqlite3.connect(where.raw)
    rows = db.execute(query).fetchall()
    db.close()
    return rows


async def until_confirmed(where: Where, count: int, longest_s: float = 60.0) -> dict[str, float]:
    """Return when each payer's confirmation was queued, once there are so many."""
    end = time.monotonic() + longest_s
    found: dict[str, float] = {}
    while len(found) < count:
        if time.monotonic() > end:
            states = _select(
                where, "SELECT status, reason, push_state, count(*) FROM payments GROUP BY 1, 2, 3"
            )
            raise SystemExit(f"{count - len(found)} of {count} payments were never confirmed: {states}")
        await asyncio.sleep(0.5)
        found = confirmed(where)
    return found


async def until_quiet(where: Where, longest_s: float = 60.0) -> None:
    """Return once nothing waits in the outbox, so that nothing of before is done during what comes next."""
    db = Database(where.url)
    end = time.monotonic() + longest_s
    while time.monotonic() < end:
        async with db.read() as connection:
            waiting = (await connection.execute(_WAITING)).scalar()
        if not waiting:
            break
        await asyncio.sleep(0.2)
    await db.close()
