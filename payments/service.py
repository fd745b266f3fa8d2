"""Load, decide, write: the one way in which payments change."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from payments import store
from payments.commands import Command
from payments.decide import decide
from payments.desk import Desk, Rules
from payments.events import Event, Note

# Called inside the transaction that makes the events true: enqueues what must be told.
Announce = Callable[[AsyncConnection, Sequence[Event | Note]], Awaitable[None]]
# The gateway accounts that do not work now.
Down = Callable[[AsyncConnection], Awaitable[frozenset[str]]]
_log = structlog.get_logger()


async def _nothing(_connection: AsyncConnection) -> frozenset[str]:
    return frozenset()


class PaymentService:
    """Executes commands in batches, each batch in one transaction."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        rules: Rules,
        announce: Announce,
        down: Down = _nothing,
    ) -> None:
        """`down` tells which accounts do not work."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self.rules = rules
        self._announce = announce
        self._down = down
        self._batcher: Batcher[Command, Any] = Batcher(self._handle, pause_s=0.001 if db.is_sqlite else 0.0)

    async def down(self, connection: AsyncConnection) -> frozenset[str]:
        """Return the gateway accounts that do not work now."""
        return await self._down(connection)

    def use(self, rules: Rules) -> None:
        """Decide by these rules from the next batch on."""
        self.rules = rules

    async def submit(self, command: Command) -> Any:
        """Return the command's answer once it is committed."""
        return await self._batcher.submit(command)

    async def close(self) -> None:
        """Finish what waits."""
        await self._batcher.close()

    async def _handle(self, commands: Sequence[Command]) -> list[Any]:
        async with self._db.write() as connection:
            return await self.execute(connection, commands)

    async def execute(self, connection: AsyncConnection, commands: Sequence[Command]) -> list[Any]:
        """Decide commands inside the caller's transaction; a refused one is answered by its error alone."""
        desk = Desk(self._clock.now(), self._ids, self.rules, down=await self.down(connection))
        await store.load(connection, desk, commands)
        results = [_decided(desk, command) for command in commands]
        await store.write(connection, desk)
        if desk.events or desk.notes:
            await self._announce(connection, [*desk.events, *desk.notes])
        return results


def _decided(desk: Desk, command: Command) -> Any:
    steps = desk.steps
    try:
        return decide(desk, command)
    except MadziError as refusal:
        if desk.steps != steps:
            raise  # half of it is on the desk: the batch is split, and this one is rolled back by itself
        _log.info("command_refused", command=type(command).__name__, code=refusal.reason)
        return refusal
