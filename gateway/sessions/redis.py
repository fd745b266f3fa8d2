"""Calls in Redis: many web processes share them, and no hop writes a row for itself.

All calls of a batch are read in one round trip and kept in another. A value is the call's version, then the
call as MessagePack; a script compares versions, so that of two processes that answer the same hop one learns
that it was late. Redis may be emptied or gone at any moment: then a call counts as unknown, and what it was
is worked out from what the aggregator sends, or it begins anew.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.metrics import SESSIONS_LOST
from gateway.channels.hop import Hop
from gateway.sessions.calls import Call, Key, NotKept, as_dropped
from ussd_menus.facts import Dropped

_log = structlog.get_logger()

TTL_S = 20 * 60  # a call lasts some minutes and may be resumed for ten
TIMEOUT_S = 1.0  # to connect, and for an answer
REST_S = 1.0  # Redis is left alone so long after it was silent, that callers need not wait for it one by one
_VERSION_DIGITS = 12
_MOST_REPLIES = 40  # of the latest hops: what is repeated later is not a repetition of an operator
_MOST_SPARED = 10_000

# KEYS: calls, then phones. ARGV: seconds, how many calls, the calls, the key of each phone's latest call.
# A value that stands there already, byte for byte, is ours: the answer to it was lost on its way.
_SAVE = """
local late = {}
local calls = tonumber(ARGV[2])
for i = 1, calls do
  local value = ARGV[i + 2]
  local kept = tonumber(redis.call('GETRANGE', KEYS[i], 0, 11))
  local new = tonumber(string.sub(value, 1, 12))
  if kept and (kept > new or (kept == new and redis.call('GET', KEYS[i]) ~= value)) then
    late[#late + 1] = i - 1
  else
    redis.call('SET', KEYS[i], value, 'EX', ARGV[1])
  end
end
for i = calls + 1, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[1])
end
return late
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Call).decode


class RedisCalls:
    """Finds calls by the aggregator's session id, in one Redis (no cluster: a batch touches many keys)."""

    is_transactional = False

    def __init__(self, url: str) -> None:
        """`url` is redis://, rediss:// or unix://; nothing is connected before the first hop."""
        self._redis: Redis = Redis.from_url(
            url,
            socket_connect_timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            max_connections=8,
            # Once: a connection that Redis has closed since. To save twice is harmless (see the script).
            retry=Retry(NoBackoff(), 1, (Disconnected,)),
        )
        self._save = self._redis.register_script(_SAVE)
        self._rests_until = 0.0
        self._spare: OrderedDict[Key, Call] = OrderedDict()  # what Redis did not take

    async def load(self, _connection: AsyncConnection | None, keys: Iterable[Key]) -> dict[Key, Call]:
        """Return the latest call of each key; none where Redis does not answer."""
        wanted = list(keys)
        try:
            found = await self._read([_call_key(key) for key in wanted])
        except NotKept:
            SESSIONS_LOST.labels("load").inc(len(wanted))
            found = [None] * len(wanted)
        calls = {key: call for key, call in zip(wanted, found, strict=True) if call}
        for key in wanted if self._spare else ():
            if spared := self._spare.get(key):
                calls[key] = _latest(calls.get(key), spared)
        return calls

    def asks_dropped(self, _now: datetime) -> None:
        """Nothing: the database keeps no calls."""

    async def dropped(
        self, _connection: AsyncConnection | None, msisdns: Iterable[str], now: datetime
    ) -> Mapping[str, Dropped]:
        """Return each phone's latest call, where it stopped without an END within the last ten minutes."""
        phones = [_phone_key(msisdn) for msisdn in msisdns]
        try:
            latest = await self._ask("dropped", lambda: self._redis.mget(phones)) if phones else []
            calls = await self._read([key.decode() for key in latest if key])
        except NotKept:
            return {}
        found = {call.msisdn: as_dropped(call, now) for call in calls if call}
        return {msisdn: dropped for msisdn, dropped in found.items() if dropped}

    async def save(
        self, _connection: AsyncConnection | None, written: Sequence[tuple[Call, Hop]]
    ) -> frozenset[Key]:
        """Keep calls after a hop each; return those of which a later hop is kept already.

        Raises NotKept where Redis does not take them. Calls whose aggregator sends the whole history stay in
        this process then: whoever hears a history knows on which screen its last input was typed.
        """
        calls = [call for call, _ in written]
        phones = {_phone_key(call.msisdn): _call_key(call.key) for call in calls if call.hop_no == 1}
        keys = [*(_call_key(call.key) for call in calls), *phones]
        values: list[str | int | bytes] = [
            TTL_S,
            len(calls),
            *(pack(call) for call in calls),
            *phones.values(),
        ]
        try:
            late = await self._ask("save", lambda: self._save(keys, values))
        except NotKept:
            SESSIONS_LOST.labels("save").inc(len(calls))
            self._spare_them([call for call, hop in written if not hop.is_latest])
            raise
        if self._spare:
            for call in calls:
                self._spare.pop(call.key, None)
        return frozenset(calls[i].key for i in late)

    def remember(self, calls: Mapping[Key, Call]) -> None:
        """Nothing more: `save` has kept them."""

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _read(self, keys: list[str]) -> list[Call | None]:
        if not keys:
            return []
        values: list[bytes | None] = await self._ask("load", lambda: self._redis.mget(keys))
        calls = [unpack(value) for value in values]
        broken = [key for key, value, call in zip(keys, values, calls, strict=True) if value and not call]
        if broken:  # left there, their versions would forbid the call to go on
            _log.warning("kept_calls_unreadable", count=len(broken))
            await self._ask("delete", lambda: self._redis.delete(*broken))
        return calls

    async def _ask(self, what: str, command: Callable[[], Any]) -> Any:
        """Return Redis's answer; raises NotKept where there is none."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._rests_until:
            raise NotKept
        try:
            return await command()
        except (RedisError, OSError) as error:
            self._rests_until = now_s + REST_S
            _log.warning("redis_silent", operation=what, error=type(error).__name__)
            raise NotKept from None

    def _spare_them(self, calls: list[Call]) -> None:
        for call in calls:
            self._spare[call.key] = call
            self._spare.move_to_end(call.key)
        while len(self._spare) > _MOST_SPARED:
            self._spare.popitem(last=False)


def pack(call: Call) -> bytes:
    """Return a call as it is kept: its version in 12 digits, then MessagePack."""
    if len(call.replies) > _MOST_REPLIES:
        call = replace(call, replies=dict(list(call.replies.items())[-_MOST_REPLIES:]))
    return b"%06d%06d" % call.version + _encode(call)


def unpack(value: bytes | None) -> Call | None:
    """Return the call, None where there is none or another release of Madzi wrote it."""
    if value is None:
        return None
    try:
        return _decode(memoryview(value)[_VERSION_DIGITS:])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _latest(kept: Call | None, spared: Call) -> Call:
    """Return where the caller stands, with a version that Redis takes a next hop after."""
    if kept is None:
        return spared
    if kept.at > spared.at:
        return kept
    turn, hop_no = max(kept.version, spared.version)
    return replace(spared, turn=turn, hop_no=hop_no)


def _call_key(key: Key) -> str:
    return f"madzi:call:{key[0]}:{key[1]}"


def _phone_key(msisdn: str) -> str:
    return f"madzi:phone:{msisdn}"
