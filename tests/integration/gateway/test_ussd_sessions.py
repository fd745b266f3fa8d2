"""The same calls whatever keeps them: repeated, dropped, lost between hops, two at once, two processes."""

import asyncio
import re
from dataclasses import dataclass

import pytest
from town import CALLER, EVERY_STORE, NEIGHBOUR, OWED, PAY_ALL, TAP, free_port

from gateway.channels.hop import Hop
from simulators.providers.people import Answer

BUSY = "Madzi is busy. No payment was started. Dial *384*7# again in 1 minute."


def stores(*names):
    found = [store for store in EVERY_STORE["argvalues"] if store.id in names]
    return pytest.mark.parametrize(**EVERY_STORE | {"argvalues": found})


every_store = stores("memory", "sqlite", "postgresql", "redis")
shared_store = stores("sqlite", "postgresql", "redis")
lossy_store = stores("memory", "redis")
in_redis = stores("redis")
ECHO = "at-ussd-hop-metadata"
# What a person may do: pay all; pay part after a wrong key; balance, help and back; another number.
JOURNEYS = {
    "pays": PAY_ALL,
    "pays a part": ("1", "1", TAP, "2", "10.5", "1"),
    "wrong keys": ("1", "7", "1", "nonsense", TAP, "2", "x", "10", "0"),
    "looks round": ("1", "2", "0", "6", "0", "99", "3", "0"),
    "another number": ("1", "1", TAP, "1", "2", "0977000111", "0"),
    "another language": ("2", "5", "1", "1", TAP),
}


@dataclass
class Caller:
    """A phone at Africa's Talking, which sends back what it got with the last screen."""

    town: object
    session: str = "s1"
    msisdn: str = CALLER
    history: str | None = None
    echoed: str = ""

    async def say(self, word="", url=None):
        """Type a word; return the screen."""
        self.history = word if not self.history else f"{self.history}*{word}"
        return await self.again(url)

    async def again(self, url=None, *, echo=True):
        """Let the aggregator send the hop once more."""
        address = f"{url or self.town.gateway_url}/ussd/africastalking/town-channel-token"
        form = {"sessionId": self.session, "phoneNumber": self.msisdn, "text": self.history}
        headers = {ECHO: self.echoed} if echo and self.echoed else {}
        async with self.town.http.post(address, data=form, headers=headers) as reply:
            assert reply.status == 200
            self.screen, said = reply.headers[ECHO], await reply.text()
        return said

    async def walk(self, *words, between=lambda: None):
        """Make a call, or go on with it; `between` happens after every hop. Return the screens."""
        screens = []
        for word in words if self.history is not None else ("", *words):
            screens.append(await self.say(word))
            self.echoed = self.screen
            between()
        return screens


def loser(house, request):
    """Return what makes the store of calls lose everything."""
    if house.runtime.settings.kept_in == "redis":
        return request.getfixturevalue("redis_server").empty
    return house.runtime.calls.forget


def as_one(screens):
    """Screens without the caller's own number."""
    return [re.sub(r"096\d{7}", "(mine)", screen) for screen in screens]


async def told(house, typed, *, is_first=False):
    """Give a gateway one bare input, as aggregators do that send no history."""
    hop = Hop("arkesel", "s1", CALLER, typed, is_latest=True, is_first=is_first)
    return await house.runtime.hops.answer(hop)


# One call.


@every_store
async def test_a_call_pays(town, kept_in):
    await town.open(**kept_in)
    screens = await Caller(town).walk(*PAY_ALL)
    assert screens[-1].startswith("END MTN MoMo will now ask for your PIN: K30.05")
    (payment,) = await town.all_end()
    assert (payment.status, payment.amount_minor) == ("success", OWED)
    await town.agrees()


@every_store
async def test_every_hop_thrice_gives_the_same_bytes_and_one_payment(town, kept_in):
    await town.open(**kept_in)
    caller = Caller(town)
    for word in ("", *PAY_ALL):
        first = await caller.say(word)
        assert [await caller.again(), await caller.again(echo=False)] == [first, first]
        caller.echoed = caller.screen
    await town.all_end(1)
    assert await caller.again() == first
    await town.agrees()


@every_store
async def test_the_last_hop_many_times_at_once_is_one_payment(town, kept_in):
    await town.open(**kept_in)
    caller = Caller(town)
    await caller.walk(*PAY_ALL[:4])
    caller.history += "*1"
    assert len(set(await asyncio.gather(*(caller.again() for _ in range(8))))) == 1
    await town.all_end(1)
    await town.agrees()


# Dropped, and dialled again.


@every_store
async def test_a_dropped_call_goes_on_where_it_was(town, kept_in):
    await town.open(**kept_in)
    (*_, debt) = await Caller(town).walk(*PAY_ALL[:3])
    again = Caller(town, "s2")
    asked, went_on = await again.walk("1")
    assert (TAP in asked, asked.count("\n1 "), "2 Start again" in asked) == (True, 1, True)
    assert went_on == debt
    assert (await again.walk("1", "1"))[-1].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


@every_store
async def test_a_dropped_call_may_be_left(town, kept_in):
    await town.open(**kept_in)
    (_, menu, *_) = await Caller(town).walk(*PAY_ALL[:4])
    (_, afresh) = await Caller(town, "s2").walk("2")
    assert afresh.splitlines()[1:] == menu.splitlines()[1:]


@every_store
async def test_a_call_that_ended_is_not_offered_again(town, kept_in):
    await town.open(**kept_in)
    await Caller(town).walk(*PAY_ALL)
    await town.all_end(1)
    (menu,) = await Caller(town, "s2").walk()
    assert menu.startswith("CON Madzi water taps\n1 Pay for a tap")


# Lost between hops.


@every_store
@pytest.mark.parametrize("journey", JOURNEYS)
async def test_nobody_notices_that_the_store_lost_everything_between_hops(town, kept_in, request, journey):
    house = await town.open(worker=False, **kept_in)
    words = JOURNEYS[journey][:-1]  # the last one is the Yes
    undisturbed = await Caller(town, "quiet", NEIGHBOUR).walk(*words)
    screens = await Caller(town, "lost").walk(*words, between=loser(house, request))
    assert as_one(screens) == as_one(undisturbed)
    assert await town.payments() == []


@lossy_store
async def test_a_yes_in_a_lost_call_is_asked_for_again(town, kept_in, request):
    house = await town.open(**kept_in)
    caller = Caller(town)
    (*_, asked) = await caller.walk(*PAY_ALL[:-1])
    loser(house, request)()
    assert await caller.say("1") == asked
    assert await town.payments() == []
    caller.echoed = caller.screen
    assert (await caller.say("1")).startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


@lossy_store
async def test_a_lost_call_that_repeats_its_hops_sees_the_same_screens(town, kept_in, request):
    house = await town.open(worker=False, **kept_in)
    caller = Caller(town)
    for word in ("", *PAY_ALL[:-1]):
        screen = await caller.say(word)
        loser(house, request)()
        assert await caller.again() == screen
        loser(house, request)()
        caller.echoed = caller.screen


@lossy_store
@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("answer", [Answer.APPROVE, Answer.CANCEL, Answer.IGNORE])
async def test_a_yes_that_is_lost_and_comes_again_is_one_payment(town, kept_in, request, echo, answer):
    # The phone has a language and a tap from an earlier call. So this history, of a call that nobody knows
    # any more, reads as a deep dial that pays at once.
    house = await town.open(**kept_in)
    town.person(CALLER, Answer.CANCEL)
    await Caller(town, "s0").walk(*PAY_ALL)
    await town.all_end(1)
    town.person(CALLER, answer)
    caller = Caller(town)
    assert (await caller.walk("1", "1", "1"))[-1].startswith("END MTN MoMo will now ask")
    if answer is not Answer.IGNORE:
        await town.all_end(2)
    for _ in range(3):
        loser(house, request)()
        assert (await caller.again(echo=echo))[:4] in ("CON ", "END ")
    assert len(await town.payments()) == 2
    await town.all_end(2)
    await town.agrees()


@lossy_store
async def test_a_bare_input_of_a_lost_call_leads_to_the_first_screen(town, kept_in, request):
    house = await town.open(worker=False, **kept_in)
    await Caller(town, "s0").walk("1")
    menu = await told(house, "", is_first=True)
    for typed in ("1", TAP, "1"):
        asked = await told(house, typed)
    assert asked.screen == "confirm"
    loser(house, request)()
    assert await told(house, "1") == menu
    assert await town.payments() == []


@lossy_store
async def test_a_bare_yes_that_is_lost_and_comes_again_is_one_payment(town, kept_in, request):
    house = await town.open(worker=False, **kept_in)
    await Caller(town, "s0").walk("1")
    for typed in ("", "1", TAP, "1", "1"):
        reply = await told(house, typed, is_first=not typed)
    assert reply.is_end
    loser(house, request)()
    for _ in range(3):
        await told(house, "1")
    assert len(await town.payments()) == 1


@lossy_store
async def test_a_yes_of_a_lost_call_whose_payment_failed_meanwhile_is_told_so(town, kept_in, request):
    house = await town.open(**kept_in)
    town.person(CALLER, Answer.CANCEL)
    await Caller(town, "s0").walk(*PAY_ALL)
    await town.all_end(1)
    caller = Caller(town)
    await caller.walk("1", "1", "1")
    await town.all_end(2)
    loser(house, request)()
    assert (await caller.again(echo=False)).startswith(
        "END This payment can not be made. Nothing was started."
    )


# Two calls of one phone.


@every_store
async def test_two_calls_of_one_phone_do_not_mix(town, kept_in):
    await town.open(worker=False, **kept_in)
    await Caller(town, "s0").walk("1", "6")
    await Caller(town, "a", NEIGHBOUR).walk("1", "6")
    alone = await Caller(town, "b", NEIGHBOUR).walk("2", "0", "3")
    one, two = Caller(town, "s1"), Caller(town, "s2")
    first, second = await one.walk(), await two.walk()
    for word, other in zip(("1", TAP, "1"), ("2", "0", "3"), strict=True):
        (paying,) = await one.walk(word)
        (looking,) = await two.walk(other)
    assert first == second
    assert paying.startswith(f"CON Pay K30.05 for {TAP}")
    assert looking.splitlines()[1:] == alone[-1].splitlines()[1:]
    assert (await one.say("1")).startswith("END MTN MoMo will now ask")
    assert len(await town.payments()) == 1


@every_store
async def test_two_calls_of_one_phone_that_say_yes_at_once_are_one_payment(town, kept_in):
    await town.open(**kept_in)
    await Caller(town, "s0").walk("1", "6")
    calls = [Caller(town, name) for name in ("s1", "s2")]
    for caller in calls:
        await caller.walk()
    for word in ("1", TAP, "1"):
        for caller in calls:
            await caller.walk(word)
    said = sorted(await asyncio.gather(*(caller.say("1") for caller in calls)))
    assert sum(screen.startswith("END MTN MoMo will now ask") for screen in said) == 1
    await town.all_end(1)
    await town.agrees()


# Hops of one call at the same moment.


@every_store
async def test_hops_of_one_call_at_once_are_answered_in_their_order(town, kept_in):
    house = await town.open(worker=False, **kept_in)
    undisturbed = await Caller(town, "quiet", NEIGHBOUR).walk(*PAY_ALL[:-1])
    texts = ["*".join(PAY_ALL[:n]) for n in range(len(PAY_ALL))]
    hops = [Hop("africastalking", "s1", CALLER, text) for text in texts]
    replies = await asyncio.gather(*(house.runtime.hops.answer(hop) for hop in hops))
    assert as_one(reply.text for reply in replies) == as_one(screen[4:] for screen in undisturbed)


@shared_store
async def test_hops_may_alternate_between_processes(town, kept_in):
    one = await town.open(processes=2, **kept_in)
    two = await town.open(processes=2, port=free_port(), worker=False, **kept_in)
    caller = Caller(town)
    for n, word in enumerate(("", *PAY_ALL)):
        screen = await caller.say(word, (one, two)[n % 2].url)
        assert await caller.again((two, one)[n % 2].url) == screen
    assert screen.startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


@shared_store
@pytest.mark.parametrize("words", [PAY_ALL, PAY_ALL[:3]])
async def test_the_same_hop_at_two_processes_at_once_gets_the_same_bytes(town, kept_in, words):
    one = await town.open(processes=2, **kept_in)
    two = await town.open(processes=2, port=free_port(), worker=False, **kept_in)
    caller = Caller(town)
    await caller.walk(*words[:-1])
    caller.history += f"*{words[-1]}"
    said = await asyncio.gather(*(caller.again(house.url) for house in (one, two, one, two)))
    assert len(set(said)) == 1
    assert len(await town.payments()) == (words == PAY_ALL)


class Gate:
    """Holds what one process keeps until another has read."""

    def __init__(self, slow, quick):
        self._save, self._load = slow.runtime.calls.save, quick.runtime.calls.load
        self._has_read, self._has_kept = asyncio.Event(), asyncio.Event()
        slow.runtime.calls.save, quick.runtime.calls.load = self.save, self.load
        self._quick_save = quick.runtime.calls.save
        quick.runtime.calls.save = self.late

    async def load(self, connection, keys):
        found = await self._load(connection, keys)
        self._has_read.set()
        return found

    async def save(self, connection, written):
        await self._has_read.wait()
        late = await self._save(connection, written)
        self._has_kept.set()
        return late

    async def late(self, connection, written):
        await self._has_kept.wait()
        return await self._quick_save(connection, written)


@in_redis
async def test_a_bare_input_sent_to_two_processes_at_once_is_heard_once(town, kept_in):
    one = await town.open(processes=2, worker=False, **kept_in)
    two = await town.open(processes=2, port=free_port(), worker=False, **kept_in)
    await Caller(town, "s0").walk("1")
    for typed in ("", "1", TAP):
        await told(one, typed, is_first=not typed)
    Gate(one, two)
    async with asyncio.timeout(10):
        replies = await asyncio.gather(told(one, "1"), told(two, "1"))
    assert [reply.screen for reply in replies] == ["confirm", "confirm"]
    assert await town.payments() == []


@in_redis
async def test_a_yes_heard_by_two_processes_at_once_is_one_payment(town, kept_in):
    one = await town.open(processes=2, **kept_in)
    two = await town.open(processes=2, port=free_port(), worker=False, **kept_in)
    caller = Caller(town)
    await caller.walk(*PAY_ALL[:-1])
    Gate(one, two)
    caller.history += "*1"
    async with asyncio.timeout(10):
        said = await asyncio.gather(caller.again(one.url), caller.again(two.url))
    assert said[0] == said[1]
    assert said[0].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


# Redis is gone.


@in_redis
async def test_a_call_goes_on_and_pays_while_redis_is_gone(town, kept_in, redis_server):
    await town.open(**kept_in)
    caller = Caller(town)
    await caller.walk(*PAY_ALL[:2])
    redis_server.stop()
    screens = await caller.walk(*PAY_ALL[2:])
    assert screens[-1].startswith("END MTN MoMo will now ask")
    assert await caller.again() == screens[-1]
    await town.all_end(1)
    await town.agrees()


@in_redis
async def test_a_call_goes_on_when_redis_comes_back_empty(town, kept_in, redis_server):
    await town.open(**kept_in)
    caller = Caller(town)
    redis_server.stop()
    await caller.walk(*PAY_ALL[:3])
    redis_server.start()
    assert (await caller.walk(*PAY_ALL[3:]))[-1].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


@in_redis
async def test_a_yes_said_while_redis_is_gone_is_one_payment_however_often_it_comes(
    town, kept_in, redis_server
):
    one = await town.open(processes=2, **kept_in)
    two = await town.open(processes=2, port=free_port(), worker=False, **kept_in)
    caller = Caller(town)
    await caller.walk(*PAY_ALL[:-1])
    redis_server.stop()
    (said,) = await caller.walk("1")
    for url in (two.url, one.url, two.url):
        assert (await caller.again(url))[:4] in ("CON ", "END ")
    redis_server.start()
    for url in (two.url, one.url):
        assert (await caller.again(url))[:4] in ("CON ", "END ")
    assert (said[:4] in ("CON ", "END "), len(await town.payments())) == (True, said.startswith("END MTN"))


@in_redis
async def test_a_bare_call_ends_rather_than_to_be_heard_on_an_older_screen(town, kept_in, redis_server):
    house = await town.open(worker=False, **kept_in)
    await Caller(town, "s0").walk("1")
    for typed in ("", "1", TAP, "1"):
        asked = await told(house, typed, is_first=not typed)
    assert asked.screen == "confirm"
    redis_server.stop()
    assert await told(house, "0") == await told(house, "1")
    assert (await told(house, "", is_first=True)).text == BUSY
    assert await town.payments() == []


@in_redis
async def test_a_payment_that_redis_did_not_hear_of_is_told_all_the_same(
    town, kept_in, redis_server, monkeypatch
):
    house = await town.open(worker=False, **kept_in)
    await Caller(town, "s0").walk("1")
    for typed in ("", "1", TAP, "1"):
        await told(house, typed, is_first=not typed)
    load = house.runtime.calls.load

    async def last_load(connection, keys):
        found = await load(connection, keys)
        redis_server.stop()
        return found

    monkeypatch.setattr(house.runtime.calls, "load", last_load)
    reply = await told(house, "1")
    assert reply.text.startswith("MTN MoMo will now ask")
    assert len(await town.payments()) == 1
