"""Staff, agents and caretakers, and their API tokens, of which only a SHA-256 is kept."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import Conflict, NotFound
from taps.model import Role, User
from taps.tables import users, zones


def hash_token(token: str) -> str:
    """Return what is kept of a token; it is long and random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


async def add_user(connection: AsyncConnection, user: User, now: datetime) -> None:
    """Add a user; raises Conflict where the name is taken, NotFound where the zone is unknown."""
    if user.zone and not await _exists(connection, zones.c.zone == user.zone):
        raise NotFound(f"there is no zone {user.zone[:20]!r}", code="unknown_zone")
    if await _exists(connection, users.c.name == user.name):
        raise Conflict(f"there is a user {user.name[:60]!r} already", code="name_taken")
    await bulk.insert(connection, users, [row_of(user, now)])


async def set_token(connection: AsyncConnection, name: str, token: str) -> None:
    """Give a user a token instead of the one before; raises NotFound where there is no such user."""
    change = sa.update(users).where(users.c.name == name).values(token_hash=hash_token(token))
    if not (await connection.execute(change)).rowcount:
        raise NotFound(f"there is no user {name[:60]!r}", code="unknown_user")


async def user_by_token(connection: AsyncConnection, token: str) -> User | None:
    """Return whose token this is."""
    query = sa.select(users).where(users.c.token_hash == hash_token(token))
    row = (await connection.execute(query)).first()
    return _user(row) if row else None


async def users_by_msisdn(connection: AsyncConnection, msisdns: Sequence[str]) -> dict[str, list[User]]:
    """Return the users behind each phone: one person may be agent and caretaker."""
    found: dict[str, list[User]] = {msisdn: [] for msisdn in msisdns}
    rows = await bulk.fetch(connection, sa.select(users), users.c.msisdn, msisdns)
    for row in sorted(rows, key=lambda r: r.name.casefold()):
        found[row.msisdn].append(_user(row))
    return found


def row_of(user: User, now: datetime) -> dict[str, Any]:
    """Return a user's new row."""
    return {
        "name": user.name,
        "role": user.role.value,
        "zone": user.zone,
        "msisdn": user.msisdn,
        "created_at": now,
    }


async def _exists(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> bool:
    return (await connection.execute(sa.select(sa.literal(1)).where(condition))).first() is not None


def _user(row: Any) -> User:
    return User(row.name, Role(row.role), row.zone, row.msisdn)
