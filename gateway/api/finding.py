"""Finds taps by what people type for them: a TapID or a tap number."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import NotFound
from taps import store
from taps.model import Tap, User
from taps.tap_id import TapId, TapNumber

Name = TapId | TapNumber


async def taps(connection: AsyncConnection, names: Iterable[Name]) -> dict[Name, Tap]:
    """Return the taps that exist, by what they were asked for with: two queries at most."""
    wanted = set(names)
    ids = {name.value for name in wanted if isinstance(name, TapId)}
    numbers = {name.value for name in wanted if isinstance(name, TapNumber)}
    by_id = await store.taps_by_ids(connection, ids) if ids else {}
    by_number = await store.taps_by_numbers(connection, numbers) if numbers else {}
    found: dict[Name, Tap] = {}
    for name in wanted:
        tap = by_id.get(name.value) if isinstance(name, TapId) else by_number.get(name.value)
        if tap:
            found[name] = tap
    return found


def seen(tap: Tap | None, user: User) -> Tap:
    """Return the tap; raises NotFound (no_such_tap) where there is none, or none that the user may see."""
    if tap is None or not user.covers(tap.zone):
        raise NotFound("there is no such tap", code="no_such_tap")
    return tap
