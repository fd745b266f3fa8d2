"""Surplus is kept for its payer and pays first: what the wallet pays, what the rail is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from payments_world import ACHIENG, CITY, JOHN, KNY, KNY2, MARY, NRB, World, part

from payments import results as r
from payments.decide.wallet import divide, request_id
from payments.providers.base import Outcome, Traits
from payments.validation import Limits
from payments.wallet import accounts

TRUST, CBE = "seller:KNY:TRUST", "seller:KNY:CBE"
SHILLINGS = Traits(
    has_query=True, push_is_repeatable=False, unit_minor=100, currencies=frozenset({"KES"}), min_minor=100
)


def keep(world, msisdn, amount_minor, currency="ZMW"):
    """Put money in a wallet, as an over-payment would."""
    desk = world.desk()
    entries = [("rail:mtn:acc", currency, amount_minor), desk.credit_wallet(msisdn, currency, amount_minor)]
    desk.post("payment", f"test:{world.ids.new()}", world.ids.new(), entries)
    world._keep(desk)


def kept(world, msisdn=MARY, currency="ZMW"):
    return world.wallets[msisdn, currency]


def test_what_is_kept_pays_first_and_the_prompt_is_for_the_rest(world):
    keep(world, MARY, 1200)
    answer = world.pay(key="k")
    assert (answer.payment.amount_minor, answer.payment.status, answer.payment.provider) == (
        1800,
        "initiated",
        "mtn",
    )
    before = answer.from_wallet
    assert (before.amount_minor, before.status, before.provider) == (1200, "success", "wallet")
    assert before.payment_request_id == request_id("k")
    assert before.checkout_id == answer.payment.checkout_id
    assert (before.is_final, before.next_check_at, before.push_state) == (True, None, "none")
    assert (kept(world), world.open_minor()) == (0, 1800)
    assert sum(c.amount_minor for c in world.open_claims(answer.payment.payment_id)) == 1800
    assert not world.open_claims(before.payment_id)


def test_the_sellers_get_what_comes_from_the_wallet_at_once(world):
    keep(world, MARY, 1200)
    answer = world.pay()
    assert (world.balance(TRUST), world.balance(CBE)) == (-800, -400)
    world.start(answer.payment.payment_id)
    world.paid(answer.payment.payment_id)
    assert (world.balance(TRUST), world.balance(CBE)) == (-2000, -1000)
    assert world.open_minor() == 0


def test_one_checkout_is_written_for_both_with_all_of_it(world):
    keep(world, MARY, 1200)
    desk = world.desk()
    rows = _pay_on(desk, world)
    assert [row["amount_minor"] for row in rows] == [3000]


def _pay_on(desk, world):
    from payments.commands import Pay
    from payments.decide import decide

    decide(
        desk,
        Pay(
            payment_request_id="k",
            request_hash="b",
            msisdn=MARY,
            contact_msisdn=MARY,
            tap_id=KNY,
            tenant_id=None,
            amount_minor=None,
            currency=None,
            provider="mtn",
            channel="rest",
            correlation_id="c",
            delay_s=0,
        ),
    )
    return desk.rows["checkouts"]


@pytest.mark.parametrize("kept_minor", [3000, 3500])
def test_enough_of_it_pays_all_and_nobody_is_asked_for_a_pin(world, kept_minor):
    keep(world, MARY, kept_minor)
    answer = world.pay(key="k")
    payment = answer.payment
    assert (payment.status, payment.provider, payment.payment_request_id) == ("success", "wallet", "k")
    assert (answer.is_queued, answer.from_wallet) == (False, None)
    assert (kept(world), world.open_minor()) == (kept_minor - 3000, 0)
    assert not world.outbox
    assert world.told() == ["Succeeded"]
    assert world.path(payment.payment_id) == ["initiated", "success"]


def test_all_from_the_wallet_needs_no_rail(world):
    keep(world, MARY, 3000)
    assert world.pay(provider="nobody").payment.status == "success"


def test_the_event_tells_what_a_prompt_collects_besides(world):
    keep(world, MARY, 1200)
    world.pay()
    (event,) = world.events
    assert (event.credited_minor, event.rest_minor, event.kept_minor) == (1200, 1800, 0)


def test_a_prompt_that_fails_leaves_the_wallets_part_paid(world):
    keep(world, MARY, 1200)
    payment_id = world.pay().payment.payment_id
    world.start(payment_id)
    world.report(payment_id, Outcome.NOT_PAID, code="REJECTED")
    assert (world[payment_id].status, world.open_minor(), kept(world)) == ("failed", 1800, 0)
    assert world.events[-1].payment.amount_minor == 1800
    assert world.pay(phone=JOHN).payment.amount_minor == 1800


@pytest.mark.parametrize("kept_minor", [1200, 5000])
def test_the_same_key_again_is_the_same_answer_and_spends_nothing(world, kept_minor):
    keep(world, MARY, kept_minor)
    first = world.pay(key="k")
    left, count = kept(world), len(world.payments)
    assert world.pay(key="k") == replace(first, is_repeat=True)
    assert (kept(world), len(world.payments)) == (left, count)
    assert world.pay(key="k", body="other") == r.Mismatch()


def test_nobody_pays_from_a_wallet_by_naming_another_number(world):
    keep(world, JOHN, 3000)
    answer = world.pay(msisdn=JOHN, contact_msisdn=MARY)
    assert (answer.payment.provider, answer.payment.amount_minor, answer.from_wallet) == ("mtn", 3000, None)
    assert kept(world, JOHN) == 3000


def test_a_wallet_pays_in_its_own_currency_only(world):
    keep(world, MARY, 9000, "KES")
    assert world.pay().payment.amount_minor == 3000
    assert kept(world, MARY, "KES") == 9000


def test_a_part_payment_takes_no_more_than_was_asked_for(world):
    keep(world, MARY, 1200)
    answer = world.pay(amount_minor=1000)
    assert (answer.payment.provider, answer.payment.amount_minor) == ("wallet", 1000)
    assert (kept(world), world.open_minor()) == (200, 2000)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"amount_minor": 3001}, r.MoreThanOwed(3000, "ZMW")),
        ({"amount_minor": 0}, r.NotExpressible(1, 1, 10**12, 3000)),
        ({"currency": "KES"}, r.NoRail("mtn")),
        ({"provider": "airtel"}, r.NoRail("airtel")),
        ({"tenant_id": "nobody"}, r.NothingOwed()),
    ],
)
def test_a_refusal_leaves_the_wallet_alone(world, asked, refusal):
    keep(world, MARY, 1200)
    assert world.pay(**asked) == refusal
    assert (kept(world), world.payments) == (1200, {})


def test_a_debt_that_somebody_is_paying_is_not_paid_from_a_wallet_too(world):
    keep(world, MARY, 3000)
    first = world.accepted(phone=JOHN)
    assert world.pay() == r.UnderWay(world[first])
    assert kept(world) == 3000


def test_limits_count_what_the_rail_collects_and_nothing_else():
    world = World(limits=Limits(single_minor={"ZMW": 2000}, daily_minor={"ZMW": 2000}))
    keep(world, MARY, 1500)
    assert world.pay(KNY2, tenant_id="mary").payment.provider == "wallet"
    keep(world, MARY, 1000)
    answer = world.pay()
    assert (answer.payment.amount_minor, answer.payment.validation) == (2000, "proceed")


def test_a_rest_above_the_limit_is_rejected_and_the_wallet_is_left_alone():
    world = World(limits=Limits(single_minor={"ZMW": 1000}))
    keep(world, MARY, 1500)
    answer = world.pay()
    assert (answer.payment.status, answer.payment.amount_minor, answer.most_minor) == ("failed", 1500, 1000)
    assert (kept(world), world.open_minor(), answer.from_wallet) == (1500, 3000, None)


# Rails of whole shillings


def _nairobi(*amounts):
    parts = [part(NRB, f"SELLER {n}", minor) for n, minor in enumerate(amounts)]
    return World([*CITY[:-1], *parts])


@pytest.mark.parametrize(
    ("amounts", "kept_minor", "from_wallet", "by_rail"),
    [
        ((5000,), 250, 200, 4800),  # less is used, so that the rest is whole
        ((5050,), 250, 250, 4800),
        ((5050,), 249, 150, 4900),
        ((5050,), 5049, 4950, 100),  # the least that the rail carries
        ((5050,), 5050, 5050, None),
        ((2667, 1333), 99, None, 4000),  # 2700 and 1300 are whole, and less than the unit is kept
        ((2650, 1350), 100, 100, 3900),  # one broken shilling from each
    ],
)
def test_the_rest_is_what_the_rail_can_carry(amounts, kept_minor, from_wallet, by_rail):
    world = _nairobi(*amounts)
    keep(world, ACHIENG, kept_minor, "KES")
    answer = world.pay(NRB, ACHIENG, "daraja")
    if (amounts, kept_minor) == ((2667, 1333), 99):
        assert isinstance(answer, r.NotExpressible)  # 2667 holds 26 whole shillings, 1333 holds 13
        return
    if by_rail is None:
        assert (answer.payment.provider, answer.payment.amount_minor) == ("wallet", from_wallet)
        return
    assert answer.payment.amount_minor == by_rail
    assert answer.from_wallet.amount_minor == from_wallet
    assert all(c.amount_minor % 100 == 0 for c in world.open_claims(answer.payment.payment_id))


@pytest.mark.parametrize("kept_minor", [1, 49])
def test_a_debt_that_is_not_whole_and_too_little_kept_is_refused_before_anything(kept_minor):
    world = _nairobi(5050)
    keep(world, ACHIENG, kept_minor, "KES")
    assert isinstance(world.pay(NRB, ACHIENG, "daraja"), r.NotExpressible)
    assert (kept(world, ACHIENG, "KES"), world.payments) == (kept_minor, {})


AMOUNTS = st.integers(1, 3_000)


@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=5),
    share=st.floats(0.01, 1),
    kept_minor=AMOUNTS,
    unit=st.sampled_from([1, 100]),
    least=st.sampled_from([1, 100, 1000]),
    most=st.sampled_from([2000, 10**12]),
)
def test_whatever_is_divided_adds_up_is_owed_and_can_be_carried(
    amounts, share, kept_minor, unit, least, most
):
    parts = [part(NRB, f"S{n}", minor, period=f"2026-{1 + n % 3:02}") for n, minor in enumerate(amounts)]
    amount_minor = max(1, int(sum(amounts) * share))
    traits = Traits(
        has_query=True,
        push_is_repeatable=False,
        unit_minor=unit,
        currencies=frozenset({"KES"}),
        min_minor=max(unit, least),
        max_minor=most,
    )
    divided = divide(parts, amount_minor, kept_minor, traits)
    if divided is None:
        return
    from_wallet, rest = (sum(n for _, n in shares) for shares in (divided.kept, divided.rest))
    assert from_wallet + rest == amount_minor
    assert from_wallet <= kept_minor
    assert rest == 0 or traits.min_minor <= rest <= most
    for one in parts:
        mine = [n for shares in (divided.kept, divided.rest) for p, n in shares if p == one]
        assert 0 <= sum(mine) <= one.open_minor
    assert all(n > 0 and n % unit == 0 for _, n in divided.rest)
    assert all(n > 0 for _, n in divided.kept)


@given(amount=AMOUNTS, kept_minor=AMOUNTS, unit=st.sampled_from([1, 5, 100]), least=st.integers(1, 2000))
def test_the_screen_and_the_decision_name_the_same_part(amount, kept_minor, unit, least):
    used = accounts.usable_minor(amount, kept_minor, unit, least)
    assert 0 <= used <= min(amount, kept_minor)
    assert used in (0, amount) or ((amount - used) % unit == 0 and amount - used >= least)
    better = used + unit
    assert kept_minor >= amount or better > kept_minor or amount - better < least or used == 0


# Where surplus comes from


def test_surplus_of_one_debt_pays_another_one_later(world):
    world.paid(world.pushed(amount_minor=1000), amount_minor=2500)
    assert (kept(world), world.open_minor()) == (1500, 2000)
    answer = world.pay()
    assert (answer.from_wallet.amount_minor, answer.payment.amount_minor) == (1500, 500)


def test_surplus_of_a_payment_for_somebody_belongs_to_who_paid(world):
    payment_id = world.pushed(phone=JOHN, contact_msisdn=MARY)
    world.paid(payment_id, amount_minor=3500)
    assert world.wallets == {(JOHN, "ZMW"): 500}


@pytest.mark.parametrize("told", [{"msisdn": JOHN}, {"currency": "USD"}, {"external_id": "another"}])
def test_money_that_may_be_anothers_is_in_nobodys_wallet(world, told):
    world.paid(world.pushed(), **told)
    assert not world.wallets


def test_a_debt_of_before_a_switch_is_paid_and_only_what_fits_it_no_more_is_kept():
    # The tap is individualized from December: its own debt of November stays, tenants owe the rest.
    december = part(KNY, "TRUST", 1500, period="2026-12", tenant="mary")
    world = World([*CITY, december])
    late = world.expired(amount_minor=3000)
    cash = world.record(amount_minor=None, tenant_id=None)
    assert isinstance(cash, r.Recorded)
    world.paid(late)
    assert (world.open_minor(), kept(world)) == (0, 3000)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_wallet_is_credited_with_money_only(world, amount_minor):
    with pytest.raises(ValueError, match="credited"):
        world.desk().credit_wallet(MARY, "ZMW", amount_minor)


@pytest.mark.parametrize(
    ("account", "owner"),
    [("wallet:+260960000001", MARY), ("seller:KNY:TRUST", None), ("rail:wallet:default", None)],
)
def test_a_wallets_account_names_its_owner(account, owner):
    assert accounts.owner(account) == owner
    assert owner is None or accounts.held_for(owner) == account
