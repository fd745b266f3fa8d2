"""A call between its hops, and what a hop means to it; where calls are kept is behind `CallStore`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.ids import derived
from gateway.channels.hop import Hop, Reply
from ussd_menus.facts import Dropped
from ussd_menus.session import Session

Key = tuple[str, str]  # channel, the aggregator's session id
RESUME_WITHIN = timedelta(minutes=10)


class Call(Struct, frozen=True, array_like=True, gc=False):
    """A call after a hop: where the caller stands, and every reply given.

    Stores keep its fields by their places: a new one comes last and has a default.
    """

    session_id: str  # ours: the aggregator's may come again
    key: Key
    msisdn: str
    session: Session
    mark: str  # of the last hop: the whole history, or the input with its number
    reply: Reply  # to the last hop
    at: datetime  # of the last hop
    hop_no: int = 1
    turn: int = 1  # how many calls have had this key
    replies: dict[str, Reply] = {}  # by mark

    @property
    def version(self) -> tuple[int, int]:
        """What grows with every hop under this key."""
        return self.turn, self.hop_no


class NotKept(Exception):
    """The store of calls does not answer."""


class Question(NamedTuple):
    """What the database is asked, to be asked together with other questions."""

    asked: bulk.Asked[dict[str, Dropped]]
    params: Mapping[str, Any]


class CallStore(Protocol):
    """Keeps calls between hops."""

    is_transactional: bool  # a call is written in the transaction of what its hop caused

    async def load(self, connection: AsyncConnection | None, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the latest call of each key, where there is one."""
        ...

    def asks_dropped(self, now: datetime) -> Question | None:
        """Return how the database is asked what `dropped` says; None where calls are kept elsewhere."""
        ...

    async def dropped(
        self, connection: AsyncConnection | None, msisdns: Iterable[str], now: datetime
    ) -> Mapping[str, Dropped]:
        """Return each phone's latest call, where it stopped without an END within the last ten minutes."""
        ...

    async def save(
        self, connection: AsyncConnection | None, written: Sequence[tuple[Call, Hop]]
    ) -> frozenset[Key]:
        """Keep calls after a hop each; return those of which a later hop is kept already: nothing is kept.

        Raises NotKept where the store cannot keep any now.
        """
        ...

    def remember(self, calls: Mapping[Key, Call]) -> None:
        """Learn that calls are committed."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def call_id(hop: Hop, turn: int) -> str | None:
    """Return our session id of a call that begins with this hop; None: any new one will do.

    Keys of payments derive from it. A hop that carries what was typed before can confirm by itself; when its
    call was lost and it is repeated, it must come to the same key. A bare input cannot: without its call it
    leads to the first screen.
    """
    if hop.is_latest and not (hop.is_first and hop.sequence):
        return None
    return derived("call", hop.channel, hop.external_id, hop.msisdn, str(turn))


def repeated(call: Call, hop: Hop, now: datetime, window: timedelta) -> Reply | None:
    """Return the reply that a hop got before, if it is a repetition.

    Operators repeat requests. A whole history or a numbered hop tells by itself; a bare input is taken for a
    repetition within `window` after its reply, which is none unless an operator is known to repeat late.
    """
    if not hop.is_latest or hop.sequence:
        return call.replies.get(hop.mark)
    if call.mark != hop.mark or now - call.at >= window:
        return None
    return None if hop.is_first and call.hop_no > 1 else call.reply


def goes_on(call: Call, hop: Hop) -> bool:
    """Say whether a hop belongs to the latest call of its key; otherwise a new call begins."""
    return not hop.is_latest or not (hop.is_first or call.reply.is_end)


def as_dropped(call: Call, now: datetime) -> Dropped | None:
    """Return a call that the person may go on with, if it is one."""
    if call.reply.is_end or now - call.at > RESUME_WITHIN:
        return None
    return Dropped(call.session, call.at)
