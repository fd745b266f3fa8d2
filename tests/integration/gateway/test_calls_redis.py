"""Redis as a store of calls: what it forgets, what it does not take, what comes back when it does."""

import asyncio
import time
from datetime import timedelta

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from core.clock import SystemClock
from core.ids import Ids
from gateway.channels.hop import Hop, Reply
from gateway.sessions import redis as module
from gateway.sessions.calls import Call, NotKept
from gateway.sessions.redis import RedisCalls
from ussd_menus.session import Session

KEY, CALLER = ("africastalking", "ATUid_1"), "+260961234567"
NOW = SystemClock().now()
IDS = Ids()
SCREEN = Reply("Madzi\n1 English", is_end=False, screen="language")


def call(hop_no=1, **changes):
    at = NOW + timedelta(seconds=hop_no)
    first = Call("s", KEY, CALLER, Session(msisdn=CALLER, state="debt"), "1", SCREEN, at, hop_no)
    return replace(first, **changes)


def bare(kept):
    return Hop(*kept.key, kept.msisdn, "1", is_latest=True)


def told(kept):
    return Hop(*kept.key, kept.msisdn, "1*1")


async def save(calls, *kept, hop=told):
    return await calls.save(None, [(one, hop(one)) for one in kept])


async def load(calls, key=KEY):
    return (await calls.load(None, [key])).get(key)


def lost(operation):
    return REGISTRY.get_sample_value("madzi_sessions_lost_total", {"operation": operation}) or 0


@pytest.fixture
async def calls(redis_server, monkeypatch):
    monkeypatch.setattr(module, "REST_S", 0.02)
    calls = RedisCalls(redis_server.url)
    yield calls
    await calls.close()


@pytest.fixture
async def other(redis_server):
    """Another process's."""
    calls = RedisCalls(redis_server.url)
    yield calls
    await calls.close()


@pytest.fixture
async def inside(redis_server):
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


async def test_what_one_process_keeps_another_finds(calls, other):
    await save(calls, call())
    assert await load(other) == call()
    assert await save(other, call(2)) == frozenset()
    assert await load(calls) == call(2)


async def test_a_process_that_was_slower_is_told_so(calls, other):
    await save(calls, call(), call(2, key=("hubtel", "y")))
    await save(other, call(2))
    assert await save(calls, call(2, mark="2"), call(3, key=("hubtel", "y"))) == {KEY}
    assert await load(calls) == call(2)
    assert (await load(calls, ("hubtel", "y"))).hop_no == 3


async def test_the_same_call_kept_twice_is_not_late(calls):
    # So it is when the answer to the first was lost and the client sends it again.
    await save(calls, call())
    assert await save(calls, call()) == frozenset()
    assert await load(calls) == call()


async def test_what_is_kept_goes_by_itself(calls, inside):
    await save(calls, call())
    assert sorted(await inside.keys()) == [b"madzi:call:africastalking:ATUid_1", b"madzi:phone:+260961234567"]
    for key in await inside.keys():
        assert 600 < await inside.ttl(key) <= module.TTL_S


async def test_every_hop_lets_a_call_live_longer_but_not_its_phone(calls, inside):
    await save(calls, call())
    for key in await inside.keys():
        await inside.expire(key, 5)
    await save(calls, call(2))
    assert await inside.ttl("madzi:call:africastalking:ATUid_1") > 600
    assert await inside.ttl(f"madzi:phone:{CALLER}") <= 5


async def test_an_emptied_redis_knows_nothing_and_takes_everything(calls, redis_server):
    await save(calls, call(4))
    redis_server.empty()
    assert await load(calls) is None
    assert await calls.dropped(None, [CALLER], NOW) == {}
    assert await save(calls, call(1)) == frozenset()
    assert await load(calls) == call(1)


async def test_a_script_that_redis_has_forgotten_is_sent_again(calls, inside):
    await save(calls, call())
    await inside.script_flush()
    assert await save(calls, call(2)) == frozenset()


async def test_what_another_release_has_kept_counts_as_lost_and_is_in_nobodys_way(calls, inside):
    await inside.set("madzi:call:africastalking:ATUid_1", b"000009000009 what is this")
    assert await load(calls) is None
    assert await save(calls, call(1)) == frozenset()
    assert await load(calls) == call(1)


async def test_a_value_of_another_kind_is_an_answer_without_a_call(calls, inside):
    await inside.lpush("madzi:call:africastalking:ATUid_1", "x")
    assert await load(calls) is None
    with pytest.raises(NotKept):
        await save(calls, call())
    assert await load(calls) == call()  # from this process's memory


async def test_a_restarted_redis_is_used_at_once(calls, redis_server):
    await save(calls, call())
    redis_server.stop()
    redis_server.start()
    assert await load(calls) is None
    assert await save(calls, call(1)) == frozenset()


# While Redis is gone.


async def test_without_redis_nothing_is_known_and_nothing_kept(calls, redis_server):
    redis_server.stop()
    before = lost("load"), lost("save")
    assert await calls.load(None, [KEY, ("hubtel", "y")]) == {}
    assert await calls.dropped(None, [CALLER], NOW) == {}
    with pytest.raises(NotKept):
        await save(calls, call(), hop=bare)
    assert (lost("load"), lost("save")) == (before[0] + 2, before[1] + 1)
    assert await load(calls) is None


async def test_a_call_with_its_history_goes_on_in_the_process_that_has_it(calls, other, redis_server):
    redis_server.stop()
    with pytest.raises(NotKept):
        await save(calls, call())
    assert await load(calls) == call()
    assert await load(other) is None
    with pytest.raises(NotKept):
        await save(calls, call(2))
    assert await load(calls) == call(2)


async def test_a_bare_input_is_never_heard_on_a_screen_that_may_be_old(calls, redis_server):
    redis_server.stop()
    with pytest.raises(NotKept):
        await save(calls, call(), hop=bare)
    assert await load(calls) is None


async def test_a_call_goes_on_where_it_was_when_redis_is_back(calls, other, redis_server):
    await save(calls, call(1))
    redis_server.stop()
    for hop_no in (2, 3):
        with pytest.raises(NotKept):
            await save(calls, call(hop_no))
    redis_server.start()
    await asyncio.sleep(0.03)
    assert await load(calls) == call(3)
    assert await save(calls, call(4)) == frozenset()
    assert await load(other) == call(4)
    assert await load(calls) == call(4)


async def test_a_call_worked_out_anew_does_not_stop_at_the_version_that_redis_has(calls, inside):
    await save(calls, call(7))
    # While Redis was silent its history was heard again: a first hop, later than the seventh.
    calls._spare_them([call(1, at=NOW + timedelta(seconds=60), mark="1*1*1")])
    found = await load(calls)
    assert (found.mark, found.version) == ("1*1*1", (1, 7))
    assert await save(calls, replace(found, hop_no=8)) == frozenset()
    assert (await load(calls)).mark == "1*1*1"


async def test_what_redis_knows_better_is_believed(calls, other):
    calls._spare_them([call(2)])
    await save(other, call(5))
    assert await load(calls) == call(5)


async def test_of_calls_that_redis_did_not_take_the_latest_are_held(calls, monkeypatch):
    monkeypatch.setattr(module, "_MOST_SPARED", 3)
    calls._spare_them([call(key=("africastalking", str(n))) for n in range(9)])
    found = await calls.load(None, [("africastalking", str(n)) for n in range(9)])
    assert [key[1] for key in found] == ["6", "7", "8"]


async def test_a_redis_that_hangs_is_waited_for_once(calls, redis_server, monkeypatch):
    monkeypatch.setattr(module, "REST_S", 30)
    await save(calls, call())
    redis_server.freeze()
    try:
        async with asyncio.timeout(8):
            assert await load(calls) is None
        began = time.monotonic()
        for _ in range(200):
            assert await load(calls) is None
        assert time.monotonic() - began < 1  # nothing is asked of it while it rests
    finally:
        redis_server.thaw()
    calls._rests_until = 0.0
    assert await load(calls) == call()
