"""The city: gateway, worker and both simulators in this process, and a tap with a bill for each payment."""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from gateway.runtime import Runtime, build_worker, open_runtime
from gateway.settings import Settings
from gateway.web import create_app
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.faults import Faults
from simulators.providers import app as providers_app
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.config import Daraja, Latency, Mtn
from simulators.providers.people import Person
from simulators.serve import Running, start
from simulators.timing import WallTime
from taps.tap_id import make
from tools import towns
from tools.chaos.plan import Plan
from tools.ports import free_port


@dataclass(slots=True)
class City:
    """The running parts of a day."""

    runtime: Runtime
    providers: Running
    aggregator: Running
    gateway_url: str
    taps: list[str]


async def build(stack: AsyncExitStack, plan: Plan) -> City:
    """Start everything; the stack stops it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    providers = await start(providers_app.create(_providers(plan)))
    stack.push_async_callback(providers.close)
    aggregator = await start(aggregator_app.create(AggregatorConfig(channel_token=towns.TOKEN, seed=plan.seed,
        delivery_after_s=0.2, faults=_faults(plan))))  # fmt: skip
    stack.push_async_callback(aggregator.close)
    url = plan.database_url or f"sqlite+aiosqlite:///{folder}/chaos.db"
    taps = _taps(plan)
    await towns.settle(url, taps)
    port = free_port()
    gateway_url = f"http://127.0.0.1:{port}"
    settings = _settings(plan, url, gateway_url, providers.url, aggregator.url)
    runtime = await stack.enter_async_context(open_runtime(settings))
    worker = build_worker(runtime)
    site = web.AppRunner(create_app(runtime, worker.wake), access_log=None)
    await site.setup()
    await web.TCPSite(site, "127.0.0.1", port).start()
    stack.push_async_callback(site.cleanup)
    worker.start()
    stack.push_async_callback(worker.stop)
    async with aiohttp.ClientSession() as http:
        await http.put(f"{aggregator.url}/_sim/settings", json={"gateway_url": gateway_url})
    return City(runtime, providers, aggregator, gateway_url, taps)


def _faults(plan: Plan) -> Faults:
    return Faults(rates=plan.rates, late_s=plan.expiry_s * 1.5, drip_s=20)


def _providers(plan: Plan) -> ProvidersConfig:
    return ProvidersConfig(
        seed=plan.seed,
        mtn=Mtn(prompt_lifetime_s=plan.expiry_s * 0.8, opening_balance="1000000"),
        daraja=Daraja(prompt_lifetime_s=plan.expiry_s * 0.8, still_processing="mixed"),
        latency=Latency(prompt_s=0.05, callback_s=0.05),
        faults=_faults(plan),
        person=Person(after_s=0.2),
        number_rules={},
        mix=plan.mix,
        timing=WallTime(),
    )


def _settings(plan: Plan, url: str, gateway_url: str, providers_url: str, aggregator_url: str) -> Settings:
    return towns.settings_of(
        url,
        gateway_url,
        providers_url,
        aggregator_url,
        payment_expiry_s=plan.expiry_s,
        poll_after_s=0.7,
        guide_after_s=3,
        provider_timeout_s=1.5,
    )


def _taps(plan: Plan) -> list[str]:
    """Return a shared tap for each payment."""
    kenyan = round(plan.payments * plan.kenya_share)
    return [make("NRB" if i < kenyan else "KNY", i + 1) for i in range(plan.payments)]
