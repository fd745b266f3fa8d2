"""The health of gateway accounts as this process sees it: what it hears, what it knows, and who tries.

What is heard is counted here and written once a second; what is known is read again once a second. Where an
account does not work, the worker lets one payment try it when its wait is over: first its token, which
nobody notices, then the prompt. Where no payment waits, the token alone is tried, so that an outage ends
without anybody's help. What waits for an account that works again is let go a few at a time.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import outbox
from core.clock import Clock
from core.db import Database
from core.errors import MadziError
from core.ids import Ids
from core.metrics import BREAKER_CHANGES
from payments import breaker, health
from payments.breaker import Breaker, Policy
from payments.providers.base import FindsProviders

_log = structlog.get_logger()
_KNOWN_FOR = timedelta(seconds=1)
_LET_GO_FOR = timedelta(hours=1)  # after an account works again; who waits longer looks by itself
LET_GO_A_SECOND = 20  # by each worker
_HELD_FOR_S = 60.0

_o = outbox.outbox.c
_PUSH = "push"


class Health:
    """Knows which accounts work; one for each process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        providers: FindsProviders,
        policy: Policy,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._providers = providers
        self._policy = policy
        self._jitter = jitter
        self._known: dict[str, Breaker] = {}
        self._read_at: datetime | None = None
        self._heard: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # account -> bad, good
        self._trying: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Stop trying, and write what was heard."""
        trying = list(self._trying.values())
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)
        await self._write_heard()

    # What is known

    async def down(self, connection: AsyncConnection) -> frozenset[str]:
        """Return the accounts that do not work, as known a second ago or later."""
        if self._read_at is None or self._clock.now() - self._read_at >= _KNOWN_FOR:
            await self._read(connection)
        return health.down(self._known.values())

    async def _read(self, connection: AsyncConnection) -> None:
        self._known = await health.breakers(connection)
        self._read_at = self._clock.now()

    # What is heard

    def hear(self, account_id: str, *, works: bool | None) -> None:
        """Count a call that went well or that the provider failed; None says nothing."""
        if works is not None:
            self._heard[account_id][works] += 1

    async def _write_heard(self) -> None:
        heard, self._heard = self._heard, defaultdict(lambda: [0, 0])
        for account_id, (bad, good) in sorted(heard.items()):
            await self._change(account_id, lambda b, good=good, bad=bad: self._heard_by(b, good, bad))  # type: ignore[misc]  # mypy knows no lambda with defaults

    def _heard_by(self, before: Breaker, good: int, bad: int) -> Breaker:
        return breaker.heard(before, self._policy, good, bad, self._clock.now(), self._jitter())

    async def _change(self, account_id: str, decide: Callable[[Breaker], Breaker | None]) -> Breaker | None:
        async with self._db.write() as connection:
            changed = await health.change(connection, account_id, decide)
        if changed is None:
            return None
        before, after = changed
        self._known[account_id] = after
        if before.state != after.state:
            BREAKER_CHANGES.labels(account_id, after.state).inc()
            _log.warning("gateway_health", account_id=account_id, state=after.state, probe_at=after.probe_at)
        return after

    # Who tries

    async def take_place(self, account_id: str) -> str | None:
        """Return the id of a probe where its place is free and now ours; one in all processes gets it."""
        known = self._known.get(account_id)
        if known is not None and not breaker.is_due(known, self._clock.now()):
            return None
        probe_id = self._ids.new()
        taken = await self._change(
            account_id, lambda b: breaker.probing(b, self._policy, probe_id, self._clock.now())
        )
        return probe_id if taken else None

    async def end_probe(self, account_id: str, probe_id: str, *, works: bool | None) -> None:
        """Tell what a probe has found; None gives its place back."""
        await self._change(
            account_id,
            lambda b: breaker.probed(
                b, self._policy, probe_id, self._clock.now(), self._jitter(), is_good=works
            ),
        )

    async def answers(self, account_id: str) -> bool:
        """Say whether the provider gives a token: nobody's phone rings for that."""
        provider = await self._providers.find_provider(account_id)
        if provider is None:
            return False
        try:
            await provider.check()
        except MadziError as fault:
            _log.info("probe_failed", account_id=account_id, code=fault.reason)
            return False
        return True

    async def _try(self, account_id: str) -> None:
        """Try an account that no payment waits for."""
        if await self._wake(account_id, 1):
            return  # that one tries
        probe_id = await self.take_place(account_id)
        if probe_id is None:
            return
        works: bool | None = None
        try:
            works = await self.answers(account_id)
        finally:
            await self.end_probe(account_id, probe_id, works=works)

    # What a worker does each second

    async def tick(self) -> None:
        """Write what was heard, see what has changed, try what is due, and let go what waits."""
        await self._write_heard()
        async with self._db.read() as connection:
            await self._read(connection)
        now = self._clock.now()
        for one in list(self._known.values()):
            if breaker.is_due(one, now):
                self._begin(one.account_id)
            elif one.is_closed and one.changed_at and now - one.changed_at < _LET_GO_FOR:
                await self._wake(one.account_id, LET_GO_A_SECOND)

    def _begin(self, account_id: str) -> None:
        if account_id not in self._trying:
            task = asyncio.create_task(self._guarded(account_id))
            self._trying[account_id] = task
            task.add_done_callback(lambda _: self._trying.pop(account_id, None))

    async def _guarded(self, account_id: str) -> None:
        try:
            await self._try(account_id)
        except Exception:
            # The place is free again when its lease has ended.
            _log.exception("probe_broke", account_id=account_id)

    # What waits

    def held(self, message: outbox.Message, account_id: str, *, until: datetime) -> dict[str, object]:
        """Return the change that keeps a push until its account works; it looks by itself now and then."""
        at = self._clock.now() + timedelta(seconds=_HELD_FOR_S * (1 - self._jitter() / 2))
        return outbox.again(message, at=min(at, until), error=_mark(account_id), counts=False)

    async def _wake(self, account_id: str, limit: int) -> int:
        """Let pushes go that are held for an account, the oldest first; return how many."""
        now = self._clock.now()
        held = (
            sa.select(_o.outbox_id)
            .where(
                _o.kind == _PUSH,
                _o.status == "waiting",
                _o.last_error == _mark(account_id),
                _o.available_at > now,
            )
            .order_by(_o.created_at)
            .limit(limit)
        )
        async with self._db.read() as connection:
            if (await connection.execute(held)).first() is None:
                return 0
        chosen = held.with_for_update(skip_locked=True).scalar_subquery()
        async with self._db.write() as connection:
            woken = await connection.execute(
                sa.update(outbox.outbox).where(_o.outbox_id.in_(chosen)).values(available_at=now)
            )
        return woken.rowcount


def _mark(account_id: str) -> str:
    return f"held: {account_id} does not work"
