"""Payouts in any order: asked, approved, sent, answered, told, told again, killed; what holds after each."""

from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from payments_world import ACHIENG, JOHN, KNY, KNY2, MARY, NRB
from payouts_world import ANN, BLIND, DARAJA, GRACE, MTN, PETER, PayoutWorld

from core.errors import MadziError
from payments.payouts.commands import By
from payments.payouts.lifecycle import ALIVE, PAYOUT_TABLE
from payments.providers.base import Outcome, Taken

ARCS = {(source.value, target.value) for _, source, target in PAYOUT_TABLE}
PICK = st.integers(0, 10**6)
WHO = st.sampled_from([ANN, GRACE, GRACE, PETER, By("ANN zulu"), By("root", is_named=False)])


class Payouts(RuleBasedStateMachine):
    """People pay and get money back; rails answer or not, late, twice, and contradict themselves."""

    def __init__(self):
        super().__init__()
        # One rail takes our reference once, one reverses, one knows nothing and cannot be asked.
        self.world = PayoutWorld(rails={"mtn:acc": MTN, "daraja:acc": DARAJA, "mtn:default": BLIND})
        self.owed = {i: p.amount_minor for i, p in self.world.parts.items()}
        self.not_reached = Counter()
        self.ended = {}

    def one(self, pick, among):
        names = list(among)
        return names[pick % len(names)]

    def tried(self, act):
        """A refusal is an answer; whatever was refused has changed nothing."""
        before = len(self.world.entries), len(self.world.moves)
        try:
            return act()
        except MadziError:
            assert (len(self.world.entries), len(self.world.moves)) == before
            return None

    @rule(
        tap=st.sampled_from([(KNY, "mtn"), (KNY, "blind"), (KNY2, "mtn"), (NRB, "daraja")]),
        phone=st.sampled_from([MARY, JOHN]),
        extra_minor=st.sampled_from([0, 0, 500, 2000]),
        wrong=st.sampled_from([None, None, None, {"currency": "USD"}, {"msisdn": "+260977777777"}]),
    )
    def somebody_pays(self, tap, phone, extra_minor, wrong):
        tap_id, provider = tap
        owed_minor = self.world.open_minor(tap_id)
        who = ACHIENG if tap_id == NRB else phone
        currency = "KES" if tap_id == NRB else "ZMW"
        if self.world.wallets[who, currency] >= owed_minor:
            self.world.pay(
                tap_id, who, provider
            )  # nothing to push: what is kept pays all of it, or nothing is owed
            return
        payment_id = self.world.pushed(tap_id, who, provider)
        receipt = f"R{len(self.world.payments)}"
        self.world.paid(payment_id, amount_minor=owed_minor + extra_minor, receipt=receipt, **(wrong or {}))

    @rule(payer=st.sampled_from([None, MARY]))
    def an_agent_takes_cash(self, payer):
        self.world.record(KNY2, payer_msisdn=payer)

    @precondition(lambda self: self.world.payments)
    @rule(
        pick=PICK,
        by=WHO,
        amount_minor=st.sampled_from([None, None, 100, 700, 1500, 3000]),
        msisdn=st.sampled_from([None, None, None, JOHN]),
    )
    def a_refund_is_asked_for(self, pick, by, amount_minor, msisdn):
        payment_id = self.one(pick, self.world.payments)
        self.tried(lambda: self.world.refund(payment_id, by, amount_minor=amount_minor, msisdn=msisdn))

    @rule(msisdn=st.sampled_from([MARY, JOHN]), amount_minor=st.sampled_from([None, 300]))
    def a_wallet_is_given_back(self, msisdn, amount_minor):
        self.tried(lambda: self.world.refund_wallet(msisdn, amount_minor=amount_minor))

    @precondition(lambda self: self.world.items)
    @rule(pick=PICK)
    def an_item_is_given_back(self, pick):
        items = [row["item_id"] for row in self.world.items.values()]
        self.tried(lambda: self.world.refund_item(self.one(pick, items)))

    def some(self, *states):
        return [i for i, p in self.world.payouts.items() if p.status in states]

    @precondition(lambda self: self.some("requested"))
    @rule(pick=PICK, by=WHO, says_yes=st.booleans())
    def a_second_person_decides(self, pick, by, says_yes):
        payout_id = self.one(pick, self.some("requested"))
        act = self.world.approve if says_yes else self.world.reject
        answer = self.tried(lambda: act(payout_id, by))
        if answer is not None and says_yes:
            assert answer.approved_by != answer.requested_by

    @precondition(lambda self: self.world.payouts)
    @rule(pick=PICK, taken=st.sampled_from(Taken), dies=st.booleans())
    def a_worker_hands_it_over(self, pick, taken, dies):
        payout_id = self.one(pick, self.world.payouts)
        if self.world.start_payout(payout_id) == "send" and not dies:
            self.answered(payout_id, taken)

    @precondition(lambda self: self.world.handed_over)
    @rule(pick=PICK, taken=st.sampled_from(Taken))
    def an_answer_comes_late_or_again(self, pick, taken):
        self.answered(self.one(pick, self.world.handed_over), taken)

    def answered(self, payout_id, taken):
        before = self.world.payouts[payout_id]
        if taken is Taken.NOT_REACHED and before.status == "initiated" and before.send_state == "started":
            self.not_reached[payout_id] += 1
        self.world.answer_payout(payout_id, taken, provider_reference=f"P{payout_id}")

    @precondition(lambda self: self.world.handed_over)
    @rule(
        pick=PICK,
        outcome=st.sampled_from([*Outcome, Outcome.PAID, Outcome.NOT_PAID]),
        is_proof=st.booleans(),
        amount_minor=st.sampled_from([None, None, 1]),
    )
    def a_rail_speaks(self, pick, outcome, is_proof, amount_minor):
        payout_id = self.one(pick, self.world.handed_over)
        self.world.hear(payout_id, outcome, is_proof=is_proof, amount_minor=amount_minor)

    @precondition(lambda self: self.some("processing"))
    @rule(pick=PICK, by=WHO, was_sent=st.booleans())
    def staff_resolve(self, pick, by, was_sent):
        payout_id = self.one(pick, self.some("processing"))
        self.tried(lambda: self.world.resolve(payout_id, was_sent=was_sent, by=by))

    @rule(seconds=st.sampled_from([1, 30, 600, 90_000]))
    def time_passes(self, seconds):
        self.world.wait(seconds)

    # What must hold

    @invariant()
    def money_is_conserved(self):
        totals = Counter()
        for row in self.world.entries:
            totals[row["ledger_id"], row["currency"]] += row["amount_minor"]
        assert not any(totals.values())
        came, went = Counter(), Counter()
        for credit in self.world.credits.values():
            if credit["account_id"] != "wallet:default":  # that was here before
                came[credit["currency"]] += credit["amount_minor"]
        for payout in self.world.payouts.values():
            if payout.status == "completed" and payout.account_id != "wallet:default":
                went[payout.currency] += payout.amount_minor
        books = Counter()
        for row in self.world.entries:
            if row["ledger_account"].startswith(("rail:", "cash:")):
                books[row["currency"]] += row["amount_minor"]
        assert {c: n for c, n in books.items() if n} == {c: n for c in came if (n := came[c] - went[c])}

    @invariant()
    def what_is_on_its_way_is_held_and_nothing_else(self):
        held = sum(p.amount_minor for p in self.world.payouts.values() if p.is_holding)
        assert self.world.held_back() == held
        for payout in self.world.payouts.values():
            took = payout.status not in ("requested", "rejected")
            taken = sum(s.amount_minor for s in self.world.sources[payout.payout_id])
            assert taken == (payout.amount_minor if took else 0)

    @invariant()
    def nothing_is_given_back_twice(self):
        given = Counter()
        for payout in self.world.payouts.values():
            if payout.payment_id and payout.status in ALIVE:
                given[payout.payment_id] += payout.amount_minor
        for payment_id, minor in given.items():
            assert minor <= self.world.credits[payment_id]["amount_minor"]

    @invariant()
    def a_payment_is_refunded_exactly_when_all_of_it_went_back(self):
        gone = Counter()
        for payout in self.world.payouts.values():
            if payout.status == "completed":
                gone[payout.payment_id] += payout.amount_minor
        for payment_id, credit in self.world.credits.items():
            is_all = gone[payment_id] == credit["amount_minor"]
            assert is_all == (self.world[payment_id].status in ("refunded", "reversed"))

    @invariant()
    def debts_count_what_claims_do_and_sellers_have_it_less_what_is_held(self):
        credited, sellers, held = Counter(), Counter(), Counter()
        for payment_id, claims in self.world.claims.items():
            by_order = Counter()
            for claim in claims.values():
                credited[claim.part_id] += claim.credited_minor
                by_order[claim.order_id] += claim.credited_minor
            for order in self.world.orders[payment_id]:
                assert order.credited_minor == by_order[order.order_id] >= 0
                assert (order.status == "success") == (order.credited_minor > 0)
                sellers[f"seller:{self.world[payment_id].zone}:{order.seller}"] += order.credited_minor
        for payout in self.world.payouts.values():
            for source in self.world.sources[payout.payout_id]:
                if payout.is_holding and source.part_id:
                    held[source.ledger_account] += source.amount_minor
        for part_id, part in self.world.parts.items():
            assert 0 <= part.paid_minor == credited[part_id] <= self.owed[part_id]
        for account, minor in sellers.items():
            assert -self.world.balance(account) == minor - held[account]

    @invariant()
    def nobodys_wallet_or_hand_is_below_zero_and_suspense_is_itemized(self):
        books = Counter()
        for row in self.world.entries:
            books[row["ledger_account"], row["currency"]] += row["amount_minor"]
        for (account, _), minor in books.items():
            assert not account.startswith("wallet:") or minor <= 0
            assert not account.startswith("cash:") or minor >= 0
        items = Counter()
        for row in self.world.items.values():
            if row["status"] == "open":
                items[f"suspense:{row['account_id']}", row["currency"]] += row["held_minor"]
        suspense = {key: -n for key, n in books.items() if key[0].startswith("suspense:") and n}
        assert suspense == dict(+items)

    @invariant()
    def trails_are_legal_and_ends_are_ends(self):
        for payout_id, payout in self.world.payouts.items():
            path = self.world.payout_path(payout_id)
            assert (path[0], path[-1], len(path)) == ("requested", payout.status, payout.moves)
            assert set(pairwise(path)) <= ARCS
            assert self.ended.get(payout_id, payout.status) == payout.status
            if payout.status in ("completed", "failed", "rejected"):
                self.ended[payout_id] = payout.status
            assert (payout.status == "processing") == (payout.next_check_at is not None)

    @invariant()
    def nothing_goes_out_twice(self):
        for payout_id, times in self.world.handed_over.items():
            payout = self.world.payouts[payout_id]
            rail = self.world.payout_rules.rail(payout.account_id)
            if not rail.traits.is_repeatable:
                assert times <= 1 + self.not_reached[payout_id]
            assert payout.status not in ("requested", "rejected")


Payouts.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestPayouts = Payouts.TestCase
