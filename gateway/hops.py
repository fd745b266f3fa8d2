"""A hop from the aggregator to its reply: many at once, in one transaction.

Where calls are kept in the database, sessions, facts, payments and stored replies of a batch are committed
together, so that a repeated hop gets the same words and does nothing twice, and a reply never speaks of what
was not written. Where they are kept elsewhere, what a hop causes is committed first and the call kept after
it: a hop that comes again in between confirms under the same key, which payments answer as before.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.batching import Batcher
from core.clock import Clock
from core.db import Database, UtcDateTime
from core.errors import Busy, Conflict
from core.ids import Ids
from core.metrics import HOP_SECONDS, HOPS, observe_all
from gateway import facts as facts_module
from gateway.acts import Acts
from gateway.acts_asked import Asked
from gateway.acts_field import Field, Look
from gateway.acts_money import Money
from gateway.channels.hop import Hop, Reply
from gateway.sessions.calls import Call, CallStore, Key, NotKept, call_id, goes_on, repeated
from payments.service import PaymentService
from payments.tables import payments as payments_table
from sms.templates import Printed
from taps import store as taps_store
from ussd_menus import outcome as o
from ussd_menus.facts import PhoneFacts
from ussd_menus.session import Session
from ussd_menus.step import MAX_ROUNDS, begin, busy, conclude, new_input, step

_log = structlog.get_logger()
_PAUSE_S = 0.003  # between batches: who was just answered comes again, and a commit for more costs no more
_MOST_TRIES = 3  # of a hop that another process answers at the same moment

# A payment that is being decided just now is left alone: what is decided says when it is asked next.
_WAITING = (
    sa.select(payments_table.c.payment_id)
    .where(
        payments_table.c.status == "pending",
        payments_table.c.next_check_at > sa.bindparam("now", type_=UtcDateTime),
    )
    .order_by(payments_table.c.payment_id)
    .with_for_update(skip_locked=True)
)


_Came = tuple[Hop, float]  # and when, by `perf_counter`


class _Work(Struct):
    """One hop on its way to a reply."""

    hop: Hop
    key: Key
    call: Call | None = None  # the latest under this key
    goes_on: bool = False  # the hop belongs to that call
    session_id: str = ""
    facts: dict[Any, Any] = {}
    result: o.Outcome | o.Intent | None = None
    after: Call | None = None
    reply: Reply | None = None
    tries: int = 0


class Hops:
    """Answers hops."""

    def __init__(  # noqa: PLR0913 - what hops stand on, each given once
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        payments: PaymentService,
        calls: CallStore,
        menu: Callable[[str], o.MenuSettings],
        *,
        push_delay_s: float,
        repeat_within_s: float = 0.0,
        max_waiting: int = 2000,
    ) -> None:
        """`menu` gives the settings for a network's code, its screens' size among them."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._payments = payments
        self._calls = calls
        self._menu = menu
        self._repeat_within = timedelta(seconds=repeat_within_s)
        self._flying: dict[tuple[Key, str], asyncio.Task[Reply]] = {}  # bare inputs being answered
        self._facts = facts_module.Loader(payments, calls)
        plain = menu("")
        self._field = Field(ids, Printed(plain.service_code, plain.support_phone))
        self._acts = Acts(self._field, Money(ids, payments, push_delay_s))
        self._batcher: Batcher[_Came, Reply] = Batcher(
            self._handle, max_batch=256, max_waiting=max_waiting, pause_s=_PAUSE_S
        )

    def answer(self, hop: Hop) -> Awaitable[Reply]:
        """Return the reply; says `busy` where too many callers wait, or where it could not be written."""
        if hop.is_latest and not hop.sequence:
            return self._answer_once(hop)
        return self._answer(hop)

    async def _answer_once(self, hop: Hop) -> Reply:
        """Give a bare input that comes again while it is being answered the same answer.

        Nobody can have replied to a screen that was not sent yet; later it looks like a key pressed again.
        """
        flying = self._flying.get((hop.key, hop.text))
        if flying is None:
            flying = asyncio.ensure_future(self._answer(hop))
            self._flying[hop.key, hop.text] = flying
            flying.add_done_callback(lambda _: self._flying.pop((hop.key, hop.text), None))
        return await asyncio.shield(flying)

    async def _answer(self, hop: Hop) -> Reply:
        try:
            return await self._batcher.submit((hop, perf_counter()))
        except Busy:
            return self._busy(hop)
        except Exception:
            # Nothing was committed. An error page would reach the person as "invalid MMI code".
            _log.exception("hop_not_answered", channel=hop.channel)
            return self._busy(hop)

    async def close(self) -> None:
        """Answer who waits, then stop."""
        await self._batcher.close()

    def _busy(self, hop: Hop) -> Reply:
        screen = busy(self._menu(hop.network_code))
        return Reply(screen.text, is_end=True, screen=screen.name)

    async def _handle(self, came: Sequence[_Came]) -> list[Reply | Exception]:
        works = [_Work(hop, (hop.channel, hop.external_id)) for hop, _ in came]
        if self._calls.is_transactional:
            # Most batches only read, and then write all their hops with one statement.
            async with self._db.write_each() as connection:
                changed = await self._answer_all(connection, works)
        else:
            changed = await self._answer_all(None, works)
        self._calls.remember(changed)
        answered = Counter([(w.hop.channel, w.reply.screen) for w in works if w.reply])
        for (channel, screen), count in answered.items():
            HOPS.labels(channel, screen).inc(count)
        now = perf_counter()
        observe_all(HOP_SECONDS, [now - at for _, at in came])
        return [work.reply or Conflict("a later hop of this call was answered meanwhile") for work in works]

    async def _answer_all(self, connection: AsyncConnection | None, works: list[_Work]) -> dict[Key, Call]:
        changed: dict[Key, Call] = {}
        waiting = works
        # Hops of one call are answered one after the other; each wave has at most one of a call.
        while waiting:
            wave, waiting = _next_wave(waiting)
            if waiting and connection is not None:
                self._db.unite(connection)
            late = await self._wave(connection, wave, changed)
            waiting = [work for work in late if work.tries < _MOST_TRIES] + waiting
        return changed

    async def _wave(
        self, connection: AsyncConnection | None, wave: list[_Work], changed: dict[Key, Call]
    ) -> list[_Work]:
        """Answer hops of different calls; return those that another process was faster with."""
        unknown = [work.key for work in wave if not changed or work.key not in changed]
        calls = await self._calls.load(connection, unknown) if unknown else {}
        known = {**calls, **changed} if changed else calls
        now = self._clock.now()
        open_ = []
        for work in wave:
            work.call = call = known.get(work.key)
            if call is None or not (reply := self._repeated(work, call, now)):
                work.goes_on = call is not None and goes_on(call, work.hop)
                work.session_id = call.session_id if call and work.goes_on else self._new_id(work)
                open_.append(work)
            else:
                work.reply = reply
        await self._decide(connection, open_, now)
        return await self._keep(connection, open_, changed, now)

    def _repeated(self, work: _Work, call: Call, now: datetime) -> Reply | None:
        if work.tries and call.mark == work.hop.mark:  # another process has just answered this very hop
            return call.reply
        return repeated(call, work.hop, now, self._repeat_within)

    def _new_id(self, work: _Work) -> str:
        """Return the session id of a call that begins, the same one again where the store may lose it."""
        turn = work.call.turn + 1 if work.call else 1
        derived = None if self._calls.is_transactional else call_id(work.hop, turn)
        return derived or self._ids.new()

    async def _keep(
        self, connection: AsyncConnection | None, works: list[_Work], changed: dict[Key, Call], now: datetime
    ) -> list[_Work]:
        if not works:
            return []
        written = [(_after(work, now), work.hop) for work in works]
        try:
            late = await self._calls.save(connection, written)
        except NotKept:
            written = [
                (self._unkept(work, call), hop) for work, (call, hop) in zip(works, written, strict=True)
            ]
            late = frozenset()
        again = []
        for work, (call, _) in zip(works, written, strict=True):
            if late and call.key in late:
                changed.pop(call.key, None)
                work.tries += 1
                work.facts, work.result = {}, None
                again.append(work)
            else:
                changed[call.key] = call
                work.reply = call.reply
        return again

    def _unkept(self, work: _Work, call: Call) -> Call:
        """Return how a call goes on that its store did not take.

        Where the aggregator sends the whole history, the next hop says on which screen it was typed. A bare
        input would be heard on the screen before, where the same key may mean Yes: such a call ends here.
        """
        if not work.hop.is_latest or call.reply.is_end:
            return call
        before = work.call.session.confirmations if work.call and work.goes_on else 0
        acted = call.session.confirmations > before
        reply = replace(call.reply, is_end=True) if acted else self._busy(work.hop)
        return replace(call, reply=reply)

    async def _decide(self, connection: AsyncConnection | None, works: list[_Work], now: datetime) -> None:
        await self._step_all(connection, works, now)
        acting = [w for w in works if not isinstance(w.result, o.Outcome) or w.result.effects]
        if acting:
            async with self._writing(connection) as writing:
                await self._act(writing, acting, now)
                await self._effects(writing, acting, now)

    async def _step_all(self, connection: AsyncConnection | None, works: list[_Work], now: datetime) -> None:
        open_ = works
        for _ in range(MAX_ROUNDS + 1):
            needs = [(work, needed) for work in open_ if (needed := self._advance(work, now))]
            if not needs:
                return
            async with self._reading(connection) as reading:
                asked = {request for _, needed in needs for request in needed}
                answers = await self._facts.load(reading, asked, now)
            for work, needed in needs:
                work.facts = work.facts | {request: answers[request] for request in needed}
            open_ = [work for work, _ in needs]
        for work in open_:
            work.result = work.result or self._broken(work)

    def _advance(self, work: _Work, now: datetime) -> frozenset[Any]:
        """Take one step; return what must be known first."""
        if not work.goes_on and not work.facts:
            return frozenset((PhoneFacts(work.hop.msisdn),))  # every beginning asks who is calling
        try:
            result = self._step(work, now)
        except Exception:
            _log.exception("menu_broke", session_id=work.session_id)
            work.result = self._broken(work)
            return frozenset()
        # The usual first: what is no instance of a Struct takes Python long to see.
        if not isinstance(result, o.Outcome) and isinstance(result, o.Needs):
            return result.requests
        work.result = result
        return frozenset()

    def _step(self, work: _Work, now: datetime) -> o.Outcome | o.Needs | o.Intent:
        hop, call, menu = work.hop, work.call, self._menu(work.hop.network_code)
        if call is None or not work.goes_on:
            history = "" if hop.is_latest and not hop.is_first else hop.text
            # An aggregator that knows this call already has lost us: nothing is confirmed by its history.
            rebuild = hop.is_first is False
            return begin(hop.msisdn, history, work.facts, now, menu, rebuild=rebuild, call=_name(hop))
        if hop.is_latest:
            return step(call.session, hop.text, work.facts, now, menu)
        # After an END nothing is confirmed any more, whatever the history says.
        typed = None if call.reply.is_end else new_input(call.mark, hop.text)
        if typed is None:
            return begin(hop.msisdn, hop.text, work.facts, now, menu, rebuild=True, call=_name(hop))
        return step(call.session, typed, work.facts, now, menu)

    async def _act(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> None:
        acting = [(work, work.result) for work in works if isinstance(work.result, o.Intent)]
        if not acting:
            return
        asked = [Asked(intent.act, intent.session, work.session_id) for work, intent in acting]
        results = await self._acts.do(connection, asked, now)
        for (work, intent), result in zip(acting, results, strict=True):
            work.result = conclude(intent, result, self._menu(work.hop.network_code))

    async def _effects(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> None:
        effects = [
            (work, effect) for work in works for effect in (work.result.effects if work.result else ())
        ]
        chosen = {e.msisdn: (e.language, _name(w.hop)) for w, e in effects if isinstance(e, o.ChooseLanguage)}
        if chosen:
            await taps_store.remember_language(connection, chosen, now)
        asked = {e.payment_id for _, e in effects if isinstance(e, o.CheckAgain)}
        if asked:
            await _ask_now(connection, asked, now)
        looks = [
            Look(effect, work.hop.msisdn, work.session_id)
            for work, effect in effects
            if isinstance(effect, o.Looked)
        ]
        await self._field.note(connection, looks, now)

    def _broken(self, work: _Work) -> o.Outcome:
        session = work.call.session if work.call and work.goes_on else Session(msisdn=work.hop.msisdn)
        return o.Outcome(session, busy(self._menu(work.hop.network_code), session.language))

    @asynccontextmanager
    async def _reading(self, connection: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if connection is not None:
            yield connection
            return
        async with self._db.read() as own:
            yield own

    @asynccontextmanager
    async def _writing(self, connection: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if connection is not None:
            self._db.unite(connection)
            yield connection
            return
        async with self._db.write() as own:
            yield own


def _next_wave(waiting: list[_Work]) -> tuple[list[_Work], list[_Work]]:
    wave: dict[Key, _Work] = {}
    later = [work for work in waiting if wave.setdefault(work.key, work) is not work]
    return list(wave.values()), later


def _name(hop: Hop) -> str:
    """Return what a phone keeps of the call in which its language was chosen."""
    return f"{hop.channel}:{hop.external_id}"


def _after(work: _Work, now: datetime) -> Call:
    outcome = work.result
    if not isinstance(outcome, o.Outcome):
        raise TypeError("a hop was left without an answer")
    screen, hop, mark = outcome.screen, work.hop, work.hop.mark
    before = work.call if work.goes_on else None
    reply = Reply(screen.text, screen.is_end, screen.name)
    return Call(
        session_id=work.session_id,
        key=work.key,
        msisdn=hop.msisdn,
        session=outcome.session,
        mark=mark,
        reply=reply,
        at=now,
        hop_no=before.hop_no + 1 if before else 1,
        turn=before.turn if before else (work.call.turn + 1 if work.call else 1),
        replies={**before.replies, mark: reply} if before else {mark: reply},
    )


async def _ask_now(connection: AsyncConnection, payment_ids: Iterable[str], now: datetime) -> None:
    """A person asks: the worker asks the provider at once, where it would have asked later."""
    wanted = await bulk.fetch(connection, _WAITING, payments_table.c.payment_id, payment_ids, {"now": now})
    changes = [{"payment_id": row.payment_id, "next_check_at": now} for row in wanted]
    await bulk.update(connection, payments_table, changes)
