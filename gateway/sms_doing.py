"""Does what lines of SMS ask for, kind by kind, in the caller's transaction; each line gets its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core.i18n import Text
from core.ids import Ids
from core.money import plain
from gateway import sms_owed
from gateway.sms_acts import (
    Act,
    Cash,
    CashRecorded,
    Flagging,
    Paying,
    RecordCash,
    Reminders,
    Speaking,
    Tenancy,
)
from gateway.sms_asked import Line
from payments import results as r
from payments.service import PaymentService
from sms import optouts, templates, tenancy_texts
from sms.inbound import Command, Word, canonical, texts
from sms.inbound.texts import Owed
from sms.outbound import Notice
from sms.templates import Printed
from taps import flags, store
from taps.tenancies import service as tenancies
from taps.tenancies.events import Event

A = TypeVar("A")
Acts = Sequence[tuple[Line, Act]]


@dataclass(slots=True)
class Told:
    """Whom the acts concern besides those who asked."""

    tenants: list[Event] = field(default_factory=list)
    payers: list[Notice] = field(default_factory=list)  # in English, until their language is known


@dataclass(frozen=True, slots=True)
class Doer:
    """Executes acts; `record_cash` is plugged in by whoever keeps the books."""

    ids: Ids
    payments: PaymentService
    printed: Printed
    record_cash: RecordCash

    async def do(self, connection: AsyncConnection, acts: Acts, now: datetime) -> Told:
        """Execute acts in their order within each kind; return whom they concern besides the askers."""
        told = Told()
        await self._change_tenants(connection, _only(acts, Tenancy), told, now)
        await self._flag(connection, _only(acts, Flagging), now)
        await self._record(connection, _only(acts, Cash), told)
        await self._pay(connection, _only(acts, Paying), now)
        await self._remind(connection, _only(acts, Reminders), now)
        await self._speak(connection, _only(acts, Speaking), now)
        return told

    async def _change_tenants(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Tenancy]], told: Told, now: datetime
    ) -> None:
        commands = [act.command for _, act in acts]
        answers = await tenancies.execute(connection, commands, now=now, ids=self.ids)
        for (line, act), answer in zip(acts, answers, strict=True):
            line.text = tenancy_texts.reply(act.command, answer.result, self.printed)
            told.tenants += answer.events

    async def _flag(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Flagging]], now: datetime
    ) -> None:
        if not acts:
            return
        opened = await flags.report(connection, [act.report for _, act in acts], ids=self.ids, now=now)
        for (line, act), found in zip(acts, opened, strict=True):
            line.text = texts.flagged(act.report.tap_id or "", found.flag.reference, is_new=found.is_new)

    async def _record(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Cash]], told: Told
    ) -> None:
        if not acts:
            return
        results = await self.record_cash(connection, [act.request for _, act in acts])
        for (line, act), result in zip(acts, results, strict=True):
            request = act.request
            if not isinstance(result, CashRecorded):
                line.text = self._no_cash(line, act, result.code, result.open_minor)
                continue
            owed = Owed(request.tap_id, result.amount_minor, result.currency, result.periods)
            line.text = texts.cash_to_agent(
                owed, self.printed, at=result.at, receipt=result.receipt, payer_msisdn=request.payer_msisdn
            )
            if request.payer_msisdn:
                told.payers.append(
                    self._to_payer(line, request.payer_msisdn, owed, result, request.agent.name)
                )

    def _no_cash(self, line: Line, act: Cash, code: str, open_minor: int) -> Text:
        request = act.request
        if code == "more_than_owed" and open_minor:
            left = Owed(request.tap_id, open_minor, request.currency)
            fitting = Command(
                Word.CASH, request.tap_id, request.payer_msisdn, plain(open_minor, request.currency)
            )
            return texts.more_than_owed(left, request.amount_minor, canonical(fitting, line.country))
        if code == "nothing_owed":
            return texts.nothing_owed(request.tap_id, None, request.currency)
        return texts.cash_refused(request.tap_id, self.printed)

    def _to_payer(self, line: Line, msisdn: str, owed: Owed, done: CashRecorded, agent: str) -> Notice:
        text = texts.cash_to_payer(
            owed, self.printed, agent=agent, left_minor=done.left_minor, at=done.at, receipt=done.receipt
        )
        return Notice(f"cash:{done.receipt}:payer", msisdn, "en", text, line.correlation_id)

    async def _pay(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Paying]], now: datetime
    ) -> None:
        if not acts:
            return
        results = await self.payments.execute(connection, [act.pay for _, act in acts])
        taps = set()
        for (line, act), result in zip(acts, results, strict=True):
            line.text = sms_owed.payment_answer(result, act.pay, act.owed, self.printed)
            if isinstance(result, r.Accepted):
                taps.add((act.pay.contact_msisdn, act.pay.tap_id))
        if taps:
            await store.remember_taps(connection, taps, now)

    async def _remind(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Reminders]], now: datetime
    ) -> None:
        # The last word of a phone counts.
        wanted = {line.person.msisdn: act.wanted for line, act in acts}
        stopped = [msisdn for msisdn, wants in wanted.items() if not wants]
        if stopped:
            await optouts.stop(connection, stopped, now)
        if len(stopped) < len(wanted):
            await optouts.start(connection, wanted.keys() - set(stopped))
        for line, act in acts:
            line.text = templates.started() if act.wanted else templates.stopped()

    async def _speak(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Speaking]], now: datetime
    ) -> None:
        chosen = {line.person.msisdn: act.language for line, act in acts}
        if chosen:
            await store.remember_language(connection, {m: (one, None) for m, one in chosen.items()}, now)
        for line, act in acts:
            line.text, line.language = texts.language_set(), act.language


def _only(acts: Acts, kind: type[A]) -> list[tuple[Line, A]]:
    return [(line, act) for line, act in acts if isinstance(act, kind)]
