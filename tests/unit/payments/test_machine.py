"""Random commands in random order over several taps, phones and rails: what must hold after every step."""

from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from payments_world import ACHIENG, GRACE, JOHN, JOSEPH, KNY, KNY2, MARY, NRB, World

from payments.lifecycles import PAYMENT_TABLE
from payments.providers.base import Outcome, Reason, Report, Taken
from payments.results import Accepted, Recorded, UnderWay

ARCS = {(source.value, target.value) for _, source, target in PAYMENT_TABLE}
RAIL_OF = {KNY: ["mtn", "mtn", "blind"], KNY2: ["mtn", "blind"], NRB: ["daraja"]}
PAID = ("success", "refunded", "reversed")
CAUSES = st.sampled_from(["poll", "callback", "recheck", "staff"])
PICK = st.integers(0, 10**6)


class Payments(RuleBasedStateMachine):
    """People pay, workers push and poll, rails answer or not, repeat themselves and contradict themselves."""

    def __init__(self):
        super().__init__()
        self.world = World()
        self.owed = {i: p.amount_minor for i, p in self.world.parts.items()}
        self.keys = []
        self.not_reached = Counter()  # payment_id -> tries of which the rail provably heard nothing
        self.were_paid = set()
        self.taken = Counter()  # (agent, currency) -> minor units

    def one(self, pick, payments=None):
        ids = list(self.world.payments) if payments is None else payments
        return ids[pick % len(ids)]

    @rule(
        tap_id=st.sampled_from([KNY, KNY, KNY2, NRB]),
        phone=st.sampled_from([MARY, JOHN, ACHIENG]),
        amount_minor=st.sampled_from([None, None, 100, 700, 1000, 2000]),
        tenant_id=st.sampled_from([None, None, "mary", "john"]),
        rail=PICK,
    )
    def someone_pays(self, tap_id, phone, amount_minor, tenant_id, rail):
        key = self.world.ids.new()
        self.keys.append((key, tap_id))
        self.world.pay(
            tap_id,
            phone,
            RAIL_OF[tap_id][rail % len(RAIL_OF[tap_id])],
            key=key,
            amount_minor=amount_minor,
            tenant_id=tenant_id if tap_id == KNY2 else None,
        )

    @precondition(lambda self: self.keys)
    @rule(pick=PICK, body=st.sampled_from(["b", "b", "another"]))
    def someone_repeats(self, pick, body):
        before = len(self.world.payments)
        key, tap_id = self.keys[pick % len(self.keys)]
        known = key in {p.payment_request_id for p in self.world.payments.values()}
        self.world.pay(tap_id, key=key, body=body)
        assert not known or len(self.world.payments) == before

    @rule(
        tap_id=st.sampled_from([KNY, KNY2, NRB]),
        agent=st.sampled_from([JOSEPH, JOSEPH, GRACE]),
        amount_minor=st.sampled_from([None, 0, 100, 700, 1500, 9000]),
        payer_msisdn=st.sampled_from([None, MARY, JOHN, JOSEPH.msisdn]),
        tenant_id=st.sampled_from([None, None, "john"]),
    )
    def an_agent_takes_cash(self, tap_id, agent, amount_minor, payer_msisdn, tenant_id):
        key, before = self.world.ids.new(), self.world.open_minor(tap_id)
        asked = {
            "key": key,
            "amount_minor": amount_minor,
            "payer_msisdn": payer_msisdn,
            "tenant_id": tenant_id if tap_id == KNY2 else None,
        }
        answer = self.world.record(tap_id, agent, **asked)
        if not isinstance(answer, Recorded):
            assert self.world.open_minor(tap_id) == before
            assert not isinstance(answer, UnderWay) or answer.payment.is_open
            return
        payment = answer.payment
        assert self.world.open_minor(tap_id) == before - payment.amount_minor
        self.taken[agent.name, payment.currency] += payment.amount_minor
        self.keys.append((key, tap_id))
        again = self.world.record(tap_id, agent, **asked)
        assert (again.payment, again.receipt, again.is_repeat) == (payment, answer.receipt, True)

    @precondition(lambda self: self.world.payments)
    @rule(pick=PICK)
    def a_worker_starts_a_push(self, pick):
        payment_id = self.one(pick)
        before = self.world[payment_id]
        others = [
            p
            for p in self.world.payments.values()
            if p.msisdn == before.msisdn and p.has_live_prompt and p.payment_id != payment_id
        ]
        if self.world.start(payment_id).action == "send":
            assert self.world.now < before.expires_at
            assert before.is_open
            assert before.push_state != "accepted"
            assert before.push_state != "none" or not others  # one prompt at a time for a handset

    @precondition(lambda self: any(p.push_state == "none" for p in self.world.payments.values()))
    @rule(pick=PICK, taken=st.sampled_from(Taken))
    def a_push_is_sent_and_answered(self, pick, taken):
        ids = [i for i, p in self.world.payments.items() if p.push_state == "none"]
        payment_id = self.one(pick, ids)
        if self.world.start(payment_id).action == "send":
            self.answered(payment_id, taken)

    @precondition(lambda self: self.world.sent)
    @rule(pick=PICK, taken=st.sampled_from(Taken))
    def an_answer_comes_late_or_again(self, pick, taken):
        self.answered(self.one(pick, list(self.world.sent)), taken)

    def answered(self, payment_id, taken):
        before = self.world[payment_id]
        if taken is Taken.NOT_REACHED and before.status == "initiated" and before.push_state == "started":
            self.not_reached[payment_id] += 1
        self.world.answer(payment_id, taken, reason=Reason.OTHER, provider_reference=f"ref-{payment_id}")

    @precondition(lambda self: self.world.sent)
    @rule(
        pick=PICK,
        outcome=st.sampled_from([*Outcome, Outcome.PAID, Outcome.PAID]),
        cause=CAUSES,
        amount_minor=st.sampled_from([None, None, None, 0, 1, 999, 50_000]),
        currency=st.sampled_from([None, None, None, "USD"]),
        msisdn=st.sampled_from([None, None, None, "+260977777777"]),
        receipt=st.sampled_from([None, "R1", "R2", "R3"]),
        is_hinted=st.booleans(),
    )
    def a_rail_speaks(self, pick, outcome, cause, amount_minor, currency, msisdn, receipt, is_hinted):
        hint = Report(Outcome.PAID, receipt=receipt) if is_hinted else None
        said = {"amount_minor": amount_minor, "currency": currency, "msisdn": msisdn}
        self.world.report(
            self.one(pick, list(self.world.sent)),
            outcome,
            cause=cause,
            hint=hint,
            receipt=None if is_hinted else receipt,
            code="X",
            **said,
        )

    @precondition(lambda self: self.ended())
    @rule(pick=PICK, receipt=st.sampled_from([None, "R1", "R4"]))
    def the_money_comes_after_all(self, pick, receipt):
        self.world.paid(self.one(pick, self.ended()), receipt=receipt)

    @precondition(lambda self: self.ended())
    @rule(pick=PICK)
    def somebody_pays_what_was_left_unpaid(self, pick):
        left = self.world[self.one(pick, self.ended())]
        answer = self.world.pay(left.tap_id, JOHN, left.provider, tenant_id=left.tenant_id)
        if isinstance(answer, Accepted) and self.world.start(answer.payment.payment_id).action == "send":
            self.world.paid(answer.payment.payment_id)

    def ended(self):
        return [i for i in self.world.sent if self.world[i].status in ("failed", "expired")]

    @rule(seconds=st.sampled_from([1, 5, 30, 290, 86_400]))
    def time_passes(self, seconds):
        self.world.wait(seconds)

    @rule()
    def the_timer_looks_after_what_is_due(self):
        for payment_id, p in list(self.world.payments.items()):
            if p.next_check_at is None or p.next_check_at > self.world.now:
                continue
            if p.status == "initiated":
                self.world.time_up(payment_id)
            else:
                self.world.report(payment_id, Outcome.WAITING, code="PENDING")

    # What must hold

    @invariant()
    def money_is_conserved(self):
        credited = Counter()
        for row in self.world.credits.values():
            credited[row["currency"]] += row["amount_minor"]
        placed = Counter()
        for orders in self.world.orders.values():
            for order in orders:
                placed[order.currency] += order.credited_minor
        for item in self.world.items.values():
            placed[item["currency"]] += item["held_minor"]
        for (_, currency), kept_minor in self.world.wallets.items():
            placed[currency] += kept_minor
        for payment in self.world.payments.values():  # was kept before, and counts as credited twice
            placed[payment.currency] += payment.amount_minor if payment.provider == "wallet" else 0
        assert +credited == +placed
        assert set(self.world.credits) == {i for i, p in self.world.payments.items() if p.status in PAID}

    @invariant()
    def entries_balance_and_follow_the_credits(self):
        totals, rails, suspense, spent = Counter(), Counter(), Counter(), Counter()
        for row in self.world.entries:
            totals[row["ledger_id"], row["currency"]] += row["amount_minor"]
            book = row["ledger_account"].split(":")[0]
            rails[row["currency"]] += row["amount_minor"] if book in ("rail", "cash") else 0
            suspense[row["currency"]] -= row["amount_minor"] if book == "suspense" else 0
            spent[row["currency"]] += max(0, row["amount_minor"]) if book == "wallet" else 0
        assert not any(totals.values())
        for currency, amount_minor in rails.items():
            mine = [row for row in self.world.credits.values() if row["currency"] == currency]
            assert amount_minor + spent[currency] == sum(row["amount_minor"] for row in mine)
            held = [i["held_minor"] for i in self.world.items.values() if i["currency"] == currency]
            assert suspense[currency] == sum(held)

    @invariant()
    def nobody_spends_more_than_is_kept_for_them(self):
        assert min(self.world.wallets.values(), default=0) >= 0

    @invariant()
    def each_agent_holds_what_they_have_given_receipts_for(self):
        for (agent, currency), amount_minor in self.taken.items():
            mine = [row for row in self.world.entries if row["ledger_account"] == f"cash:{agent}"]
            assert amount_minor == sum(row["amount_minor"] for row in mine if row["currency"] == currency)
        assert sorted(r.number for r in self.world.cash.values()) == list(range(1, len(self.world.cash) + 1))

    @invariant()
    def a_debt_counts_as_paid_what_claims_credited_and_no_more_than_it_is(self):
        credited = Counter()
        for claims in self.world.claims.values():
            for claim in claims.values():
                credited[claim.part_id] += claim.credited_minor
        for part_id, found in self.world.parts.items():
            assert found.amount_minor == self.owed[part_id]
            assert 0 <= found.paid_minor == credited[part_id] <= found.amount_minor

    @invariant()
    def a_part_has_at_most_one_open_claim_and_only_of_an_open_payment(self):
        open_ = Counter()
        for payment_id, claims in self.world.claims.items():
            for claim in claims.values():
                assert claim.is_open == self.world[payment_id].is_open
                open_[claim.part_id] += claim.is_open
        assert max(open_.values(), default=0) <= 1

    @invariant()
    def trails_are_legal_and_complete(self):
        for payment_id, payment in self.world.payments.items():
            path = self.world.path(payment_id)
            assert path[0] == "initiated"
            assert path[-1] == payment.status
            assert len(path) == payment.moves
            assert set(pairwise(path)) <= ARCS

    @invariant()
    def a_success_is_never_downgraded(self):
        paid = {i for i, p in self.world.payments.items() if p.status in PAID}
        assert self.were_paid <= paid
        self.were_paid = paid

    @invariant()
    def somebody_looks_at_every_open_payment_again(self):
        for payment in self.world.payments.values():
            if payment.is_open:
                assert payment.next_check_at is not None
            if payment.status == "initiated":
                assert payment.next_check_at <= payment.expires_at
            if payment.status == "expired" and not payment.is_final and payment.next_check_at is None:
                age_s = (self.world.now - payment.created_at).total_seconds()
                assert age_s > self.world.rules.ask_for_s - 3700

    @invariant()
    def a_rail_without_our_reference_gets_one_prompt(self):
        for payment_id, times in self.world.sent.items():
            if self.world[payment_id].provider != "mtn":
                assert times <= 1 + self.not_reached[payment_id]
            assert times <= 60

    @invariant()
    def a_receipt_has_one_credit(self):
        receipts = [(c["account_id"], c["receipt"]) for c in self.world.credits.values() if c["receipt"]]
        assert len(receipts) == len(set(receipts))


Payments.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestPayments = Payments.TestCase
