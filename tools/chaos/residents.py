"""The people: they dial, repeat hops, drop calls, and approve too late."""

import asyncio
import random
from dataclasses import dataclass

import aiohttp

from simulators.aggregator.dialler import Call, Dialler
from simulators.aggregator.gateway import Gateway
from tools.chaos.city import City
from tools.chaos.plan import Plan
from tools.towns import TOKEN

_MOST_CALLERS = 64


async def live(city: City, plan: Plan) -> None:
    """Let everybody dial, some twice at the same tap, at most 64 at the same time."""
    rng = random.Random(plan.seed)
    callers = asyncio.Semaphore(_MOST_CALLERS)
    async with Gateway(city.gateway_url, TOKEN) as gateway, aiohttp.ClientSession() as http:
        dialler = Dialler(gateway)
        people = [_Resident(i, tap, random.Random(rng.random())) for i, tap in enumerate(city.taps)]
        for person in people:
            if rng.random() < plan.late_share:
                await _approve_late(http, city, person.msisdn, plan)
        await asyncio.gather(*(person.live(dialler, callers, plan) for person in people))


async def _approve_late(http: aiohttp.ClientSession, city: City, msisdn: str, plan: Plan) -> None:
    """Let a person approve only after we have given up: the network is more patient than we are."""
    told = {
        "msisdn": msisdn,
        "answer": "approve",
        "after_s": plan.expiry_s * 1.3,
        "prompt_lifetime_s": plan.expiry_s * 3,
        "times": 1,
    }
    async with http.post(f"{city.providers.url}/_sim/people", json=told) as reply:
        reply.raise_for_status()


@dataclass(slots=True)
class _Resident:
    number: int
    tap: str
    rng: random.Random

    @property
    def msisdn(self) -> str:
        prefix = "+2547080" if self.tap.startswith("NRB") else "+2609600"
        return f"{prefix}{self.number:05d}"

    async def live(self, dialler: Dialler, callers: asyncio.Semaphore, plan: Plan) -> None:
        """Pay; look again after a while; pay again if it is still owed."""
        for attempt in range(3):
            async with callers:
                await self._call(dialler, plan)
            if attempt < 2:  # noqa: PLR2004 - the last call is not followed by a wait
                await asyncio.sleep(plan.expiry_s * (0.5 + self.rng.random()))

    async def _call(self, dialler: Dialler, plan: Plan) -> None:
        call = await dialler.dial(self.msisdn)
        for _ in range(8):
            if call.over:
                break
            if self.rng.random() < plan.repeat_share:
                await call.repeat()
            if self.rng.random() < 0.02:  # noqa: PLR2004 - now and then the line drops
                await call.hang_up()
                return
            if not call.over:
                await call.enter(self._key(call))

    def _key(self, call: Call) -> str:
        return self.tap if "Type the tap number" in call.screen.text else "1"
