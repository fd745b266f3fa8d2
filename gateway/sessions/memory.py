"""Calls in this process's memory alone: when it stops, only what aggregators send can rebuild them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.hop import Hop
from gateway.sessions.calls import Call, Key, as_dropped
from ussd_menus.facts import Dropped


class MemoryCalls:
    """Keeps the latest `capacity` calls."""

    is_transactional = False

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._calls: OrderedDict[Key, Call] = OrderedDict()
        self._latest: dict[str, Key] = {}  # msisdn -> its latest call

    async def load(self, _connection: AsyncConnection | None, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the latest call of each key."""
        calls = self._calls
        return {key: calls[key] for key in keys if key in calls}

    def asks_dropped(self, _now: datetime) -> None:
        """Nothing: the database keeps no calls."""

    async def dropped(
        self, _connection: AsyncConnection | None, msisdns: Iterable[str], now: datetime
    ) -> dict[str, Dropped]:
        """Return each phone's latest call, where it may go on."""
        found: dict[str, Dropped] = {}
        for msisdn in msisdns:
            call = self._calls.get(self._latest.get(msisdn, ("", "")))
            dropped = as_dropped(call, now) if call else None
            if dropped:
                found[msisdn] = dropped
        return found

    async def save(
        self, _connection: AsyncConnection | None, written: Sequence[tuple[Call, Hop]]
    ) -> frozenset[Key]:
        """Keep calls after a hop each."""
        late = set()
        for call, _ in written:
            kept = self._calls.get(call.key)
            if kept and kept.version >= call.version:
                late.add(call.key)
            else:
                self._keep(call)
        return frozenset(late)

    def _keep(self, call: Call) -> None:
        self._calls[call.key] = call
        self._calls.move_to_end(call.key)
        if call.hop_no == 1:
            self._latest[call.msisdn] = call.key
        while len(self._calls) > self._capacity:
            key, gone = self._calls.popitem(last=False)
            if self._latest.get(gone.msisdn) == key:
                del self._latest[gone.msisdn]

    def remember(self, calls: Mapping[Key, Call]) -> None:
        """Nothing more: `save` has kept them."""

    def forget(self) -> None:
        """Lose everything."""
        self._calls.clear()
        self._latest.clear()

    async def close(self) -> None:
        """Nothing is held."""
