"""A street of taps with bills in a real database, and people who may be reminded of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import bulk, outbox
from core import ids as core_ids
from core.clock import ManualClock
from gateway import reminders
from gateway.reminders import Plan, Reminders
from payments import tables as pay
from sms.delivery import Delivery
from sms.manners import Asking
from sms.quiet import QuietHours
from sms.senders.base import Handed, Outcome
from sms.tables import sms_messages
from sms.templates import Printed
from taps import tables

PERIOD, BEFORE = "2026-11", "2026-10"
MORNING = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)  # 09:00 in Lusaka, three days before the last day
QUIET = QuietHours.parse("20:00-08:00")


class Aggregator:
    """Takes everything and keeps it."""

    def __init__(self):
        self.given = []

    async def send(self, message):
        self.given.append((message.msisdn, message.text))
        return Handed(Outcome.SENT, "101 Success", f"AT{len(self.given)}")


@dataclass
class Street:
    """Builds rows with as few words as a test needs."""

    db: object
    clock: object
    ids: object
    aggregator: Aggregator = field(default_factory=Aggregator)

    async def add(self, table, *rows):
        async with self.db.write() as connection:
            await bulk.insert(connection, table, rows)

    async def zone(self, zone="KNY", country="ZM", currency="ZMW"):
        await self.add(tables.zones, {"zone": zone, "name": zone, "country": country, "currency": currency})

    async def tap(self, tap_id, *, zone="KNY", caretaker=None):
        number = f"{sum(map(ord, tap_id)):06}"
        row = {"tap_id": tap_id, "tap_number": number, "zone": zone, "caretaker_msisdn": caretaker}
        await self.add(tables.taps, row | {"created_at": MORNING})

    async def tenant(self, tap_id, msisdn, *, removed=False):
        tenant_id = self.ids.new()
        row = {"tenant_id": tenant_id, "tap_id": tap_id, "msisdn": msisdn, "name": "N", "occupants": 1}
        row |= {"created_at": MORNING, "removed_at": MORNING if removed else None}
        await self.add(tables.tenants, row)
        return tenant_id

    async def owes(self, tap_id, amount_minor=3000, *, tenant=None, period=PERIOD, paid=0, zone="KNY"):
        """Bill a tap, or one tenant of it, for one part; return the part's id."""
        debt_id, part_id = self.ids.new(), self.ids.new()
        currency = "KES" if zone == "NRB" else "ZMW"
        debt = {"debt_id": debt_id, "tap_id": tap_id, "tenant_id": tenant, "owner": tenant or tap_id}
        debt |= {"zone": zone, "period": period, "currency": currency, "created_at": MORNING}
        await self.add(tables.debts, debt)
        part = {"part_id": part_id, "debt_id": debt_id, "component": "water", "seller": "TRUST"}
        await self.add(tables.debt_parts, part | {"amount_minor": amount_minor, "paid_minor": paid})
        return part_id

    async def pays(self, part_id, amount_minor):
        async with self.db.write() as connection:
            change = {"part_id": part_id, "paid_minor": amount_minor}
            await bulk.update(connection, tables.debt_parts, [change])

    async def payment(self, tap_id, msisdn, *, at=MORNING, provider="mtn", status="success", claims=None):
        """Store a payment for a tap, with an open claim on a part if one is given."""
        payment_id, checkout_id = self.ids.new(), self.ids.new()
        shared = {"checkout_id": checkout_id, "tap_id": tap_id, "msisdn": msisdn, "channel": "ussd"}
        shared |= {"amount_minor": 3000, "currency": "ZMW", "created_at": at}
        await self.add(pay.checkouts, shared)
        row = {
            **shared, "payment_id": payment_id, "payment_request_id": self.ids.new(), "request_hash": "h",
            "contact_msisdn": msisdn, "zone": "KNY", "period": PERIOD, "provider": provider,
            "account_id": "a", "reference": self.ids.new(), "callback_key": payment_id[-22:],
            "correlation_id": "c",
            "validation": "proceed", "status": status, "is_final": True, "push_state": "accepted",
            "push_attempts": 1, "push_after": at, "expires_at": at, "checks": 0, "moves": 1,
            "updated_at": at, "version": 1,
        }  # fmt: skip
        await self.add(pay.payments, row)
        if claims:
            claim = {"payment_id": payment_id, "part_id": claims, "order_id": self.ids.new()}
            claim |= {"amount_minor": 3000, "credited_minor": 0, "is_open": True}
            await self.add(pay.claims, claim)

    def reminders(self, **changes):
        """Return what the clock runs; a second one is a clock that was started again."""
        plan = Plan(**{"quiet": QUIET} | changes)
        return Reminders(self.db, self.clock, self.ids, plan, Printed("*384*7#", "0211000000"))

    async def remind(self, **changes):
        return await self.reminders(**changes).run()

    async def deliver(self):
        """Hand over what is due, as the worker does; return what left."""
        before = len(self.aggregator.given)
        async with self.db.write() as connection:
            due = await outbox.claim(
                connection, "reminder", worker="w", now=self.clock.now(), lease_s=60, limit=100
            )
        asking = Asking(QUIET, reminders.still_wanted)
        await Delivery(self.db, self.aggregator, self.clock, lambda: 0.0, asking=asking).handle(due)
        return self.aggregator.given[before:]

    async def messages(self):
        async with self.db.read() as connection:
            query = sa.select(sms_messages).order_by(sms_messages.c.msisdn, sms_messages.c.fact_key)
            return (await connection.execute(query)).all()

    async def told(self):
        return [(row.msisdn, row.text) for row in await self.messages()]


@pytest.fixture
async def street(db):
    clock = ManualClock(MORNING)
    built = Street(db, clock, core_ids.Ids.seeded(3, clock))
    await built.zone()
    return built
