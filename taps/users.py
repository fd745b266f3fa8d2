"""People with a role, and their API tokens, of which only a SHA-256 is kept."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import Conflict, NotFound
from taps.model import Role, User
from taps.tables import taps, user_zones, users, zones

_ZONES = (
    sa.select(sa.func.aggregate_strings(user_zones.c.zone, ","))
    .where(user_zones.c.name == users.c.name)
    .correlate(users)
    .scalar_subquery()
)
_USERS = sa.select(users.c.name, users.c.role, users.c.msisdn, _ZONES.label("zones"))
_ROLES = (
    (sa.select(users.c.msisdn, users.c.role), users.c.msisdn),
    (
        sa.select(
            taps.c.caretaker_msisdn.label("msisdn"), sa.literal(Role.CARETAKER.value).label("role")
        ).distinct(),
        taps.c.caretaker_msisdn,
    ),
)
_KEPT = sa.select(taps.c.caretaker_msisdn, taps.c.tap_id)


def hash_token(token: str) -> str:
    """Return what is kept of a token; it is long and random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


async def add_user(connection: AsyncConnection, user: User, now: datetime) -> None:
    """Add a user; raises Conflict where the name is taken, NotFound where a zone is unknown."""
    known = await bulk.fetch(connection, sa.select(zones.c.zone), zones.c.zone, user.zones)
    unknown = sorted(set(user.zones) - {row.zone for row in known})
    if unknown:
        raise NotFound(f"there is no zone {unknown[0][:20]!r}", code="unknown_zone")
    if await by_names(connection, [user.name]):
        raise Conflict(f"there is a user {user.name[:60]!r} already", code="name_taken")
    await bulk.insert(connection, users, [row_of(user, now)])
    await bulk.insert(connection, user_zones, zone_rows([user]))


async def set_token(connection: AsyncConnection, name: str, token: str) -> None:
    """Give a user a token instead of the one before; raises NotFound where there is no such user."""
    change = sa.update(users).where(users.c.name == name).values(token_hash=hash_token(token))
    if not (await connection.execute(change)).rowcount:
        raise NotFound(f"there is no user {name[:60]!r}", code="unknown_user")


async def user_by_token(connection: AsyncConnection, token: str) -> User | None:
    """Return whose token this is."""
    query = _USERS.where(users.c.token_hash == hash_token(token))
    row = (await connection.execute(query)).first()
    return _user(row) if row else None


async def users_by_msisdn(connection: AsyncConnection, msisdns: Sequence[str]) -> dict[str, list[User]]:
    """Return the users behind each phone: one person may be agent and caretaker."""
    found: dict[str, list[User]] = {msisdn: [] for msisdn in msisdns}
    rows = await bulk.fetch(connection, _USERS, users.c.msisdn, msisdns)
    for row in sorted(rows, key=lambda r: r.name.casefold()):
        found[row.msisdn].append(_user(row))
    return found


def _roles(rows: Iterable[Any]) -> dict[str, set[Role]]:
    found: dict[str, set[Role]] = {}
    for row in rows:
        found.setdefault(row.msisdn, set()).add(Role(row.role))
    return found


# The roles of those phones that have any; who is caretaker of a tap has that role.
ROLES = bulk.Asked(_ROLES, _roles)


async def kept_taps(connection: AsyncConnection, msisdns: Sequence[str]) -> dict[str, list[str]]:
    """Return the TapIDs that each phone is the caretaker of: a caretaker's rights are over these."""
    found: dict[str, list[str]] = {msisdn: [] for msisdn in msisdns}
    rows = await bulk.fetch(connection, _KEPT, taps.c.caretaker_msisdn, msisdns)
    for row in sorted(rows, key=lambda r: r.tap_id):
        found[row.caretaker_msisdn].append(row.tap_id)
    return found


async def by_names(connection: AsyncConnection, names: Iterable[str]) -> dict[str, User]:
    """Return the users that exist, by name."""
    rows = await bulk.fetch(connection, _USERS, users.c.name, names)
    return {row.name: _user(row) for row in rows}


async def all_users(connection: AsyncConnection) -> list[User]:
    """Return every user, by name."""
    found = [_user(row) for row in await connection.execute(_USERS)]
    return sorted(found, key=lambda user: (user.name.casefold(), user.name))


def row_of(user: User, now: datetime) -> dict[str, Any]:
    """Return a user's new row; their zones are rows of their own."""
    return {"name": user.name, "role": user.role.value, "msisdn": user.msisdn, "created_at": now}


def zone_rows(people: Iterable[User]) -> list[dict[str, Any]]:
    """Return the rows that bind users to their zones."""
    return [{"name": user.name, "zone": zone} for user in people for zone in sorted(set(user.zones))]


def _user(row: Any) -> User:
    in_zones = tuple(sorted(row.zones.split(","))) if row.zones else ()
    return User(row.name, Role(row.role), in_zones, row.msisdn)
