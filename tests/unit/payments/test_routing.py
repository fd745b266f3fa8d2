import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import routing
from payments.desk import Rail
from payments.providers.base import Traits
from payments.routing import Asked, choose
from payments.routing_rules import Fee

SAFARICOM, MTN, AIRTEL, ZAMTEL = "+254708374149", "+260961234567", "+260977123456", "+260955123456"
GERMAN = "+4915112345678"


def rail(provider, *currencies, zone="default", **traits):
    common = {"has_query": True, "push_is_repeatable": True, "unit_minor": 1}
    return Rail(provider, f"{provider}:{zone}", Traits(currencies=frozenset(currencies), **common | traits))


RAILS = (
    rail("daraja", "KES", unit_minor=100, min_minor=100, max_minor=25_000_000),
    rail("kcb", "KES", unit_minor=100, min_minor=1000, max_minor=15_000_000),
    rail("mtn", "ZMW", max_minor=1_000_000),
    rail("airtel", "ZMW", "KES"),
    rail("zamtel", "ZMW"),
    rail("kcb_multi", "KES", "UGX", "TZS"),
    rail("stripe", "ZMW", "KES", "USD"),
)


def asked(msisdn, currency="KES", amount_minor=30_000, **more):
    return Asked(msisdn=msisdn, currency=currency, amount_minor=amount_minor, **more)


def names(choice):
    return [one.provider for one in choice.rails]


def why(choice):
    return {provider: (rank, said) for provider, rank, said in json.loads(choice.reasons)}


@pytest.mark.parametrize(
    ("question", "order"),
    [
        (asked(SAFARICOM), ["daraja", "kcb"]),
        (asked(MTN, "ZMW"), ["mtn"]),
        (asked(AIRTEL, "ZMW"), ["airtel"]),
        (asked(ZAMTEL, "ZMW"), ["zamtel"]),
        (asked(GERMAN, "ZMW"), []),  # no wallet here; a card only where somebody asks for it
        (asked(GERMAN, "ZMW", provider="stripe", is_chosen=True), ["stripe"]),
        (asked(MTN, "ZMW", provider="stripe", is_chosen=True), ["stripe"]),
        (asked(MTN, "ZMW", provider="airtel", is_chosen=True), ["airtel"]),  # a number that was ported
        (asked(SAFARICOM, "ZMW"), []),
        (asked(SAFARICOM, amount_minor=None), ["daraja", "kcb"]),
        (asked(SAFARICOM, amount_minor=500), ["daraja"]),
        (asked(SAFARICOM, amount_minor=20_000_000), ["daraja"]),
        (asked(SAFARICOM, amount_minor=30_000_000), []),
        (asked(SAFARICOM, amount_minor=30_050), []),
        (asked(SAFARICOM, provider="kcb", is_chosen=True), ["kcb", "daraja"]),
        (asked(SAFARICOM, provider="kcb"), ["daraja", "kcb"]),
        (asked(SAFARICOM, down=frozenset({"daraja:default"})), ["kcb", "daraja"]),
        (asked(SAFARICOM, down=frozenset({"daraja:default", "kcb:default"})), ["daraja", "kcb"]),
        # A choice wins over cost …
        (
            asked(SAFARICOM, provider="daraja", is_chosen=True, fees={"daraja": Fee(500)}),
            ["daraja", "kcb"],
        ),
        # … and not over what does not work.
        (
            asked(SAFARICOM, provider="daraja", is_chosen=True, down=frozenset({"daraja:default"})),
            ["kcb", "daraja"],
        ),
        (asked(SAFARICOM, fees={"daraja": Fee(100), "kcb": Fee(50)}), ["kcb", "daraja"]),
        (asked(SAFARICOM, fees={"daraja": Fee(100), "kcb": Fee(0, 301)}), ["daraja", "kcb"]),
        # An account's own fee counts before its provider's.
        (asked(SAFARICOM, fees={"daraja": Fee(5), "daraja:default": Fee(900)}), ["kcb", "daraja"]),
    ],
)  # fmt: skip
def test_rails_are_ranked_by_the_rules_in_order(question, order):
    assert names(choose(RAILS, question)) == order


def test_every_rail_gets_its_reason():
    question = asked(SAFARICOM, amount_minor=500, down=frozenset({"daraja:default"}))
    assert why(choose(RAILS, question)) == {
        "daraja": (1, "down"),
        "kcb": (0, "value"),
        "mtn": (0, "network"),
        "airtel": (0, "network"),
        "zamtel": (0, "network"),
        "kcb_multi": (0, "network"),
        "stripe": (0, "customer"),
    }


def test_a_choice_and_a_cost_are_reasons_too():
    question = asked(SAFARICOM, provider="kcb", is_chosen=True, fees={"daraja": Fee(55, 100)})
    said = why(choose(RAILS, question))
    assert (said["kcb"], said["daraja"]) == ((1, "chosen"), (2, "cost 265"))


def test_the_currency_is_a_reason_of_its_own():
    assert why(choose(RAILS, asked(SAFARICOM, "ZMW")))["daraja"] == (0, "currency")


def test_what_only_the_value_speaks_against_is_known_so_that_it_can_be_said():
    assert [one.provider for one in choose(RAILS, asked(SAFARICOM, amount_minor=30_050)).unfit] == [
        "daraja",
        "kcb",
    ]
    assert choose(RAILS, asked(GERMAN, "ZMW")).unfit == ()


@pytest.mark.parametrize(
    ("fee", "amount_minor", "cost_minor"),
    [(Fee(), 1000, 0), (Fee(100), 1000, 10), (Fee(55), 1000, 6), (Fee(1), 1, 1), (Fee(100, 25), 1000, 35)],
)
def test_a_fee_is_rounded_up(fee, amount_minor, cost_minor):
    assert fee.of(amount_minor) == cost_minor


@pytest.mark.parametrize(
    ("msisdn", "provider"),
    [(SAFARICOM, "daraja"), (MTN, "mtn"), (AIRTEL, "airtel"), (ZAMTEL, "zamtel"), (GERMAN, None)],
)
def test_the_usual_provider_is_that_of_the_prefix(msisdn, provider):
    assert routing.usual(msisdn) == provider


ACCOUNTS = [one.account_id for one in RAILS]
QUESTIONS = st.builds(
    Asked,
    msisdn=st.sampled_from([SAFARICOM, MTN, AIRTEL, ZAMTEL, GERMAN]),
    currency=st.sampled_from(["KES", "ZMW", "UGX", "USD"]),
    amount_minor=st.none() | st.integers(1, 30_000_000),
    provider=st.sampled_from(["", *(one.provider for one in RAILS)]),
    is_chosen=st.booleans(),
    down=st.frozensets(st.sampled_from(ACCOUNTS)),
    fees=st.dictionaries(st.sampled_from(ACCOUNTS), st.builds(Fee, st.integers(0, 500), st.integers(0, 500))),
)


@given(QUESTIONS, st.permutations(RAILS))
def test_the_order_of_the_candidates_changes_nothing(question, shuffled):
    assert choose(shuffled, question).rails == choose(RAILS, question).rails


@given(QUESTIONS)
def test_a_rail_that_is_kept_can_collect_and_one_that_works_comes_first(question):
    choice = choose(RAILS, question)
    for kept in choice.rails:
        assert question.currency in kept.traits.currencies
        assert question.amount_minor is None or question.amount_minor % kept.traits.unit_minor == 0
    states = [kept.account_id in question.down for kept in choice.rails]
    assert states == sorted(states)


@given(QUESTIONS)
def test_every_rail_is_judged_once_and_ranks_count_up(question):
    said = json.loads(choose(RAILS, question).reasons)
    assert sorted(provider for provider, _, _ in said) == sorted(one.provider for one in RAILS)
    assert [rank for _, rank, _ in said if rank] == list(range(1, len(choose(RAILS, question).rails) + 1))


def test_names_decide_where_nothing_else_does():
    twins = (rail("daraja", "KES", zone="b"), rail("daraja", "KES", zone="a"), rail("kcb", "KES"))
    for order in permutations(twins):
        assert [one.account_id for one in choose(order, asked(SAFARICOM)).rails] == [
            "daraja:a",
            "daraja:b",
            "kcb:default",
        ]
