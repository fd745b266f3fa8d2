"""A small city with debts in a real database, and a random day of payments in it."""

import random

from core import bulk
from core.ids import Ids, derived
from payments.commands import Actor, HandIn, Pay, PushAnswered, RecordCash, Reported, StartPush, TimeUp
from payments.desk import Rail, Rules
from payments.providers.base import Outcome, PushReply, Report, Taken, Traits
from payments.records import Agent
from payments.results import Accepted, Recorded
from payments.service import PaymentService
from taps import tables

TRAITS = Traits(has_query=True, push_is_repeatable=True, unit_minor=1, currencies=frozenset({"ZMW"}))


def tap_id(n):
    return f"KNY-{n:04}-0"


def phone(n):
    return f"+26096{n:07}"


async def build(db, now, taps):
    """Write `taps` taps that owe K20 to the trust and K10 to the CBE each."""
    rows = {
        "zones": [{"zone": "KNY", "name": "Kanyama", "country": "ZM", "currency": "ZMW"}],
        "taps": [
            {"tap_id": tap_id(n), "tap_number": f"{n:06}", "zone": "KNY", "created_at": now}
            for n in range(taps)
        ],
        "debts": [_debt(n, now) for n in range(taps)],
        "debt_parts": [row for n in range(taps) for row in _parts(n)],
    }
    async with db.write() as connection:
        for name, of in rows.items():
            await bulk.insert(connection, getattr(tables, name), of)


def _debt(n, now):
    return {
        "debt_id": derived("debt", str(n)),
        "tap_id": tap_id(n),
        "owner": tap_id(n),
        "zone": "KNY",
        "period": "2026-11",
        "currency": "ZMW",
        "created_at": now,
    }


def _parts(n):
    for component, seller, amount_minor in (("water", "TRUST", 2000), ("refuse", "CBE", 1000)):
        yield {
            "part_id": derived("part", str(n), seller),
            "debt_id": derived("debt", str(n)),
            "component": component,
            "seller": seller,
            "amount_minor": amount_minor,
            "paid_minor": 0,
        }


def service(db, clock, seed=1, **rules):
    """A payment service of its own, as another process has one."""
    told = []

    async def announce(_connection, events):
        told.extend(events)

    rails = {"mtn": Rail("mtn", "mtn:acc", TRAITS)}
    made = PaymentService(db, clock, Ids.seeded(seed, clock), Rules(rails=rails, **rules), announce)
    made.told = told
    return made


def pay(n=0, who=1, *, key=None, amount_minor=None, body="b"):
    return Pay(
        payment_request_id=derived("key", key or f"{n}:{who}"),
        request_hash=body,
        msisdn=phone(who),
        contact_msisdn=phone(who),
        tap_id=tap_id(n),
        tenant_id=None,
        amount_minor=amount_minor,
        currency=None,
        provider="mtn",
        channel="ussd",
        correlation_id="call",
        delay_s=0,
    )


def cash(n=0, agent="joseph", *, key=None, amount_minor=None, payer=None):
    return RecordCash(
        payment_request_id=derived("cash", key or f"{n}:{agent}"),
        agent=Agent(agent, "+260971000003"),
        tap_id=tap_id(n),
        amount_minor=amount_minor,
        payer_msisdn=payer,
        is_payers_part=True,
        channel="sms",
        source="in-1",
        correlation_id="sms",
    )


def hand_in(amount_minor, agent="joseph", safe="KNY"):
    return HandIn(
        agent=Agent(agent, "+260971000003"),
        safe=safe,
        amount_minor=amount_minor,
        currency="ZMW",
        actor=Actor("office", "cli", "here"),
    )


def accepted(payment_id):
    return PushAnswered(payment_id, PushReply(Taken.ACCEPTED, provider_reference=f"r-{payment_id}"))


def paid(payment_id, **said):
    return Reported(payment_id, Report(Outcome.PAID, **said), "poll")


async def settle(service, command):
    """Accept, push and pay one payment; return its id."""
    answer = await service.submit(command)
    payment_id = answer.payment.payment_id
    for step in (
        StartPush(payment_id),
        accepted(payment_id),
        paid(payment_id, receipt=f"R{payment_id[-8:]}"),
    ):
        await service.submit(step)
    return payment_id


class RandomDay:
    """Seeded people, workers and rails; every command that it makes is one that really comes."""

    def __init__(self, seed, taps, phones):
        self.random = random.Random(seed)
        self.taps, self.phones = taps, phones
        self.known = []

    def command(self):
        chance = self.random.random()
        if chance < 0.35 or not self.known:
            return self._cash() if chance < 0.1 else self._pay()
        payment_id = self.random.choice(self.known)
        if chance < 0.55:
            return StartPush(payment_id)
        if chance < 0.7:
            return PushAnswered(payment_id, PushReply(self.random.choice(list(Taken)), code="x"))
        if chance < 0.75:
            return TimeUp(payment_id)
        return self._report(payment_id)

    def _pay(self):
        return pay(
            self.random.randrange(self.taps),
            self.random.randrange(self.phones),
            key=str(self.random.randrange(400)),
            amount_minor=self.random.choice([None, None, 700, 1000]),
        )

    def _cash(self):
        return cash(
            self.random.randrange(self.taps),
            self.random.choice(["joseph", "grace"]),
            key=str(self.random.randrange(100)),
            amount_minor=self.random.choice([None, 300, 5000]),
            payer=self.random.choice([None, phone(1)]),
        )

    def _report(self, payment_id):
        choose = self.random.choice
        report = Report(
            choose([*Outcome, Outcome.PAID]),
            code="x",
            receipt=choose([None, f"R{payment_id[-6:]}", "SAME"]),
            amount_minor=choose([None, None, 300, 5000]),
            currency=choose([None, None, None, "USD"]),
        )
        return Reported(payment_id, report, choose(["poll", "callback"]))

    def learn(self, answers):
        self.known += [
            a.payment.payment_id for a in answers if isinstance(a, Accepted | Recorded) and not a.is_repeat
        ]
