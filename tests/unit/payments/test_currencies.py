"""Debts in each currency over rails of each unit: divided exactly, or refused before anything is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from payments_world import MARY, RAILS, World, part

from core.money import EXPONENTS, exponent
from payments.desk import Rail, Rules
from payments.providers.base import Traits
from payments.results import Accepted, NotExpressible
from taps.debts import payable_minor

CURRENCIES = ("ZMW", "KES", "UGX", "TZS", "RWF", "BIF", "CDF", "SSP")
TAP = "CUR-0001-0"


def _world(currency, amounts, unit_minor=1, min_minor=1, max_minor=10**12):
    parts = [replace(part(TAP, f"S{n}", minor), currency=currency) for n, minor in enumerate(amounts)]
    traits = Traits(
        has_query=True,
        push_is_repeatable=True,
        unit_minor=unit_minor,
        currencies=frozenset({currency}),
        min_minor=min_minor,
        max_minor=max_minor,
    )
    world = World(parts)
    world.rules = Rules(rails={**RAILS, "mtn": Rail("mtn", "mtn:acc", traits)})
    return world, parts


@given(
    currency=st.sampled_from(CURRENCIES),
    amounts=st.lists(st.integers(1, 10**6), min_size=1, max_size=5),
    is_whole_only=st.booleans(),
    share=st.integers(1, 100),
)
def test_what_is_asked_is_divided_to_the_last_unit_or_refused(currency, amounts, is_whole_only, share):
    unit = 10 ** exponent(currency) if is_whole_only else 1
    world, parts = _world(currency, amounts, unit)
    amount_minor = max(1, sum(amounts) * share // 100)
    answer = world.pay(TAP, MARY, amount_minor=amount_minor)
    if isinstance(answer, NotExpressible):
        assert unit > 1
        assert amount_minor % unit or amount_minor > answer.most_minor
        assert answer.most_minor == payable_minor(parts, unit)
        assert not world.payments
        return
    assert isinstance(answer, Accepted)
    assert (answer.payment.amount_minor, answer.payment.currency) == (amount_minor, currency)
    claims = world.open_claims(answer.payment.payment_id)
    assert sum(claim.amount_minor for claim in claims) == amount_minor
    assert all(
        c.amount_minor % unit == 0 and c.amount_minor <= world.parts[c.part_id].open_minor for c in claims
    )


@given(amounts=st.lists(st.integers(1, 10**6), min_size=1, max_size=5))
def test_the_most_that_a_refusal_names_can_be_paid(amounts):
    world, _ = _world("KES", amounts, 100, 100)
    answer = world.pay(TAP, MARY, amount_minor=None)
    if isinstance(answer, NotExpressible) and answer.most_minor:
        answer = world.pay(TAP, MARY, amount_minor=answer.most_minor)
    assert isinstance(answer, Accepted) or sum(a // 100 for a in amounts) == 0


@pytest.mark.parametrize(
    ("amount_minor", "is_carried"), [(99, False), (100, True), (5000, True), (5001, False)]
)
def test_a_rails_least_and_most_are_kept(amount_minor, is_carried):
    world, _ = _world("UGX", [10_000], min_minor=100, max_minor=5000)
    assert isinstance(world.pay(TAP, MARY, amount_minor=amount_minor), Accepted) == is_carried
    assert bool(world.payments) == is_carried


def test_every_currency_of_ours_is_known():
    assert set(CURRENCIES) <= set(EXPONENTS)
