"""Signs pushes to Airtel Money: x-signature and x-key (reference airtel-money §5).

Airtel's name for it is signing; what it is: the very bytes of the body, encrypted by a key made for this
call, which goes along encrypted by Airtel's own. The body itself still travels in clear.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.clock import Clock
from core.errors import Unavailable
from payments.providers.http import Answer, Reach

RandomBytes = Callable[[int], bytes]

_KEY_BYTES, _BLOCK_BYTES = 32, 16
_OK = 200
# In which zone `valid_upto` counts is not said; asking again every hour makes it nearly meaningless.
_LONGEST_KEPT = timedelta(hours=1)
_VALID_UPTO = "%d-%m-%Y %H:%M:%S"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Airtel's public key, and until when it may be used without asking again."""

    key: RSAPublicKey
    until: datetime


class Signer:
    """Keeps Airtel's key and signs with it; one flight fetches the key for all who wait."""

    def __init__(self, fetch: Callable[[], Awaitable[Answer]], clock: Clock, random: RandomBytes) -> None:
        self._fetch = fetch
        self._clock = clock
        self._random = random
        self._key: SigningKey | None = None
        self._lock = asyncio.Lock()

    async def sign(self, body: bytes) -> dict[str, str]:
        """Return the two headers for this body; raises Unavailable where Airtel gives no key."""
        key = await self._current()
        return headers(body, key.key, self._random)

    def forget(self) -> None:
        """Ask for the key again: Airtel did not understand what it was used for."""
        self._key = None

    async def _current(self) -> SigningKey:
        async with self._lock:
            if self._key is None or self._clock.now() >= self._key.until:
                self._key = read_key(await self._fetch(), self._clock.now())
            return self._key


def encrypted_pin(pin: str, key: RSAPublicKey) -> str:
    """Return a PIN as payouts carry it: base64 of RSA-PKCS1v1.5 (reference §7)."""
    return base64.b64encode(key.encrypt(pin.encode(), padding.PKCS1v15())).decode()


def headers(body: bytes, key: RSAPublicKey, random: RandomBytes) -> dict[str, str]:
    """Return x-signature, AES-256-CBC of the exact bytes, and x-key, the key and IV under RSA-PKCS1v1.5."""
    secret, iv = random(_KEY_BYTES), random(_BLOCK_BYTES)
    padder = block_padding.PKCS7(_BLOCK_BYTES * 8).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    padded = padder.update(body) + padder.finalize()
    signature = encryptor.update(padded) + encryptor.finalize()
    pair = base64.b64encode(secret) + b":" + base64.b64encode(iv)
    return {
        "x-signature": base64.b64encode(signature).decode(),
        "x-key": base64.b64encode(key.encrypt(pair, padding.PKCS1v15())).decode(),
    }


def read_key(answer: Answer, now: datetime) -> SigningKey:
    """Read the reply to a call for the encryption key; raises Unavailable where there is none in it."""
    if answer.reach is not Reach.ANSWERED or answer.status != _OK or answer.body is None:
        raise Unavailable("no encryption key", code="signing_key_unavailable")
    data = answer.body.get("data")
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    return SigningKey(public_key(fields.get("key")), _until(fields.get("valid_upto"), now))


def public_key(text: Any) -> RSAPublicKey:
    """Read Airtel's key: PEM, base64 PEM, bare base64 DER, or that base64 again (reference §7).

    Raises Unavailable where it is none of these.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else b""
    for _ in range(3):
        raw = b"".join(line.strip() for line in raw.splitlines() if not line.startswith(b"-"))
        try:
            raw = base64.b64decode(raw, validate=True)
            key = load_der_public_key(raw)
        except binascii.Error:
            break
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPublicKey):
            return key
    raise Unavailable("the encryption key cannot be read", code="signing_key_unavailable")


def _until(valid_upto: Any, now: datetime) -> datetime:
    try:
        end = datetime.strptime(str(valid_upto), _VALID_UPTO).replace(tzinfo=UTC)
    except ValueError:
        end = now
    # A key that has ended by this reading is tried all the same: Airtel refuses it if it must.
    return min(now + _LONGEST_KEPT, end) if end > now else now + timedelta(minutes=1)
