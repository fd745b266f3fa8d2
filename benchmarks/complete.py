"""Whole payments: from the last hop of a call to the confirmation queued as SMS.

Gateway and worker are processes on one SQLite file; the networks are simulators in the process that dials,
and people who approve at once. The time ends with the row of the SMS, which the worker writes together with
the success; handing it to the aggregator comes after.
"""

import asyncio
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from benchmarks.city import seed_taps
from benchmarks.databases import Where
from benchmarks.hops import PATH, environment
from benchmarks.load import call_all, connect, hop_request
from benchmarks.servers import free_port, madzi, run, running
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.providers import app as providers_app
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.config import Latency, Mtn
from simulators.providers.people import Person
from simulators.serve import start

RATE = 100
SECONDS = 20
CROWD = 2000
BOUND_S = 1.0
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from last hop to confirmation queued at a steady rate; payments a second with no pause."""

    delays: list[float]
    highest: float


@dataclass(frozen=True, slots=True)
class _Payment:
    external_id: str
    msisdn: str
    tap: str

    def texts(self) -> list[str]:
        """Return the history at each hop: language, pay, tap, all of it, yes."""
        words = ("1", "1", self.tap, "1", "1")
        return ["*".join(words[:n]) for n in range(len(words) + 1)]


def measure(where: Where) -> Times:
    """Run one steady load and one crowd."""
    return run(_measure(where))


async def _measure(where: Where) -> Times:
    taps = await seed_taps(where.url, RATE * SECONDS + CROWD)
    payments = [_Payment(f"c{n}", f"+26096{n:07d}", tap) for n, tap in enumerate(taps)]
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(_city(where.url))
        ends = await _steadily(port, payments[: RATE * SECONDS])
        queued = await _confirmed(where, len(ends))
        delays = [queued[i] - end for i, end in ends.items()]
        began = time.time()
        crowd = payments[RATE * SECONDS :]
        await call_all(port, PATH, [(p.msisdn, p.texts()) for p in crowd], tag="crowd")
        queued = await _confirmed(where, len(payments))
        return Times(delays, len(crowd) / (max(queued.values()) - began))


@asynccontextmanager
async def _city(url: str) -> AsyncIterator[int]:
    """Start networks, gateway and worker; give the gateway's port."""
    port = free_port()
    gateway_url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        env = environment_of(url, gateway_url)
        providers = await start(providers_app.create(_providers()))
        stack.push_async_callback(providers.close)
        aggregator = await start(
            aggregator_app.create(
                AggregatorConfig(gateway_url=gateway_url, channel_token=env["MADZI_CHANNEL_TOKEN"])
            )
        )
        stack.push_async_callback(aggregator.close)
        env |= {"MADZI_MTN_BASE_URL": f"{providers.url}/mtn", "MADZI_AT_BASE_URL": aggregator.url}
        stack.enter_context(running(madzi("serve", "--port", str(port)), port, env))
        stack.enter_context(running(madzi("worker"), None, env))
        await asyncio.sleep(2)  # a worker has no port that tells when it is ready
        yield port


def _providers() -> ProvidersConfig:
    return ProvidersConfig(
        mtn=Mtn(opening_balance="1000000"),
        latency=Latency(prompt_s=0, callback_s=0),
        person=Person(after_s=0),
        number_rules={},
    )


def environment_of(url: str, gateway_url: str) -> dict[str, str]:
    """Return settings of gateway and worker, but for where the networks are."""
    mtn, at = Mtn(), AggregatorConfig()
    return environment(url) | {
        "MADZI_PUBLIC_URL": gateway_url,
        "MADZI_PUSH_DELAY_S": "0",
        "MADZI_MTN_SUBSCRIPTION_KEY": mtn.subscription_key,
        "MADZI_MTN_API_USER": mtn.api_user,
        "MADZI_MTN_API_KEY": mtn.api_key,
        "MADZI_MTN_TARGET_ENVIRONMENT": mtn.target_environment,
        "MADZI_AT_USERNAME": at.username,
        "MADZI_AT_API_KEY": at.api_key,
    }


async def _steadily(port: int, payments: Sequence[_Payment]) -> dict[str, float]:
    """Begin a call every hundredth of a second, whatever became of the others; return when each ended."""
    ends: dict[str, float] = {}
    free = [await connect(port) for _ in range(64)]

    async def call(payment: _Payment) -> None:
        connection = free.pop() if free else await connect(port)
        for text in payment.texts():
            status, body = await connection.ask(hop_request(PATH, payment.external_id, payment.msisdn, text))
        ends[payment.external_id] = time.time()
        free.append(connection)
        if status != 200 or not body.startswith(b"END MTN MoMo will now ask"):  # noqa: PLR2004 - HTTP
            raise SystemExit(f"a payment was not accepted: {body!r}")

    began = time.monotonic()
    async with asyncio.TaskGroup() as calls:
        for n, payment in enumerate(payments):
            await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
            calls.create_task(call(payment))
    for connection in free:
        connection.close()
    return ends


async def _confirmed(where: Where, count: int) -> dict[str, float]:
    """Return when each call's confirmation was queued, once there are so many."""
    end = time.monotonic() + _LONGEST_S
    found: dict[str, float] = {}
    while len(found) < count:
        if time.monotonic() > end:
            raise SystemExit(f"{count - len(found)} of {count} payments were never confirmed")
        await asyncio.sleep(0.5)
        found = _successes(where.raw)
    return found


def _successes(file: str) -> dict[str, float]:
    db = sqlite3.connect(file)
    rows = db.execute(
        "SELECT c.external_id, s.created_at FROM sms_messages s JOIN payments p USING (payment_id) "
        "JOIN ussd_sessions c ON c.session_id = p.correlation_id "
        "WHERE p.status = 'success' AND s.template = 'paid'"
    ).fetchall()
    db.close()
    return {call: datetime.fromisoformat(at).timestamp() for call, at in rows}


def table(times: Times) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met."""
    parts = statistics.quantiles(times.delays, n=100)
    what = f"last hop to confirmation queued, {RATE} payments/s, SQLite"
    met = "yes" if parts[94] < BOUND_S else "NO"
    return [
        (f"{what}, median", f"{parts[49] * 1000:.0f} ms", "", ""),
        (f"{what}, p95", f"{parts[94] * 1000:.0f} ms", f"below {BOUND_S * 1000:.0f} ms", met),
        (f"{what}, p99", f"{parts[98] * 1000:.0f} ms", "", ""),
        (f"whole payments, a crowd of {CROWD:,}, SQLite", f"{times.highest:.0f} payments/s", "", ""),
    ]


if __name__ == "__main__":
    from benchmarks.databases import sqlite

    with sqlite() as here:
        for row in table(measure(here)):
            print(*row, sep=" | ")
