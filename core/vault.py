"""Secrets at rest: AES-256-GCM envelopes under data keys, which a master key wraps.

An envelope holds its format (1 byte), the id of its key (8), a random nonce (12), and the ciphertext with its
tag. What it is bound to (whose secret it is, and which version) is authenticated beside it: an envelope moved
to another row, or put back after a change, does not open. Master keys come from outside and are never stored;
data keys lie in the database as envelopes under a master key.

VaultError
├── NotGenuine       this envelope was changed, or belongs somewhere else
├── UnknownKey       sealed by a key that was made since the keys were read
└── WrongMasterKey   the master key is not that of this database
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime, metadata
from core.errors import Refused

KEY_BYTES = 32
_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = len(_FORMAT) + _ID_BYTES
_DATA_KEY = "data key"
_TURN = "vault"

vault_keys = sa.Table(
    "vault_keys",
    metadata,
    sa.Column("key_id", sa.String(2 * _ID_BYTES), primary_key=True, comment="stands in each envelope"),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, comment="an envelope under a master key"),
    sa.Column("is_current", sa.Boolean, nullable=False, comment="seals; the others only open"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
vault_turns = sa.Table(
    "vault_turns",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, comment="another one: look at what is sealed again"),
)

Bytes = Callable[[int], bytes]
Binding = str | int | None


class VaultError(Refused):
    """A secret cannot be opened."""

    code = "vault_error"


class NotGenuine(VaultError):
    """This secret was changed in the database, or belongs to something else."""

    code = "secret_not_genuine"


class UnknownKey(VaultError):
    """This secret was sealed by a key that is not known here."""

    code = "unknown_key"


class WrongMasterKey(VaultError):
    """MADZI_MASTER_KEY is not the key with which the secrets of this database were locked."""

    code = "wrong_master_key"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The master key, and those before it, which still open but never seal."""

    current: bytes = field(repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    def keyring(self) -> "Keyring":
        """Return what wraps and unwraps data keys."""
        by_id = {_master_id(key): key for key in (self.current, *self.old)}
        return Keyring(by_id, _master_id(self.current))


def _master_id(key: bytes) -> str:
    """Name a master key without telling it: a hash of 256 random bits cannot be guessed back."""
    return hashlib.sha256(b"madzi master key\x00" + key).hexdigest()[: 2 * _ID_BYTES]


class Keyring:
    """Keys by their id: one seals, all open."""

    def __init__(self, keys: Mapping[str, bytes], current: str, draw: Bytes = os.urandom) -> None:
        """Take 32-byte keys; raises ValueError where one has another size."""
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._draw = draw
        self.current = current

    def seal(self, secret: bytes, *bound_to: Binding) -> bytes:
        """Return an envelope that opens only beside the same `bound_to`."""
        header = _FORMAT + bytes.fromhex(self.current)
        nonce = self._draw(_NONCE_BYTES)
        sealed = self._ciphers[self.current].encrypt(nonce, secret, _authenticated(header, bound_to))
        return header + nonce + sealed

    def open(self, envelope: bytes, *bound_to: Binding) -> bytes:
        """Return the secret; raises NotGenuine, or UnknownKey where its key is not on this ring."""
        header, rest = envelope[:_HEADER_BYTES], envelope[_HEADER_BYTES:]
        cipher = self._ciphers.get(key_of(envelope))
        if cipher is None:
            raise UnknownKey
        try:
            authenticated = _authenticated(header, bound_to)
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], authenticated)
        except InvalidTag:
            raise NotGenuine from None

    def seals_as(self, envelope: bytes) -> bool:
        """Say whether an envelope is under the key that seals now."""
        return key_of(envelope) == self.current

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """Return a data key as an envelope under this (master) key."""
        return self.seal(key, _DATA_KEY, key_id)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Return a data key; raises WrongMasterKey, NotGenuine."""
        try:
            return self.open(wrapped, _DATA_KEY, key_id)
        except UnknownKey:
            raise WrongMasterKey(
                "the secrets of this database are locked with another master key "
                f"({key_of(wrapped)}, given is {self.current}): set MADZI_MASTER_KEY to that one, or "
                "MADZI_MASTER_KEY_OLD where it was replaced"
            ) from None


def key_of(envelope: bytes) -> str:
    """Return the id of the key that an envelope names; raises NotGenuine where it is no envelope."""
    if envelope[:1] != _FORMAT or len(envelope) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise NotGenuine
    return envelope[len(_FORMAT) : _HEADER_BYTES].hex()


def _authenticated(header: bytes, bound_to: tuple[Binding, ...]) -> bytes:
    return header + json.dumps(bound_to, separators=(",", ":")).encode()


async def take_turn(connection: AsyncConnection) -> None:
    """Wait until nobody else changes what is sealed, until the end of the caller's transaction.

    Whoever writes an envelope takes its turn first and reads the keys after that: else it could seal with a
    key that a rotation has just taken away. The number that moves tells readers to look again.
    """
    await bulk.upsert(connection, vault_turns, [{"name": _TURN, "number": 1}], add=frozenset({"number"}))


async def turn(connection: AsyncConnection) -> int:
    """Return a number that is another one after each change to what is sealed."""
    query = sa.select(vault_turns.c.number).where(vault_turns.c.name == _TURN)
    return (await connection.execute(query)).scalar() or 0


async def load(connection: AsyncConnection, masters: MasterKeys) -> Keyring | None:
    """Return the data keys; None where none was made yet. Raises WrongMasterKey, NotGenuine."""
    rows = (await connection.execute(sa.select(vault_keys))).all()
    unlocking = masters.keyring()
    keys = {row.key_id: unlocking.unwrap(row.key_id, row.wrapped) for row in rows}
    current = next((row.key_id for row in rows if row.is_current), None)
    return Keyring(keys, current) if current else None


async def load_or_begin(connection: AsyncConnection, masters: MasterKeys, now: datetime) -> Keyring:
    """Return the data keys inside a turn; the first time a key is made."""
    return await load(connection, masters) or await add_key(connection, masters, now)


async def add_key(
    connection: AsyncConnection, masters: MasterKeys, now: datetime, draw: Bytes = os.urandom
) -> Keyring:
    """Make a data key that seals from now on, inside a turn; the others go on opening."""
    key_id, key = draw(_ID_BYTES).hex(), draw(KEY_BYTES)
    await connection.execute(sa.update(vault_keys).values(is_current=False))
    wrapped = masters.keyring().wrap(key_id, key)
    row = {"key_id": key_id, "wrapped": wrapped, "is_current": True, "created_at": now}
    await bulk.insert(connection, vault_keys, [row])
    made = await load(connection, masters)
    if made is None:
        raise RuntimeError("the key that was just stored is not there")
    return made


async def wrap_anew(connection: AsyncConnection, masters: MasterKeys) -> int:
    """Wrap data keys that lie under an old master key with the current one; return how many."""
    ring = masters.keyring()
    rows = (await connection.execute(sa.select(vault_keys.c.key_id, vault_keys.c.wrapped))).all()
    changes = [
        {"key_id": row.key_id, "wrapped": ring.wrap(row.key_id, ring.unwrap(row.key_id, row.wrapped))}
        for row in rows
        if not ring.seals_as(row.wrapped)
    ]
    await bulk.update(connection, vault_keys, changes)
    return len(changes)


async def key_ids(connection: AsyncConnection) -> set[str]:
    """Return the ids of all data keys."""
    return set((await connection.execute(sa.select(vault_keys.c.key_id))).scalars())


async def drop_keys(connection: AsyncConnection, used: Iterable[str]) -> int:
    """Remove data keys that nothing is sealed with any more, inside a turn; return how many."""
    unused = sa.delete(vault_keys).where(
        vault_keys.c.key_id.not_in(list(used)), vault_keys.c.is_current.is_(False)
    )
    return (await connection.execute(unused)).rowcount
