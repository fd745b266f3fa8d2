import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadAmount
from taps.debts import Part, allocate, oldest_first, payable_minor, total_open_minor


def part(component="water", amount_minor=2000, paid_minor=0, period="2026-11", seller="S", n=0, **changes):
    known = {"tap_id": "KNY-0417-1", "tenant_id": None, "zone": "KNY", "currency": "ZMW", **changes}
    return Part(
        part_id=f"p{n}{component}{period}",
        debt_id=f"d{period}",
        period=period,
        component=component,
        seller=seller,
        amount_minor=amount_minor,
        paid_minor=paid_minor,
        **known,
    )


def shares(parts, amount_minor, unit_minor=1):
    return [(p.period, p.component, n) for p, n in allocate(parts, amount_minor, unit_minor)]


WATER, REFUSE = part(), part("refuse", 1000)
OLD_WATER, OLD_REFUSE = part(period="2026-10"), part("refuse", 1000, period="2026-10")


def test_all_that_is_owed_pays_every_part():
    assert shares([REFUSE, WATER], 3000) == [("2026-11", "water", 2000), ("2026-11", "refuse", 1000)]


def test_a_part_payment_is_in_proportion_to_what_is_open_water_first():
    assert shares([REFUSE, WATER], 1000) == [("2026-11", "water", 667), ("2026-11", "refuse", 333)]
    assert shares([part(), part("refuse", 2000)], 1) == [("2026-11", "water", 1)]
    assert shares([part(paid_minor=1000), REFUSE], 1000) == [
        ("2026-11", "water", 500),
        ("2026-11", "refuse", 500),
    ]


def test_the_oldest_period_is_paid_first():
    paid = shares([WATER, REFUSE, OLD_REFUSE, OLD_WATER], 3300)
    assert paid == [
        ("2026-10", "water", 2000),
        ("2026-10", "refuse", 1000),
        ("2026-11", "water", 200),
        ("2026-11", "refuse", 100),
    ]


def test_a_paid_part_gets_nothing():
    assert shares([part(paid_minor=2000), REFUSE], 400) == [("2026-11", "refuse", 400)]


@pytest.mark.parametrize(
    ("amount_minor", "unit_minor", "code"),
    [
        (0, 1, "bad_amount"),
        (-5, 1, "bad_amount"),
        (3001, 1, "more_than_owed"),
        (150, 100, "not_whole_units"),
        (3100, 100, "more_than_owed"),
    ],
)
def test_amounts_that_cannot_be_divided_are_refused(amount_minor, unit_minor, code):
    with pytest.raises(BadAmount) as refused:
        allocate([WATER, REFUSE], amount_minor, unit_minor)
    assert refused.value.reason == code


def test_nothing_owed_takes_nothing():
    with pytest.raises(BadAmount):
        allocate([], 1)
    assert total_open_minor([]) == payable_minor([], 100) == 0


def test_shillings_are_divided_whole():
    assert shares([WATER, REFUSE], 1000, 100) == [("2026-11", "water", 700), ("2026-11", "refuse", 300)]


@pytest.mark.parametrize(
    ("currency", "amount_minor", "paid_minor", "wanted"),
    [
        ("KES", 10000, 0, [6700, 3300]),  # by hand or in cash: the rest can be paid by M-PESA
        ("KES", 10050, 0, [6700, 3350]),  # it came in cents
        ("KES", 10000, 50, [6661, 3339]),  # there are cents already
        ("ZMW", 10000, 0, [6667, 3333]),
    ],
)
def test_whole_shillings_stay_whole_whoever_takes_them(currency, amount_minor, paid_minor, wanted):
    water = part(amount_minor=20000, paid_minor=paid_minor, currency=currency)
    refuse = part("refuse", 10000, n=1, currency=currency)
    assert [n for _, n in allocate([water, refuse], amount_minor)] == wanted


def test_what_shillings_cannot_express_stays_open():
    parts = [part(amount_minor=1050), part("refuse", 950)]
    assert total_open_minor(parts) == 2000
    assert payable_minor(parts, 100) == 1900
    assert shares(parts, 1900, 100) == [("2026-11", "water", 1000), ("2026-11", "refuse", 900)]
    with pytest.raises(BadAmount):
        allocate(parts, 2000, 100)


def test_cents_left_in_an_old_period_do_not_stop_the_next():
    assert shares([part(amount_minor=50, period="2026-10"), WATER], 2000, 100) == [("2026-11", "water", 2000)]


def test_the_order_is_period_water_seller():
    mixed = [REFUSE, part(seller="Z", n=2), WATER, OLD_REFUSE]
    assert oldest_first(mixed) == [OLD_REFUSE, WATER, mixed[1], REFUSE]


PARTS = st.lists(
    st.builds(
        lambda n, c, amount, paid, month: part(c, amount, min(paid, amount), f"2026-{month:02d}", n=n),
        st.integers(0, 10**6),
        st.sampled_from(["water", "refuse"]),
        st.integers(1, 10**5),
        st.integers(0, 10**5),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda p: p.part_id,
)


@given(PARTS, st.sampled_from([1, 100]), st.integers(1, 10**5))
def test_shares_add_up_and_never_pay_a_part_too_much(parts, unit_minor, wanted):
    most = payable_minor(parts, unit_minor)
    amount_minor = min(wanted * unit_minor, most)
    if not amount_minor:
        return
    divided = allocate(parts, amount_minor, unit_minor)
    assert sum(n for _, n in divided) == amount_minor
    assert all(0 < n <= p.open_minor and n % unit_minor == 0 for p, n in divided)
    latest = divided[-1][0].period
    older = [p for p in parts if p.period < latest]
    assert sum(n for p, n in divided if p.period < latest) == payable_minor(older, unit_minor)
