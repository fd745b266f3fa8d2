"""The health of gateway accounts: what a provider's answer says of it, and the stored breakers.

Every change of a stored breaker is a compare-and-set on its version, so that of many callers in many
processes one gets the probe's place.
"""

from collections.abc import Callable, Iterable

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments.breaker import Breaker
from payments.health_tables import gateway_health
from payments.providers.base import TOO_MANY_OPEN, PushReply, Reason, Taken, Traits

_h = gateway_health.c
_NAMES = Breaker.__struct_fields__
_ALL = sa.select(*(_h[name] for name in _NAMES))
_MOST_TRIES = 5

# What a call says that was never made, or that the provider was asked too often for: nothing of its health.
_OUR_OWN = frozenset({"closed", TOO_MANY_OPEN, "http_429", "429"})


def of_push(reply: PushReply, traits: Traits) -> bool | None:
    """Say whether an answer to a push shows the provider at work (True), at fault (False), or neither.

    A payer's refusal is an answer like any other: the provider works. Only pushes are heard: queries that
    are answered would hide that prompts are not sent, and there are more of them.
    """
    if reply.code in _OUR_OWN:
        return None
    match reply.taken:
        case Taken.ACCEPTED:
            return True
        case Taken.REFUSED:
            return not (reply.is_config_fault or reply.reason is Reason.DOWN)
        case Taken.NOT_REACHED:
            return False
        case Taken.UNKNOWN:
            # Where the call stays open until the payer has answered, silence may be the payer's.
            return None if traits.waits_for_payer and reply.code == "timeout" else False


async def breakers(connection: AsyncConnection) -> dict[str, Breaker]:
    """Return every stored breaker by account; an account without one is closed."""
    return {row.account_id: _of(row) for row in await connection.execute(_ALL)}


async def is_healthy(connection: AsyncConnection, account_id: str) -> bool:
    """Say whether pushes go to an account now."""
    row = (await connection.execute(_ALL.where(_h.account_id == account_id))).first()
    return row is None or _of(row).is_closed


async def change(
    connection: AsyncConnection, account_id: str, decide: Callable[[Breaker], Breaker | None]
) -> tuple[Breaker, Breaker] | None:
    """Let `decide` change an account's breaker by compare-and-set; return it before and after.

    None where `decide` gave None, or where others were faster each time.
    """
    for _ in range(_MOST_TRIES):
        before = await _stored(connection, account_id)
        after = decide(before)
        if after is None:
            return None
        if after == before or await _swap(connection, before, after):
            return before, after
    return None


async def _stored(connection: AsyncConnection, account_id: str) -> Breaker:
    query = _ALL.where(_h.account_id == account_id)
    row = (await connection.execute(query)).first()
    if row is None:
        await bulk.insert_new(connection, gateway_health, [asdict(Breaker(account_id))])
        row = (await connection.execute(query)).one()
    return _of(row)


async def _swap(connection: AsyncConnection, before: Breaker, after: Breaker) -> bool:
    values = asdict(after) | {"version": before.version + 1}
    swapped = await connection.execute(
        sa.update(gateway_health)
        .where(_h.account_id == before.account_id, _h.version == before.version)
        .values(values)
    )
    return swapped.rowcount == 1


def _of(row: sa.Row[tuple[object, ...]]) -> Breaker:
    return Breaker(**dict(zip(_NAMES, row, strict=True)))  # type: ignore[arg-type]  # a column for each field


def down(found: Iterable[Breaker]) -> frozenset[str]:
    """Return the accounts that pushes do not go to."""
    return frozenset(breaker.account_id for breaker in found if not breaker.is_closed)
