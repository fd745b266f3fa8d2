"""A new encryption key while everything runs: made, everything sealed anew with it, the old one removed.

Each step is a transaction of its own that leaves every secret readable; one that was broken off goes on where
it stood. Readers read keys and envelopes in one snapshot, so they never hold one without the other.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from core import vault
from core.db import Database
from core.vault import Keyring, MasterKeys
from payments.providers import account_store

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation has done."""

    sealed: int
    dropped: int


async def begin(connection: AsyncConnection, masters: MasterKeys, now: datetime) -> bool:
    """Make a new key that seals from now on; False where an earlier rotation was not finished: it goes on.

    Keys under an old master key are wrapped with the current one.
    """
    await vault.take_turn(connection)
    await vault.load_or_begin(connection, masters, now)
    await vault.wrap_anew(connection, masters)
    if len(await vault.key_ids(connection)) > 1:
        return False
    await vault.add_key(connection, masters, now)
    return True


async def finish(db: Database, masters: MasterKeys) -> Rotated:
    """Seal everything with the current key, a few rows at a time, then remove keys that nothing needs."""
    sealed = 0
    while some := await seal_some(db, masters):
        sealed += some
    async with db.write() as connection:
        await vault.take_turn(connection)
        dropped = await vault.drop_keys(connection, await account_store.used_keys(connection))
    return Rotated(sealed, dropped)


async def seal_some(db: Database, masters: MasterKeys, most: int = _AT_ONCE) -> int:
    """Seal some rows anew; return how many, none when all are."""
    async with db.write() as connection:
        await vault.take_turn(connection)
        return await account_store.reseal(connection, await _ring(connection, masters), most)


async def _ring(connection: AsyncConnection, masters: MasterKeys) -> Keyring:
    ring = await vault.load(connection, masters)
    if ring is None:
        raise RuntimeError("a rotation that has not begun")
    return ring
