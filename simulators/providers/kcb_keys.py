"""The key pairs of the simulated bank and of somebody who would like to be it, made by each process."""

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BANK, FORGER = "bank", "forger"


@cache
def key_of(_who: str) -> RSAPrivateKey:
    """Return this process's key of BANK or FORGER."""
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def public_pem() -> str:
    """Return the bank's public key in PEM, for `MADZI_KCB_IPN_PUBLIC_KEY`."""
    return key_of(BANK).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signature(who: str, body: bytes) -> str:
    """Return base64 of SHA256withRSA over `body` (reference kcb-buni §4)."""
    return base64.b64encode(key_of(who).sign(body, PKCS1v15(), SHA256())).decode()
