"""Does what lines of SMS ask for, kind by kind, in the caller's transaction; each line gets its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import Ids
from gateway import sms_cash, sms_owed
from gateway.sms_acts import Act, Cash, Flagging, Paying, Reminders, Speaking, Tenancy
from gateway.sms_asked import Line
from payments import results as r
from payments import views
from payments.commands import Pay, RecordCash
from payments.service import PaymentService
from sms import optouts, templates, tenancy_texts
from sms.inbound import texts
from sms.templates import Printed
from taps import flags, store
from taps.tenancies import service as tenancies
from taps.tenancies.events import Event

A = TypeVar("A")
Acts = Sequence[tuple[Line, Act]]


@dataclass(frozen=True, slots=True)
class Doer:
    """Executes acts."""

    ids: Ids
    payments: PaymentService
    printed: Printed

    async def do(self, connection: AsyncConnection, acts: Acts, now: datetime) -> list[Event]:
        """Execute acts in their order within each kind; return what tenants are to be told of."""
        told = await self._change_tenants(connection, _only(acts, Tenancy), now)
        await self._flag(connection, _only(acts, Flagging), now)
        await self._move_money(connection, _only(acts, Cash), _only(acts, Paying), now)
        await self._remind(connection, _only(acts, Reminders), now)
        await self._speak(connection, _only(acts, Speaking), now)
        return told

    async def _change_tenants(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Tenancy]], now: datetime
    ) -> list[Event]:
        commands = [act.command for _, act in acts]
        answers = await tenancies.execute(connection, commands, now=now, ids=self.ids)
        for (line, act), answer in zip(acts, answers, strict=True):
            line.text = tenancy_texts.reply(act.command, answer.result, self.printed)
        return [event for answer in answers for event in answer.events]

    async def _flag(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Flagging]], now: datetime
    ) -> None:
        if not acts:
            return
        opened = await flags.report(connection, [act.report for _, act in acts], ids=self.ids, now=now)
        for (line, act), found in zip(acts, opened, strict=True):
            line.text = texts.flagged(act.report.tap_id or "", found.flag.reference, is_new=found.is_new)

    async def _move_money(
        self,
        connection: AsyncConnection,
        cash: Sequence[tuple[Line, Cash]],
        paying: Sequence[tuple[Line, Paying]],
        now: datetime,
    ) -> None:
        """Execute cash and payments together: in two goes they would lock debts in two orders."""
        if not cash and not paying:
            return
        commands: list[Pay | RecordCash] = [
            *(act.command for _, act in cash),
            *(act.pay for _, act in paying),
        ]
        results = await self.payments.execute(connection, commands)
        await self._say_cash(connection, cash, results[: len(cash)])
        await self._say_paying(connection, paying, results[len(cash) :], now)

    async def _say_cash(
        self, connection: AsyncConnection, acts: Sequence[tuple[Line, Cash]], results: Sequence[Any]
    ) -> None:
        paid = [
            act.command.tap_id
            for (_, act), result in zip(acts, results, strict=True)
            if isinstance(result, r.NothingOwed)
        ]
        last = await views.last_paid(connection, paid) if paid else {}
        for (line, act), result in zip(acts, results, strict=True):
            before = last.get((act.command.tap_id, None))
            line.text = sms_cash.answer(result, act, self.printed, country=line.country, before=before)

    async def _say_paying(
        self,
        connection: AsyncConnection,
        acts: Sequence[tuple[Line, Paying]],
        results: Sequence[Any],
        now: datetime,
    ) -> None:
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
