"""The city: gateway, worker and the other parties in this process, and a tap with a bill for each person."""

import json
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from gateway import account_acts
from gateway.master_key import masters
from gateway.runtime import Runtime, build_worker, open_runtime
from gateway.serving import listen
from gateway.settings import Env, Settings
from gateway.web import create_app
from payments.providers.accounts import urls
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.faults import Faults
from simulators.providers import app as providers_app
from simulators.providers.config import Airtel, Daraja, Kcb, KcbMulti, Latency, Mtn, Zamtel
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.network import Network
from simulators.providers.people import Person
from simulators.serve import Running, start
from simulators.timing import WallTime
from taps import users
from taps.model import Role, User
from tools import towns
from tools.chaos.people import AGENTS, ZONES, Resident, residents
from tools.chaos.plan import Plan
from tools.ports import free_port

PLATFORM_TOKEN = "chaos-platform-token"  # noqa: S105 - opens only a bad day
FINANCE = ("Grace Phiri", "Moses Banda")  # four eyes
OWN_ZONE = "GDN"
# The keys of the zone that has an MTN account of its own, at networks of its own.
OWN_KEYS = Mtn(
    api_user="5f0c2f6e-0000-4f5c-9f0e-6a1e5c1d2b10",
    api_key="garden-own-api-key",
    subscription_key="garden-own-subscription",
    disbursement_key="garden-own-disbursement",
    disbursement_user="6a1f7a1c-22a5-4b0e-9d35-3f0c6d1e8a55",
    disbursement_api_key="garden-own-disbursement-api-key",
)


@dataclass(slots=True)
class City:
    """The running parts of a day. `networks` are the rails' books, by what their accounts' ids end with."""

    runtime: Runtime
    providers: Running
    aggregator: Running
    gateway_url: str
    people: list[Resident]
    networks: Mapping[str, Network]
    own_keys: Mapping[str, Any] = field(default_factory=dict)


async def build(stack: AsyncExitStack, plan: Plan) -> City:
    """Start everything; the stack stops it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    common, network = await _network(stack, _providers(plan, Mtn()))
    own, own_network = await _network(stack, _providers(plan, OWN_KEYS))
    aggregator = await start(aggregator_app.create(AggregatorConfig(channel_token=towns.TOKEN, seed=plan.seed,
        delivery_after_s=0.2, faults=_faults(plan))))  # fmt: skip
    stack.push_async_callback(aggregator.close)
    url = plan.database_url or f"sqlite+aiosqlite:///{folder}/chaos.db"
    people = residents(plan)
    await towns.settle(url, [person.tap for person in people], ZONES)
    port = free_port()
    gateway_url = f"http://127.0.0.1:{port}"
    settings = _settings(plan, url, gateway_url, common.url, aggregator.url)
    own_keys = towns.money_out_settings(own.url, OWN_KEYS)["mtn"]
    await _staff(url, settings, own_keys)
    runtime = await stack.enter_async_context(open_runtime(settings))
    # Staff are told of a payout that nobody can be asked about after an hour; here after a while.
    runtime.payouts.service.rules = replace(runtime.payouts.service.rules, ask_for_s=plan.expiry_s * 3)
    worker = build_worker(runtime)
    runner = await listen(create_app(runtime, worker.wake), port=port)
    stack.push_async_callback(runner.cleanup)
    worker.start()
    stack.push_async_callback(worker.stop)
    city = City(
        runtime,
        common,
        aggregator,
        gateway_url,
        people,
        {"default": network, OWN_ZONE: own_network},
        own_keys,
    )
    await _register(city)
    return city


async def _network(stack: AsyncExitStack, config: ProvidersConfig) -> tuple[Running, Network]:
    app = providers_app.create(config)
    running = await start(app)
    stack.push_async_callback(running.close)
    return running, app[providers_app.NETWORK]


async def _staff(url: str, settings: Settings, own_keys: Mapping[str, Any]) -> None:
    """Add agents, finance, the platform's user, and the account of the zone that has one of its own."""
    db, clock = Database(url), SystemClock()
    ids, now = Ids(clock), clock.now()
    async with db.write() as connection:
        for name, msisdn in AGENTS.items():
            await users.add_user(connection, User(name, Role.AGENT, (), msisdn), now)
        for name in FINANCE:
            await users.add_user(connection, User(name, Role.FINANCE), now)
        await users.add_user(connection, User("platform", Role.OPERATOR), now)
        await users.set_token(connection, "platform", PLATFORM_TOKEN)
        await account_acts.set_credentials(
            connection, masters(settings), OWN_ZONE, "mtn", own_keys, Env.TEST, ids, now
        )
    await db.close()


async def _register(city: City) -> None:
    """Tell the others where the gateway is, as people do in their portals; M-PESA is told by us."""
    addresses = {
        account.account_id: urls(city.gateway_url, account) for account in city.runtime.accounts.values()
    }
    sim = city.providers.url
    mpesa = addresses["daraja:default"]
    for url, told in (
        (f"{city.aggregator.url}/_sim/settings", {"gateway_url": city.gateway_url}),
        (f"{sim}/airtel/_sim/portal", {"callback_url": addresses["airtel:default"]["callback"]}),
        (f"{sim}/stripe/_sim/webhook", {"url": addresses["stripe:default"]["callback"]}),
    ):
        async with aiohttp.ClientSession() as http, http.put(url, json=told) as reply:
            reply.raise_for_status()
    body = {
        "ShortCode": Daraja().shortcode,
        "ResponseType": "Completed",
        "ValidationURL": mpesa["c2b_validation"],
        "ConfirmationURL": mpesa["c2b_confirmation"],
    }
    # Once, by support, as in production: not over a line that fails on purpose.
    city.networks["default"].book.remember("daraja.c2b", json.dumps(body | {"version": "v2"}))
    city.networks["default"].book.remember("daraja.pull", mpesa["c2b_confirmation"])


def _faults(plan: Plan) -> Faults:
    return Faults(rates=plan.rates, late_s=plan.expiry_s * 1.5, drip_s=20)


def _providers(plan: Plan, mtn: Mtn) -> ProvidersConfig:
    lifetime_s = plan.expiry_s * 0.8
    return ProvidersConfig(
        seed=plan.seed,
        mtn=replace(mtn, prompt_lifetime_s=lifetime_s, opening_balance="1000000"),
        airtel=Airtel(prompt_lifetime_s=lifetime_s, not_found_for_s=0.5),
        zamtel=Zamtel(prompt_lifetime_s=lifetime_s),
        kcb=Kcb(prompt_lifetime_s=lifetime_s),
        kcb_multi=KcbMulti(prompt_lifetime_s=lifetime_s),
        daraja=Daraja(prompt_lifetime_s=lifetime_s, still_processing="mixed"),
        latency=Latency(prompt_s=0.05, callback_s=0.05),
        faults=_faults(plan),
        person=Person(after_s=0.2),
        number_rules={},
        mix=plan.mix,
        timing=WallTime(),
    )


def _settings(plan: Plan, url: str, gateway_url: str, providers_url: str, aggregator_url: str) -> Settings:
    rails = towns.every_rail(providers_url)
    rails["zamtel"]["answer_within_s"] = plan.expiry_s * 0.6
    return towns.settings_of(
        url,
        gateway_url,
        providers_url,
        aggregator_url,
        payment_expiry_s=plan.expiry_s,
        poll_after_s=0.7,
        guide_after_s=3,
        provider_timeout_s=1.5,
        pull_every_s=3,
        api_rate_per_s=1000,
        api_burst=2000,
        breaker={"failures": 3, "wait_s": 1, "most_wait_s": 4},
        refund_limit_minor={"ZMW": 4_500, "KES": 50_000, "UGX": 5_000},
        single_limit_minor={"ZMW": 500_000, "KES": 25_000_000, "UGX": 5_000_000},
        daily_limit_minor={"ZMW": 1_000_000, "KES": 50_000_000, "UGX": 10_000_000},
        **rails,
    )
