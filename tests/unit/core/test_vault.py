"""Envelopes open with their own key, beside what they are bound to, unchanged; else they do not open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import vault
from core.vault import Keyring, MasterKeys, NotGenuine, UnknownKey, WrongMasterKey

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
RING = Keyring({"aa" * 8: ONE, "bb" * 8: TWO}, "aa" * 8)

secrets = st.binary(max_size=300)
names = st.one_of(st.text(max_size=20), st.integers(0, 2**31), st.none())
bindings = st.lists(names, max_size=4).map(tuple)


@given(secrets, bindings)
def test_what_is_sealed_opens(secret, bound_to):
    envelope = RING.seal(secret, *bound_to)
    assert RING.open(envelope, *bound_to) == secret
    assert vault.key_of(envelope) == RING.current
    assert len(envelope) == 1 + 8 + 12 + len(secret) + 16


@given(st.binary(min_size=12, max_size=300))
def test_nothing_of_it_can_be_read(secret):
    assert secret not in RING.seal(secret, "KNY")


@given(secrets, bindings)
def test_the_same_secret_never_looks_the_same(secret, bound_to):
    assert RING.seal(secret, *bound_to) != RING.seal(secret, *bound_to)


@given(secrets, bindings, bindings)
def test_it_opens_nowhere_else(secret, here, there):
    envelope = RING.seal(secret, *here)
    if here == there and [type(name) for name in here] == [type(name) for name in there]:
        return
    with pytest.raises(NotGenuine):
        RING.open(envelope, *there)


def test_what_is_bound_does_not_run_together():
    envelope = RING.seal(b"x", "KNY", "mtn:KNY", 1)
    for other in (("KN", "Ymtn:KNY", 1), ("KNYmtn:KNY", "", 1), ("KNY", "mtn:KNY1"), ("KNY", "mtn:KNY", "1")):
        with pytest.raises(NotGenuine):
            RING.open(envelope, *other)


@given(secrets, st.data())
def test_one_changed_bit_is_noticed(secret, data):
    envelope = bytearray(RING.seal(secret, "KNY"))
    place = data.draw(st.integers(0, 8 * len(envelope) - 1))
    envelope[place // 8] ^= 1 << place % 8
    with pytest.raises((NotGenuine, UnknownKey)):
        RING.open(bytes(envelope), "KNY")


@given(secrets, st.data())
def test_a_cut_or_longer_envelope_is_noticed(secret, data):
    envelope = RING.seal(secret, "KNY")
    cut = envelope[: data.draw(st.integers(0, len(envelope) - 1))]
    for wrong in (cut, envelope + b"\x00"):
        with pytest.raises(NotGenuine):
            RING.open(wrong, "KNY")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_our_own_words(garbage):
    with pytest.raises(vault.VaultError):
        RING.open(garbage)


def test_old_keys_open_and_only_the_current_one_seals():
    old = Keyring({"aa" * 8: ONE}, "aa" * 8).seal(b"s", "KNY")
    ring = Keyring({"aa" * 8: ONE, "bb" * 8: TWO}, "bb" * 8)
    assert ring.open(old, "KNY") == b"s"
    assert not ring.seals_as(old)
    assert ring.seals_as(ring.seal(b"s", "KNY"))


def test_a_key_that_is_not_on_the_ring_is_told_apart():
    envelope = Keyring({"bb" * 8: TWO}, "bb" * 8).seal(b"s")
    with pytest.raises(UnknownKey):
        Keyring({"aa" * 8: ONE}, "aa" * 8).open(envelope)


def test_another_key_of_the_same_name_does_not_open():
    envelope = Keyring({"aa" * 8: TWO}, "aa" * 8).seal(b"s")
    with pytest.raises(NotGenuine):
        RING.open(envelope)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_keys_have_256_bits(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring({"aa" * 8: bytes(size)}, "aa" * 8)


def test_a_data_key_is_wrapped_under_its_own_name():
    ring = MasterKeys(ONE).keyring()
    wrapped = ring.wrap("cc" * 8, TWO)
    assert ring.unwrap("cc" * 8, wrapped) == TWO
    with pytest.raises(NotGenuine):
        ring.unwrap("dd" * 8, wrapped)


def test_the_master_key_before_still_unwraps():
    wrapped = MasterKeys(ONE).keyring().wrap("cc" * 8, TWO)
    after = MasterKeys(TWO, (ONE,)).keyring()
    assert after.unwrap("cc" * 8, wrapped) == TWO
    assert not after.seals_as(wrapped)
    assert after.seals_as(after.wrap("cc" * 8, TWO))


def test_a_wrong_master_key_is_said_so_without_telling_it():
    wrapped = MasterKeys(ONE).keyring().wrap("cc" * 8, TWO)
    with pytest.raises(WrongMasterKey, match="MADZI_MASTER_KEY") as wrong:
        MasterKeys(TWO).keyring().unwrap("cc" * 8, wrapped)
    assert wrong.value.reason == "wrong_master_key"
    assert ONE.hex() not in wrong.value.detail
    assert TWO.hex() not in wrong.value.detail


def test_keys_do_not_show_themselves():
    assert repr(ONE) not in repr(MasterKeys(ONE, (TWO,)))
    assert repr(TWO) not in repr(MasterKeys(ONE, (TWO,)))
    assert ONE.hex() not in repr(RING)
