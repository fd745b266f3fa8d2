"""The demo: everything in one process on SQLite, with a believable Lusaka."""

import asyncio
import json
import os
import socket
from contextlib import AsyncExitStack
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
import structlog
import typer

from core import logs
from core.clock import SystemClock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from gateway import registering, schema
from gateway.cli.browser_phone import add_phone, demo_numbers
from gateway.cli.common import DEMO_FILE, own_name
from gateway.cli.processes import Party, simulated, until_stopped
from gateway.cli.sole_demo import sole_demo
from gateway.housekeeping import Housekeeper
from gateway.runtime import Runtime, build_reminders, build_worker, open_runtime
from gateway.serving import listen
from gateway.settings import Settings
from gateway.web import create_app
from payments.providers.accounts import urls
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.providers.airtel_keys import public_der
from simulators.providers.config import Airtel, Daraja, Kcb, KcbMulti, Mtn, Stripe, Zamtel
from simulators.providers.daraja_keys import certificate_pem
from simulators.providers.kcb_keys import public_pem
from simulators.serve import Running, start
from taps import importing, raising
from taps.periods import period_of
from taps.tables import taps

_log = structlog.get_logger()
_FILES = ("zones", "taps", "tenants", "tariffs", "users", "usage")


async def run_demo(port: int, data: Path, speed: float) -> None:
    """Run until Ctrl-C, also one that comes while the city is brought in; raises Refused where it cannot."""
    port = port or free_port()
    with sole_demo(data), (data / "madzi.log").open("a", buffering=1) as log:
        logs.configure("INFO", to=log)
        try:
            await until_stopped(lambda: _run(port, data, speed), "stopping")
        except MadziError:
            raise
        except Exception:
            _log.exception("demo_broke")
            raise


async def _run(port: int, data: Path, speed: float) -> None:
    token = _kept_token(data)
    os.environ["MADZI_CHANNEL_TOKEN"] = token
    # A demo never takes over what an earlier one has left: its times were divided by its own speed already.
    os.environ.setdefault("MADZI_ENV", "demo")
    gateway_url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        providers = await _simulator(stack, Party.PROVIDERS, gateway_url, speed, port + 1, data)
        aggregator = await _simulator(stack, Party.AGGREGATOR, gateway_url, speed, port + 2, data)
        env = _environment(data, gateway_url, token, speed, providers.url, aggregator.url)
        os.environ.update(env)
        settings = Settings()
        await _seed(settings)
        runtime = await stack.enter_async_context(open_runtime(settings))
        await _tell_portals(runtime, providers.url)
        await _register_addresses(runtime)
        hands = build_worker(runtime)
        app = create_app(runtime, hands.wake)
        add_phone(app, settings, demo_numbers())
        runner = await listen(app, "127.0.0.1", port)
        stack.push_async_callback(runner.cleanup)
        hands.start()
        stack.push_async_callback(hands.stop)
        reminders, day = build_reminders(runtime), settings.bill_day
        keeper = Housekeeper(runtime.db, runtime.clock, reminders, bill_day=day)
        keeper.start()
        stack.push_async_callback(keeper.stop)
        _write_demo_file(data, env, gateway_url, providers.url, aggregator.url)
        await _welcome(runtime.db, gateway_url, providers.url, data)
        await asyncio.Event().wait()


def free_port() -> int:
    """Return a port that nobody uses now; the gateway's own address must be known before it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _simulator(
    stack: AsyncExitStack, party: Party, gateway_url: str, speed: float, port: int, data: Path
) -> Running:
    journal = data / "providers.jsonl" if party is Party.PROVIDERS else None
    app = simulated(party, gateway_url, speed, journal)
    try:
        running = await start(app, port=port)
    except (OSError, OverflowError):  # the neighbour port is taken or there is none: any free one will do
        running = await start(simulated(party, gateway_url, speed, journal), port=0)
    stack.push_async_callback(running.close)
    return running


# Where a provider's portal takes the callback address, as it does not travel with a push; and its name there.
_PORTALS = {"airtel": ("airtel/_sim/portal", "callback_url"), "stripe": ("stripe/_sim/webhook", "url")}


async def _tell_portals(runtime: Runtime, providers_url: str) -> None:
    """Enter our callback addresses as people do in the providers' portals."""
    for account in runtime.accounts.values():
        if account.provider in _PORTALS:
            path, name = _PORTALS[account.provider]
            told = {name: urls(runtime.settings.public_url, account)["callback"]}
            async with aiohttp.request("PUT", f"{providers_url}/{path}", json=told) as reply:
                reply.raise_for_status()


async def _register_addresses(runtime: Runtime) -> None:
    """Have the simulator tell of payments by hand; a zone's own account may be somewhere else."""
    for account in runtime.accounts.values():
        if account.zone is None and account.provider in registering.PROVIDERS:
            provider = runtime.gateways[account.account_id]
            await registering.register(provider, urls(runtime.settings.public_url, account))


def _kept_token(data: Path) -> str:
    """Return the channel token of this data folder, so that addresses stay the same after a restart."""
    try:
        return str(json.loads((data / DEMO_FILE).read_text())["env"]["MADZI_CHANNEL_TOKEN"])
    except (OSError, ValueError, KeyError):
        return Ids().token()


def _environment(
    data: Path, gateway_url: str, token: str, speed: float, providers_url: str, aggregator_url: str
) -> dict[str, str]:
    mtn, airtel, daraja, africastalking = Mtn(), Airtel(), Daraja(), AggregatorConfig()
    zamtel, kcb, kcb_multi, stripe = Zamtel(), Kcb(), KcbMulti(), Stripe()
    defaults = {"PUSH_DELAY_S": 3, "PAYMENT_EXPIRY_S": 300, "POLL_AFTER_S": 20, "GUIDE_AFTER_S": 45}
    times = {
        f"MADZI_{name}": str(float(os.environ.get(f"MADZI_{name}", seconds)) / speed)
        for name, seconds in defaults.items()
    }
    return {
        "MADZI_ENV": "demo",
        "MADZI_DATA_DIR": str(data),
        "MADZI_DATABASE_URL": f"sqlite+aiosqlite:///{(data / 'madzi.db').resolve()}",
        "MADZI_PUBLIC_URL": gateway_url,
        "MADZI_CHANNEL_TOKEN": token,
        "MADZI_AT_BASE_URL": aggregator_url,
        "MADZI_AT_USERNAME": africastalking.username,
        "MADZI_AT_API_KEY": africastalking.api_key,
        "MADZI_AT_SENDER_ID": "MADZI",
        "MADZI_MTN_BASE_URL": f"{providers_url}/mtn",
        "MADZI_MTN_SUBSCRIPTION_KEY": mtn.subscription_key,
        "MADZI_MTN_API_USER": mtn.api_user,
        "MADZI_MTN_API_KEY": mtn.api_key,
        "MADZI_MTN_TARGET_ENVIRONMENT": mtn.target_environment,
        "MADZI_MTN_DISBURSEMENT_KEY": mtn.disbursement_key,
        "MADZI_MTN_DISBURSEMENT_USER": mtn.disbursement_user,
        "MADZI_MTN_DISBURSEMENT_API_KEY": mtn.disbursement_api_key,
        "MADZI_AIRTEL_BASE_URL": f"{providers_url}/airtel",
        "MADZI_AIRTEL_CLIENT_ID": airtel.client_id,
        "MADZI_AIRTEL_CLIENT_SECRET": airtel.client_secret,
        "MADZI_AIRTEL_CALLBACK_KEY": airtel.callback_key or "",
        "MADZI_AIRTEL_PIN": airtel.pin,
        "MADZI_AIRTEL_PUBLIC_KEY": public_der(),
        "MADZI_AIRTEL_COUNTRY": airtel.country,
        "MADZI_AIRTEL_CURRENCY": airtel.currency,
        "MADZI_AIRTEL_QUERY_AFTER_S": str(180 / speed),
        "MADZI_DARAJA_BASE_URL": f"{providers_url}/daraja",
        "MADZI_DARAJA_CONSUMER_KEY": daraja.consumer_key,
        "MADZI_DARAJA_CONSUMER_SECRET": daraja.consumer_secret,
        "MADZI_DARAJA_SHORTCODE": daraja.shortcode,
        "MADZI_DARAJA_PASSKEY": daraja.passkey,
        "MADZI_DARAJA_INITIATOR": daraja.initiator,
        "MADZI_DARAJA_INITIATOR_PASSWORD": daraja.initiator_password,
        "MADZI_DARAJA_CERTIFICATE": certificate_pem(),
        "MADZI_DARAJA_PULL": "true",
        "MADZI_ZAMTEL_BASE_URL": f"{providers_url}/zamtel",
        "MADZI_ZAMTEL_THIRD_PARTY_ID": zamtel.third_party_id,
        "MADZI_ZAMTEL_PASSWORD": zamtel.password,
        "MADZI_ZAMTEL_SHORTCODE": zamtel.shortcode,
        "MADZI_ZAMTEL_IDENTIFIER": zamtel.identifier,
        "MADZI_ZAMTEL_CREDENTIAL": zamtel.credential,
        "MADZI_KCB_BASE_URL": f"{providers_url}/kcb",
        "MADZI_KCB_CONSUMER_KEY": kcb.consumer_key,
        "MADZI_KCB_CONSUMER_SECRET": kcb.consumer_secret,
        "MADZI_KCB_TILL": kcb.till,
        "MADZI_KCB_IPN_PUBLIC_KEY": public_pem(),
        "MADZI_KCB_MULTI_BASE_URL": f"{providers_url}/kcb_multi",
        "MADZI_KCB_MULTI_API_KEY": kcb_multi.api_key,
        "MADZI_KCB_MULTI_EXTERNAL_ORIGIN": kcb_multi.external_origin,
        "MADZI_STRIPE_BASE_URL": f"{providers_url}/stripe",
        "MADZI_STRIPE_SECRET_KEY": stripe.secret_key,
        "MADZI_STRIPE_WEBHOOK_SECRET": stripe.webhook_secret,
        "MADZI_STRIPE_SUCCESS_URL": f"{gateway_url}/phone",
        **times,
    }


async def _seed(settings: Settings) -> None:
    """Bring the schema up to date, and the demo city in where there is none yet: all of it or nothing."""
    db = Database(settings.db_url)
    try:
        await schema.upgrade(db)
        clock = SystemClock()
        ids = Ids(clock)
        async with db.write() as connection:
            if (await connection.execute(sa.select(taps.c.tap_id).limit(1))).first() is None:
                for kind in _FILES:
                    source = (resources.files("fixtures") / f"{kind}.csv").read_bytes()
                    await importing.import_file(connection, kind, source, ids=ids, clock=clock)
            await raising.raise_debts(connection, period_of(clock.now()), ids=ids, clock=clock)
    finally:
        await db.close()


def _write_demo_file(
    data: Path, env: dict[str, str], gateway_url: str, providers_url: str, aggregator_url: str
) -> None:
    told: dict[str, Any] = {
        "gateway_url": gateway_url,
        "providers_url": providers_url,
        "aggregator_url": aggregator_url,
        "env": env,
    }
    draft = data / (DEMO_FILE + ".part")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(told, indent=2))
    draft.replace(data / DEMO_FILE)


async def _welcome(db: Database, gateway_url: str, providers_url: str, data: Path) -> None:
    async with db.read() as connection:
        count = (await connection.execute(sa.select(sa.func.count()).select_from(taps))).scalar()
    madzi = own_name()
    typer.echo(
        f"""Madzi is ready: {count} taps, {gateway_url}
  phone     {gateway_url}/phone   (in the browser)
  dial      {madzi} dial 0961234567                       (type the keys yourself)
            {madzi} dial 0961234567 1 1 KNY-0417-1 1 1    (pay K30.00 by MTN MoMo)
            {madzi} dial 0961239902 1 1 KNY-0417-1 1 1    (9901 to 9909: other answers)
  look      {madzi} tap show KNY-0417-1 | payment show ID | verify
  networks  {providers_url}/_sim/book   what the simulated wallets were debited
  logs      {data / "madzi.log"}
Ctrl-C stops it."""
    )
