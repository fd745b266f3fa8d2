"""Answers people's SMS, many in one transaction: load, decide, do, tell.

All that an SMS starts, its place in the inbox and its reply are committed together, so an SMS that is
handled twice does nothing twice and nobody is answered twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit, bulk, outbox
from core.clock import Clock
from core.db import Database
from core.i18n import Text
from core.ids import Ids
from gateway import sms_facts
from gateway.facts import Loader
from gateway.sms_asked import Line, Sms, lines_of, understood
from gateway.sms_calm import calm
from gateway.sms_decide import Desk, decide
from gateway.sms_doing import Acts, Doer
from gateway.sms_inbox import ANSWERED, IGNORED, WAITING, reference
from gateway.sms_notes import noted
from payments.service import PaymentService
from sms import outbound, templates, tenancy_texts
from sms.inbound import texts
from sms.outbound import Notice
from sms.tables import sms_inbound
from sms.templates import Printed
from taps import store
from taps.tenancies.events import Event

MOST_TOGETHER = 200
_MOST_ATTEMPTS = 12
_START = "Madzi: "
_log = structlog.get_logger()

_UNANSWERED = (
    sa.select(sms_inbound.c.inbound_id)
    .where(sms_inbound.c.state == WAITING)
    .order_by(sms_inbound.c.inbound_id)
    .with_for_update()
)
_STORED = sa.select(
    sms_inbound.c.inbound_id,
    sms_inbound.c.sender,
    sms_inbound.c.recipient,
    sms_inbound.c.text,
    sms_inbound.c.received_at,
)


class SmsAnswers:
    """Handles outbox messages of kind `sms_in`, and finishes them itself."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        payments: PaymentService,
        loader: Loader,
        printed: Printed,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._payments = payments
        self._loader = loader
        self._printed = printed
        self._doer = Doer(ids, payments, printed)

    async def handle(self, messages: Sequence[outbox.Message]) -> None:
        """Answer the SMS of these messages; where one breaks the others, each is answered alone."""
        try:
            await self._answer(messages)
        except Exception as error:
            if len(messages) == 1:
                _log.exception("sms_not_answered", correlation_id=messages[0].correlation_id)
                await self._put_off(messages[0], repr(error))
                return
            _log.warning("sms_batch_split", size=len(messages), error=type(error).__name__)
            for message in messages:
                await self.handle([message])

    async def _answer(self, messages: Sequence[outbox.Message]) -> None:
        by_id = {message.body["inbound_id"]: message for message in messages}
        async with self._db.read() as connection:
            rows = await bulk.fetch(connection, _STORED, sms_inbound.c.inbound_id, by_id)
        # Ids say nothing of the order, and UNDO must find what was sent before it.
        rows = sorted(rows, key=lambda row: (row.received_at, row.inbound_id))
        received = [understood(row) for row in rows]
        async with self._db.write() as connection:
            now = self._clock.now()
            waiting = await bulk.fetch(connection, _UNANSWERED, sms_inbound.c.inbound_id, by_id)
            open_ = {row.inbound_id for row in waiting}
            await self._reply(connection, [sms for sms in received if sms.inbound_id in open_], now)
            finished = [outbox.done(message.outbox_id, now=now) for message in messages]
            await outbox.finish(connection, messages, finished)

    async def _put_off(self, message: outbox.Message, error: str) -> None:
        now = self._clock.now()
        if message.attempts + 1 >= _MOST_ATTEMPTS:
            change = outbox.dead(message.outbox_id, now=now, error=error)
        else:
            wait = timedelta(seconds=outbox.backoff_s(message.attempts, jitter=0))
            change = outbox.again(message, at=now + wait, error=error)
        async with self._db.write() as connection:
            await outbox.finish(connection, [message], [change])

    async def _reply(self, connection: AsyncConnection, received: Sequence[Sms], now: datetime) -> None:
        people = await sms_facts.people(connection, (sms.msisdn for sms in received if sms.msisdn))
        lines = lines_of(received, people)
        if lines:
            told = await self._do(connection, lines, now)
            await calm(connection, lines, now)
            await self._tell(connection, received, told, now)
        await bulk.update(connection, sms_inbound, [_ended(sms, now) for sms in received])

    async def _do(self, connection: AsyncConnection, lines: Sequence[Line], now: datetime) -> list[Event]:
        facts = await sms_facts.load(connection, lines, self._loader, now)
        rules = self._payments.rules
        # Also those that only some zones have: whether this tap's has it is said when it is asked for.
        providers = {*rules.rails, *(provider for _, provider in rules.zone_rails)}
        desk = Desk(facts, self._printed, providers, now)
        found = [(line, decide(line, desk)) for line in lines]
        for line, answer in found:
            line.text = answer if isinstance(answer, Text) else None
        acts: Acts = [(line, act) for line, act in found if not isinstance(act, Text)]
        told = await self._doer.do(connection, acts, now)
        await audit.write(connection, noted(found, ids=self._ids, now=now))
        return told

    async def _tell(
        self, connection: AsyncConnection, received: Sequence[Sms], told: Sequence[Event], now: datetime
    ) -> None:
        notices = [_notice(sms) for sms in received if sms.is_answered]
        phones = {event.msisdn for event in told}
        known = await store.customers(connection, phones) if phones else {}
        languages = {msisdn: one.language or "en" for msisdn, one in known.items()}
        notices += [
            Notice(
                event.fact_key,
                event.msisdn,
                languages.get(event.msisdn, "en"),
                tenancy_texts.tell(event, self._printed, at=now),
                event.change_id,
            )
            for event in told
        ]
        catalogues = templates.catalogues()
        rows = [
            outbound.compose(notice, sms_id=self._ids.new(), now=now, catalogues=catalogues)
            for notice in notices
        ]
        await outbound.enqueue(connection, rows)


def _ended(sms: Sms, now: datetime) -> dict[str, Any]:
    """Return what becomes of an SMS in the inbox; one that cannot be answered is kept for people to read."""
    if not sms.is_answered:
        _log.info("sms_ignored", correlation_id=reference(sms.inbound_id))
    state = ANSWERED if sms.is_answered else IGNORED
    return {"inbound_id": sms.inbound_id, "state": state, "answered_at": now}


def _notice(sms: Sms) -> Notice:
    """Return the one reply to an SMS; it leaves from the number that was texted."""
    first = sms.lines[0]
    chosen = [line.language for line in sms.lines if line.language]
    language = chosen[-1] if chosen else first.person.language
    return Notice(
        f"in:{sms.inbound_id}",
        first.person.msisdn,
        language,
        _joined([line.text for line in sms.lines if line.text], language),
        first.correlation_id,
        sender=sms.recipient or None,
    )


def _joined(said: Sequence[Text], language: str) -> Text:
    if len(said) == 1:
        return said[0]
    catalogues = templates.catalogues()
    words = [outbound.words(text, language, catalogues).removeprefix(_START) for text in said]
    return texts.together(_START + "\n".join(dict.fromkeys(words)))  # the same twice costs, and says no more
