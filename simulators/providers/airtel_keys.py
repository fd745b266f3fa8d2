"""The key that Airtel Money hands out, made by each process: for x-key, and for the PIN of payouts."""

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_BITS = 1024  # what the reference says (§5), however short


@cache
def private_key() -> RSAPrivateKey:
    """Return this process's key."""
    return generate_private_key(public_exponent=65_537, key_size=_BITS)


def public_der() -> str:
    """Return the public key in base64 of its DER, for `MADZI_AIRTEL_PUBLIC_KEY`."""
    der = private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()
