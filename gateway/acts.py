"""Does what people have decided on a menu, payments apart: kind by kind, for many calls at once.

All of it belongs into the transaction of the hops. Kinds go in the order in which SMS does them too, so that
no two transactions wait for each other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.i18n import Text
from core.ids import Ids
from sms import outbound, templates
from sms.inbound import texts
from sms.outbound import Notice
from taps import flags, users
from taps.flags_model import Flag, FlagKind, Source
from taps.flags_model import Report as FlagReport
from ussd_menus import outcome as o
from ussd_menus.session import Session

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """One act of a call; `session_id` names the call for ever."""

    act: Any
    session: Session
    session_id: str

    @property
    def msisdn(self) -> str:
        """Whose phone it is."""
        return self.session.msisdn

    @property
    def source(self) -> str:
        """Name this act for ever: what it starts is started once."""
        return f"ussd:{self.session_id}:{self.act.number}"


Do = Callable[[AsyncConnection, Sequence[Asked], datetime], Awaitable[Sequence[o.Result]]]


@dataclass(frozen=True, slots=True)
class Acts:
    """Executes acts and tells whom they concern."""

    ids: Ids

    async def do(self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime) -> list[o.Result]:
        """Execute acts; results come in the same order."""
        results: dict[int, o.Result] = {}
        for kind, do in self._kinds().items():
            places = [i for i, one in enumerate(asked) if isinstance(one.act, kind)]
            if places:
                done = await do(connection, [asked[i] for i in places], now)
                results |= zip(places, done, strict=True)
        return [results[i] for i in range(len(asked))]

    def _kinds(self) -> Mapping[type, Do]:
        return {o.Report: self._report}

    async def _report(
        self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime
    ) -> Sequence[o.Result]:
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
                self._row(one, now, "caretaker", "flag.report", found.flag.reference)
                for one, report, found in zip(asked, reports, opened, strict=True)
                if report.source is Source.CARETAKER
            ],
        )
        return [o.Reported(found.flag.reference, found.is_new) for found in opened]

    def _row(
        self, asked: Asked, now: datetime, role: str, action: str, subject: str, result: str = audit.DONE
    ) -> dict[str, Any]:
        return audit.row(
            ids=self.ids,
            at=now,
            actor=asked.msisdn,
            role=role,
            channel=audit.Channel.USSD,
            source=asked.source,
            action=action,
            subject=subject,
            result=result,
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
