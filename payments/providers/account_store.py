"""Gateway accounts in the database: credentials and callback tokens are sealed, and bound to their rows.

Whoever changes something here has taken its turn (`core.vault.take_turn`) in the same transaction.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk, vault
from core.errors import NotFound
from core.ids import Ids
from core.vault import Keyring, NotGenuine, VaultError
from payments.providers.accounts import Account, State, default_id, hash_token, safe_token, zone_id
from payments.providers.tables import callback_tokens, gateway_accounts

_log = structlog.get_logger()
_CREDENTIALS, _CALLBACK = "gateway credentials", "callback token"
_FIRST = 1
_a, _t = gateway_accounts.c, callback_tokens.c
# A token with the account that it belongs to, which its envelope is bound to.
_TOKENS = sa.select(callback_tokens, _a.zone).join(gateway_accounts, _a.account_id == _t.account_id)


@dataclass(frozen=True, slots=True)
class Stored:
    """An account as it is stored. `fault`: why its credentials could not be opened."""

    account: Account
    credentials: Mapping[str, Any] | None = field(repr=False)
    updated_at: datetime
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """A callback token by its hash: whose it is, and until when it is taken (None: it is the newest)."""

    token_hash: str
    account_id: str
    ends_at: datetime | None


async def read(connection: AsyncConnection, ring: Keyring) -> list[Stored]:
    """Return every account, by its id; one that cannot be opened says so and keeps nobody else waiting."""
    rows = (await connection.execute(sa.select(gateway_accounts).order_by(_a.account_id))).all()
    newest = (await connection.execute(_TOKENS.where(_t.ends_at.is_(None)))).all()
    tokens = {row.account_id: _opened_token(ring, row) for row in newest}
    return [_stored(ring, row, tokens.get(row.account_id, "")) for row in rows]


async def doors(connection: AsyncConnection, now: datetime) -> list[Door]:
    """Return the callback tokens that are taken at this moment."""
    query = sa.select(_t.token_hash, _t.account_id, _t.ends_at)
    valid = query.where(sa.or_(_t.ends_at.is_(None), _t.ends_at > now))
    return [Door(*row) for row in await connection.execute(valid)]


def _opened_token(ring: Keyring, row: Any) -> str:
    try:
        token = ring.open(row.sealed, *_token_binding(row)).decode()
    except VaultError as broken:
        _log.error("callback_token_not_opened", account_id=row.account_id, code=broken.reason)
        return ""
    return token


def _stored(ring: Keyring, row: Any, token: str) -> Stored:
    account = Account(row.account_id, row.provider, row.zone, token, State(row.state))
    if row.credentials is None:
        return Stored(account, None, row.updated_at)
    try:
        opened = json.loads(ring.open(row.credentials, *_binding(row.account_id, row.zone, row.version)))
    except VaultError as broken:
        return Stored(account, None, row.updated_at, broken.reason)
    return Stored(account, opened, row.updated_at)


def _binding(account_id: str, zone: str | None, version: int) -> tuple[str | int | None, ...]:
    return _CREDENTIALS, zone, account_id, version


def _token_binding(row: Any) -> tuple[str | int | None, ...]:
    return _CALLBACK, row.zone, row.account_id, row.version, row.token_hash


async def ensure_defaults(
    connection: AsyncConnection, ring: Keyring, providers: Iterable[str], ids: Ids, now: datetime
) -> None:
    """Make the default accounts of these providers, where they are missing, each with a token of its own."""
    rows = [_new_row(default_id(provider), provider, None, now) for provider in providers]
    await bulk.insert_new(connection, gateway_accounts, rows)
    await _seal_old_tokens(connection, ring, now)
    with_token = sa.select(_t.account_id).where(_t.ends_at.is_(None))
    bare = sa.select(_a.account_id).where(_a.zone.is_(None), _a.account_id.not_in(with_token))
    for account_id in (await connection.execute(bare)).scalars().all():
        await _add_token(connection, ring, account_id, None, safe_token(ids), now)


async def _seal_old_tokens(connection: AsyncConnection, ring: Keyring, now: datetime) -> None:
    """Seal what a migration has left open: it has no master key."""
    query = sa.select(_a.account_id, _a.zone, _a.callback_token).where(_a.callback_token.is_not(None))
    for row in (await connection.execute(query)).all():
        await _add_token(connection, ring, row.account_id, row.zone, row.callback_token, now)
    await connection.execute(sa.update(gateway_accounts).values(callback_token=None))


def _new_row(account_id: str, provider: str, zone: str | None, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "provider": provider,
        "zone": zone,
        "state": State.ENABLED.value,
        "credentials": None,
        "version": _FIRST,
        "created_at": now,
        "updated_at": now,
        "callback_token": None,
    }


async def put(
    connection: AsyncConnection,
    ring: Keyring,
    zone: str,
    provider: str,
    credentials: Mapping[str, Any],
    ids: Ids,
    now: datetime,
) -> str:
    """Give a zone its own account, or other credentials, and enable it; return the account's id.

    What the credentials were before is gone. The callback token stays the same.
    """
    account_id = zone_id(provider, zone)
    row = await _find(connection, account_id)
    version = row.version + 1 if row else _FIRST
    secret = json.dumps(dict(credentials), sort_keys=True).encode()
    change = {
        "account_id": account_id,
        "state": State.ENABLED.value,
        "credentials": ring.seal(secret, *_binding(account_id, zone, version)),
        "version": version,
        "updated_at": now,
    }
    if row:
        await bulk.update(connection, gateway_accounts, [change])
        return account_id
    await bulk.insert(connection, gateway_accounts, [_new_row(account_id, provider, zone, now) | change])
    await _add_token(connection, ring, account_id, zone, safe_token(ids), now)
    return account_id


async def set_state(connection: AsyncConnection, account_id: str, state: State, now: datetime) -> None:
    """Enable, disable or remove a zone's own account; raises NotFound (no_such_account)."""
    await _found(connection, account_id)
    change = sa.update(gateway_accounts).where(_a.account_id == account_id)
    await connection.execute(change.values(state=state.value, updated_at=now))


async def new_token(
    connection: AsyncConnection, ring: Keyring, account_id: str, ids: Ids, now: datetime, overlap: timedelta
) -> datetime:
    """Give an account a new callback token; return until when the one before is still taken.

    Those that have ended, or cannot be opened, are removed. Raises NotFound (no_such_account).
    """
    row = await _found(connection, account_id)
    ends_at = now + overlap
    mine = _t.account_id == account_id
    held = (await connection.execute(_TOKENS.where(mine))).all()
    broken = [one.token_hash for one in held if not _opened_token(ring, one)]
    over = sa.or_(_t.ends_at <= now, _t.token_hash.in_(broken))
    await connection.execute(sa.delete(callback_tokens).where(mine, over))
    await connection.execute(
        sa.update(callback_tokens).where(mine, _t.ends_at.is_(None)).values(ends_at=ends_at)
    )
    await _add_token(connection, ring, account_id, row.zone, safe_token(ids), now)
    return ends_at


async def _find(connection: AsyncConnection, account_id: str) -> Any:
    query = sa.select(_a.zone, _a.version).where(_a.account_id == account_id)
    return (await connection.execute(query)).first()


async def _found(connection: AsyncConnection, account_id: str) -> Any:
    row = await _find(connection, account_id)
    if row is None:
        raise NotFound(f"there is no gateway account {account_id[:40]!r}", code="no_such_account")
    return row


async def _add_token(
    connection: AsyncConnection,
    ring: Keyring,
    account_id: str,
    zone: str | None,
    token: str,
    now: datetime,
) -> None:
    token_hash = hash_token(token)
    binding = (_CALLBACK, zone, account_id, _FIRST, token_hash)
    row = {
        "token_hash": token_hash,
        "account_id": account_id,
        "sealed": ring.seal(token.encode(), *binding),
        "version": _FIRST,
        "created_at": now,
        "ends_at": None,
    }
    await bulk.insert(connection, callback_tokens, [row])


async def reseal(connection: AsyncConnection, ring: Keyring, most: int) -> int:
    """Seal up to `most` rows of each kind that lie under another key anew; return how many there were.

    Raises NotGenuine where one does not open: what somebody has changed is not sealed as if it were ours.
    """
    held = await connection.execute(sa.select(gateway_accounts).where(_a.credentials.is_not(None)))
    accounts = _others(ring, held.all(), "credentials", most)
    await bulk.update(connection, gateway_accounts, [_sealed_anew(ring, row) for row in accounts])
    tokens = _others(ring, (await connection.execute(_TOKENS)).all(), "sealed", most)
    await bulk.update(connection, callback_tokens, [_token_sealed_anew(ring, row) for row in tokens])
    return len(accounts) + len(tokens)


def _others(ring: Keyring, rows: Sequence[Any], column: str, most: int) -> list[Any]:
    return [row for row in rows if not ring.seals_as(getattr(row, column))][:most]


def _sealed_anew(ring: Keyring, row: Any) -> dict[str, Any]:
    with _naming(row, "set its credentials again"):
        secret = ring.open(row.credentials, *_binding(row.account_id, row.zone, row.version))
    version = row.version + 1
    sealed = ring.seal(secret, *_binding(row.account_id, row.zone, version))
    return {"account_id": row.account_id, "credentials": sealed, "version": version}


def _token_sealed_anew(ring: Keyring, row: Any) -> dict[str, Any]:
    with _naming(row, "give it a new callback token"):
        token = ring.open(row.sealed, *_token_binding(row))
    version = row.version + 1
    binding = (_CALLBACK, row.zone, row.account_id, version, row.token_hash)
    return {"token_hash": row.token_hash, "sealed": ring.seal(token, *binding), "version": version}


@contextmanager
def _naming(row: Any, advice: str) -> Iterator[None]:
    try:
        yield
    except NotGenuine:
        raise NotGenuine(
            f"{row.account_id}: what is sealed was changed in the database: {advice}, then go on"
        ) from None


async def used_keys(connection: AsyncConnection) -> set[str]:
    """Return the ids of the data keys that something here is sealed with."""
    accounts = await connection.execute(sa.select(_a.credentials).where(_a.credentials.is_not(None)))
    tokens = await connection.execute(sa.select(_t.sealed))
    return {vault.key_of(envelope) for envelope in (*accounts.scalars(), *tokens.scalars())}
