from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taps.billing import Bill, Line, bills_for
from taps.model import Billing, Tenant, billing_in
from taps.tariffs import Basis, Tariff, valid_in

SHARED, INDIVIDUALIZED = Billing.SHARED, Billing.INDIVIDUALIZED
TAP = "KNY-0417-1"


def tariff(component, basis, amount_minor, seller=None, **changes):
    seller = seller or {"water": "TRUST", "refuse": "CBE"}[component]
    known = {"currency": "ZMW", "valid_from": date(2026, 1, 1), "zone": "KNY", **changes}
    return Tariff(component=component, seller=seller, basis=basis, amount_minor=amount_minor, **known)


def tenant(n, occupants=1):
    return Tenant(f"t{n}", TAP, f"+26096000000{n}", f"Tenant {n}", occupants, active=True)


WATER, REFUSE = tariff("water", Basis.TAP_MONTH, 2000), tariff("refuse", Basis.TAP_MONTH, 1000)
KIOSK = [tariff("water", Basis.CONTAINER_20L, 40), tariff("refuse", Basis.CONTAINER_20L, 10)]


def owed(bills):
    return {bill.tenant_id: [line.amount_minor for line in bill.lines] for bill in bills}


def test_a_shared_tap_owes_its_month_also_without_tenants():
    bill = Bill(TAP, None, (Line("water", "TRUST", 2000), Line("refuse", "CBE", 1000)))
    assert bills_for(TAP, SHARED, [], [WATER, REFUSE], {}) == [bill]
    assert bills_for(TAP, SHARED, [tenant(1), tenant(2)], [WATER, REFUSE], {}) == [bill]


def test_an_individualized_tap_shares_its_month_by_largest_remainder():
    tenants = [tenant(3), tenant(1), tenant(2)]
    bills = bills_for(TAP, INDIVIDUALIZED, tenants, [WATER, REFUSE], {})
    assert owed(bills) == {"t1": [667, 334], "t2": [667, 333], "t3": [666, 333]}


def test_an_individualized_tap_without_tenants_has_nobody_who_owes():
    assert bills_for(TAP, INDIVIDUALIZED, [], [WATER, REFUSE], {(None, "water"): 3}) == []


@pytest.mark.parametrize(
    ("basis", "shared", "individualized"),
    [
        (Basis.TENANT_MONTH, {None: [2000]}, {"t1": [1000], "t2": [1000]}),
        (Basis.OCCUPANT_MONTH, {None: [7000]}, {"t1": [3000], "t2": [4000]}),
        (Basis.TAP_MONTH, {None: [1000]}, {"t1": [500], "t2": [500]}),
    ],
)
def test_each_basis_on_each_billing(basis, shared, individualized):
    tenants, prices = [tenant(1, 3), tenant(2, 4)], [tariff("water", basis, 1000)]
    assert owed(bills_for(TAP, SHARED, tenants, prices, {})) == shared
    assert owed(bills_for(TAP, INDIVIDUALIZED, tenants, prices, {})) == individualized


def test_seven_containers_are_2_80_and_0_70():
    counted_twice = {(None, "water"): 7, (None, "refuse"): 7}
    counted_once = {(None, "water"): 7}
    for usage in (counted_twice, counted_once):
        assert owed(bills_for(TAP, SHARED, [], KIOSK, usage)) == {None: [280, 70]}


def test_refuse_counted_on_its_own_stands():
    usage = {(None, "water"): 7, (None, "refuse"): 0}
    assert owed(bills_for(TAP, SHARED, [], KIOSK, usage)) == {None: [280]}


def test_sacks_are_owed_by_who_bought_them():
    prices = [tariff("refuse", Basis.SACK, 1000)]
    usage = {("t1", "refuse"): 2, ("left", "refuse"): 1, (None, "refuse"): 1, (None, "water"): 9}
    tenants = [tenant(1), tenant(2)]
    assert owed(bills_for(TAP, INDIVIDUALIZED, tenants, prices, usage)) == {
        "t1": [2500],
        "left": [1000],
        "t2": [500],
    }
    assert owed(bills_for(TAP, SHARED, tenants, prices, usage)) == {None: [4000]}


def test_nothing_to_pay_makes_no_bill():
    prices = [tariff("water", Basis.TAP_MONTH, 0), *KIOSK, tariff("refuse", Basis.TENANT_MONTH, 500)]
    assert bills_for(TAP, SHARED, [], prices, {}) == []


def test_a_share_that_rounds_to_zero_is_left_out():
    bills = bills_for(TAP, INDIVIDUALIZED, [tenant(1), tenant(2)], [tariff("water", Basis.TAP_MONTH, 1)], {})
    assert owed(bills) == {"t1": [1]}


@given(
    st.lists(st.integers(0, 20), max_size=9),
    st.lists(
        st.tuples(st.sampled_from(["water", "refuse"]), st.sampled_from(list(Basis)), st.integers(0, 10**6)),
        max_size=5,
    ),
    st.dictionaries(
        st.tuples(st.sampled_from([None, "t0", "t1"]), st.sampled_from(["water", "refuse"])),
        st.integers(0, 500),
    ),
)
def test_both_billings_come_to_the_same_sum_for_each_seller(occupants, prices, usage):
    tenants = [tenant(n, count) for n, count in enumerate(occupants)]
    tariffs = [tariff(c, basis, amount, seller=f"S{n}") for n, (c, basis, amount) in enumerate(prices)]
    sums = [sums_by_seller(bills_for(TAP, billing, tenants, tariffs, usage)) for billing in Billing]
    if tenants:
        assert sums[0] == sums[1]


def sums_by_seller(bills):
    sums = {}
    for bill in bills:
        assert bill.lines
        for line in bill.lines:
            assert line.amount_minor > 0
            sums[line.seller] = sums.get(line.seller, 0) + line.amount_minor
    return sums


@pytest.mark.parametrize(
    ("period", "billing"),
    [
        ("2026-10", SHARED),
        ("2026-11", INDIVIDUALIZED),
        ("2026-12", INDIVIDUALIZED),
        ("2027-01", SHARED),
        ("2030-01", SHARED),
    ],
)
def test_the_latest_switch_not_after_a_period_counts(period, billing):
    history = [("2027-01", "shared"), ("0000-00", "shared"), ("2026-11", "individualized")]
    assert billing_in(history, period) == billing


def test_a_tap_without_history_is_shared():
    assert billing_in([], "2026-11") is SHARED


def test_a_price_holds_from_the_first_period_that_starts_with_it():
    old, new = (
        tariff("water", Basis.TAP_MONTH, 2000),
        tariff("water", Basis.SACK, 9, valid_from=date(2026, 11, 2)),
    )
    assert valid_in([new, old], "2026-11") == [old]
    assert valid_in([new, old], "2026-12") == [new]
    assert valid_in([new, old], "2025-12") == []


def test_water_stands_first_and_sellers_do_not_replace_each_other():
    other = tariff("water", Basis.TAP_MONTH, 5, seller="BOREHOLE")
    assert valid_in([REFUSE, WATER, other], "2026-11") == [other, WATER, REFUSE]
