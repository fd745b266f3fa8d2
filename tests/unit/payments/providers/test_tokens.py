import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import ManualClock
from core.errors import Refused, Unavailable
from payments.providers.http import Answer, Reach
from payments.providers.tokens import MemoryTokens, Token, Tokens, authorised, read_token

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Issuer:
    """Issues t1, t2 … living an hour; keeps what it issued; fails as it is told."""

    def __init__(self, clock):
        self.clock = clock
        self.issued = []
        self.fault = None

    async def fetch(self):
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        self.issued.append(f"t{len(self.issued) + 1}")
        expires_at = self.clock.now() + timedelta(hours=1)
        return Token(self.issued[-1], expires_at - timedelta(minutes=1), expires_at)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
def tokens(issuer, clock):
    return Tokens("mtn:default", issuer.fetch, MemoryTokens(), clock)


async def test_fifty_callers_share_one_flight(tokens, issuer):
    assert await asyncio.gather(*(tokens.get() for _ in range(50))) == ["t1"] * 50
    assert issuer.issued == ["t1"]


@pytest.mark.parametrize(("after_s", "token"), [(3539, "t1"), (3540, "t2"), (7200, "t2")])
async def test_a_token_is_renewed_a_minute_before_it_expires(tokens, clock, after_s, token):
    await tokens.get()
    clock.advance(after_s)
    assert await tokens.get() == token


async def test_a_refused_token_is_renewed_once_for_all(tokens, issuer):
    await tokens.get()
    assert await asyncio.gather(*(tokens.renew("t1") for _ in range(50))) == ["t2"] * 50
    assert await tokens.renew("t1") == "t2"  # a straggler that was refused before the renewal
    assert issuer.issued == ["t1", "t2"]


async def test_another_process_has_already_renewed(issuer, clock):
    store = MemoryTokens()
    first, second = (Tokens("daraja:default", issuer.fetch, store, clock) for _ in range(2))
    assert await first.get() == await second.get() == "t1"
    assert await second.renew("t1") == "t2"
    assert await first.renew("t1") == "t2"
    assert issuer.issued == ["t1", "t2"]


async def test_accounts_do_not_share(issuer, clock):
    store = MemoryTokens()
    first, second = (Tokens(account, issuer.fetch, store, clock) for account in ("a", "b"))
    assert (await first.get(), await second.get()) == ("t1", "t2")


@pytest.mark.parametrize("fault", [Refused("wrong key", code="token_refused"), Unavailable("later")])
async def test_a_failure_reaches_every_caller_and_is_not_asked_for_again_at_once(
    tokens, issuer, clock, fault
):
    issuer.fault = fault
    results = await asyncio.gather(*(tokens.get() for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} == {type(fault)}
    issuer.fault = None
    with pytest.raises(type(fault)) as told:
        await tokens.get()
    assert told.value.reason == fault.reason
    clock.advance(5)
    assert await tokens.get() == "t1"


async def test_a_clock_set_back_does_not_prolong_the_pause(tokens, issuer, clock):
    issuer.fault = Unavailable("later")
    with pytest.raises(Unavailable):
        await tokens.get()
    issuer.fault = None
    clock.advance(-3600)
    assert await tokens.get() == "t1"


async def test_the_old_token_serves_while_no_new_one_can_be_had(tokens, issuer, clock):
    await tokens.get()
    clock.advance(3550)
    issuer.fault = Unavailable("later")
    assert await tokens.get() == "t1"
    assert await tokens.get() == "t1"
    clock.advance(50)
    with pytest.raises(Unavailable):
        await tokens.get()


async def test_a_refused_token_never_serves_as_a_spare(tokens, issuer):
    await tokens.get()
    issuer.fault = Unavailable("later")
    with pytest.raises(Unavailable):
        await tokens.renew("t1")
    with pytest.raises(Unavailable):
        await tokens.get()


async def test_a_caller_who_gives_up_does_not_take_the_token_from_the_others(tokens):
    impatient = asyncio.create_task(tokens.get())
    patient = asyncio.create_task(tokens.get())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "t1"
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_checking_asks_the_provider_whatever_is_kept(tokens, issuer):
    await tokens.get()
    issuer.fault = Refused("wrong key")
    with pytest.raises(Refused):
        await tokens.fetch_new()
    issuer.fault = None
    await tokens.fetch_new()
    assert await tokens.get() == "t2"


async def test_a_call_is_sent_again_once_with_another_token(tokens):
    sent = []

    async def send(token):
        sent.append(token)
        return Answer(Reach.ANSWERED, 401)

    answer = await authorised(tokens, send, lambda answer: answer.status == 401)
    assert (answer.status, sent) == (401, ["t1", "t2"])


def reply(**body):
    return Answer(Reach.ANSWERED, 200, body)


@pytest.mark.parametrize(
    ("expires_in", "life_s", "margin_s"),
    [
        (3599, 3599, 60),
        ("3599", 3599, 60),
        (3600, 3600, 60),
        (30, 30, 3),
        (None, 3600, 60),
        ("soon", 3600, 60),
        (-1, 3600, 60),
        (0, 3600, 60),
        (10**30, 3600, 60),
    ],
)
def test_how_long_a_token_lives(expires_in, life_s, margin_s):
    token = read_token(reply(access_token="abc", expires_in=expires_in), NOON)
    assert token.expires_at == NOON + timedelta(seconds=life_s)
    assert token.expires_at - token.renew_at == timedelta(seconds=margin_s)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(Reach.NEVER, fault="no_connection"), Unavailable),
        (Answer(Reach.UNCLEAR, fault="timeout"), Unavailable),
        (Answer(Reach.ANSWERED, 400), Refused),
        (Answer(Reach.ANSWERED, 401, {"error": "x"}), Refused),
        (Answer(Reach.ANSWERED, 403, text="<html>"), Refused),
        (Answer(Reach.ANSWERED, 302), Refused),
        (Answer(Reach.ANSWERED, 429), Unavailable),
        (Answer(Reach.ANSWERED, 500), Unavailable),
        (Answer(Reach.ANSWERED, 200, text="<html>"), Unavailable),
        (reply(), Unavailable),
        (reply(access_token=7), Unavailable),
        (reply(access_token="a\r\nX-Evil: 1"), Unavailable),
        (reply(access_token="x" * 5000), Unavailable),
    ],
)
def test_what_is_no_token(answer, error):
    with pytest.raises(error):
        read_token(answer, NOON)


def test_a_token_does_not_show_itself():
    assert "abc" not in repr(read_token(reply(access_token="abc"), NOON))
