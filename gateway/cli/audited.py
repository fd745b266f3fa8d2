"""An act of a person at the command line: done together with its audit row, or refused and noted as such."""

import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.clock import SystemClock
from core.errors import MadziError
from core.ids import Ids
from gateway.cli.common import database

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody is about to do."""

    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def row(self, ids: Ids, at: datetime, result: str = audit.DONE) -> dict[str, Any]:
        """Return its audit row."""
        return audit.row(
            ids=ids,
            at=at,
            actor=whoami(),
            channel=audit.Channel.CLI,
            source=socket.gethostname(),
            action=self.action,
            subject=self.subject,
            detail=self.detail,
            result=result,
        )


def whoami() -> str:
    """Return the system's name of the user who runs the command, or their number where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


async def audited(act: Act, work: Work[Result]) -> Result:
    """Do the work and note it in one transaction; note a refusal in another, then raise it."""
    clock = SystemClock()
    ids = Ids(clock)
    async with database() as db:
        try:
            async with db.write() as connection:
                result = await work(connection)
                await audit.write(connection, [act.row(ids, clock.now())])
                return result
        except MadziError as refused:
            async with db.write() as connection:
                await audit.write(connection, [act.row(ids, clock.now(), refused.reason)])
            raise
