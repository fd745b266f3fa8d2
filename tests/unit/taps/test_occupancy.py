from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taps import occupancy as oc
from taps.flags_model import Rule
from taps.occupancy import Count, Heads, Recovery, Sales, Witness
from taps.tariffs import Basis, Tariff

TAP = "KNY-0417-1"
NOBODY = Heads(0, 0, 0)
DECEMBER = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
MARY, JOHN = "+260960000001", "+260970000002"


def tariff(basis, amount_minor, component="water"):
    return Tariff("KNY", component, "TRUST", basis, amount_minor, "ZMW", date(2026, 1, 1))


# Due days


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2026-11", date(2026, 11, 30)),
        ("2026-12", date(2026, 12, 31)),
        ("2027-02", date(2027, 2, 28)),
        ("2028-02", date(2028, 2, 29)),
    ],
)
def test_a_period_is_due_on_the_last_day_of_its_month(period, day):
    assert oc.due_day(period) == day


def test_it_is_overdue_from_midnight_in_lusaka():
    midnight = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    assert oc.overdue_from("2026-11") == midnight
    assert oc.is_overdue("2026-11", midnight)
    assert not oc.is_overdue("2026-11", midnight - timedelta(seconds=1))


def test_the_two_newest_overdue_periods_stand_in_order_over_new_year():
    assert oc.last_overdue(datetime(2027, 1, 15, tzinfo=UTC)) == ("2026-11", "2026-12")
    assert oc.last_overdue(datetime(2026, 11, 30, 22, 0, tzinfo=UTC)) == ("2026-10", "2026-11")


# What is expected


@pytest.mark.parametrize(
    ("basis", "heads", "usual", "expected"),
    [
        (Basis.TAP_MONTH, Heads(20, 5, 5), NOBODY, 1000),
        (Basis.TENANT_MONTH, Heads(20, 5, 7), NOBODY, 5000),
        (Basis.TENANT_MONTH, Heads(0, 0, 5), Heads(0, 9, 9), 5000),
        (Basis.TENANT_MONTH, NOBODY, Heads(30, 6, 8), 6000),
        (Basis.TENANT_MONTH, NOBODY, Heads(0, 0, 8), 8000),
        (Basis.OCCUPANT_MONTH, Heads(20, 5, 5), NOBODY, 20000),
        (Basis.OCCUPANT_MONTH, NOBODY, Heads(30, 6, 8), 30000),
        (Basis.OCCUPANT_MONTH, NOBODY, NOBODY, 0),
    ],
)
def test_expected_is_tariff_times_what_the_basis_counts(basis, heads, usual, expected):
    assert oc.expected_minor([tariff(basis, 1000)], heads, usual, {}) == expected


def test_water_and_refuse_are_both_expected():
    both = [tariff(Basis.TENANT_MONTH, 1500), tariff(Basis.SACK, 1000, "refuse")]
    assert oc.expected_minor(both, Heads(9, 3, 3), NOBODY, {(None, "refuse"): 2}) == 4500 + 2000


def test_containers_count_as_sold_and_stand_for_their_refuse():
    both = [tariff(Basis.CONTAINER_20L, 40), tariff(Basis.CONTAINER_20L, 10, "refuse")]
    assert oc.expected_minor(both, NOBODY, NOBODY, {(None, "water"): 100, (MARY, "water"): 10}) == 110 * 50


def test_a_tap_without_sales_is_expected_to_sell_what_others_do():
    price = [tariff(Basis.CONTAINER_20L, 40)]
    assert oc.expected_minor(price, NOBODY, NOBODY, {}, [0, 100, 300, 0, 200]) == 200 * 40


def test_medians_leave_out_taps_that_have_none():
    taps = [Heads(0, 0, 4), Heads(10, 2, 0), Heads(30, 5, 0), Heads(20, 4, 0)]
    assert oc.medians(taps) == Heads(20, 4, 4)
    assert oc.medians([]) == NOBODY


def test_of_two_middle_numbers_the_lower_counts():
    assert oc.medians([Heads(4, 1, 0), Heads(9, 2, 0)]) == Heads(4, 1, 0)


# Recovery: the example of requirement T3


def test_half_and_little_more_in_two_periods_running_is_underpaid():
    expected = oc.expected_minor([tariff(Basis.TENANT_MONTH, 1000)], Heads(0, 0, 5), NOBODY, {})
    october, november = Recovery("2026-10", expected, 2500), Recovery("2026-11", expected, 2800)
    assert expected == 5000
    assert [october.percent, november.percent] == [50, 56]
    assert oc.is_behind(october, DECEMBER)
    assert oc.is_behind(november, DECEMBER)
    assert oc.is_underpaid([october, november], DECEMBER)


@pytest.mark.parametrize(
    ("first", "second", "underpaid"),
    [
        (2999, 2999, True),
        (3000, 2999, False),
        (2999, 3000, False),
        (0, 0, True),
        (5000, 0, False),
    ],
)
def test_sixty_percent_is_not_below_sixty(first, second, underpaid):
    recoveries = [Recovery("2026-10", 5000, first), Recovery("2026-11", 5000, second)]
    assert oc.is_underpaid(recoveries, DECEMBER) is underpaid


def test_before_the_due_day_nobody_is_behind():
    november = Recovery("2026-11", 5000, 0)
    assert not oc.is_behind(november, DECEMBER - timedelta(days=3))
    assert not oc.is_underpaid([Recovery("2026-10", 5000, 0), november], DECEMBER - timedelta(days=3))


def test_two_low_periods_with_one_between_do_not_run():
    low = [Recovery("2026-09", 5000, 0), Recovery("2026-10", 5000, 5000), Recovery("2026-11", 5000, 0)]
    assert not oc.is_underpaid(low, DECEMBER)


def test_a_year_ends_between_two_periods_running():
    low = [Recovery("2026-12", 5000, 0), Recovery("2027-01", 5000, 0)]
    assert oc.is_underpaid(low, datetime(2027, 2, 1, tzinfo=UTC))


def test_where_nothing_is_expected_nothing_is_missing():
    nothing = Recovery("2026-11", 0, 0)
    assert nothing.percent is None
    assert not oc.is_behind(nothing, DECEMBER)
    assert not oc.is_underpaid([Recovery("2026-10", 0, 0), nothing], DECEMBER)


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_percent_never_says_more_than_came_in(expected, paid):
    percent = Recovery("2026-11", expected, paid).percent
    assert percent * expected <= 100 * paid < (percent + 1) * expected


# Rules


@pytest.mark.parametrize(
    ("counted", "registered", "found"),
    [(8, 6, True), (7, 6, False), (4, 3, True), (3, 3, False), (2, 1, True), (100, 0, False), (0, 5, False)],
)
def test_a_third_more_people_than_registered_is_crowded(counted, registered, found):
    finding = oc.crowded(TAP, Count(counted, DECEMBER), registered)
    assert (finding is not None) is found


def test_a_crowded_tap_says_how_many():
    finding = oc.crowded(TAP, Count(12, DECEMBER), 8)
    assert (finding.rule, finding.seen_at) == (Rule.CROWDED, DECEMBER)
    assert finding.words == "Counted 12 people, registered 8"


def reports(*told):
    return [Witness(msisdn, DECEMBER + timedelta(days=day)) for msisdn, day in told]


@pytest.mark.parametrize(
    ("told", "older"),
    [
        ([(MARY, 0), (JOHN, 30)], 0),
        ([(MARY, 0), (JOHN, 31)], None),
        ([(MARY, 0), (MARY, 3)], None),
        ([(JOHN, 0), (MARY, 10), (MARY, 45)], 0),
        ([(JOHN, 0), (MARY, 5), (JOHN, 9)], 5),
        ([(MARY, 0)], None),
        ([], None),
    ],
)
def test_two_phones_within_thirty_days_are_enough(told, older):
    finding = oc.twice_reported(TAP, reports(*told))
    assert (finding and finding.seen_at) == (None if older is None else DECEMBER + timedelta(days=older))


LOW = [Recovery("2026-10", 5000, 2500), Recovery("2026-11", 5000, 2800)]


def test_an_underpaid_tap_that_sold_more_than_it_was_billed_is_oversold():
    sales = [Sales("2026-10", 4000, 5000), Sales("2026-11", 8000, 5000)]
    finding = oc.oversold(TAP, LOW, sales, "ZMW", DECEMBER)
    assert finding.rule is Rule.OVERSOLD
    assert finding.seen_at == oc.overdue_from("2026-11")
    assert finding.words == "2026-11: paid 56 %, water sold for K80.00, billed K50.00"


@pytest.mark.parametrize(
    ("recoveries", "sold"),
    [(LOW, 5000), (LOW[1:], 8000), ([LOW[0], Recovery("2026-11", 5000, 5000)], 8000)],
    ids=["sold as billed", "one period", "paid since"],
)
def test_otherwise_it_is_not(recoveries, sold):
    assert oc.oversold(TAP, recoveries, [Sales("2026-11", sold, 5000)], "ZMW", DECEMBER) is None


def test_what_was_sold_is_worth_the_containers_of_water():
    prices = [tariff(Basis.CONTAINER_20L, 40), tariff(Basis.CONTAINER_20L, 10, "refuse")]
    assert oc.sold_minor(prices, {(None, "water"): 200, (None, "refuse"): 50}) == 8000
    assert oc.sold_minor([tariff(Basis.TAP_MONTH, 2000)], {(None, "water"): 200}) == 0
