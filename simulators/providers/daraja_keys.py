"""The key pair with which initiators' passwords are encrypted, made by each process, and its certificate."""

import base64
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@cache
def _key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated M-PESA")])
    builder = x509.CertificateBuilder(name, name, _key().public_key(), 1, _FROM, _UNTIL)
    return builder.sign(_key(), SHA256())


def certificate_pem() -> str:
    """Return the environment's certificate in PEM, for `MADZI_DARAJA_CERTIFICATE`."""
    return _certificate().public_bytes(Encoding.PEM).decode()


def certificate_der() -> bytes:
    """Return the same in DER, as some portals give it."""
    return _certificate().public_bytes(Encoding.DER)


def password_in(credential: str) -> str | None:
    """Return the password in a security credential; None where it is none (reference daraja §8)."""
    try:
        return _key().decrypt(base64.b64decode(credential, validate=True), PKCS1v15()).decode()
    except ValueError:
        return None
