"""The desk: all that a batch of commands has loaded, and all that it has decided so far.

Decisions read and change the desk only, so that they can be tested without a database, and so that the
second command of a batch sees what the first has done. `payments.store` fills it and writes it back.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from core.ids import Ids
from payments.arrivals import Clues
from payments.events import Event, Note
from payments.lifecycles import ITEM, ORDER, PAYMENT
from payments.providers.base import Traits
from payments.records import CashReceipt, Claim, Credit, HeldItem, Order, Payment
from payments.routing_rules import Fee
from payments.validation import Limits
from payments.wallet import accounts as wallets
from taps.debts import Part


@dataclass(frozen=True, slots=True)
class Rail:
    """A provider as decisions see it: the gateway account that would be used, and its traits."""

    provider: str
    account_id: str
    traits: Traits


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that decide: rails, limits, and times in seconds."""

    rails: Mapping[str, Rail]  # by provider, of zones without their own
    zone_rails: Mapping[tuple[str, str], Rail] = field(default_factory=dict)  # by zone and provider
    closed: frozenset[tuple[str, str]] = frozenset()  # zone and provider: not offered there
    known: Mapping[str, Rail] = field(default_factory=dict)  # by account_id, also what takes nothing new
    limits: Limits = field(default_factory=Limits)
    expiry_s: float = 300
    poll_after_s: float = 20
    guide_after_s: float = 45
    ask_for_s: float = 86_400
    push_attempts: int = 6
    wait_for_rail_s: float = 7200
    fees: Mapping[str, Fee] = field(default_factory=dict)  # what a collection costs us: by account, provider

    def rail(self, zone: str, provider: str) -> Rail | None:
        """Return the rail by which a provider collects for a zone; None where it does not."""
        if (zone, provider) in self.closed:
            return None
        return self.zone_rails.get((zone, provider)) or self.rails.get(provider)

    def rails_of(self, zone: str) -> list[Rail]:
        """Return the rails of a zone: its own, and those of zones without their own."""
        own = {provider: rail for (of, provider), rail in self.zone_rails.items() if of == zone}
        rails = {**self.rails, **own}
        return [rail for provider, rail in rails.items() if (zone, provider) not in self.closed]

    def expiry_of(self, payment: Payment) -> float:
        """Return how long the payer has from the accepted push, in seconds."""
        try:
            own = self.traits(payment).expiry_s
        except KeyError:
            own = None
        return self.expiry_s if own is None else own

    def asks_handset(self, payment: Payment) -> bool:
        """Say whether the payer is asked on a handset; a rail that nobody knows any more counts as one."""
        try:
            return self.traits(payment).asks_handset
        except KeyError:
            return True

    def traits(self, payment: Payment) -> Traits:
        """Return the traits of the rail that a payment went to; raises KeyError where it is not set up.

        That of its own account, where it is known: the zone may use another one by now, or none.
        """
        went_by = self.known.get(payment.account_id) or self.rail(payment.zone, payment.provider)
        rail = went_by or self.rails.get(payment.provider)
        if rail is None:
            raise KeyError(payment.provider)
        return rail.traits


@dataclass(slots=True)
class Desk:
    """Loaded records by key, and what is to be written."""

    now: datetime
    ids: Ids
    rules: Rules
    down: frozenset[str] = frozenset()  # accounts whose breaker is not closed
    rails: dict[str, list[Rail]] = field(default_factory=dict)  # zone -> rails that collect for it
    parts: dict[str, dict[str, Part]] = field(default_factory=dict)  # tap_id -> part_id -> part
    currencies: dict[str, str] = field(default_factory=dict)  # tap_id -> currency
    zones: dict[str, str] = field(default_factory=dict)  # tap_id -> zone
    payments: dict[str, Payment] = field(default_factory=dict)
    by_request: dict[str, str] = field(default_factory=dict)  # payment_request_id -> payment_id
    claims: dict[str, dict[str, Claim]] = field(default_factory=dict)  # payment_id -> part_id -> claim
    open_claims: dict[str, str] = field(default_factory=dict)  # part_id -> payment_id
    orders: dict[str, list[Order]] = field(default_factory=dict)
    handsets: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # msisdn -> open payments
    today_minor: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    unresolved: dict[str, list[str]] = field(default_factory=dict)  # payment_id -> older, unsettled attempts
    receipts: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # (account, receipt) -> its payment_id, or credit_id where none has it
    clues: dict[tuple[str, str], Clues] = field(default_factory=dict)  # (account, receipt) -> what may tell
    credits: dict[str, Credit] = field(default_factory=dict)  # credit_id -> money that waits for a payment
    account_providers: dict[str, str] = field(default_factory=dict)  # of the accounts of these items
    items: dict[str, HeldItem] = field(default_factory=dict)  # item_id -> one that a person acts on
    unplaced: dict[str, HeldItem] = field(default_factory=dict)  # credit_id -> the item that holds it
    tenancies: dict[tuple[str, str], str] = field(default_factory=dict)  # (tap_id, msisdn) -> tenant_id
    cash: dict[str, CashReceipt] = field(default_factory=dict)  # payment_id -> receipt
    last_cash: int = 0  # the newest receipt's number
    last_hand_in: int = 0
    cash_held: dict[tuple[str, str], int] = field(default_factory=dict)  # (agent, currency) -> minor units
    # (msisdn, currency) -> minor units that we keep for a payer
    wallets: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    created: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)  # payments that go by another rail now
    # Payments whose end has become known so late that staff may have been told to look for it.
    out_of_doubt: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    changed_parts: set[tuple[str, str]] = field(default_factory=set)
    changed_claims: set[tuple[str, str]] = field(default_factory=set)
    changed_orders: set[str] = field(default_factory=set)
    balances: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    events: list[Event] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    steps: int = 0  # changes so far: tells whether a decision that raised has left half of itself here

    def later(self, seconds: float) -> datetime:
        """Return the moment `seconds` from now."""
        return self.now + timedelta(seconds=seconds)

    def rails_of(self, zone: str) -> list[Rail]:
        """Return the rails that collect for a zone."""
        if zone not in self.rails:
            self.rails[zone] = self.rules.rails_of(zone)
        return self.rails[zone]

    def route(self, payment: Payment, cause: str, reasons: str) -> None:
        """Write down by which rail a payment goes from now on, and why (JSON of `routing.choose`)."""
        self.steps += 1
        self.rows["payment_routes"].append(
            {
                "payment_id": payment.payment_id,
                "seq": payment.routes,
                "at": self.now,
                "cause": cause,
                "provider": payment.provider,
                "account_id": payment.account_id,
                "reference": payment.reference,
                "reasons": reasons,
            }
        )

    def first_check(self, payment: Payment) -> datetime:
        """Return when the provider of a push that leaves now is asked, unless a callback comes before."""
        traits = self.rules.traits(payment)
        return self.later(max(self.rules.poll_after_s, traits.query_after_s))

    def touch(self, payment: Payment, **changes: Any) -> Payment:
        """Change a payment without moving its state."""
        touched = replace(payment, updated_at=self.now, **changes)
        self.payments[payment.payment_id] = touched
        self.steps += 1
        self.changed.add(payment.payment_id)
        if touched.is_final and not payment.is_final and self.now >= payment.expires_at:
            self.out_of_doubt.add(payment.payment_id)
        return touched

    def move(
        self,
        payment: Payment,
        event: str,
        *,
        cause: str,
        actor: str = "madzi",
        raw_id: str | None = None,
        detail: str | None = None,
        **changes: Any,
    ) -> Payment:
        """Fire an event of the lifecycle and write it to the trail; raises Conflict where it may not."""
        status = PAYMENT.after(event, payment.status)
        moved = self.touch(payment, status=status, moves=payment.moves + 1, **changes)
        self._trail(moved, payment.status, cause, actor, raw_id, detail)
        if not moved.is_open:
            self.handsets[moved.msisdn].discard(moved.payment_id)
        return moved

    def create(self, payment: Payment, *, cause: str, actor: str = "madzi") -> Payment:
        """Put a new payment on the desk, with the first row of its trail."""
        payment = replace(payment, moves=1)
        self.steps += 1
        self.payments[payment.payment_id] = payment
        self.by_request[payment.payment_request_id] = payment.payment_id
        self.created.add(payment.payment_id)
        if self.rules.asks_handset(payment):
            self.handsets[payment.msisdn].add(payment.payment_id)
        self._trail(payment, None, cause, actor, None, None)
        return payment

    def _trail(
        self,
        payment: Payment,
        before: str | None,
        cause: str,
        actor: str,
        raw_id: str | None,
        detail: str | None,
    ) -> None:
        self.rows["payment_transitions"].append(
            {
                "payment_id": payment.payment_id,
                "seq": payment.moves,
                "from_status": before,
                "to_status": payment.status,
                "at": self.now,
                "cause": cause,
                "actor": actor[:60],
                "raw_id": raw_id,
                "detail": detail[:200] if detail else None,
            }
        )

    def claim(self, claim: Claim) -> None:
        """Add or change a claim."""
        self.steps += 1
        self.claims.setdefault(claim.payment_id, {})[claim.part_id] = claim
        self.changed_claims.add((claim.payment_id, claim.part_id))
        if claim.is_open:
            self.open_claims[claim.part_id] = claim.payment_id
        elif self.open_claims.get(claim.part_id) == claim.payment_id:
            del self.open_claims[claim.part_id]

    def release(self, payment: Payment) -> None:
        """Close the claims of a payment, so that others may pay."""
        for claim in list(self.claims.get(payment.payment_id, {}).values()):
            if claim.is_open:
                self.claim(replace(claim, is_open=False))

    def move_orders(self, payment: Payment, event: str, *, reason: str | None = None) -> None:
        """Fire an event on every order of a payment that allows it."""
        orders = self.orders.get(payment.payment_id, [])
        for i, order in enumerate(orders):
            if ORDER.allows(event, order.status):
                status = ORDER.after(event, order.status)
                self.set_order(orders, i, replace(order, status=status, reason=reason))

    def set_order(self, orders: list[Order], i: int, order: Order) -> None:
        """Replace one order."""
        self.steps += 1
        orders[i] = order
        self.changed_orders.add(order.payment_id)

    def pay_part(self, tap_id: str, part: Part, amount_minor: int) -> None:
        """Count money towards a debt part."""
        self.steps += 1
        paid = replace(part, paid_minor=part.paid_minor + amount_minor)
        self.parts[tap_id][part.part_id] = paid
        self.changed_parts.add((tap_id, part.part_id))

    def open_parts(self, tap_id: str, tenant_id: str | None) -> list[Part]:
        """Return what is open on a tap, or of one tenant on it, oldest first."""
        return [
            part
            for part in self.parts.get(tap_id, {}).values()
            if part.open_minor and (tenant_id is None or part.tenant_id == tenant_id)
        ]

    def credit(self, credit: Credit) -> None:
        """Write money down that a provider has proven; its receipt is spent from now on."""
        self.steps += 1
        self.rows["credits"].append(credit.as_row())
        if credit.receipt:
            self.receipts[credit.account_id, credit.receipt] = credit.payment_id or credit.credit_id

    def take_held(self, held: HeldItem, payment_id: str, *, by: str, note: str | None = None) -> None:
        """Note that what an item held is a payment's now."""
        self.steps += 1
        self.unplaced.pop(held.credit_id or "", None)
        if held.credit_id:
            self.rows["placed_credits"].append({"credit_id": held.credit_id, "payment_id": payment_id})
        self.resolve(held, "assign", by=by, note=note, into_payment_id=payment_id)

    def resolve(
        self, held: HeldItem, event: str, *, by: str, note: str | None, into_payment_id: str | None = None
    ) -> HeldItem:
        """Move an item; raises Conflict where it may not."""
        status = ITEM.after(event, held.status)
        self.steps += 1
        self.rows["resolved_items"].append(
            {
                "item_id": held.item_id,
                "status": status,
                "into_payment_id": into_payment_id,
                "resolved_by": by[:60],
                "resolved_at": self.now,
                "note": note[:200] if note else None,
            }
        )
        resolved = replace(held, status=status, into_payment_id=into_payment_id)
        if held.item_id in self.items:
            self.items[held.item_id] = resolved
        return resolved

    def post(
        self, kind: str, fact_key: str, payment_id: str | None, entries: list[tuple[str, str, int]]
    ) -> None:
        """Post a ledger transaction of (ledger account, currency, minor units; debit above zero)."""
        totals: dict[str, int] = defaultdict(int)
        for _, currency, amount_minor in entries:
            totals[currency] += amount_minor
        if any(totals.values()):
            raise ValueError(f"entries of {fact_key} do not balance")
        self.steps += 1
        ledger_id = self.ids.new()
        self.rows["ledger_transactions"].append(
            {
                "ledger_id": ledger_id,
                "kind": kind,
                "fact_key": fact_key,
                "payment_id": payment_id,
                "at": self.now,
            }
        )
        for seq, (account, currency, amount_minor) in enumerate(entries):
            self.rows["ledger_entries"].append(
                {
                    "ledger_id": ledger_id,
                    "seq": seq,
                    "ledger_account": account,
                    "currency": currency,
                    "amount_minor": amount_minor,
                }
            )
            self.balances[account, currency] += amount_minor
            if owner := wallets.owner(account):
                self.wallets[owner, currency] -= amount_minor

    def credit_wallet(self, msisdn: str, currency: str, amount_minor: int) -> tuple[str, str, int]:
        """Return the entry that puts money in a phone's wallet, to be posted against where it came from."""
        if amount_minor <= 0:
            raise ValueError(f"a wallet is not credited with {amount_minor}")
        return wallets.held_for(msisdn), currency, -amount_minor

    def keep(  # noqa: PLR0913 - one argument a column
        self,
        fact_key: str,
        kind: str,
        *,
        account_id: str,
        currency: str,
        detail: str,
        held_minor: int = 0,
        payment_id: str | None = None,
        credit_id: str | None = None,
        raw_id: str | None = None,
    ) -> dict[str, Any]:
        """Open an item for a person to look at; `held_minor` is what the suspense account holds for it."""
        self.steps += 1
        row: dict[str, Any] = {
            "item_id": self.ids.new(),
            "fact_key": fact_key,
            "kind": kind,
            "status": "open",
            "account_id": account_id,
            "payment_id": payment_id,
            "credit_id": credit_id,
            "raw_id": raw_id,
            "held_minor": held_minor,
            "currency": currency,
            "detail": detail[:200],
            "created_at": self.now,
        }
        self.rows["suspense_items"].append(row)
        return row
