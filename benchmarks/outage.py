"""An outage of one provider of three, ten minutes long: what it costs those who pay by the other two.

All waiting times are divided by ten, as `madzi demo --speed 10` does, so that ten minutes take one. What is
no setting stays as long as it is (the worker's look at breakers each second, its leases): ten times as long,
then, as simulated. People call at a steady rate, a third of them on each network, and go on doing so. For
five minutes MTN's connections are made and never answered, for five more they are refused. Whoever is
told that it does not work asks to be asked when it is back, so that what waits for it piles up meanwhile.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks import rails
from benchmarks.city import seed_taps
from benchmarks.databases import Where
from benchmarks.door import Door, Way, door
from benchmarks.hops import PATH
from benchmarks.load import Connection, connect, hop_request
from benchmarks.servers import free_port, run
from benchmarks.town import MTN, Call, Env, Town, Urls, calls, confirmed, town
from simulators.providers.config import Airtel, Mtn
from simulators.providers.config import Config as ProvidersConfig
from simulators.timing import WallTime

SPEED = 10
MINUTES = 10
RATE = 60  # calls a second of the clock on the wall
OFFERED = RATE * 2 / 3  # of them by the other two
BOUND = 0.9
_BEFORE_S = 30.0
_SETTLES_S = 5.0  # from a turn of events to what is counted: what is on its way then belongs to neither
_ASK_ME = b"Ask me when it is back"
_MINUTE_S = 60
_MOST_HOPS = 3
_TIMES_S = {
    "PAYMENT_EXPIRY_S": 300,
    "POLL_AFTER_S": 20,
    "GUIDE_AFTER_S": 45,
    "PROVIDER_TIMEOUT_S": 20,
    "WAIT_FOR_PROVIDER_S": 7200,
    "BREAKER_WINDOW_S": 60,
    "BREAKER_WAIT_S": 10,
    "BREAKER_MOST_WAIT_S": 300,
    "AIRTEL_QUERY_AFTER_S": 180,
    "ZAMTEL_ANSWER_WITHIN_S": 120,
}


@dataclass(slots=True)
class Ends:
    """When each payer's call had come to its end, by number; and what those of MTN were told."""

    at: dict[str, float] = field(default_factory=dict)
    asked: int = 0  # to be asked when it is back


@dataclass(frozen=True, slots=True)
class Part:
    """The other two networks' payments in a part of the run."""

    per_s: float
    p95_s: float  # from the last hop to the confirmation queued


@dataclass(frozen=True, slots=True)
class Told:
    """What happened to the others before and meanwhile, and how many wait for MTN at the end."""

    before: Part
    meanwhile: Part
    waiting: int
    unpaid: int  # payments of the others that were accepted and not confirmed at the end


def measure(where: Where) -> Told:
    """Run one outage."""
    return run(_measure(where))


async def _measure(where: Where) -> Told:
    outage_s = MINUTES * _MINUTE_S / SPEED
    lasts_s = 2 * _SETTLES_S + _BEFORE_S + outage_s
    people = calls(await seed_taps(where.url, int(RATE * lasts_s)))
    mtn_port = free_port()
    async with town(where.url, _providers, lambda url: _settings(url, mtn_port)) as here:
        behind = int(here.providers_url.rpartition(":")[2])
        async with door(mtn_port, behind) as mtn:
            ends = Ends()
            calling = asyncio.create_task(_call_steadily(here, people, ends))
            began = time.time()
            await asyncio.sleep(_SETTLES_S + _BEFORE_S)
            went_down = await _let_down(mtn, outage_s)
            await calling
            await asyncio.sleep(_SETTLES_S)
    queued = {msisdn: at for msisdn, at in confirmed(where).items() if not msisdn.startswith(MTN.prefix)}
    others = {msisdn for msisdn in ends.at if not msisdn.startswith(MTN.prefix)}
    return Told(
        _part(ends, queued, began + _SETTLES_S, went_down),
        _part(ends, queued, went_down, went_down + outage_s),
        ends.asked,
        len(others - queued.keys()),
    )


def _providers(urls: Urls) -> ProvidersConfig:
    return ProvidersConfig(
        mtn=Mtn(opening_balance="1000000"),
        airtel=Airtel(callback_url=urls["airtel"]["callback"]),
        number_rules={},
        timing=WallTime(SPEED),
    )


def _settings(providers_url: str, mtn_port: int) -> Env:
    times = {f"MADZI_{name}": str(seconds / SPEED) for name, seconds in _TIMES_S.items()}
    others = rails.airtel(providers_url) | rails.zamtel(providers_url)
    return rails.mtn(f"http://127.0.0.1:{mtn_port}") | others | times


async def _let_down(mtn: Door, outage_s: float) -> float:
    """Let MTN's calls hang for half of the time, refuse them for the other; return when that began."""
    went_down = time.time()
    await mtn.turn(Way.HANGING)
    await asyncio.sleep(outage_s / 2)
    await mtn.turn(Way.REFUSED)
    await asyncio.sleep(max(0.0, went_down + outage_s - time.time()))
    return went_down


async def _call_steadily(here: Town, people: Sequence[Call], ends: Ends) -> None:
    """Begin a call at every tick, whatever became of the others."""
    free: list[Connection] = [await connect(here.port) for _ in range(64)]
    began = time.monotonic()

    async def dial(call: Call) -> None:
        connection = free.pop() if free else await connect(here.port)
        await _dial(connection, call, ends)
        free.append(connection)

    async with asyncio.TaskGroup() as dialling:
        for n, call in enumerate(people):
            await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
            dialling.create_task(dial(call))
    for connection in free:
        connection.close()


async def _dial(connection: Connection, call: Call, ends: Ends) -> None:
    """Pay; where the network does not work, ask to be asked later."""
    for text in call.texts():
        body = await _hop(connection, call, text)
        if _ASK_ME in body:
            ends.asked += await _wait_for_it(connection, call, text, body)
            break
    if body.startswith(b"END") and b"will now ask" in body:
        ends.at[call.msisdn] = time.time()
    elif call.network is not MTN:
        raise SystemExit(f"a payment by {call.network.wallet} was not accepted: {body!r}")


async def _wait_for_it(connection: Connection, call: Call, text: str, body: bytes) -> bool:
    """Choose what is offered, and say yes to it; return whether that was taken."""
    for _ in range(_MOST_HOPS):
        text = f"{text}*{choice(body)}"
        body = await _hop(connection, call, text)
        if body.startswith(b"END"):
            return True
    return False


def choice(screen: bytes) -> str:
    """Return the key before `Ask me when it is back`, or else the first one."""
    lines = screen.splitlines()
    return next((line.split(b" ", 1)[0].decode() for line in lines if line.endswith(_ASK_ME)), "1")


async def _hop(connection: Connection, call: Call, text: str) -> bytes:
    request = hop_request(PATH, call.external_id, call.msisdn, text, call.network.code)
    with suppress(ConnectionError):
        status, body = await connection.ask(request)
        if status == 200:  # noqa: PLR2004 - HTTP
            return body
    raise SystemExit("the gateway did not answer a hop")


def _part(ends: Ends, queued: dict[str, float], start: float, end: float) -> Part:
    mine = [msisdn for msisdn, at in queued.items() if start <= at < end]
    delays = [queued[msisdn] - ends.at[msisdn] for msisdn in mine]
    return Part(len(mine) / (end - start), statistics.quantiles(delays, n=100)[94])


def table(told: Told, name: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield rows: what, figure, bound, met."""
    ratio = told.meanwhile.per_s / max(told.before.per_s, OFFERED)
    what = f"payments by Airtel and Zamtel ({RATE} calls/s by three networks, times ÷ {SPEED}, {name})"
    outage = f"{MINUTES} minutes in which MTN hangs, then refuses"
    yield f"{what}, before", f"{told.before.per_s:.1f}/s", "", ""
    yield f"{what}, {outage}", f"{told.meanwhile.per_s:.1f}/s", "", ""
    is_met = ratio >= BOUND and not told.unpaid
    yield f"{what}, meanwhile against before", f"{ratio:.2f}", f"at least {BOUND}", "yes" if is_met else "NO"
    both = f"{told.before.p95_s * 1000:.0f} ms, {told.meanwhile.p95_s * 1000:.0f} ms"
    yield f"{what}, last hop to confirmation queued, p95 before and meanwhile", both, "", ""


if __name__ == "__main__":
    from benchmarks.databases import sqlite

    with sqlite() as at:
        for row in table(measure(at), at.name):
            print(*row, sep=" | ")
