"""A person's decision about money at the command line: decided as all money is, a refusal noted as well."""

import socket
from typing import Any

from core import audit
from core.clock import SystemClock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from gateway.cli.audited import Act, whoami
from gateway.cli.common import settings
from gateway.notifications import Notifier
from payments.commands import Actor, Command
from payments.desk import Rules
from payments.service import PaymentService
from sms.templates import Printed


def actor() -> Actor:
    """Return who acts here: the system's user."""
    return Actor(whoami(), audit.Channel.CLI, socket.gethostname())


async def submit(db: Database, command: Command, act: Act) -> Any:
    """Return the command's answer, committed with its SMS; a refusal is noted in the audit log and raised.

    A command that is answered writes its own audit row.
    """
    clock, given = SystemClock(), settings()
    ids = Ids(clock)
    notifier = Notifier(clock, ids, Printed(given.service_code, given.support_phone))
    service = PaymentService(db, clock, ids, Rules(rails={}), notifier.announce)
    try:
        return await service.submit(command)
    except MadziError as refused:
        async with db.write() as connection:
            await audit.write(connection, [act.row(ids, clock.now(), refused.reason)])
        raise
    finally:
        await service.close()
