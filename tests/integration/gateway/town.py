"""A small town for tests: simulated networks and aggregator, one database, and gateways that come and go."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import aiohttp
import pytest
import sqlalchemy as sa

from core.db import Database
from gateway import verify
from gateway.runtime import build_worker, open_runtime
from gateway.serving import listen
from gateway.web import create_app
from payments.providers.accounts import urls
from payments.tables import claims, credits_, ledger_balances, payments, suspense_items
from simulators.aggregator import app as aggregator_app
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway as Line
from simulators.faults import Step
from simulators.providers import app as providers_app
from simulators.providers.config import Config as ProvidersConfig
from simulators.providers.config import Latency
from simulators.providers.people import Answer, Person
from simulators.serve import start
from sms.tables import sms_messages
from taps.tap_id import make
from tools import towns
from tools.ports import free_port
from tools.towns import PERIOD, TOKEN, kcb_settings, settings_of, zamtel_settings  # noqa: F401 - for tests too

TAP = "KNY-0417-1"  # shared: K20.00 water, K10.05 rubbish
OTHER_TAP = make("KNY", 533)
KENYAN_TAP = make("NRB", 12)  # KES 200 water, KES 100 rubbish
CALLER, NEIGHBOUR, KENYAN = "+260961234567", "+260967654321", "+254708374149"
WITH_ZAMTEL = "+260955123456"
WITH_AIRTEL = "+260977123456"
PAY_ALL = ("1", "1", TAP, "1", "1")  # a phone that never called: English, pay, the tap, all of it, yes
OWED, KENYAN_OWED = 3005, 30000

# For `pytest.mark.parametrize`: every store of calls, the database on both dialects.
EVERY_STORE = {
    "argnames": ("town_url", "kept_in"),
    "argvalues": [
        pytest.param("sqlite", "memory", id="memory"),
        pytest.param("sqlite", "database", id="sqlite"),
        pytest.param("postgresql", "database", id="postgresql"),
        pytest.param("sqlite", "redis", id="redis"),
    ],
    "indirect": True,
}


async def settle(url):
    """Give a new database its schema, three taps and a month's bill."""
    await towns.settle(url, (TAP, OTHER_TAP, KENYAN_TAP))


async def until(fact, within_s=8.0):
    """Wait for something to come true, and return it; a bound for a test that hangs, not a measurement."""
    async with asyncio.timeout(within_s):
        while not (found := await fact()):  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.03)
    return found


@dataclass
class House:
    """One gateway process of the town: web and, unless left out, a worker."""

    runtime: object
    url: str
    stack: AsyncExitStack
    worker: object = None

    async def close(self):
        await self.stack.aclose()


@dataclass
class Town:
    url: str
    stack: AsyncExitStack
    http: aiohttp.ClientSession = None
    providers: object = None
    aggregator: object = None
    network: object = None
    world: object = None
    db: Database = None
    port: int = field(default_factory=free_port)

    async def build(self):
        self.http = await self.stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        )
        app = providers_app.create(
            ProvidersConfig(
                latency=Latency(prompt_s=0.02, callback_s=0.02),
                person=Person(after_s=0.05),
                number_rules={},
            )
        )
        self.providers = await start(app)
        self.network = app[providers_app.NETWORK]
        self.stack.push_async_callback(self.providers.close)
        app = aggregator_app.create(
            AggregatorConfig(gateway_url=self.gateway_url, channel_token=TOKEN, delivery_after_s=0.02)
        )
        self.aggregator = await start(app)
        self.world = app[aggregator_app.WORLD]
        self.stack.push_async_callback(self.aggregator.close)
        self.db = Database(self.url)
        self.stack.push_async_callback(self.db.close)

    @property
    def gateway_url(self):
        return f"http://127.0.0.1:{self.port}"

    async def open(self, *, port=None, processes=1, worker=True, **changes):
        """Start a gateway on the town's database; the caller may close it before the test ends."""
        port = port or self.port
        settings = settings_of(self.url, self.gateway_url, self.providers.url, self.aggregator.url, **changes)
        stack = AsyncExitStack()
        self.stack.push_async_callback(stack.aclose)
        runtime = await stack.enter_async_context(open_runtime(settings, processes=processes))
        await self.enter_in_airtels_portal(runtime)
        hands = build_worker(runtime, name=f"test-{port}") if worker else None
        app = create_app(runtime, hands.wake) if hands else create_app(runtime)
        runner = await listen(app, port=port)
        stack.push_async_callback(runner.cleanup)
        if hands:
            hands.start()
            stack.push_async_callback(hands.stop)
        return House(runtime, f"http://127.0.0.1:{port}", stack, hands)

    async def enter_in_airtels_portal(self, runtime):
        """Airtel's callback address does not travel with a push, nor Stripe's: people enter it."""
        for account in runtime.accounts.values():
            if account.provider == "airtel":
                address = {"callback_url": urls(self.gateway_url, account)["callback"]}
                async with self.http.put(f"{self.providers.url}/airtel/_sim/portal", json=address) as reply:
                    assert reply.status == 200
            if account.provider == "stripe":
                address = {"url": urls(self.gateway_url, account)["callback"]}
                async with self.http.put(f"{self.providers.url}/stripe/_sim/webhook", json=address) as reply:
                    assert reply.status == 200

    # What people do.

    def person(self, msisdn, answer, **how):
        self.network.people.tell(msisdn, Person(Answer(answer), **{"after_s": 0.05, **how}))

    def fault(self, provider, operation, fault, **how):
        self.network.faults.add([Step(provider, operation, fault, **how)])

    async def hop(self, history, *, session="s1", msisdn=CALLER, url=None, token=TOKEN, **changes):
        """Post one hop as the aggregator would; return status, body and headers."""
        form = {
            "sessionId": session,
            "phoneNumber": msisdn,
            "networkCode": "64502",
            "serviceCode": "*384*7#",
            "text": history,
        }
        form = {name: value for name, value in (form | changes).items() if value is not None}
        address = f"{url or self.gateway_url}/ussd/africastalking/{token}"
        async with self.http.post(address, data=form) as reply:
            return reply.status, await reply.text(), reply.headers

    async def hops(self, *typed, **how):
        """Make a call hop by hop; return the bodies."""
        history = [""] + ["*".join(typed[:n]) for n in range(1, len(typed) + 1)]
        return [(await self.hop(text, **how))[1] for text in history]

    async def dial(self, *typed, msisdn=CALLER, code=None):
        """Make a call by the aggregator's simulator, with the end event; return the call."""
        async with Line(self.gateway_url, TOKEN) as line:
            call = await Dialler(line).dial(msisdn, code)
            for word in typed:
                if not call.over:
                    await call.enter(word)
            return call

    # What can be seen.

    async def rows(self, query):
        async with self.db.read() as connection:
            return (await connection.execute(query)).all()

    async def payments(self):
        return await self.rows(sa.select(payments).order_by(payments.c.created_at, payments.c.payment_id))

    async def payment(self, status=None, within_s=8.0):
        """Return the newest payment, once it has this status."""

        async def look():
            found = await self.payments()
            return found[-1] if found and status in (None, found[-1].status) else None

        return await until(look, within_s)

    async def all_end(self, count=1):
        """Wait until `count` payments stand and none is under way; return them."""

        async def look():
            found = await self.payments()
            over = all(p.status not in ("initiated", "pending") for p in found)
            return found if over and len(found) == count else None

        return await until(look)

    async def sms(self, msisdn=CALLER, count=1):
        """Wait for this many SMS on a handset; return their texts, oldest first."""

        async def look():
            found = [message.text for message in self.world.inbox.find(msisdn, None, lost_too=False)]
            return found if len(found) >= count else None

        return await until(look) if count else self.received(msisdn)

    def received(self, msisdn=CALLER):
        return [message.text for message in self.world.inbox.find(msisdn, None, lost_too=False)]

    def book(self):
        return self.network.book.report()

    async def templates(self):
        query = sa.select(sms_messages).order_by(sms_messages.c.sms_id)
        return [row.template for row in await self.rows(query)]

    async def items(self):
        return await self.rows(sa.select(suspense_items).order_by(suspense_items.c.item_id))

    async def callbacks(self, count=1):
        """Wait until this many callbacks were sent; return how the gateway answered each."""

        async def look():
            sent = list(self.network.sender.recent)
            return sent if len(sent) >= count else None

        return [sent["outcome"] for sent in await until(look)]

    async def agrees(self, unknown=0):
        """Check every invariant, and our ledger against the networks' own books."""
        broken = [verdict for verdict in await verify.run(self.db) if not verdict.holds]
        assert broken == []
        debited = [(row["external_id"], row["provider"], row["amount"]) for row in self.book()["debited"]]
        # What we kept and is spent now came before, and is in no network's book a second time.
        credited = await self.rows(sa.select(credits_).where(credits_.c.account_id != "wallet:default"))
        assert len(debited) == len(credited) + unknown
        open_ = {p.payment_id for p in await self.payments() if p.status in ("initiated", "pending")}
        assert not [c for c in await self.rows(sa.select(claims)) if c.is_open and c.payment_id not in open_]
        balances = await self.rows(sa.select(ledger_balances))
        rails = sum(b.balance_minor for b in balances if b.ledger_account.startswith("rail:"))
        assert rails == sum(c.amount_minor for c in credited)
        return credited
