"""The security credential of M-PESA's APIs that move money out (reference daraja §8).

Base64 of the initiator's plain password, encrypted with the public key of the environment's certificate:
RSA with PKCS#1 v1.5 padding. Nothing is added to the password before (reference §13, trap 11).
"""

import base64
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_PEM = "-----BEGIN"


def read_certificate(text: str) -> RSAPublicKey:
    """Return the public key of a certificate: PEM text, or the path of a PEM or DER file.

    Raises ValueError, which tells nothing of the text.
    """
    try:
        raw = text.encode() if _PEM in text else Path(text).read_bytes()
        is_pem = _PEM.encode() in raw
        key = (x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate)(raw).public_key()
    except (OSError, ValueError):
        raise ValueError("certificate is neither X.509 in PEM nor the path of a PEM or DER file") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("certificate holds no RSA key: take the one of this environment from the portal")  # noqa: TRY004 - pydantic reads ValueError
    return key


def security_credential(password: str, key: RSAPublicKey) -> str:
    """Return the credential; another text each time, as the padding is random. Raises ValueError."""
    try:
        return base64.b64encode(key.encrypt(password.encode(), PKCS1v15())).decode()
    except ValueError:
        raise ValueError("initiator_password is too long for the certificate's key") from None
