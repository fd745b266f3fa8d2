"""CPU of a menu hop, wherever its session is kept, against a bare handler that parses the same form."""

import asyncio
import contextlib
import statistics
from collections.abc import Callable
from dataclasses import astuple, dataclass, field

from benchmarks.city import seed
from benchmarks.databases import Where
from benchmarks.load import Served, call_all
from benchmarks.servers import bare_server, cpu_s, free_port, madzi, running

RUNS = 9  # short ones
SLICES = 5  # of a run: the servers take turns, so that what slows the machine for a second slows each of them
CALLS = 400  # in a slice
TOKEN = "bench-channel-token"  # noqa: S105 - opens only a benchmark
PATH = f"/ussd/africastalking/{TOKEN}"
FIRST_PHONE = 1_000_000  # beyond those of the demo city
# Menus only, of a phone that never called before: language, main menu, help, back, balance, back, help.
MENU = ("", "1", "1*6", "1*6*0", "1*6*0*2", "1*6*0*2*0", "1*6*0*2*0*6")
# What a payer sees before the confirmation: tap, debt with its parts, confirm, back.
PAYER = ("", "1", "1*1", "1*1*KNY-0417-1", "1*1*KNY-0417-1*1", "1*1*KNY-0417-1*1*0")


Server = tuple[int, int]  # process, port


@dataclass(frozen=True, slots=True)
class Kept:
    """Where sessions are kept, and how many times a bare handler a menu hop may cost with it."""

    name: str
    bound: float
    settings: dict[str, str] = field(default_factory=dict)


def in_database(name: str, bound: float) -> Kept:
    """Return sessions that are written with what their hops cause."""
    return Kept(f"session durable in {name}", bound)


IN_MEMORY = Kept("session in memory", 1.8, {"MADZI_SESSIONS": "memory"})


def in_redis(url: str) -> Kept:
    """Return sessions in the Redis at `url`."""
    return Kept("session in Redis", 2.0, {"MADZI_SESSIONS": "redis", "MADZI_REDIS_URL": url})


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a hop."""

    bare_us: float
    menu_us: float
    resumed_us: float  # of phones whose last call was dropped: they are asked whether to go on with it
    payer_us: float
    rival_us: float = 0.0  # another's menu hop


def environment(url: str) -> dict[str, str]:
    """Return settings for a gateway on a database of its own."""
    return {
        "MADZI_ENV": "test",
        "MADZI_DATABASE_URL": url,
        "MADZI_CHANNEL_TOKEN": TOKEN,
        "MADZI_LOG_LEVEL": "WARNING",
    }


Rival = Callable[[int], list[str]]  # gives the command that serves on a port


def measure(where: Where, kept: Kept, rival: Rival | None = None) -> list[Cost]:
    """Return the cost of hops in each run, the servers side by side, after one that warms up."""
    asyncio.run(seed(where.url))
    with contextlib.ExitStack() as stack:
        bare = _start(stack, bare_server)
        env = environment(where.url) | kept.settings
        gateway = _start(stack, lambda port: madzi("serve", "--port", str(port)), env)
        other = _start(stack, rival, {"NODE_ENV": "production"}) if rival else None
        return [_round(i, bare, gateway, other) for i in range(RUNS + 1)][1:]


def _start(stack: contextlib.ExitStack, command: Rival, env: dict[str, str] | None = None) -> Server:
    port = free_port()
    return stack.enter_context(running(command(port), port, env)), port


def _round(i: int, bare: Server, gateway: Server, rival: Server | None) -> Cost:
    slices = [_slice(i * SLICES + part, bare, gateway, rival) for part in range(SLICES)]
    return Cost(*(statistics.mean(figures) for figures in zip(*map(astuple, slices), strict=True)))


def _slice(i: int, bare: Server, gateway: Server, rival: Server | None) -> Cost:
    callers, payers = _phones(2 * i), _phones(2 * i + 1)
    return Cost(
        _cost(*bare, MENU, callers, f"r{i}-"),
        _cost(*gateway, MENU, callers, f"m{i}-"),
        _cost(*gateway, MENU, callers, f"a{i}-"),
        _cost(*gateway, PAYER, payers, f"p{i}-"),
        _cost(*rival, MENU, callers, f"n{i}-") if rival else 0.0,
    )


def _phones(group: int) -> range:
    """Return phones of their own for each group: a call that was dropped changes the next one's menus."""
    return range(FIRST_PHONE + group * CALLS, FIRST_PHONE + (group + 1) * CALLS)


def _cost(pid: int, port: int, texts: tuple[str, ...], phones: range, tag: str) -> float:
    calls = [(f"+26096{phone:07d}", texts) for phone in phones]
    before = cpu_s(pid)
    served: Served = asyncio.run(call_all(port, PATH, calls, tag=tag))
    if served.failed:
        raise SystemExit(f"{served.failed} of {served.requests} hops were not answered with 200")
    return (cpu_s(pid) - before) / served.requests * 1e6


def table(costs: list[Cost], kept: Kept) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met."""
    bare = statistics.median(cost.bare_us for cost in costs)
    menu = statistics.median(cost.menu_us / cost.bare_us for cost in costs)
    resumed = statistics.median(cost.resumed_us / cost.bare_us for cost in costs)
    payer = statistics.median(cost.payer_us / cost.bare_us for cost in costs)
    met = "yes" if menu <= kept.bound else "NO"
    return [
        (f"bare aiohttp handler, CPU a hop (run: {kept.name})", f"{bare:.0f} µs", "", ""),
        (f"menu hop, {kept.name}, CPU against bare", f"{menu:.2f} x", f"at most {kept.bound} x", met),
        (f"menu hop after a dropped call, {kept.name}, CPU against bare", f"{resumed:.2f} x", "", ""),
        (
            f"payer's hop with tap, debt and ways to pay, {kept.name}, CPU against bare",
            f"{payer:.2f} x",
            "",
            "",
        ),
    ]


def against(costs: list[Cost], kept: Kept, rival: str) -> list[tuple[str, str, str, str]]:
    """Return rows: what a menu hop costs here, and what it costs with another's builder in the same run."""
    ours = statistics.median(cost.menu_us for cost in costs)
    theirs = statistics.median(cost.rival_us for cost in costs)
    met = "yes" if ours < theirs else "NO"
    return [
        (f"{rival}, CPU a menu hop", f"{theirs:.0f} µs", "", ""),
        (f"menu hop, {kept.name}, CPU", f"{ours:.0f} µs", f"below {theirs:.0f} µs", met),
    ]
