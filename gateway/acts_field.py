"""What residents and caretakers do besides paying: reports, changes of tenants; and who looks at a tap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.i18n import Text
from core.ids import Ids
from gateway.acts_asked import Asked
from gateway.staff_facts import Rights
from sms import outbound, templates, tenancy_texts
from sms.inbound import texts
from sms.outbound import Notice
from sms.templates import Printed
from taps import flags, store, users
from taps.flags_model import Flag, FlagKind, Source
from taps.flags_model import Report as FlagReport
from taps.tenancies import service as tenancies
from ussd_menus import outcome as o


class Look(NamedTuple):
    """Somebody has looked at something."""

    looked: o.Looked
    msisdn: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Field:
    """Executes acts and tells whom they concern; `printed` is what stands on the plate."""

    ids: Ids
    printed: Printed

    async def report(
        self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime
    ) -> Sequence[o.Result]:
        """Keep what is wrong, once, and send its reference by SMS."""
        keepers = [one.msisdn for one in asked if "caretaker" in one.session.roles]
        kept = await users.kept_taps(connection, keepers) if keepers else {}
        reports = [_flag_of(one, kept) for one in asked]
        opened = await flags.report(connection, reports, ids=self.ids, now=now)
        notices = [
            Notice(
                fact_key=f"flag:{found.flag.flag_id}:{one.msisdn}",
                msisdn=one.msisdn,
                language=one.session.spoken,
                text=_told(found.flag),
                correlation_id=one.session_id,
            )
            for one, found in zip(asked, opened, strict=True)
            if found.is_new
        ]
        await self._tell(connection, notices, now)
        await audit.write(
            connection,
            [
                one.row(self.ids, now, role="caretaker", action="flag.report", subject=found.flag.reference)
                for one, report, found in zip(asked, reports, opened, strict=True)
                if report.source is Source.CARETAKER
            ],
        )
        return [o.Reported(found.flag.reference, found.is_new) for found in opened]

    async def change(
        self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime
    ) -> Sequence[o.Result]:
        """Let caretakers change who is on their taps; each try is noted by `taps.tenancies`."""
        commands = [replace(one.act.command, command_id=one.source) for one in asked]
        answers = await tenancies.execute(connection, commands, now=now, ids=self.ids)
        events = [event for answer in answers for event in answer.events]
        known = await store.customers(connection, {event.msisdn for event in events}) if events else {}
        languages = {msisdn: one.language or "en" for msisdn, one in known.items()}
        notices = [
            Notice(
                event.fact_key,
                event.msisdn,
                languages.get(event.msisdn, "en"),
                tenancy_texts.tell(event, self.printed, at=now),
                event.change_id,
            )
            for event in events
        ]
        await self._tell(connection, notices, now)
        return [o.Changed(answer.result) for answer in answers]

    async def note(self, connection: AsyncConnection, looks: Sequence[Look], now: datetime) -> None:
        """Write down who has looked at other people's matters, and who was not allowed to."""
        if not looks:
            return
        rights = await Rights.load(connection, (look.msisdn for look in looks))
        await audit.write(connection, [self._noted(look, rights, now) for look in looks])

    def _noted(self, look: Look, rights: Rights, now: datetime) -> dict[str, Any]:
        agent = next(iter(rights.agents(look.msisdn)), None)
        return audit.row(
            ids=self.ids,
            at=now,
            actor=agent.name if agent else look.msisdn,
            role=agent.role.value if agent else "caretaker",
            channel=audit.Channel.USSD,
            source=f"ussd:{look.session_id}",
            action=look.looked.action,
            subject=look.looked.subject,
            result=look.looked.result,
        )

    async def _tell(self, connection: AsyncConnection, notices: Sequence[Notice], now: datetime) -> None:
        catalogues = templates.catalogues()
        rows = [
            outbound.compose(notice, sms_id=self.ids.new(), now=now, catalogues=catalogues)
            for notice in notices
        ]
        await outbound.enqueue(connection, rows)


def _flag_of(asked: Asked, kept: Mapping[str, Sequence[str]]) -> FlagReport:
    act: o.Report = asked.act
    is_keeper = act.tap_id in kept.get(asked.msisdn, ())
    source = Source.CARETAKER if is_keeper else Source.RESIDENT
    return FlagReport(FlagKind(act.kind), act.tap_id, act.words, asked.msisdn, source)


def _told(flag: Flag) -> Text:
    if flag.tap_id:
        return texts.flagged(flag.tap_id, flag.reference, is_new=True)
    return Text("flag.ok.nowhere", {"reference": flag.reference})
