"""Identifiers: UUIDv7 for new rows (they sort by time), UUIDv5 for derived keys, random text for secrets."""

import base64
import hashlib
import os
import random
import secrets
import uuid
from collections.abc import Callable

from core.clock import Clock, SystemClock

_VERSIONS = {version: version << 76 | 0x2 << 62 for version in (4, 5, 7)}  # with RFC 9562's variant
_UNVERSIONED = ~(0xF << 76 | 0x3 << 62)
_NAMESPACE = uuid.UUID("6f1d2c0e-8a55-5b0e-9a53-6d61647a6900").bytes

_PIECE_BITS = 128
_PIECES = 256


def _drawn_bits(n_bits: int) -> int:
    """Return random bits of the system; they are drawn for many ids at a time, which is cheaper."""
    if n_bits > _PIECE_BITS:
        return secrets.randbits(n_bits)
    try:
        return _drawn.pop() >> (_PIECE_BITS - n_bits)
    except IndexError:
        raw = os.urandom(_PIECES * 16)
        first, *rest = (int.from_bytes(raw[i : i + 16], "big") for i in range(0, len(raw), 16))
        _drawn.extend(rest)
        return first >> (_PIECE_BITS - n_bits)


_drawn: list[int] = []
# A child that went on with its parent's bits would make its parent's ids.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)


class Ids:
    """Makes identifiers from a clock and a source of random bits, both given."""

    def __init__(self, clock: Clock | None = None, bits: Callable[[int], int] = _drawn_bits) -> None:
        self._clock = clock or SystemClock()
        self._bits = bits

    @classmethod
    def seeded(cls, seed: int, clock: Clock) -> "Ids":
        """Return a maker that repeats itself: for tests and replays, never for secrets."""
        return cls(clock, random.Random(seed).getrandbits)  # noqa: S311 - repeatable on purpose

    def new(self) -> str:
        """Return a UUIDv7 (RFC 9562 §5.7) as text: milliseconds since 1970, then 74 random bits."""
        ms = int(self._clock.now().timestamp() * 1000) & ((1 << 48) - 1)
        low = self._bits(74)
        value = ms << 80 | (low >> 62) << 64 | low & ((1 << 62) - 1)
        return _dashed(value | _VERSIONS[7])

    def new_v4(self) -> str:
        """Return a UUIDv4 as text, for rails that insist on one (MTN's X-Reference-Id)."""
        return _dashed(self._bits(128) & _UNVERSIONED | _VERSIONS[4])

    def token(self, n_bytes: int = 16) -> str:
        """Return `n_bytes` random bytes as base64url without padding (16 bytes make 22 characters)."""
        raw = self._bits(n_bytes * 8).to_bytes(n_bytes, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def derived(*parts: str) -> str:
    """Return the same UUIDv5 for the same parts, always."""
    name = _NAMESPACE + "\x1f".join(parts).encode()
    digest = hashlib.sha1(name, usedforsecurity=False).digest()  # what RFC 9562 §5.5 prescribes
    return _dashed(int.from_bytes(digest[:16], "big") & _UNVERSIONED | _VERSIONS[5])


def is_uuid(text: str) -> bool:
    """Say whether `text` is a UUID in its usual dashed form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _dashed(value: int) -> str:
    digits = value.to_bytes(16, "big").hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
