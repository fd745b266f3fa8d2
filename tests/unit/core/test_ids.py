import base64
import os
import uuid
from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from core.ids import Ids, derived, is_uuid

NOW = datetime(2026, 11, 21, 6, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOW)


def test_a_new_id_is_a_uuid_of_version_7_with_its_time(clock):
    made = uuid.UUID(Ids(clock).new())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == int(NOW.timestamp() * 1000)


def test_all_74_other_bits_are_random(clock):
    ones, zeros = Ids(clock, lambda n: (1 << n) - 1).new(), Ids(clock, lambda _n: 0).new()
    assert (uuid.UUID(ones).int ^ uuid.UUID(zeros).int).bit_count() == 74


def test_ids_sort_by_their_time(clock):
    ids, made = Ids.seeded(1, clock), []
    for _ in range(200):
        made.append(ids.new())
        clock.advance(0.001)
    assert made == sorted(made)


def test_ids_of_one_moment_differ(clock):
    ids = Ids(clock)
    assert len({ids.new() for _ in range(5000)}) == 5000


@pytest.mark.parametrize("n_bytes", [1, 9, 16, 32])
def test_every_bit_of_every_length_is_drawn(clock, n_bytes):
    ids, seen = Ids(clock), 0
    for _ in range(300):
        seen |= int.from_bytes(base64.urlsafe_b64decode(ids.token(n_bytes) + "=="), "big")
    assert seen == (1 << n_bytes * 8) - 1


def test_a_forked_process_does_not_make_its_parents_ids(clock):
    ids = Ids(clock)
    ids.new()  # more bits are drawn than it takes
    theirs, mine = os.pipe()
    if not os.fork():
        os.write(mine, ids.new().encode())
        os._exit(0)
    os.wait()
    assert os.read(theirs, 36).decode() != ids.new()


def test_a_seed_repeats_itself_and_another_does_not(clock):
    def some(seed):
        ids = Ids.seeded(seed, clock)
        return [ids.new(), ids.new_v4(), ids.token()]

    assert some(1) == some(1)
    assert not set(some(1)) & set(some(2))


def test_rails_that_want_version_4_get_it(clock):
    made = uuid.UUID(Ids(clock).new_v4())
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize(("n_bytes", "length"), [(16, 22), (32, 43)])
def test_a_token_is_url_safe_and_of_full_length_even_for_small_numbers(clock, n_bytes, length):
    for bits in (lambda _n: 1, lambda n: (1 << n) - 1):
        token = Ids(clock, bits).token(n_bytes)
        assert len(token) == length
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_same_parts_derive_the_same_id_always():
    assert derived("ussd", "s1", "1") == derived("ussd", "s1", "1")
    assert uuid.UUID(derived("ussd")).version == 5


def test_parts_do_not_run_into_each_other():
    assert len({derived("a", "bc"), derived("ab", "c"), derived("abc"), derived("a", "b", "c")}) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("01a1fcb0-af00-7103-8386-bbc4cd613e30", True),
        ("01A1FCB0-AF00-7103-8386-BBC4CD613E30", True),
        ("01a1fcb0af0071038386bbc4cd613e30", False),
        ("{01a1fcb0-af00-7103-8386-bbc4cd613e30}", False),
        ("urn:uuid:01a1fcb0-af00-7103-8386-bbc4cd613e30", False),
        ("", False),
        ("x" * 36, False),
    ],
)
def test_only_the_usual_form_is_a_uuid(text, says):
    assert is_uuid(text) is says
