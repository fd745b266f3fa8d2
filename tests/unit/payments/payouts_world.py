"""Payouts without a database: every command gets a fresh desk over the records of a World."""

from collections import Counter

from payments_world import MARY, World

from payments.payouts.commands import (
    Approve,
    By,
    PayoutAnswered,
    PayoutReported,
    RefundPayment,
    RefundSuspense,
    RefundWallet,
    Reject,
    Resolve,
    StartPayout,
)
from payments.payouts.decide import decide
from payments.payouts.desk import PayoutDesk, PayoutRail, PayoutRules
from payments.providers.base import Outcome, PayoutKind, PayoutTraits, PushReply, Report, Taken
from payments.records import Credit, HeldItem
from taps.model import Role, User

ANN, GRACE, PETER = By("Ann Zulu"), By("Grace Phiri"), By("peter")
PEOPLE = [
    User("Ann Zulu", Role.FINANCE, (), "+260971000001"),
    User("Grace Phiri", Role.ADMIN, (), "+260971000002"),
    User("annie", Role.FINANCE, (), "+260971000001"),  # Ann again, by her phone
    User("peter", Role.AGENT, (), None),
]
LIMIT_MINOR = 2500
TRANSFER, REFUND, REVERSAL = PayoutKind.TRANSFER, PayoutKind.REFUND, PayoutKind.REVERSAL


def traits(*kinds, has_query=True, is_repeatable=True, is_partial=False, **bounds):
    return PayoutTraits(frozenset(kinds), has_query, is_repeatable, is_partial, **bounds)


MTN = traits(TRANSFER, REFUND)
DARAJA = traits(TRANSFER, REVERSAL, has_query=False, unit_minor=100, min_minor=100)
BLIND = traits(TRANSFER, has_query=False, is_repeatable=False)


class PayoutWorld(World):
    """A World in which money goes back."""

    def __init__(self, *, limit_minor=LIMIT_MINOR, rails=None, **how):
        super().__init__(**how)
        rails = rails or {"mtn:acc": MTN, "daraja:acc": DARAJA, "blind:acc": BLIND, "mtn:default": MTN}
        self.payout_rules = PayoutRules(
            rails={name: PayoutRail(name.split(":")[0], name, frozenset(), of) for name, of in rails.items()},
            limit_minor={"ZMW": limit_minor, "KES": limit_minor},
        )
        self.people = list(PEOPLE)
        self.payouts, self.sources = {}, {}
        self.moves, self.told_back = [], []
        self.handed_over = Counter()  # payout_id -> times that it was to be sent

    def back(self, command):
        """Decide one command on payouts; where it is refused, nothing of it stays."""
        desk = self.payout_desk()
        answer = decide(desk, command)
        self._keep(desk.books)
        for row in desk.split_items:
            next(i for i in self.items.values() if i["item_id"] == row["item_id"]).update(row)
        self.payouts, self.sources = desk.payouts, desk.sources
        self.moves += desk.transitions
        self.told_back += desk.events
        if isinstance(command, StartPayout) and answer.action == "send":
            self.handed_over[command.payout_id] += 1
        return answer

    def payout_desk(self):
        desk = PayoutDesk(self.desk(), self.payout_rules)
        desk.people = list(self.people)
        desk.payouts, desk.sources = dict(self.payouts), {i: list(s) for i, s in self.sources.items()}
        credits_ = {i: Credit(**row) for i, row in self.credits.items()}
        desk.credits = {c.payment_id: c for c in credits_.values() if c.payment_id}
        desk.arrivals = credits_
        desk.agents = {i: receipt.agent for i, receipt in self.cash.items()}
        names = HeldItem.__struct_fields__
        desk.items = {
            row["item_id"]: HeldItem(**{n: row.get(n) for n in names}) for row in self.items.values()
        }
        for row in self.entries:
            key = row["ledger_account"], row["currency"]
            desk.balances[key] = desk.balances.get(key, 0) + row["amount_minor"]
        desk.surplus = {
            i: [(f"wallet:{p.msisdn}", n)] for i, p in self.payments.items() if (n := self.kept(i))
        }
        return desk

    def kept(self, payment_id):
        """What of a payment went into its payer's wallet, in minor units."""
        credit = self.credits.get(payment_id)
        if credit is None or self[payment_id].provider == "wallet":
            return 0
        held = sum(i["held_minor"] for i in self.items.values() if i["payment_id"] == payment_id)
        return credit["amount_minor"] - held - self.first_credited[payment_id]

    # What people and rails do

    def settled(self, *args, **kwargs):
        """A payment that has succeeded, with what paid debts noted."""
        receipt = kwargs.pop("receipt", None)
        amount_minor = kwargs.pop("paid_minor", None)
        payment_id = self.pushed(*args, **kwargs)
        self.paid(payment_id, receipt=receipt or f"R{payment_id[-8:]}", amount_minor=amount_minor)
        return payment_id

    @property
    def first_credited(self):
        """What each payment paid of debts before anything went back."""
        gone = Counter()
        for payout in self.payouts.values():
            if payout.status == "completed":
                gone[payout.payment_id] += sum(
                    s.amount_minor for s in self.sources[payout.payout_id] if s.part_id
                )
        return {
            i: sum(order.credited_minor for order in orders) + gone[i] for i, orders in self.orders.items()
        }

    def refund(self, payment_id, by=ANN, **how):
        return self.back(RefundPayment(payment_id=payment_id, by=by, **how))

    def refund_wallet(self, msisdn=MARY, by=ANN, **how):
        return self.back(RefundWallet(msisdn=msisdn, by=by, **how))

    def refund_item(self, item_id, by=ANN, **how):
        return self.back(RefundSuspense(item_id=item_id, by=by, **how))

    def approve(self, payout_id, by=GRACE):
        return self.back(Approve(payout_id, by))

    def reject(self, payout_id, by=GRACE):
        return self.back(Reject(payout_id, by))

    def resolve(self, payout_id, *, was_sent, by=GRACE):
        return self.back(Resolve(payout_id, by, was_sent))

    def start_payout(self, payout_id):
        return self.back(StartPayout(payout_id)).action

    def answer_payout(self, payout_id, taken, **reply):
        return self.back(PayoutAnswered(payout_id, PushReply(taken, **reply)))

    def hear(self, payout_id, outcome, *, is_proof=True, cause="poll", **said):
        return self.back(PayoutReported(payout_id, Report(outcome, **said), cause, is_proof=is_proof))

    def on_its_way(self, payment_id, **how):
        """A payout that its rail has taken."""
        payout = self.refund(payment_id, **how)
        if payout.status == "requested":
            payout = self.approve(payout.payout_id)
        assert self.start_payout(payout.payout_id) == "send"
        return self.answer_payout(payout.payout_id, Taken.ACCEPTED, provider_reference="P1")

    def given_back(self, payment_id, **how):
        payout = self.on_its_way(payment_id, **how)
        return self.hear(payout.payout_id, Outcome.PAID, receipt=f"B{payout.payout_id[-6:]}")

    # What stands now

    def held_back(self):
        """What lies in the ledger accounts of payouts, in minor units; above zero is held."""
        return -sum(r["amount_minor"] for r in self.entries if r["ledger_account"].startswith("payout:"))

    def payout_path(self, payout_id):
        return [row["to_status"] for row in self.moves if row["payout_id"] == payout_id]

    def told_of(self, payout_id):
        return [type(e).__name__ for e in self.told_back if e.payout.payout_id == payout_id]


def part_of(world, tap_id, seller):
    return next(p for p in world.parts.values() if p.tap_id == tap_id and p.seller == seller)
