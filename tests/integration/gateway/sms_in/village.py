"""Two taps of one caretaker, one of another, an agent, some tenants; SMS go in and replies come out."""

from datetime import UTC, datetime

import sqlalchemy as sa

from core import audit, outbox
from core.clock import ManualClock
from core.ids import Ids
from gateway import all_tables
from gateway.facts import Loader
from gateway.notifications import Notifier
from gateway.sessions.memory import MemoryCalls
from gateway.sms_answers import SmsAnswers
from gateway.sms_inbox import KIND, SmsInbox
from payments.desk import Rail, Rules
from payments.providers.base import Traits
from payments.service import PaymentService
from payments.tables import payments
from payments.validation import Limits
from payments.views import cash_held
from sms.tables import sms_inbound, sms_messages
from sms.templates import Printed
from taps import importing, raising, users
from taps.model import Role, User
from taps.tap_id import make

all_tables.load()

NOW = datetime(2026, 11, 21, 6, 15, tzinfo=UTC)  # 08:15 in Lusaka
SHARED, NUMBER = "KNY-0417-1", "241703"
SPLIT, FAR, KENYAN = make("KNY", 533), make("CZG", 12), make("NRB", 12)
KEEPER, OTHER_KEEPER, AGENT = "+260971000001", "+260971000002", "+260971000003"
MARY, JOHN, STRANGER = "+260967123456", "+260966123456", "+260961234567"
SHORT_CODE = "20880"

FILES = {
    "zones": "zone,name,country,currency,latitude,longitude\n"
    "KNY,Kanyama,ZM,ZMW,,\nCZG,Chazanga,ZM,ZMW,,\nNRB,Nairobi,KE,KES,,\n",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
    "KNY,water,KANYAMA WATER TRUST,tap_month,20.00,ZMW,2026-01-01\n"
    "KNY,refuse,KANYAMA WASTE,tap_month,10.00,ZMW,2026-01-01\n"
    "CZG,water,CHAZANGA WATER TRUST,tap_month,25.00,ZMW,2026-01-01\n"
    "NRB,water,NAIROBI WATER TRUST,tap_month,200,KES,2026-01-01\n",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    f"{SHARED},KNY,,,shared,{KEEPER},,{NUMBER}\n{SPLIT},KNY,,,individualized,{KEEPER},,\n"
    f"{FAR},CZG,,,shared,{OTHER_KEEPER},,\n{KENYAN},NRB,,,shared,,,\n",
    "tenants": "tap_id,name,msisdn,occupants,language\n"
    f"{SPLIT},Mary Banda,{MARY},4,\n{SPLIT},John Phiri,{JOHN},2,bem\n",
}
ZAMBIAN = Traits(has_query=True, push_is_repeatable=True, unit_minor=1, currencies=frozenset({"ZMW"}))
LIMITS = Limits({"ZMW": 500_000}, {"ZMW": 1_000_000})


class Village:
    def __init__(self, db):
        self.db, self.clock = db, ManualClock(NOW)
        self.ids = Ids.seeded(7, self.clock)
        printed = Printed("*384*7#", "0211000000")
        rails = {"mtn": Rail("mtn", "mtn:acc", ZAMBIAN)}
        announce = Notifier(self.clock, self.ids, printed).announce
        self.payments = PaymentService(db, self.clock, self.ids, Rules(rails=rails, limits=LIMITS), announce)
        loader = Loader(self.payments, MemoryCalls())
        self.inbox = SmsInbox(db, self.clock)
        self.answers = SmsAnswers(db, self.clock, self.ids, self.payments, loader, printed)
        self.count = 0

    async def settle(self):
        async with self.db.write() as connection:
            for kind, text in FILES.items():
                data = text.encode()
                report = await importing.import_file(connection, kind, data, ids=self.ids, clock=self.clock)
                assert not report.bad
            agent = User("Joseph Phiri", Role.AGENT, ("KNY",), AGENT)
            await users.add_user(connection, agent, self.clock.now())
            for period in ("2026-10", "2026-11"):
                await raising.raise_debts(connection, period, ids=self.ids, clock=self.clock)

    async def close(self):
        await self.inbox.close()
        await self.payments.close()

    async def post(self, sender, text, *, to=SHORT_CODE, inbound_id=None):
        self.count += 1
        inbound_id = inbound_id or f"in-{self.count}"
        await self.inbox.store({"id": inbound_id, "from": sender, "to": to, "text": text})
        return inbound_id

    async def work(self):
        """Do what a worker does until nobody waits for an answer; return how many were taken."""
        async with self.db.write() as connection:
            messages = await outbox.claim(
                connection, KIND, worker="test", now=self.clock.now(), lease_s=6, limit=500
            )
        if messages:
            await self.answers.handle(messages)
        return len(messages)

    async def say(self, sender, text, **how):
        """Send an SMS, have it answered; return the replies."""
        inbound_id = await self.post(sender, text, **how)
        await self.work()
        return [row.text for row in await self.replies(inbound_id)]

    async def replies(self, inbound_id):
        return await self.rows(sa.select(sms_messages).where(sms_messages.c.fact_key == f"in:{inbound_id}"))

    async def sms(self, msisdn):
        query = sa.select(sms_messages).where(sms_messages.c.msisdn == msisdn)
        return await self.rows(query.order_by(sms_messages.c.created_at, sms_messages.c.sms_id))

    async def payments_made(self):
        return await self.rows(sa.select(payments).order_by(payments.c.created_at))

    async def held(self, agent="Joseph Phiri"):
        async with self.db.read() as connection:
            return (await cash_held(connection, [agent]))[agent]

    async def inbound(self):
        return await self.rows(sa.select(sms_inbound).order_by(sms_inbound.c.inbound_id))

    async def audit(self):
        return await self.rows(sa.select(audit.audit_log).order_by(audit.audit_log.c.audit_id))

    async def rows(self, query):
        async with self.db.read() as connection:
            return (await connection.execute(query)).all()
