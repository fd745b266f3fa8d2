"""All that a process needs, built once and passed down; nothing opens a connection at import."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from random import SystemRandom
from typing import Any

import aiohttp
import structlog
from pydantic import BaseModel

from core import outbox, vault
from core.clock import Clock, SystemClock
from core.db import Database
from core.ids import Ids
from core.metrics import CALLBACKS
from gateway import facts
from gateway.accounts import Build, Gateways, stop
from gateway.arrivals import Arrivals
from gateway.callbacks import Confirmer, Inbox
from gateway.channels.networks import Networks
from gateway.health import Health
from gateway.hops import Hops
from gateway.master_key import masters
from gateway.notifications import Notifier
from gateway.payout_notices import PayoutNotifier
from gateway.payouts import KIND as PAYOUT
from gateway.payouts import Payouts, Rails
from gateway.pushes import Pusher
from gateway.reminders import Plan, Reminders, still_wanted
from gateway.sessions.calls import CallStore
from gateway.sessions.database import DatabaseCalls
from gateway.sessions.memory import MemoryCalls
from gateway.sessions.redis import RedisCalls
from gateway.settings import Sessions, Settings
from gateway.sms_answers import MOST_TOGETHER, SmsAnswers
from gateway.sms_inbox import KIND as SMS_IN
from gateway.sms_inbox import SmsInbox
from gateway.workers import Together, Worker
from payments.payouts.desk import PayoutRules
from payments.payouts.service import PayoutService
from payments.providers.accounts import Account, callback_url, payout_urls
from payments.providers.airtel import Airtel
from payments.providers.base import Provider
from payments.providers.daraja import Daraja
from payments.providers.http import Http, HttpSettings
from payments.providers.kcb import Kcb
from payments.providers.kcb_multi import KcbMulti
from payments.providers.mtn import Mtn
from payments.providers.stripe_settings import StripeSettings
from payments.providers.tokens import MemoryTokens
from payments.providers.zamtel import Zamtel
from payments.service import PaymentService
from sms.delivery import Delivery
from sms.manners import Asking
from sms.quiet import QuietHours
from sms.senders.africastalking import AfricasTalking
from sms.senders.base import Sender
from sms.senders.log import LogSender
from sms.templates import Printed
from ussd_menus.outcome import MenuSettings

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a process."""

    settings: Settings
    db: Database
    clock: Clock
    ids: Ids
    gateways: Gateways
    payments: PaymentService
    health: Health
    calls: CallStore
    hops: Hops
    inbox: Inbox
    sms_inbox: SmsInbox
    pusher: Pusher
    payouts: Payouts
    arrivals: Arrivals
    confirmer: Confirmer
    sender: Sender

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts that can be used now, by their newest callback token."""
        return self.gateways.by_token

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider of each account that can be used now, by its id."""
        return self.gateways


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, processes: int = 1, clock: Clock | None = None, ids: Ids | None = None
) -> AsyncIterator[Runtime]:
    """Build a runtime over a database whose schema is current; close everything at the end."""
    clock = clock or SystemClock()
    ids = ids or Ids(clock)
    async with AsyncExitStack() as stack:
        db = Database(settings.db_url, longest_s=settings.statement_timeout_s)
        stack.push_async_callback(db.close)
        total_s = settings.provider_timeout_s
        limits = HttpSettings(total_s=total_s, connect_s=min(5.0, total_s / 2))
        http = await stack.enter_async_context(Http(limits))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        held = limits.model_copy(update={"connections": _MOST_HELD, "keep_alive": False})
        held_http = await stack.enter_async_context(Http(held))
        build = _builder(http, held_http, clock)
        # Where the database is not there, or not ready, the process ends before it makes a key of its own.
        async with db.read() as connection:
            await vault.turn(connection)
        gateways = Gateways(db, clock, ids, settings, masters(settings), build, _RAILS)
        await gateways.begin()
        stack.push_async_callback(stop, asyncio.create_task(gateways.watch()))
        yield _assemble(settings, db, clock, ids, gateways, session, stack, processes=processes)


def _assemble(
    settings: Settings,
    db: Database,
    clock: Clock,
    ids: Ids,
    gateways: Gateways,
    session: aiohttp.ClientSession,
    stack: AsyncExitStack,
    *,
    processes: int,
) -> Runtime:
    printed = Printed(settings.service_code, settings.support_phone)
    notifier = Notifier(clock, ids, printed, settings.public_url)
    health = Health(db, clock, ids, gateways, settings.breaker.policy(settings.provider_timeout_s))
    payments = PaymentService(db, clock, ids, gateways.rules, notifier.announce, health.down)
    stack.push_async_callback(health.close)
    stack.push_async_callback(payments.close)
    gateways.tell(payments.use)
    calls = _calls(settings, processes)
    stack.push_async_callback(calls.close)
    hops = Hops(
        db,
        clock,
        ids,
        payments,
        calls,
        _menus(settings),
        push_delay_s=settings.push_delay_s,
        repeat_within_s=settings.repeat_within_s,
        max_waiting=settings.max_waiting_hops,
    )
    stack.push_async_callback(hops.close)
    inbox = Inbox(db, clock, ids)
    stack.push_async_callback(inbox.close)
    sms_inbox = SmsInbox(db, clock)
    stack.push_async_callback(sms_inbox.close)
    payouts = _payouts(settings, db, clock, ids, gateways, stack)
    pusher = Pusher(
        db,
        clock,
        payments,
        gateways,
        lambda p: callback_url(settings.public_url, gateways.account_of(p.account_id), p.callback_key),
        health,
    )
    stack.push_async_callback(pusher.close)
    arrivals = Arrivals(
        db,
        clock,
        ids,
        payments,
        gateways,
        pusher.ask,
        lambda account_id, key: payout_urls(settings.public_url, gateways.account_of(account_id), key),
        sweep_every_s=settings.pull_every_s,
    )
    stack.push_async_callback(arrivals.close)
    confirmer = Confirmer(db, payments, gateways, arrivals.take)
    stack.push_async_callback(confirmer.close)
    return Runtime(
        settings=settings,
        db=db,
        clock=clock,
        ids=ids,
        gateways=gateways,
        payments=payments,
        health=health,
        calls=calls,
        hops=hops,
        inbox=inbox,
        sms_inbox=sms_inbox,
        pusher=pusher,
        payouts=payouts,
        arrivals=arrivals,
        confirmer=confirmer,
        sender=AfricasTalking(session, settings.at) if settings.at else LogSender(),
    )


def _payouts(
    settings: Settings, db: Database, clock: Clock, ids: Ids, gateways: Gateways, stack: AsyncExitStack
) -> Payouts:
    notifier = PayoutNotifier(clock, ids, Printed(settings.service_code, settings.support_phone))
    rules = PayoutRules(
        rails=Rails(gateways), limit_minor=settings.refund_limit_minor, poll_after_s=settings.poll_after_s
    )
    service = PayoutService(db, clock, ids, rules, gateways.rules, notifier.announce)
    gateways.tell(service.use)
    stack.push_async_callback(service.close)
    payouts = Payouts(
        db,
        clock,
        service,
        gateways,
        lambda p: payout_urls(settings.public_url, gateways.account_of(p.account_id), p.callback_key),
    )
    stack.push_async_callback(payouts.close)
    return payouts


def _calls(settings: Settings, processes: int) -> CallStore:
    if settings.kept_in is Sessions.MEMORY:
        return MemoryCalls()
    if settings.kept_in is Sessions.REDIS:
        return RedisCalls(settings.redis_url)
    return DatabaseCalls(trust_memory=processes == 1)


def _menus(settings: Settings) -> Callable[[str], MenuSettings]:
    """Return what gives a menu's settings for a network: those with the same screens share them."""
    networks = Networks(settings.networks, septets=settings.screen_septets)
    code, phone = settings.service_code, settings.support_phone
    sized = {
        septets: MenuSettings(
            service_code=code,
            support_phone=phone,
            septets=septets,
            wait_for_provider_s=settings.wait_for_provider_s,
        )
        for septets in networks.sizes()
    }
    # Every hop asks; what an aggregator may send as a code has no bound.
    return lru_cache(maxsize=256)(lambda network_code: sized[networks.septets(network_code)])


def _stripe(own: StripeSettings, **common: Any) -> Provider:
    """Build Stripe; its SDK is large, and whoever does not use it need not load it."""
    from payments.providers.stripe import Stripe

    return Stripe(own, **common)


# Each is there when the settings of its name are.
_RAILS: Mapping[str, Callable[..., Provider]] = {
    "mtn": Mtn,
    "airtel": Airtel,
    "zamtel": lambda own, *, http, **_: Zamtel(own, http=http),
    "daraja": Daraja,
    "kcb": Kcb,
    "kcb_multi": KcbMulti,
    "stripe": _stripe,
}
# Their calls stay open while a payer enters the PIN: they share no connections with the others.
_HELD = frozenset({"zamtel"})
_MOST_HELD = 200


def _builder(http: Http, held_http: Http, clock: Clock) -> Build:
    def build(provider: str, own: BaseModel, account_id: str) -> Provider | None:
        rail = _RAILS.get(provider)
        # Each has tokens of its own: those of credentials that were changed end with them.
        common: dict[str, Any] = {
            "account_id": account_id, "http": held_http if provider in _HELD else http, "clock": clock,
            "store": MemoryTokens(),
        }  # fmt: skip
        return rail(own, **common) if rail else None

    return build


def build_worker(runtime: Runtime, *, name: str | None = None) -> Worker:
    """Return a worker for everything that the outbox can hold."""
    delivery = Delivery(runtime.db, runtime.sender, runtime.clock, SystemRandom().random)
    asking = Asking(QuietHours.parse(runtime.settings.quiet_hours), still_wanted)
    reminding = Delivery(
        runtime.db,
        runtime.sender,
        runtime.clock,
        SystemRandom().random,
        concurrency=REMINDERS_AT_ONCE,
        asking=asking,
    )

    answers = SmsAnswers(
        runtime.db,
        runtime.clock,
        runtime.ids,
        runtime.payments,
        facts.Loader(runtime.payments, runtime.calls),
        Printed(runtime.settings.service_code, runtime.settings.support_phone),
    )

    async def callback(message: outbox.Message) -> dict[str, Any]:
        return await confirm(runtime, message)

    async def check_due() -> int:
        due = await runtime.pusher.check_due() + await runtime.payouts.check_due()
        return due + await runtime.arrivals.sweep_due()

    return Worker(
        runtime.db,
        runtime.clock,
        {"push": runtime.pusher.handle, PAYOUT: runtime.payouts.handle, "callback": callback},
        {
            "sms": delivery.handle,
            "reminder": reminding.handle,
            SMS_IN: Together(answers.handle, MOST_TOGETHER),
        },
        check_due,
        name=name,
        tick=runtime.health.tick,
    )


def build_reminders(runtime: Runtime) -> Reminders | None:
    """Return what the clock runs to remind people; None where nobody is to be reminded."""
    settings = runtime.settings
    if not settings.reminders:
        return None
    plan = Plan(
        settings.remind_before_days,
        settings.remind_after_days,
        settings.reminders_a_month,
        QuietHours.parse(settings.quiet_hours),
    )
    printed = Printed(settings.service_code, settings.support_phone)
    return Reminders(runtime.db, runtime.clock, runtime.ids, plan, printed)


REMINDERS_AT_ONCE = 4


async def confirm(runtime: Runtime, message: outbox.Message) -> dict[str, Any]:
    """Handle an outbox row of kind `callback`: confirm it, note the verdict, or look again a little later."""
    raw_id = message.body["raw_id"]
    raw = await runtime.confirmer.stored(raw_id)
    provider = await runtime.gateways.find_provider(raw.account_id)
    finding = await runtime.arrivals.noticed(raw, provider) if provider else None
    if finding is None and provider:
        finding = await runtime.payouts.noticed(raw, provider)
    if finding is None:
        finding = await runtime.confirmer.confirm(raw)
    now = runtime.clock.now()
    if finding.again_after_s is not None and message.attempts + 1 < finding.tries:
        wait_s = max(finding.again_after_s, outbox.backoff_s(message.attempts, jitter=0, most_s=60))
        return outbox.again(message, at=now + timedelta(seconds=wait_s), error=finding.verdict)
    CALLBACKS.labels(finding.verdict).inc()
    _log.info(
        "callback_judged", raw_id=raw_id, verdict=finding.verdict, payment_id=finding.payment_id,
        account_id=raw.account_id,
    )  # fmt: skip
    await runtime.confirmer.judge(raw_id, finding)
    return outbox.done(message.outbox_id, now=now)
