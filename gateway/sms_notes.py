"""What the audit log keeps of people's SMS: every act, every look at other people's taps, every refusal.

A caretaker's changes and cash are noted where they are made (`taps.tenancies`, `payments.decide.cash`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from core import audit
from core.i18n import Text
from core.ids import Ids
from gateway.sms_acts import Act, Cash, Tenancy
from gateway.sms_asked import Line
from sms.inbound import Command, Word

_LOOKS = frozenset({Word.BAL, Word.LAST, Word.HELP})  # at what is the asker's own, or printed on every plate
# Texts that say that nothing was done, or nothing shown.
_REFUSALS = ("notallowed", "notyourzone", "reg.notyours", "tap.", "need.", "pay.", "cash.no", "behind.zone")


def noted(found: Iterable[tuple[Line, Text | Act]], *, ids: Ids, now: datetime) -> list[dict[str, Any]]:
    """Return the rows for lines that have got their answers."""
    return [_row(line, ids, now) for line, answer in found if _is_noted(line, answer)]


def _is_noted(line: Line, answer: Text | Act) -> bool:
    if isinstance(answer, Text) and answer.key.startswith("notallowed"):
        return True
    return (
        isinstance(line.asked, Command) and line.word not in _LOOKS and not isinstance(answer, Tenancy | Cash)
    )


def _row(line: Line, ids: Ids, now: datetime) -> dict[str, Any]:
    user = line.person.staff or next(iter(line.person.users), None)
    role = user.role.value if user else "caretaker" if line.person.kept else ""
    key = line.text.key if line.text else ""
    return audit.row(
        ids=ids,
        at=now,
        actor=user.name if user else line.person.msisdn,
        role=role,
        channel=audit.Channel.SMS,
        source=line.inbound_id,
        action=f"sms.{(line.word or Word.HELP).lower()}",
        subject=(line.asked.tap if isinstance(line.asked, Command) else None) or "",
        result=key if key.startswith(_REFUSALS) else audit.DONE,
    )
