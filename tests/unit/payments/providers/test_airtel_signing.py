import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.clock import ManualClock
from core.errors import Unavailable
from payments.providers.airtel_signing import Signer, headers, read_key
from payments.providers.http import Answer, Reach

NOW = datetime(2026, 8, 1, tzinfo=UTC)
BITS = 1024  # as the reference says
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
DER = PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
BODY = b'{"reference":"Water","transaction":{"amount":30.10}}'


def b64(raw):
    return base64.b64encode(raw).decode()


def key_answer(key=None, valid_upto="12-08-2026 21:29:26", status=200):
    data = {"key_id": "1", "key": b64(DER) if key is None else key, "valid_upto": valid_upto}
    return Answer(Reach.ANSWERED, status, {"data": data})


def opened(signed):
    """What Airtel finds in the two headers, by the steps of reference §5 backwards."""
    pair = PRIVATE.decrypt(base64.b64decode(signed["x-key"]), padding.PKCS1v15()).decode()
    secret, iv = (base64.b64decode(part) for part in pair.split(":"))
    decryptor = Cipher(algorithms.AES256(secret), modes.CBC(iv)).decryptor()
    padded = decryptor.update(base64.b64decode(signed["x-signature"])) + decryptor.finalize()
    unpadder = block_padding.PKCS7(128).unpadder()
    return secret, iv, unpadder.update(padded) + unpadder.finalize()


def zeros(count):
    return bytes(count)


@pytest.mark.parametrize("body", [BODY, b"", b"x" * 16, b"x" * 1000])
def test_airtel_finds_the_very_bytes(body):
    secret, iv, found = opened(headers(body, PRIVATE.public_key(), zeros))
    assert (secret, iv, found) == (bytes(32), bytes(16), body)


def test_every_call_has_a_key_of_its_own():
    drawn = iter([b"a" * 32, b"b" * 16, b"c" * 32, b"d" * 16])
    first, second = (opened(headers(BODY, PRIVATE.public_key(), lambda _n: next(drawn))) for _ in range(2))
    assert (first[:2], second[:2]) == ((b"a" * 32, b"b" * 16), (b"c" * 32, b"d" * 16))


@pytest.mark.parametrize(
    "text",
    [b64(DER), b64(b64(DER).encode()), PEM, b64(PEM.encode()), b64(DER) + "\n", PEM.replace("\n", "\r\n")],
    ids=["der", "der_twice", "pem", "pem_base64", "line_end", "windows"],
)
def test_a_key_is_read_in_each_form_that_was_seen(text):
    assert read_key(key_answer(text), NOW).key.public_numbers() == PRIVATE.public_key().public_numbers()


ELLIPTIC = ec.generate_private_key(ec.SECP256R1()).public_key()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Reach.NEVER, fault="no_connection"),
        Answer(Reach.UNCLEAR, fault="timeout"),
        Answer(Reach.ANSWERED, 200, text="<html>"),
        Answer(Reach.ANSWERED, 200, {}),
        Answer(Reach.ANSWERED, 200, {"data": []}),
        key_answer(status=500),
        key_answer(""),
        key_answer(5),
        key_answer("no base64!"),
        key_answer("é"),
        key_answer(b64(b"no key")),
        key_answer(b64(DER[:-5])),
        key_answer(b64(ELLIPTIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))),
    ],
)
def test_without_a_key_nothing_is_signed(answer):
    with pytest.raises(Unavailable):
        read_key(answer, NOW)


@pytest.mark.parametrize(
    ("valid_upto", "kept_s"),
    [
        ("12-08-2026 21:29:26", 3600),
        ("01-08-2026 00:10:00", 600),
        ("31-07-2026 23:59:59", 60),  # over already, as we read it
        ("2026-08-12T21:29:26Z", 60),
        (None, 60),
    ],
)
def test_how_long_a_key_is_kept(valid_upto, kept_s):
    assert read_key(key_answer(valid_upto=valid_upto), NOW).until == NOW + timedelta(seconds=kept_s)


class Source:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    async def fetch(self):
        self.calls += 1
        await asyncio.sleep(0)
        return self.answers[min(self.calls, len(self.answers)) - 1]


async def test_fifty_pushes_share_one_key_until_its_time_is_over():
    source, clock = Source(key_answer()), ManualClock(NOW)
    signer = Signer(source.fetch, clock, zeros)
    signed = await asyncio.gather(*(signer.sign(BODY) for _ in range(50)))
    assert source.calls == 1
    assert {opened(one)[2] for one in signed} == {BODY}
    clock.advance(3600)
    await signer.sign(BODY)
    assert source.calls == 2


async def test_a_key_that_airtel_did_not_understand_is_asked_for_again():
    source = Source(key_answer())
    signer = Signer(source.fetch, ManualClock(NOW), zeros)
    await signer.sign(BODY)
    signer.forget()
    await signer.sign(BODY)
    assert source.calls == 2


async def test_after_a_failure_the_key_is_asked_for_again():
    source = Source(Answer(Reach.UNCLEAR, fault="timeout"), key_answer())
    signer = Signer(source.fetch, ManualClock(NOW), zeros)
    with pytest.raises(Unavailable):
        await signer.sign(BODY)
    assert opened(await signer.sign(BODY))[2] == BODY
