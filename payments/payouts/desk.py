"""The desk of payouts: what a batch of commands has loaded, and what it has decided so far.

Money, payments and debts lie on the payments' own desk (`books`), which posts and writes them.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from payments import cash
from payments.desk import Desk
from payments.payouts.events import Event
from payments.payouts.lifecycle import PAYOUT
from payments.payouts.records import Payout, Source
from payments.providers.base import PayoutKind, PayoutTraits
from payments.records import Credit, HeldItem
from payments.wallet import accounts as wallets
from taps.model import User


@dataclass(frozen=True, slots=True)
class PayoutRail:
    """A gateway account that can send money out, as decisions see it."""

    provider: str
    account_id: str
    currencies: frozenset[str]  # empty: any
    traits: PayoutTraits


_AT_ONCE = PayoutTraits(
    kinds=frozenset({PayoutKind.TRANSFER}), has_query=False, is_repeatable=False, is_partial=True
)
# Ways that no provider is asked for. Cash goes back from the hand of the agent who took it; what was paid
# from a wallet here goes back to it.
CASH = PayoutRail(cash.PROVIDER, cash.RAIL.account_id, frozenset(), _AT_ONCE)
WALLET = PayoutRail(wallets.PROVIDER, wallets.ACCOUNT_ID, frozenset(), _AT_ONCE)
OWN = {rail.account_id: rail for rail in (CASH, WALLET)}


@dataclass(frozen=True, slots=True)
class PayoutRules:
    """Settings that decide: rails, what one person may give back alone, and times in seconds."""

    rails: Mapping[str, PayoutRail]  # by account_id
    limit_minor: Mapping[str, int] = field(default_factory=dict)  # by currency; none named: always two
    poll_after_s: float = 20
    ask_for_s: float = 86_400
    attempts: int = 6

    def rail(self, account_id: str) -> PayoutRail | None:
        """Return the rail of a gateway account; None where it cannot send money out, or is not set up."""
        return OWN.get(account_id) or self.rails.get(account_id)

    def needs_second(self, amount_minor: int, currency: str) -> bool:
        """Say whether a second person must approve."""
        return amount_minor > self.limit_minor.get(currency, 0)


@dataclass(slots=True)
class PayoutDesk:
    """Loaded records by key, and what is to be written."""

    books: Desk
    rules: PayoutRules
    people: list[User] = field(default_factory=list)
    payouts: dict[str, Payout] = field(default_factory=dict)
    sources: dict[str, list[Source]] = field(default_factory=dict)  # payout_id -> where it lay
    credits: dict[str, Credit] = field(default_factory=dict)  # payment_id -> what it brought
    agents: dict[str, str] = field(default_factory=dict)  # payment_id -> who took it in cash
    items: dict[str, HeldItem] = field(default_factory=dict)
    arrivals: dict[str, Credit] = field(default_factory=dict)  # credit_id -> money that never had a payment
    surplus: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # payment_id -> wallet, minor
    balances: dict[tuple[str, str], int] = field(default_factory=dict)  # as loaded, debit above zero

    transitions: list[dict[str, Any]] = field(default_factory=list)
    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)  # payouts whose sources are new
    split_items: list[dict[str, Any]] = field(
        default_factory=list
    )  # what is left in an item of which a part goes
    events: list[Event] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The moment of the batch."""
        return self.books.now

    def of_payment(self, payment_id: str) -> list[Payout]:
        """Return the payouts of a payment."""
        return [p for p in self.payouts.values() if p.payment_id == payment_id]

    def balance(self, account: str, currency: str) -> int:
        """Return what a ledger account holds now, debit above zero."""
        before = self.balances.get((account, currency), 0)
        return before + self.books.balances.get((account, currency), 0)

    def touch(self, payout: Payout, **changes: Any) -> Payout:
        """Change a payout without moving its state."""
        touched = replace(payout, updated_at=self.now, **changes)
        self.payouts[payout.payout_id] = touched
        self.books.steps += 1
        self.changed.add(payout.payout_id)
        return touched

    def create(self, payout: Payout, *, cause: str, actor: str) -> Payout:
        """Put a new payout on the desk, with the first row of its trail."""
        payout = replace(payout, moves=1)
        self.books.steps += 1
        self.payouts[payout.payout_id] = payout
        self.sources[payout.payout_id] = []
        self.created.add(payout.payout_id)
        self._trail(payout, None, cause, actor, None, None)
        return payout

    def move(
        self,
        payout: Payout,
        event: str,
        *,
        cause: str,
        actor: str = "madzi",
        raw_id: str | None = None,
        detail: str | None = None,
        **changes: Any,
    ) -> Payout:
        """Fire an event of the lifecycle and write it to the trail; raises Conflict where it may not."""
        status = PAYOUT.after(event, payout.status)
        moved = self.touch(payout, status=status, moves=payout.moves + 1, **changes)
        self._trail(moved, payout.status, cause, actor, raw_id, detail)
        return moved

    def _trail(
        self,
        payout: Payout,
        before: str | None,
        cause: str,
        actor: str,
        raw_id: str | None,
        detail: str | None,
    ) -> None:
        self.transitions.append(
            {
                "payout_id": payout.payout_id,
                "seq": payout.moves,
                "from_status": before,
                "to_status": payout.status,
                "at": self.now,
                "cause": cause,
                "actor": actor[:60],
                "raw_id": raw_id,
                "detail": detail[:200] if detail else None,
            }
        )

    def take(self, payout: Payout, sources: list[Source]) -> None:
        """Hold a payout's money: it leaves where it lay."""
        self.books.steps += 1
        self.sources[payout.payout_id] = sources
        self.held.add(payout.payout_id)
        taken = by_account(sources)
        entries = [(account, payout.currency, minor) for account, minor in taken.items()]
        entries.append((held_in(payout), payout.currency, -payout.amount_minor))
        self._post("payout", payout, "hold", entries)
        self._move_items(payout, "refund", payout.requested_by)

    def split(self, item: HeldItem, amount_minor: int, payout: Payout) -> None:
        """Let an item hold `amount_minor` only, and a new one the rest."""
        self.items[item.item_id] = replace(item, held_minor=amount_minor)
        self.split_items.append({"item_id": item.item_id, "held_minor": amount_minor})
        self.books.keep(
            f"rest:{payout.payout_id}:{item.item_id}",
            item.kind,
            account_id=item.account_id,
            currency=item.currency,
            held_minor=item.held_minor - amount_minor,
            detail=f"what is left of item {item.item_id}",
            payment_id=item.payment_id,
            credit_id=item.credit_id,
            raw_id=item.raw_id,
        )
        rest = self.books.rows["suspense_items"][-1]
        names = HeldItem.__struct_fields__
        self.items[rest["item_id"]] = HeldItem(**{name: rest[name] for name in names if name in rest})

    def give_back(self, payout: Payout) -> None:
        """Let the money of a payout that failed lie again where it was."""
        sources = self.sources[payout.payout_id]
        back = by_account(sources)
        entries = [(account, payout.currency, -minor) for account, minor in back.items()]
        entries.append((held_in(payout), payout.currency, payout.amount_minor))
        self._post("payout_back", payout, "back", entries)
        self._move_items(payout, "not_sent", payout.requested_by)

    def send_out(self, payout: Payout) -> None:
        """Post that the money has left."""
        entries = [
            (held_in(payout), payout.currency, payout.amount_minor),
            (_left_from(payout), payout.currency, -payout.amount_minor),
        ]
        self._post("payout_done", payout, "done", entries)
        self._move_items(payout, "sent", payout.requested_by)

    def _post(self, kind: str, payout: Payout, step: str, entries: list[tuple[str, str, int]]) -> None:
        # The books' transaction names the payment: its story shows where its money went.
        self.books.post(kind, f"payout:{payout.payout_id}:{step}", payout.payment_id, entries)

    def _move_items(self, payout: Payout, event: str, by: str) -> None:
        for source in self.sources[payout.payout_id]:
            if source.item_id:
                item = self.items[source.item_id]
                note = f"payout {payout.payout_id}"
                self.items[source.item_id] = self.books.resolve(item, event, by=by, note=note)


def held_in(payout: Payout) -> str:
    """Return the ledger account in which a payout's money is held until the rail's last word."""
    return f"payout:{payout.account_id}"


def _left_from(payout: Payout) -> str:
    if payout.agent:
        return cash.held_by(payout.agent)
    if payout.account_id == WALLET.account_id:
        return wallets.held_for(payout.msisdn)
    return f"rail:{payout.account_id}"


def by_account(sources: list[Source]) -> dict[str, int]:
    """Return what each ledger account gives."""
    totals: dict[str, int] = defaultdict(int)
    for source in sources:
        totals[source.ledger_account] += source.amount_minor
    return dict(totals)
