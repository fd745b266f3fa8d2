"""A thousand payments at once by three networks: from the provider's approval to the SMS queued.

Everybody has dialled as far as the question; then all say yes in the same moment. Each person approves two
seconds after the prompt. The time that counts runs from the moment at which the provider's book has the debit
to the row of the SMS, which the worker writes together with the success.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmarks import rails
from benchmarks.city import seed_taps
from benchmarks.databases import Where
from benchmarks.hops import PATH
from benchmarks.load import Connection, connect, hop_request
from benchmarks.servers import run
from benchmarks.town import Call, Env, Town, Urls, calls, town, until_confirmed, until_quiet
from simulators.providers.config import Airtel, Latency, Mtn
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.people import Person

RUNS = 5
CROWD = 1000
DECIDES_S = 2.0
BOUND_S = 1.0
_LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for each payer: from yes to the prompt, from the debit to the SMS queued; and the whole."""

    prompts: list[float]
    told: list[float]
    whole: float


def measure(where: Where) -> list[Times]:
    """Return the times of five crowds, after one that warms up."""
    times: list[Times] = run(_measure(where))
    return times[1:]


async def _measure(where: Where) -> list[Times]:
    taps = await seed_taps(where.url, CROWD * (RUNS + 1))
    async with town(where.url, _providers, _settings) as here:
        return [
            await _crowd(where, here, calls(taps[i * CROWD : (i + 1) * CROWD], i * CROWD))
            for i in range(RUNS + 1)
        ]


def _providers(urls: Urls) -> ProvidersConfig:
    return ProvidersConfig(
        mtn=Mtn(opening_balance="1000000"),
        airtel=Airtel(callback_url=urls["airtel"]["callback"]),
        latency=Latency(prompt_s=0, callback_s=0),
        person=Person(after_s=DECIDES_S),
        number_rules={},
    )


def _settings(providers_url: str) -> Env:
    return rails.mtn(providers_url) | rails.airtel(providers_url) | rails.zamtel(providers_url)


async def _crowd(where: Where, here: Town, people: Sequence[Call]) -> Times:
    before = len(here.book.debited())
    connections = [await connect(here.port) for _ in people]
    await asyncio.gather(*(_until_question(*pair) for pair in zip(connections, people, strict=True)))
    began = time.time()
    await asyncio.gather(*(_yes(*pair) for pair in zip(connections, people, strict=True)))
    queued = await until_confirmed(where, before + len(people), _LONGEST_S)
    await until_quiet(where)
    mine = {push.msisdn: push for push in here.book.debited()[before:]}
    if mine.keys() != {call.msisdn for call in people}:
        raise SystemExit(f"{len(mine)} people of {len(people)} were debited")
    return Times(
        [_seconds(push.accepted_at) - began for push in mine.values()],
        [queued[msisdn] - _seconds(push.settled_at or "") for msisdn, push in mine.items()],
        max(queued[msisdn] for msisdn in mine) - began,
    )


async def _until_question(connection: Connection, call: Call) -> None:
    for text in call.texts()[:-1]:
        await connection.ask(_hop(call, text))


async def _yes(connection: Connection, call: Call) -> None:
    status, body = await connection.ask(_hop(call, call.texts()[-1]))
    connection.close()
    if status != 200 or not body.startswith(f"END {call.network.wallet} will now ask".encode()):  # noqa: PLR2004 - HTTP
        raise SystemExit(f"a payment was not accepted: {body!r}")


def _hop(call: Call, text: str) -> bytes:
    return hop_request(PATH, call.external_id, call.msisdn, text, call.network.code)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def table(times: list[Times], name: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield rows: what, figure, bound, met."""
    told = statistics.median(_p95(one.told) for one in times)
    prompts = statistics.median(_p95(one.prompts) for one in times)
    whole = statistics.median(one.whole for one in times)
    what = f"{CROWD:,} payments at once by three networks, PIN after {DECIDES_S:.0f} s, {name}"
    yield f"{what}: confirmed", f"all, within {whole:.1f} s", "all", "yes"
    yield f"{what}: yes to prompt, p95", f"{prompts:.1f} s", "", ""
    yield (
        f"{what}: approval to SMS queued, p95",
        f"{told * 1000:.0f} ms",
        f"below {BOUND_S * 1000:.0f} ms",
        "yes" if told < BOUND_S else "NO",
    )


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[94]


if __name__ == "__main__":
    from benchmarks.databases import sqlite

    with sqlite() as at:
        for row in table(measure(at), at.name):
            print(*row, sep=" | ")
