"""Payments without a database: every command gets a fresh desk, as `payments.store` would fill it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from core.clock import ManualClock
from core.ids import Ids, derived
from payments import arrivals
from payments.commands import Arrive, NextPush, Pay, PushAnswered, RecordCash, Reported, StartPush, TimeUp
from payments.decide import decide
from payments.desk import Desk, Rail, Rules
from payments.providers.account_reference import account_reference
from payments.providers.base import Arrival, Outcome, PushReply, Report, Taken, Traits
from payments.records import Agent, Credit, HeldItem
from payments.results import Accepted
from payments.validation import Limits
from taps.debts import Part, oldest_first

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
KNY, KNY2, NRB = "KNY-0417-1", "KNY-0533-5", "NRB-0001-7"
MARY, JOHN, ACHIENG = "+260960000001", "+260960000002", "+254700000003"
JOSEPH, GRACE = Agent("joseph", "+260971000003"), Agent("grace", "+260971000004")
DELAY_S = 3
KWACHA = frozenset({"ZMW"})

MTN = Traits(has_query=True, push_is_repeatable=True, unit_minor=1, currencies=KWACHA)
DARAJA = Traits(
    has_query=True,
    push_is_repeatable=False,
    unit_minor=100,
    currencies=frozenset({"KES"}),
    min_minor=100,
    query_gives_amount=False,
)
BLIND = Traits(has_query=False, push_is_repeatable=False, unit_minor=1, currencies=KWACHA)
RAILS = {
    name: Rail(name, f"{name}:acc", traits)
    for name, traits in (("mtn", MTN), ("daraja", DARAJA), ("blind", BLIND))
}


def part(tap_id, seller, amount_minor, *, period="2026-11", component="water", tenant=None):
    """A debt part that nobody has paid anything of yet."""
    debt_id = derived(tap_id, tenant or "", period)
    return Part(
        part_id=derived(debt_id, seller, component),
        debt_id=debt_id,
        period=period,
        component=component,
        seller=seller,
        amount_minor=amount_minor,
        paid_minor=0,
        tap_id=tap_id,
        tenant_id=tenant,
        zone=tap_id[:3],
        currency="KES" if tap_id.startswith("NRB") else "ZMW",
    )


CITY = (
    part(KNY, "TRUST", 2000),
    part(KNY, "CBE", 1000, component="refuse"),
    part(KNY2, "TRUST", 1500, tenant="mary"),
    part(KNY2, "TRUST", 1500, tenant="john"),
    part(NRB, "NAIROBI WATER", 5000),
)


class World:
    """All records, the time, and what has been told; `do` decides one command."""

    def __init__(self, parts=CITY, limits=None, **rules):
        self.clock = ManualClock(NOW)
        self.ids = Ids.seeded(1, self.clock)
        self.rules = Rules(rails=RAILS, limits=limits or Limits(), **rules)
        self.parts = {p.part_id: p for p in parts}
        self.payments, self.claims, self.orders = {}, {}, {}
        self.trail, self.entries, self.outbox, self.events = [], [], [], []
        self.credits, self.items = {}, {}
        self.audit, self.cash = [], {}
        self.notes, self.caretakers, self.cash_held = [], {}, {}
        self.tenancies = {(KNY2, MARY): "mary", (KNY2, JOHN): "john"}
        self.down = set()  # accounts whose breaker is not closed
        self.routes = []
        self.sent = Counter()  # payment_id -> "send" decisions

    @property
    def now(self):
        return self.clock.now()

    def wait(self, seconds):
        self.clock.advance(seconds)

    def do(self, command):
        """Decide one command; where the decision raises, nothing of it stays, as in the service."""
        desk = self.desk(starts=[command.payment_id] if isinstance(command, StartPush) else [])
        if isinstance(command, Arrive):
            desk.clues[command.account_id, command.arrival.receipt] = self.clues(command)
        answer = decide(desk, command)
        self._keep(desk)
        if isinstance(answer, NextPush) and answer.action == "send":
            self.sent[command.payment_id] += 1
        return answer

    def desk(self, starts=()):
        desk = Desk(self.now, self.ids, self.rules, down=frozenset(self.down))
        for found in oldest_first(self.parts.values()):
            desk.parts.setdefault(found.tap_id, {})[found.part_id] = found
        desk.currencies = {p.tap_id: p.currency for p in self.parts.values()}
        desk.zones = {p.tap_id: p.zone for p in self.parts.values()}
        desk.payments = dict(self.payments)
        desk.by_request = {p.payment_request_id: p.payment_id for p in self.payments.values()}
        desk.claims = {i: dict(claims) for i, claims in self.claims.items()}
        desk.open_claims = {c.part_id: i for i, of in self.claims.items() for c in of.values() if c.is_open}
        desk.orders = {i: list(orders) for i, orders in self.orders.items()}
        midnight = NOW.replace(hour=0) - timedelta(hours=2)
        for payment in self.payments.values():
            if payment.is_open and self.rules.asks_handset(payment):
                desk.handsets[payment.msisdn].add(payment.payment_id)
            is_free = payment.payment_id in self.cash or payment.provider == "wallet"
            counts = payment.status in ("initiated", "pending", "success") and not is_free
            if counts and payment.created_at >= midnight:
                desk.today_minor[payment.msisdn, payment.currency] += payment.amount_minor
        desk.wallets.update(self.wallets)
        desk.tenancies = dict(self.tenancies)
        desk.cash = dict(self.cash)
        desk.last_cash = max((receipt.number for receipt in self.cash.values()), default=0)
        desk.receipts = {
            (c["account_id"], c["receipt"]): c["payment_id"] or i
            for i, c in self.credits.items()
            if c["receipt"]
        }
        desk.unplaced = {
            row["credit_id"]: self.held(row)
            for row in self.items.values()
            if row["credit_id"] and row["status"] == "open"
        }
        desk.items = {row["item_id"]: self.held(row) for row in self.items.values()}
        desk.credits = {i: Credit(**row) for i, row in self.credits.items()}
        desk.cash_held = dict(self.cash_held)
        desk.unresolved = {i: found for i in starts if (found := self._unresolved(i))}
        return desk

    def held(self, row):
        names = HeldItem.__struct_fields__
        return HeldItem(**{name: row.get(name) for name in names})

    def _unresolved(self, payment_id):
        newer = self.payments.get(payment_id)
        mine = {c.part_id for c in self.claims.get(payment_id, {}).values() if c.is_open}
        return [
            p.payment_id
            for p in self.payments.values()
            if p.status in ("failed", "expired")
            and not p.is_final
            and mine & self.claims[p.payment_id].keys()
            and (p.asked_at is None or p.asked_at < newer.created_at)
        ]

    def _keep(self, desk):
        self.payments, self.claims, self.orders = desk.payments, desk.claims, desk.orders
        self.parts = {i: p for of_tap in desk.parts.values() for i, p in of_tap.items()}
        self.trail += desk.rows["payment_transitions"]
        self.entries += desk.rows["ledger_entries"]
        self.routes += desk.rows["payment_routes"]
        self.outbox += desk.rows["outbox"]
        self.audit += desk.rows["audit_log"]
        self.cash = desk.cash
        self.events += desk.events
        self.notes += desk.notes
        self.cash_held = desk.cash_held
        for row in desk.rows["credits"]:
            assert row["credit_id"] not in self.credits
            self.credits[row["credit_id"]] = row
        for row in desk.rows["late_receipts"]:
            self.credits[row["credit_id"]]["receipt"] = row["receipt"]
        for row in desk.rows["placed_credits"]:
            self.credits[row["credit_id"]]["payment_id"] = row["payment_id"]
        for row in desk.rows["suspense_items"]:
            self.items.setdefault(row["fact_key"], dict(row))
        by_id = {row["item_id"]: row for row in self.items.values()}
        for row in desk.rows["resolved_items"]:
            by_id[row["item_id"]].update(row)

    # What people, rails and timers do

    def pay(self, tap_id=KNY, phone=MARY, provider="mtn", *, key=None, body="b", **changes):
        """Ask to pay; a new key each time unless one is given."""
        command = Pay(
            payment_request_id=key or self.ids.new(),
            request_hash=body,
            msisdn=phone,
            contact_msisdn=phone,
            tap_id=tap_id,
            tenant_id=None,
            amount_minor=None,
            currency=None,
            provider=provider,
            channel="ussd",
            correlation_id="call-1",
            delay_s=DELAY_S,
        )
        return self.do(replace(command, **changes))

    def record(self, tap_id=KNY, agent=JOSEPH, *, key=None, **changes):
        """Have an agent record cash; a new key each time unless one is given."""
        command = RecordCash(
            payment_request_id=key or self.ids.new(),
            agent=agent,
            tap_id=tap_id,
            amount_minor=None,
            payer_msisdn=None,
            is_payers_part=True,
            channel="sms",
            source="in-1",
            correlation_id="sms-1",
        )
        return self.do(replace(command, **changes))

    def accepted(self, *args, **kwargs):
        answer = self.pay(*args, **kwargs)
        assert isinstance(answer, Accepted), answer
        return answer.payment.payment_id

    def started(self, *args, **kwargs):
        """A payment whose prompt is on its way, unanswered."""
        payment_id = self.accepted(*args, **kwargs)
        self.wait(DELAY_S)
        assert self.do(StartPush(payment_id)).action == "send"
        return payment_id

    def pushed(self, *args, **kwargs):
        """A payment whose prompt the rail has accepted."""
        payment_id = self.started(*args, **kwargs)
        self.answer(payment_id, Taken.ACCEPTED, provider_reference=f"ref-{payment_id}")
        return payment_id

    def start(self, payment_id, **how):
        return self.do(StartPush(payment_id, **how))

    def answer(self, payment_id, taken, *, account_id="", jitter=0.0, **reply):
        return self.do(PushAnswered(payment_id, PushReply(taken, **reply), account_id, jitter))

    def report(self, payment_id, outcome, *, cause="poll", hint=None, **said):
        return self.do(Reported(payment_id, Report(outcome, **said), cause, hint=hint))

    def paid(self, payment_id, **said):
        return self.report(payment_id, Outcome.PAID, **said)

    def time_up(self, payment_id):
        return self.do(TimeUp(payment_id))

    def expired(self, *args, **kwargs):
        """A payment whose prompt nobody answered, asked once more at its end."""
        payment_id = self.pushed(*args, **kwargs)
        self.wait(self.rules.expiry_s)
        self.report(payment_id, Outcome.WAITING, code="PENDING")
        return payment_id

    # What stands now

    def __getitem__(self, payment_id):
        return self.payments[payment_id]

    def open_minor(self, tap_id=KNY):
        return sum(p.open_minor for p in self.parts.values() if p.tap_id == tap_id)

    def arrive(self, receipt="TKL51ZDR4F", amount_minor=3000, typed=KNY, *, cause="c2b", **told):
        """Money that came by itself, with all that `payments.arrivals_store` would find out about it."""
        account, beside = told.pop("account", "mtn:acc"), told.pop("beside", frozenset())
        told.setdefault("currency", "ZMW")
        arrival = Arrival(receipt, amount_minor, account_reference=typed, **told)
        provider = account.split(":")[0]
        return self.do(
            Arrive(account_id=account, provider=provider, arrival=arrival, cause=cause, beside=beside)
        )

    def clues(self, command):
        arrival, account = command.arrival, command.account_id
        mine = [p for p in self.payments.values() if p.account_id == account]
        reference = arrivals.reference_of(arrival)
        own = [p.payment_id for p in mine if account_reference(p.tap_id, p.payment_id) == reference]
        same = [p for p in mine if p.amount_minor == arrival.amount_minor and p.currency == arrival.currency]
        rivals = [
            p.payment_id
            for p in same
            if (p.is_open and p.push_state in ("started", "accepted", "unknown"))
            or (p.status in ("failed", "expired") and not p.is_final)
            or (p.has_brought and not p.receipt)
        ]
        taps = {p.tap_id for p in self.parts.values()}
        readings = (
            [str(n) for n in names if str(n) in taps] for names in arrivals.typed(arrival.account_reference)
        )
        named = next((found for found in readings if found), [])
        people = [
            arrivals.Person(phone, tap_id, tenant_id)
            for (tap_id, phone), tenant_id in self.tenancies.items()
            if arrivals.fits(arrival, phone)
        ]
        return arrivals.Clues(
            own=own[0] if own else None,
            rivals=tuple(rivals) if arrivals.is_blank(arrival) else (),
            taps=tuple(named),
            tenants=tuple(person for person in people if person.tap_id in named),
            debtors=() if named else tuple(people),
            caretakers=tuple(self.caretakers.items()),
        )

    def open_claims(self, payment_id):
        return [c for c in self.claims[payment_id].values() if c.is_open]

    def balance(self, account):
        return sum(row["amount_minor"] for row in self.entries if row["ledger_account"] == account)

    @property
    def wallets(self):
        """What is kept for each phone, in minor units."""
        kept = Counter()
        for row in self.entries:
            book, _, msisdn = row["ledger_account"].partition(":")
            if book == "wallet":
                kept[msisdn, row["currency"]] -= row["amount_minor"]
        return kept

    def path(self, payment_id):
        """Every state a payment was in."""
        return [row["to_status"] for row in self.trail if row["payment_id"] == payment_id]

    def order_states(self, payment_id):
        return {order.seller: order.status for order in self.orders[payment_id]}

    def kinds(self):
        return [(item["kind"], item["held_minor"]) for item in self.items.values()]

    def told(self):
        return [type(event).__name__ for event in self.events]
