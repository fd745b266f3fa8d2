"""A city on a bad day: many residents pay at once while everything that can go wrong does.

`python -m tools.chaos --payments 2000` starts the gateway, a worker and both simulators in this process, lets
residents dial (hops repeated, calls dropped, prompts cancelled, ignored, answered too late), injects every
fault of the simulators, waits until nothing is under way any more, and then compares the simulators' books
with our ledger and checks every invariant. The seed makes people and faults repeat.
"""

import argparse
import asyncio
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from core import logs
from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from core.money import from_decimal
from core.outbox import outbox
from gateway import schema, verify
from gateway.runtime import Runtime, build_worker, open_runtime
from gateway.settings import Settings
from gateway.web import create_app
from payments.tables import credits_, ledger_balances, payments, suspense_items
from payments.verify import Verdict
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.aggregator.dialler import Call, Dialler
from simulators.aggregator.gateway import Gateway
from simulators.faults import OPERATIONS, Faults
from simulators.providers import app as providers_app
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.config import Daraja, Latency, Mtn
from simulators.providers.people import Person
from simulators.serve import Running, start
from simulators.timing import WallTime
from sms.tables import sms_messages
from taps import importing, raising
from taps.tap_id import make

PERIOD = "2026-11"
_TOKEN = "chaos-channel-token"  # noqa: S105 - opens only this run
_ANSWERS = {"wrong_pin": 0.03, "cancel": 0.06, "ignore": 0.05, "no_balance": 0.04, "unreachable": 0.02}
_MOST_CALLERS = 64


def every_fault(rate: float) -> dict[str, float]:
    """Return a probability for each fault of each operation.

    Tokens fail a tenth as often: all payments share one, and a refused one stops a rail for five seconds.
    """
    return {
        f"{operation}.{fault}": rate / 10 if operation == "token" else rate
        for operation, faults in OPERATIONS.items()
        for fault in faults
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """How bad the day is. Times in seconds, shortened so that a day passes in a minute."""

    payments: int = 200
    seed: int = 7
    rates: dict[str, float] = field(default_factory=lambda: every_fault(0.02))
    mix: dict[str, float] = field(default_factory=lambda: dict(_ANSWERS))
    late_share: float = 0.04  # of people approve only after we have given up
    repeat_share: float = 0.1  # of hops are sent twice
    kenya_share: float = 0.15
    expiry_s: float = 10.0
    database_url: str = ""


@dataclass(slots=True)
class Outcome:
    """What the day came to."""

    statuses: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)
    missing_here: list[dict[str, Any]] = field(default_factory=list)  # debited, but no success of ours
    unknowable: list[dict[str, Any]] = field(default_factory=list)  # of these: nobody could have told us
    missing_there: list[str] = field(default_factory=list)  # a success of ours that nobody debited
    sums_differ: list[str] = field(default_factory=list)
    suspense: Counter[str] = field(default_factory=Counter)
    sms: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether books and ledger agree, but for what nobody could know, and every invariant holds."""
        return not (
            self.missing_here
            or self.missing_there
            or self.sums_differ
            or [verdict for verdict in self.verdicts if not verdict.holds]
        )


@dataclass(slots=True)
class City:
    """The running parts of a day."""

    runtime: Runtime
    providers: Running
    aggregator: Running
    gateway_url: str
    taps: list[str]


async def run(plan: Plan) -> Outcome:
    """Live through the day."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        city = await _build(stack, plan)
        await _residents(city, plan)
        await _until_quiet(city, plan)
        outcome = await _compare(city)
        outcome.seconds = time.monotonic() - began
        return outcome


async def _build(stack: AsyncExitStack, plan: Plan) -> City:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    providers = await start(providers_app.create(_providers(plan)))
    stack.push_async_callback(providers.close)
    aggregator = await start(aggregator_app.create(AggregatorConfig(channel_token=_TOKEN, seed=plan.seed,
        delivery_after_s=0.2, faults=_faults(plan))))  # fmt: skip
    stack.push_async_callback(aggregator.close)
    url = plan.database_url or f"sqlite+aiosqlite:///{folder}/chaos.db"
    tap_ids = await _seed(url, plan)
    port = _free_port()
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
    return City(runtime, providers, aggregator, gateway_url, tap_ids)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    mtn, daraja, at = Mtn(), Daraja(), AggregatorConfig()
    return Settings.model_validate(
        {
            "env": "test",
            "database_url": url,
            "public_url": gateway_url,
            "channel_token": _TOKEN,
            "push_delay_s": 0,
            "payment_expiry_s": plan.expiry_s,
            "poll_after_s": 0.7,
            "guide_after_s": 3,
            "provider_timeout_s": 1.5,
            "at": {"base_url": aggregator_url, "username": at.username, "api_key": at.api_key},
            "mtn": {
                "base_url": f"{providers_url}/mtn",
                "subscription_key": mtn.subscription_key,
                "api_user": mtn.api_user,
                "api_key": mtn.api_key,
                "target_environment": mtn.target_environment,
            },
            "daraja": {
                "base_url": f"{providers_url}/daraja",
                "consumer_key": daraja.consumer_key,
                "consumer_secret": daraja.consumer_secret,
                "shortcode": daraja.shortcode,
                "passkey": daraja.passkey,
                "queries_per_minute": 60_000,
                "spike_pause_s": 1,
            },
        }
    )


async def _seed(url: str, plan: Plan) -> list[str]:
    """Bring in one shared tap for each payment, with a month's bill."""
    db = Database(url)
    await schema.upgrade(db)
    clock = SystemClock()
    ids = Ids(clock)
    kenyan = round(plan.payments * plan.kenya_share)
    taps = [make("NRB" if i < kenyan else "KNY", i + 1) for i in range(plan.payments)]
    files = {
        "zones": "zone,name,country,currency,latitude,longitude\n"
        "KNY,Kanyama,ZM,ZMW,,\nNRB,Nairobi,KE,KES,,\n",
        "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
        "KNY,water,KANYAMA WATER TRUST,tap_month,20.00,ZMW,2026-01-01\n"
        "KNY,refuse,KANYAMA WASTE,tap_month,10.05,ZMW,2026-01-01\n"
        "NRB,water,NAIROBI WATER TRUST,tap_month,200,KES,2026-01-01\n"
        "NRB,refuse,NAIROBI WASTE,tap_month,100,KES,2026-01-01\n",
        "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
        + "".join(f"{tap},{tap[:3]},,,shared,,,\n" for tap in taps),
    }
    async with db.write() as connection:
        for kind, text in files.items():
            report = await importing.import_file(connection, kind, text.encode(), ids=ids, clock=clock)
            if report.bad:
                raise SystemExit(f"the city cannot be built: {report.bad[0]}")
        await raising.raise_debts(connection, PERIOD, ids=ids, clock=clock)
    await db.close()
    return taps


async def _residents(city: City, plan: Plan) -> None:
    """Let everybody dial, some twice at the same tap, at most 64 at the same time."""
    rng = random.Random(plan.seed)
    callers = asyncio.Semaphore(_MOST_CALLERS)
    async with Gateway(city.gateway_url, _TOKEN) as gateway, aiohttp.ClientSession() as http:
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


async def _until_quiet(city: City, plan: Plan) -> None:
    """Wait until nothing is under way, nothing waits to be sent, and nobody can still be debited."""
    end = time.monotonic() + 60 + plan.payments / 20
    last = None
    while time.monotonic() < end:
        await asyncio.sleep(1)
        now = await _pending(city)
        if not any(now.values()):
            return
        if now != last:
            last = now
            print(f"    waiting: {now}", file=sys.stderr)


async def _pending(city: City) -> dict[str, int]:
    book = await _book(city)
    known = await _successes(city.runtime.db)
    unsettled = [row for row in book["debited"] if not _matches(row, known)]
    p, now = payments.c, city.runtime.clock.now()
    async with city.runtime.db.read() as connection:
        open_ = await connection.scalar(
            sa.select(sa.func.count()).select_from(payments).where(p.status.in_(("initiated", "pending")))
        )
        waiting = await connection.scalar(
            sa.select(sa.func.count())
            .select_from(outbox)
            .where(
                outbox.c.status == "waiting",
                outbox.c.kind != "sms",
                # A callback that nobody can confirm is tried for minutes; what it claims moves no money.
                outbox.c.available_at < now + timedelta(seconds=5),
            )
        )
    unknowable = await _unknowable(city.runtime.db, unsettled)
    return {
        "payments": open_ or 0,
        "outbox": waiting or 0,
        "prompts": len(book["open"]),
        "unsettled": len(unsettled) - len(unknowable),
    }


async def _book(city: City) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{city.providers.url}/_sim/book") as reply:
        book: dict[str, Any] = await reply.json()
        return book


async def _successes(db: Database) -> dict[str, Any]:
    """Return successful payments by our reference and by the provider's."""
    p = payments.c
    query = sa.select(payments, credits_.c.amount_minor.label("credited_minor")).join(
        credits_, credits_.c.payment_id == p.payment_id
    )
    async with db.read() as connection:
        rows = (await connection.execute(query.where(p.status == "success"))).all()
    return {row.reference: row for row in rows} | {
        r.provider_reference: r for r in rows if r.provider_reference
    }


def _matches(row: dict[str, Any], known: dict[str, Any]) -> bool:
    found = known.get(row["provider_reference"])
    return found is not None and found.credited_minor == from_decimal(row["amount"], row["currency"])


async def _unknowable(db: Database, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return debits whose push was not answered and whose callback was lost, on a rail without look-up.

    Only the provider's own list of transactions can tell of these; each is an open item for staff.
    """
    async with db.read() as connection:
        s, p = suspense_items.c, payments.c
        query = (
            sa.select(p.msisdn, p.amount_minor)
            .join(suspense_items, s.payment_id == p.payment_id)
            .where(s.kind == "outcome_unknown", p.status == "expired")
        )
        unknown = Counter((row.msisdn, row.amount_minor) for row in await connection.execute(query))
    found = []
    for row in rows:
        key = (row["msisdn"], from_decimal(row["amount"], row["currency"]))
        if row["provider"] == "daraja" and unknown[key] > 0:
            unknown[key] -= 1
            found.append(row)
    return found


async def _compare(city: City) -> Outcome:
    db = city.runtime.db
    book, known = await _book(city), await _successes(db)
    outcome = Outcome()
    missing = [row for row in book["debited"] if not _matches(row, known)]
    outcome.unknowable = await _unknowable(db, missing)
    outcome.missing_here = [row for row in missing if row not in outcome.unknowable]
    debited = {row["provider_reference"] for row in book["debited"]}
    outcome.missing_there = [
        row.payment_id
        for row in known.values()
        if row.reference not in debited and row.provider_reference not in debited
    ]
    outcome.sums_differ = await _sums(db, book, outcome.unknowable)
    outcome.verdicts = await verify.run(db)
    async with db.read() as connection:
        for table, column, into in (
            (payments, payments.c.status, outcome.statuses),
            (suspense_items, suspense_items.c.kind, outcome.suspense),
            (sms_messages, sms_messages.c.status, outcome.sms),
        ):
            query = sa.select(column, sa.func.count()).select_from(table).group_by(column)
            into.update({row[0]: row[1] for row in await connection.execute(query)})
    return outcome


async def _sums(db: Database, book: dict[str, Any], unknowable: list[dict[str, Any]]) -> list[str]:
    """Compare what each network debited with what our ledger says it owes us, to the minor unit."""
    there: Counter[tuple[str, str]] = Counter()
    for row in book["debited"]:
        if row not in unknowable:
            there[f"rail:{row['provider']}:default", row["currency"]] += from_decimal(
                row["amount"], row["currency"]
            )
    b = ledger_balances.c
    async with db.read() as connection:
        rows = await connection.execute(
            sa.select(ledger_balances).where(b.ledger_account.startswith("rail:"))
        )
        here = Counter({(row.ledger_account, row.currency): row.balance_minor for row in rows})
    return [f"{key}: {there[key]} there, {here[key]} here" for key in there | here if there[key] != here[key]]


def tell(outcome: Outcome) -> None:
    """Print what the day came to."""
    print(f"payments   {dict(outcome.statuses)} in {outcome.seconds:.0f} s")
    print(f"sms        {dict(outcome.sms)}")
    print(f"suspense   {dict(outcome.suspense)}")
    for name in ("missing_here", "missing_there", "sums_differ", "unknowable"):
        rows = getattr(outcome, name)
        print(f"{name:<10} {len(rows)}")
        for row in rows[:10]:
            print(f"    {row}")
    for verdict in outcome.verdicts:
        if not verdict.holds:
            print(f"BROKEN     {verdict.name}: {verdict.rows[:3]}")
    print("books and ledger agree, every invariant holds" if outcome.agrees else "THEY DO NOT AGREE")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=0.02, help="probability of each fault")
    parser.add_argument("--database-url", default="")
    args = parser.parse_args()
    logs.configure("ERROR")
    plan = Plan(args.payments, args.seed, every_fault(args.rate), database_url=args.database_url)
    outcome = asyncio.run(run(plan))
    tell(outcome)
    sys.exit(0 if outcome.agrees else 1)


if __name__ == "__main__":
    main()
