"""What Airtel Money refuses before anything happens (reference airtel-money §1, §2, §4, §5)."""

import base64
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.edge import Refused, Subject
from simulators.providers import airtel_wire as wire
from simulators.providers.airtel_keys import private_key
from simulators.providers.config import Airtel

_MSISDN = re.compile(r"[1-9]\d{8}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_DECIMALS = 2
_BLOCK_BITS = 128


def token_request(body: bytes, config: Airtel) -> None:
    """Refuse keys that are not the application's."""
    wanted = {
        "client_id": config.client_id,
        "client_secret": config.client_secret,
        "grant_type": "client_credentials",
    }
    if _object(body) != wanted:
        raise Refused(wire.bad_client())


def headers(given: Mapping[str, str], config: Airtel) -> None:
    """Refuse another country or currency in the headers, or none."""
    for name, value, code in (
        ("X-Country", config.country, "ROUTER006"),
        ("X-Currency", config.currency, "ROUTER112"),
    ):
        if name not in given:
            raise Refused(wire.refused(400, f"Missing header {name}", response_code="ROUTER003"))
        if given[name] != value:
            raise Refused(wire.refused(400, f"Invalid {name}", response_code=code))


def subject(body: bytes, config: Airtel) -> Subject:
    """Return whom a push is about, as far as it can be read."""
    whole = _object(body)
    subscriber, transaction = whole.get("subscriber"), whole.get("transaction")
    number = subscriber.get("msisdn") if isinstance(subscriber, dict) else ""
    name = transaction.get("id") if isinstance(transaction, dict) else ""
    return Subject("push", f"{config.dialling_prefix}{number}", str(name))


def push_body(body: bytes, config: Airtel) -> dict[str, str]:
    """Return reference, msisdn (E.164), amount (decimal text) and id; refuse what Airtel would refuse."""
    whole = _object(body)
    subscriber, transaction = whole.get("subscriber"), whole.get("transaction")
    if not isinstance(subscriber, dict) or not isinstance(transaction, dict):
        _invalid(config)
    return _fields(whole, subscriber, transaction, config)


def _fields(
    whole: dict[str, Any], subscriber: dict[str, Any], transaction: dict[str, Any], config: Airtel
) -> dict[str, str]:
    for part in (subscriber, transaction):
        _place(part, config)
    name, number = transaction.get("id"), subscriber.get("msisdn")
    if not isinstance(name, str) or not _ID.fullmatch(name) or not isinstance(whole.get("reference"), str):
        _invalid(config)
    if not isinstance(number, str) or not _MSISDN.fullmatch(number):
        raise _refused(config, "Invalid MSISDN length", "ESB000033")
    return {
        "id": name,
        "msisdn": config.dialling_prefix + number,
        "amount": _amount(transaction.get("amount"), config),
        "reference": whole["reference"],
    }


def refund_receipt(body: bytes) -> str:
    """Return which payment a refund names; empty where it names none, or more than that (reference §7)."""
    whole = _object(body)
    transaction = whole.get("transaction")
    if set(whole) != {"transaction"} or not isinstance(transaction, dict):
        return ""
    found = transaction.get("airtel_money_id")
    return found if set(transaction) == {"airtel_money_id"} and isinstance(found, str) else ""


def payee(body: bytes, config: Airtel) -> Subject:
    """Return whom a disbursement is for, as far as it can be read."""
    whole = _object(body)
    person, transaction = whole.get("payee"), whole.get("transaction")
    number = person.get("msisdn") if isinstance(person, dict) else ""
    name = transaction.get("id") if isinstance(transaction, dict) else ""
    return Subject("payout", f"{config.dialling_prefix}{number}", str(name))


def transfer_body(body: bytes, config: Airtel, *, is_v2: bool) -> dict[str, str]:
    """Return the fields of a disbursement as `push_body` does; refuse another PIN than the wallet's."""
    whole = _object(body)
    person, transaction = whole.get("payee"), whole.get("transaction")
    if not isinstance(person, dict) or not isinstance(transaction, dict) or transaction.get("type") != "B2C":
        _invalid(config)
    if is_v2 and "currency" not in person:
        _invalid(config)
    _pin(whole.get("pin"), config)
    return _fields(whole, person, transaction, config)


def _pin(encrypted: Any, config: Airtel) -> None:
    try:
        raw = base64.b64decode(str(encrypted), validate=True)
        is_right = private_key().decrypt(raw, padding.PKCS1v15()) == config.pin.encode()
    except ValueError:
        is_right = False
    if not is_right:
        raise _refused_by(config, "Invalid PIN", "ROUTER114")


def _refused_by(config: Airtel, message: str, response_code: str) -> Refused:
    return Refused(wire.refused(config.refusal_status, message, response_code=response_code))


def _amount(value: Any, config: Airtel) -> str:
    # A number: text is refused, and so is what a float has made of 30.10.
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        _invalid(config)
    exponent = Decimal(value).as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS:
        _invalid(config)
    return str(value)


def _place(part: dict[str, Any], config: Airtel) -> None:
    if part.get("country", config.country) != config.country:
        raise _refused(config, "Invalid country", "ESB000034")
    if part.get("currency", config.currency) != config.currency:
        raise _refused(config, "Invalid currency", "ESB000035")


def _invalid(config: Airtel) -> NoReturn:
    raise _refused(config, "Field validation", "ESB000008")


def _refused(config: Airtel, message: str, result_code: str) -> Refused:
    return Refused(wire.refused(config.refusal_status, message, result_code=result_code))


def signature(given: Mapping[str, str], body: bytes, key: rsa.RSAPrivateKey) -> None:
    """Refuse a body other than the one that x-signature holds, to the byte."""
    try:
        pair = key.decrypt(base64.b64decode(given.get("x-key", "")), padding.PKCS1v15())
        secret, iv = (base64.b64decode(part, validate=True) for part in pair.split(b":"))
        signed = _decrypted(base64.b64decode(given.get("x-signature", "")), secret, iv)
    except ValueError:
        signed = None
    if signed != body:
        raise Refused(wire.refused(403, "Forbidden", response_code="DP00800001026"))


def _decrypted(data: bytes, secret: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES256(secret), modes.CBC(iv)).decryptor()
    unpadder = block_padding.PKCS7(_BLOCK_BITS).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_float=Decimal)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
