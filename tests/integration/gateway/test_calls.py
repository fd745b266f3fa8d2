"""What every store of calls promises: memory, the database on both dialects, Redis."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from town import CALLER, EVERY_STORE, NEIGHBOUR

from gateway.channels.hop import Hop, Reply
from gateway.sessions.calls import Call
from ussd_menus.session import Session

every_store = pytest.mark.parametrize(**EVERY_STORE)
KEY = ("africastalking", "ATUid_1")


@pytest.fixture
async def store(town, kept_in):
    return Store((await town.open(worker=False, **kept_in)).runtime)


class Store:
    """A store of calls, used as the hops use it."""

    def __init__(self, runtime):
        self.runtime, self.calls, self.ids = runtime, runtime.calls, runtime.ids
        self.now = runtime.clock.now()

    @asynccontextmanager
    async def transaction(self):
        if not self.calls.is_transactional:
            yield None
            return
        async with self.runtime.db.write() as connection:
            yield connection

    async def save(self, *calls):
        async with self.transaction() as connection:
            late = await self.calls.save(connection, [(call, hop_of(call)) for call in calls])
        self.calls.remember({call.key: call for call in calls if call.key not in late})
        return late

    async def load(self, *keys):
        async with self.transaction() as connection:
            return await self.calls.load(connection, keys)

    async def dropped(self, *msisdns, later_s=0):
        async with self.transaction() as connection:
            found = await self.calls.dropped(connection, msisdns, self.now + timedelta(seconds=later_s))
        return {msisdn: dropped.session.state for msisdn, dropped in found.items()}

    def begins(self, key=KEY, msisdn=CALLER, **changes):
        reply = Reply("Madzi\n1 English", is_end=False, screen="language")
        session = Session(msisdn=msisdn, state="language", options=("pick:en", "pick:ny"))
        call = Call(self.ids.new(), key, msisdn, session, "", reply, self.now, replies={"": reply})
        return replace(call, **changes)


def hop_of(call):
    return Hop(*call.key, call.msisdn, call.mark)


def goes_on(call, typed, state, *, is_end=False, after_s=5):
    mark = f"{call.mark}*{typed}" if call.mark else typed
    reply = Reply(f"This is {state}: ñ, £, 水", is_end, state)
    return replace(
        call,
        session=replace(call.session, state=state, language="ny"),
        mark=mark,
        reply=reply,
        at=call.at + timedelta(seconds=after_s),
        hop_no=call.hop_no + 1,
        replies={**call.replies, mark: reply},
    )


@every_store
async def test_a_call_that_nobody_kept_is_not_found(store):
    assert await store.load(KEY, ("hubtel", "x")) == {}
    assert await store.load() == {}


@every_store
async def test_a_call_is_found_as_it_was_kept(store):
    first = store.begins()
    assert await store.save(first) == frozenset()
    assert await store.load(KEY) == {KEY: first}


@every_store
async def test_the_latest_hop_is_found_with_every_reply_given(store):
    first = store.begins()
    second = goes_on(first, "1", "main")
    third = goes_on(second, "2*5", "balance")
    for call in (first, second, third):
        assert await store.save(call) == frozenset()
    found = (await store.load(KEY))[KEY]
    assert found == third
    assert list(found.replies) == ["", "1", "1*2*5"]


@every_store
async def test_a_key_that_comes_again_finds_the_later_call_alone(store):
    first = goes_on(old := store.begins(), "1", "done", is_end=True)
    for call in (old, first):
        await store.save(call)
    second = store.begins(turn=2)
    assert await store.save(second) == frozenset()
    assert await store.load(KEY) == {KEY: second}


@every_store
async def test_the_same_id_at_two_aggregators_is_two_calls(store):
    one = store.begins()
    two = store.begins(("hubtel", KEY[1]), NEIGHBOUR)
    await store.save(one, two)
    assert await store.load(one.key, two.key) == {one.key: one, two.key: two}


@every_store
async def test_many_calls_are_kept_and_found_at_once(store):
    calls = [store.begins(("infobip", f"s{n}"), f"+2609600{n:05d}") for n in range(300)]
    assert await store.save(*calls) == frozenset()
    assert await store.load(*(call.key for call in calls)) == {call.key: call for call in calls}
    assert len(await store.dropped(*(call.msisdn for call in calls))) == 300


@every_store
async def test_a_hop_that_another_process_has_answered_is_not_written_over(store):
    first = store.begins()
    second = goes_on(first, "1", "main")
    await store.save(first)
    await store.save(second)
    # The database says so by a unique key that breaks, with all that the hop caused.
    for late in (goes_on(first, "1", "balance"), replace(store.begins(), session_id=store.ids.new())):
        try:
            assert await store.save(late) == {KEY}
        except IntegrityError:
            assert store.calls.is_transactional
    assert await store.load(KEY) == {KEY: second}


@every_store
async def test_of_many_processes_with_the_same_hop_one_writes_it(store):
    first = store.begins()
    await store.save(first)
    rivals = [goes_on(first, "1", f"screen{n}") for n in range(6)]
    outcomes = await asyncio.gather(*(store.save(rival) for rival in rivals), return_exceptions=True)
    kept = [rival for rival, late in zip(rivals, outcomes, strict=True) if late == frozenset()]
    assert len(kept) == 1
    assert (await store.load(KEY))[KEY] == kept[0]


# Calls that were dropped.


@every_store
async def test_a_call_without_an_end_may_be_gone_on_with_for_ten_minutes(store):
    first = store.begins()
    second = goes_on(first, "1", "debt")
    await store.save(first)
    await store.save(second)
    assert await store.dropped(CALLER, NEIGHBOUR, later_s=599) == {CALLER: "debt"}
    assert await store.dropped(CALLER, later_s=606) == {}
    assert await store.dropped() == {}


@every_store
async def test_a_call_that_ended_is_not_gone_on_with(store):
    first = store.begins()
    await store.save(first)
    await store.save(goes_on(first, "1", "done", is_end=True))
    assert await store.dropped(CALLER) == {}


@every_store
async def test_the_latest_call_of_a_phone_counts(store):
    old = store.begins()
    await store.save(old)
    await store.save(goes_on(old, "1", "debt"))
    later = store.now + timedelta(seconds=30)
    new = store.begins(("africastalking", "ATUid_2"), at=later)
    await store.save(new)
    assert await store.dropped(CALLER, later_s=60) == {CALLER: "language"}
    await store.save(goes_on(new, "1", "bye", is_end=True))
    assert await store.dropped(CALLER, later_s=60) == {}
