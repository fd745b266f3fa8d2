"""Tokens and rates, on a clock that moves when told."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.errors import Refused
from gateway.api import auth
from gateway.api.auth import Tokens, bearer, check_may_pay
from gateway.api.rates import Rates
from taps.model import Role, User

NOON = datetime(2026, 11, 21, 10, tzinfo=UTC)
ANNA = User("anna", Role.OPERATOR, ("KNY",))


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("BEARER abc", "abc"),
        ("Basic abc", ""),
        ("Bearer", ""),
        ("", ""),
        ("abc", ""),
    ],
)
def test_a_token_is_read_from_its_header(header, token):
    assert bearer(header) == token


@given(st.text(max_size=300))
def test_no_header_breaks_the_reading(header):
    assert bearer(header) == bearer(header).strip()


def test_a_zone_is_covered_by_its_users_and_by_those_of_every_zone():
    assert ANNA.covers("KNY")
    assert not ANNA.covers("NRB")
    assert User("both", Role.AGENT, ("GDN", "NRB")).covers("NRB")
    assert User("bff", Role.OPERATOR).covers("NRB")


@pytest.mark.parametrize("role", [Role.AGENT, Role.CARETAKER, Role.FINANCE])
def test_only_operators_and_admins_may_pay(role):
    check_may_pay(ANNA)
    check_may_pay(User("root", Role.ADMIN))
    with pytest.raises(Refused) as refusal:
        check_may_pay(User("x", role))
    assert refusal.value.reason == "not_allowed"


class Office:
    """A database that knows tokens, as far as `Tokens` asks it."""

    def __init__(self):
        self.tokens = {}

    @asynccontextmanager
    async def read(self):
        yield self


@pytest.fixture
def office(monkeypatch):
    async def look(connection, token):
        return connection.tokens.get(token)

    monkeypatch.setattr(auth, "user_by_token", look)
    return Office()


async def test_a_revoked_token_ends_after_three_seconds(office, clock):
    tokens = Tokens(office, clock)
    office.tokens["abc"] = ANNA
    assert await tokens.user("abc") == ANNA
    del office.tokens["abc"]
    clock.advance(2.9)
    assert await tokens.user("abc") == ANNA
    clock.advance(0.2)
    assert await tokens.user("abc") is None


@pytest.mark.parametrize("token", ["", "\xe9", "\udc80", "a" * 201])
async def test_what_cannot_be_a_token_is_nobodys(office, clock, token):
    office.tokens[token] = ANNA
    assert await Tokens(office, clock).user(token) is None


async def test_what_is_remembered_is_bounded_and_holds_no_token(office, clock):
    tokens = Tokens(office, clock)
    for n in range(1100):
        await tokens.user(f"guess-{n}")
    assert len(tokens._known) == 1000
    assert not any("guess" in key for key in tokens._known)


def test_a_burst_then_a_steady_rate(clock):
    rates = Rates(clock, per_s=2, burst=3)
    assert [rates.take("bff") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.advance(0.5)
    assert [rates.take("bff"), rates.take("bff")] == [0, 0.5]
    assert rates.take("other") == 0


def test_rest_gives_back_no_more_than_a_burst(clock):
    rates = Rates(clock, per_s=2, burst=3)
    rates.take("bff")
    clock.advance(3600)
    assert [bool(rates.take("bff")) for _ in range(4)] == [False, False, False, True]


def test_a_clock_that_is_set_back_neither_gives_nor_takes(clock):
    rates = Rates(clock, per_s=2, burst=1)
    rates.take("bff")
    clock.advance(-60)
    assert rates.take("bff") == 0.5
    clock.advance(0.5)
    assert rates.take("bff") == 0


def test_the_names_are_bounded(clock):
    rates = Rates(clock, per_s=2, burst=3, most=10)
    for n in range(50):
        rates.take(str(n))
    assert len(rates) == 10
