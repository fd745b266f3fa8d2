"""A hop from the aggregator to its reply: many at once, in one transaction.

Sessions, facts, payments and the stored reply of a batch are committed together, so that a repeated hop
gets the same bytes and does nothing twice, and a reply never speaks of what was not written.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.batching import Batcher
from core.clock import Clock
from core.db import Database, UtcDateTime
from core.errors import Busy
from core.ids import Ids, derived
from core.metrics import HOPS
from gateway import facts as facts_module
from gateway.channels import africastalking
from gateway.channels.hop import Hop, Reply
from gateway.sessions.store import Call, Calls, Key
from gateway.sessions.tables import ussd_hops, ussd_sessions
from payments import results as r
from payments import routing
from payments.commands import Pay
from payments.service import PaymentService
from payments.tables import payments as payments_table
from taps import store as taps_store
from ussd_menus import outcome as o
from ussd_menus.session import Session
from ussd_menus.step import MAX_ROUNDS, begin, busy, conclude, new_input, step

_log = structlog.get_logger()

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


@dataclass(slots=True)
class _Work:
    """One hop on its way to a reply."""

    hop: Hop
    call: Call | None
    session_id: str
    facts: dict[Any, Any] = field(default_factory=dict)
    intent: o.Intent | None = None
    outcome: o.Outcome | None = None


class Hops:
    """Answers hops."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        payments: PaymentService,
        calls: Calls,
        menu: o.MenuSettings,
        *,
        push_delay_s: float,
        max_waiting: int = 2000,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._payments = payments
        self._calls = calls
        self._menu = menu
        self._push_delay_s = push_delay_s
        self._facts = facts_module.Loader(payments.rules)
        self._batcher: Batcher[Hop, Reply] = Batcher(
            self._handle, max_batch=256, max_waiting=max_waiting, pause_s=0.002 if db.is_sqlite else 0.0
        )

    async def answer(self, hop: Hop) -> Reply:
        """Return the reply; says `busy` where too many callers wait, or where it could not be written."""
        try:
            return await self._batcher.submit(hop)
        except Busy:
            return self._busy()
        except Exception:
            # Nothing was committed. An error page would reach the person as "invalid MMI code".
            _log.exception("hop_not_answered", channel=hop.channel)
            return self._busy()

    async def close(self) -> None:
        """Answer who waits, then stop."""
        await self._batcher.close()

    def _busy(self) -> Reply:
        screen = busy(self._menu)
        return Reply(africastalking.body(screen.text, is_end=True), screen.name)

    async def _handle(self, hops: Sequence[Hop]) -> list[Reply | Exception]:
        changed: dict[Key, Call] = {}
        replies: dict[int, Reply] = {}
        async with self._db.write() as connection:
            waiting = list(enumerate(hops))
            # Hops of one call are answered one after the other; each wave has at most one of a call.
            while waiting:
                wave, waiting = _next_wave(waiting)
                replies |= await self._wave(connection, wave, changed)
        self._calls.remember(changed)
        answered = Counter((hops[i].channel, reply.screen) for i, reply in replies.items())
        for (channel, screen), count in answered.items():
            HOPS.labels(channel, screen).inc(count)
        return [replies[i] for i in range(len(hops))]

    async def _wave(
        self, connection: AsyncConnection, wave: list[tuple[int, Hop]], changed: dict[Key, Call]
    ) -> dict[int, Reply]:
        unknown = {hop.key for _, hop in wave} - changed.keys()
        calls = {**await self._calls.load(connection, unknown), **changed}
        replies: dict[int, Reply] = {}
        works: dict[int, _Work] = {}
        for i, hop in wave:
            call = calls.get(hop.key)
            if call and hop.text in call.replies:
                replies[i] = Reply(call.replies[hop.text], call.screen)
            else:
                works[i] = _Work(hop, call, call.session_id if call else self._ids.new())
        now = self._clock.now()
        await self._decide(connection, list(works.values()), now)
        written = await self._write(connection, list(works.values()), now)
        changed |= written
        for i, work in works.items():
            call = written[work.hop.key]
            replies[i] = Reply(call.replies[work.hop.text], call.screen)
        return replies

    async def _decide(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> None:
        open_ = works
        for _ in range(MAX_ROUNDS + 1):
            needs = {work.hop.key: needed for work in open_ if (needed := self._advance(work, now))}
            if not needs:
                break
            asked = {request for needed in needs.values() for request in needed}
            answers = await self._facts.load(connection, asked, now)
            open_ = [work for work in open_ if work.hop.key in needs]
            for work in open_:
                work.facts |= {request: answers[request] for request in needs[work.hop.key]}
        await self._pay(connection, [work for work in works if work.intent], now)
        for work in works:
            work.outcome = work.outcome or _broken(work, self._menu)

    def _advance(self, work: _Work, now: datetime) -> frozenset[Any]:
        """Take one step; return what must be known first."""
        try:
            result = self._step(work, now)
        except Exception:
            _log.exception("menu_broke", session_id=work.session_id)
            work.outcome = _broken(work, self._menu)
            return frozenset()
        if isinstance(result, o.Needs):
            return result.requests
        if isinstance(result, o.Intent):
            work.intent = result
        else:
            work.outcome = result
        return frozenset()

    def _step(self, work: _Work, now: datetime) -> o.Outcome | o.Needs | o.Intent:
        hop, call = work.hop, work.call
        if call is None:
            return begin(hop.msisdn, hop.text, work.facts, now, self._menu)
        if call.is_end:  # after an END nothing is confirmed any more, whatever the history says
            return begin(hop.msisdn, hop.text, work.facts, now, self._menu, rebuild=True)
        typed = new_input(call.text, hop.text)
        if typed is None:
            return begin(hop.msisdn, hop.text, work.facts, now, self._menu, rebuild=True)
        return step(call.session, typed, work.facts, now, self._menu)

    async def _pay(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> None:
        if not works:
            return
        commands = [self._command(work) for work in works]
        results = await self._payments.execute(connection, commands)
        taps = set()
        for work, command, result in zip(works, commands, results, strict=True):
            if work.intent is None:
                continue
            work.outcome = conclude(work.intent, _shown(result, command, work.hop.msisdn), self._menu)
            if isinstance(result, r.Accepted):
                taps.add((command.contact_msisdn, command.tap_id))
                _log.info(
                    "payment_accepted",
                    correlation_id=work.session_id,
                    payment_id=result.payment.payment_id,
                    tap_id=command.tap_id,
                    amount_minor=result.payment.amount_minor,
                    provider=command.provider,
                    status=result.payment.status,
                )
        if taps:
            await taps_store.remember_taps(connection, taps, now)

    def _command(self, work: _Work) -> Pay:
        if work.intent is None:
            raise ValueError("a hop without a confirmation pays nothing")
        pay = work.intent.pay
        body = f"{pay.payer_msisdn}|{pay.tap_id}|{pay.tenant_id}|{pay.amount_minor}|{pay.provider}"
        return Pay(
            payment_request_id=derived("ussd", work.session_id, str(pay.number)),
            request_hash=hashlib.sha256(body.encode()).hexdigest(),
            msisdn=pay.payer_msisdn,
            contact_msisdn=pay.msisdn,
            tap_id=pay.tap_id,
            tenant_id=pay.tenant_id,
            amount_minor=pay.amount_minor,
            currency=pay.currency,
            provider=pay.provider,
            channel="ussd",
            correlation_id=work.session_id,
            delay_s=self._push_delay_s,
        )

    async def _write(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> dict[Key, Call]:
        written = {work.hop.key: _answered(work) for work in works}
        new = [_session_row(work, now) for work in works if work.call is None]
        await bulk.insert(connection, ussd_sessions, new)
        await bulk.insert(connection, ussd_hops, [_hop_row(written[w.hop.key], w.hop, now) for w in works])
        await self._effects(connection, works, now)
        return written

    async def _effects(self, connection: AsyncConnection, works: list[_Work], now: datetime) -> None:
        effects = [e for work in works for e in (work.outcome.effects if work.outcome else ())]
        languages = {e.msisdn: e.language for e in effects if isinstance(e, o.ChooseLanguage)}
        if languages:
            await taps_store.remember_language(connection, languages, now)
        asked = {e.payment_id for e in effects if isinstance(e, o.CheckAgain)}
        if asked:
            await _ask_now(connection, asked, now)


def _next_wave(waiting: list[tuple[int, Hop]]) -> tuple[list[tuple[int, Hop]], list[tuple[int, Hop]]]:
    wave: dict[Key, tuple[int, Hop]] = {}
    later: list[tuple[int, Hop]] = []
    for entry in waiting:
        if entry[1].key in wave:
            later.append(entry)
        else:
            wave[entry[1].key] = entry
    return list(wave.values()), later


def _broken(work: _Work, menu: o.MenuSettings) -> o.Outcome:
    session = work.call.session if work.call else Session(msisdn=work.hop.msisdn)
    return o.Outcome(session, busy(menu, session.language))


def _answered(work: _Work) -> Call:
    if work.outcome is None:
        raise ValueError("a hop was left without an answer")
    screen = work.outcome.screen
    before = work.call
    reply = africastalking.body(screen.text, is_end=screen.is_end)
    return Call(
        session_id=work.session_id,
        msisdn=work.hop.msisdn,
        session=work.outcome.session,
        text=work.hop.text,
        hop_no=before.hop_no + 1 if before else 1,
        is_end=screen.is_end,
        replies={**before.replies, work.hop.text: reply} if before else {work.hop.text: reply},
        screen=screen.name,
    )


def _session_row(work: _Work, now: datetime) -> dict[str, Any]:
    return {
        "session_id": work.session_id,
        "channel": work.hop.channel,
        "external_id": work.hop.external_id,
        "msisdn": work.hop.msisdn,
        "network_code": work.hop.network_code,
        "started_at": now,
    }


def _hop_row(call: Call, hop: Hop, now: datetime) -> dict[str, Any]:
    return {
        "session_id": call.session_id,
        "hop_no": call.hop_no,
        "text": hop.text,
        "reply": call.replies[hop.text],
        "screen": call.screen,
        "is_end": call.is_end,
        "state": call.session.dumps(),
        "at": now,
    }


async def _ask_now(connection: AsyncConnection, payment_ids: Iterable[str], now: datetime) -> None:
    """A person asks: the worker asks the provider at once, where it would have asked later."""
    wanted = await bulk.fetch(connection, _WAITING, payments_table.c.payment_id, payment_ids, {"now": now})
    changes = [{"payment_id": row.payment_id, "next_check_at": now} for row in wanted]
    await bulk.update(connection, payments_table, changes)


def _shown(result: Any, pay: Pay, msisdn: str) -> o.Result:  # noqa: PLR0911 - a table of answers
    """Return the answer to a payment as the menu understands it."""
    wallet = routing.NAMES[pay.provider]
    match result:
        case r.Accepted(payment=payment) if payment.status == "failed":
            return o.OverLimit(wallet, result.most_minor or 0, payment.currency)
        case r.Accepted(payment=payment, orders=orders):
            return o.Accepted(
                payee=orders[0].seller if orders else "",
                wallet=wallet,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
                is_behind_another=result.is_queued,
                look_again_at=facts_module.look_again_at(payment),
            )
        case r.UnderWay(payment=payment):
            by_me = payment.contact_msisdn == msisdn
            return o.PaymentUnderWay(facts_module.under_way(payment, by_me=by_me))
        case r.NothingOwed() | r.MoreThanOwed():
            return o.NothingOwed()
        case r.NotExpressible(unit_minor=unit_minor):
            return o.NotExpressible(wallet, unit_minor, pay.currency or "")
        case r.NoRail():
            return o.ProviderDown(wallet)
        case _:
            return o.Refused()
