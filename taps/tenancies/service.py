"""Load, decide, write: the one way in which caretakers change who is on a tap."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.ids import Ids
from taps.tenancies import store
from taps.tenancies.commands import Command, Count, ListTenants, Move, Register, Remove, SetOccupants, Undo
from taps.tenancies.decide import Answer, decide
from taps.tenancies.desk import Desk
from taps.tenancies.results import NotDone

__all__ = ["Answer", "execute"]

_ACTIONS = {
    Register: "tenant.register",
    Move: "tenant.move",
    Remove: "tenant.remove",
    SetOccupants: "tenant.occupants",
    Count: "tap.count",
    ListTenants: "tenant.list",
    Undo: "tenant.undo",
}


async def execute(
    connection: AsyncConnection, commands: Sequence[Command], *, now: datetime, ids: Ids
) -> list[Answer]:
    """Do commands in the caller's writing transaction, in order; answers come in the same order.

    A refused command is an answer as well, and leaves the others untouched; each one is written to the
    audit log, repeats apart. The events of the answers are for SMS to tenants, in the same transaction.
    """
    if not commands:
        return []
    desk = Desk(now, ids)
    await store.load(connection, desk, commands)
    answers = [decide(desk, command) for command in commands]
    await store.write(connection, desk)
    done = [
        _audited(desk, command, answer)
        for command, answer in zip(commands, answers, strict=True)
        if not answer.is_repeat
    ]
    await audit.write(connection, done)
    return answers


def _audited(desk: Desk, command: Command, answer: Answer) -> dict[str, Any]:
    result = answer.result
    change = desk.by_command.get((command.by_msisdn, command.command_id))
    named = getattr(command, "to_tap_id", getattr(command, "tap_id", None))
    return audit.row(
        ids=desk.ids,
        at=desk.now,
        actor=command.by_msisdn,
        role="caretaker",
        channel=command.channel,
        source=command.command_id,
        action=_ACTIONS[type(command)],
        subject=change.tap_id if change else named or "",
        detail={"change_id": change.change_id} if change else {},
        result=_code(result) if isinstance(result, NotDone) else audit.DONE,
    )


def _code(result: NotDone) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(result).__name__).lower()
