import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outbox import backoff_s


@pytest.mark.parametrize(
    ("attempts", "jitter", "wait_s"),
    [(0, 0, 1), (1, 0, 2), (5, 0, 32), (8, 0, 256), (9, 0, 300), (1000, 0, 300), (3, 1, 4), (3, 0.5, 6)],
)
def test_waits_double_up_to_a_bound_and_jitter_takes_off_up_to_half(attempts, jitter, wait_s):
    assert backoff_s(attempts, jitter=jitter) == wait_s


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0.01, 60), st.floats(1, 3600))
def test_a_wait_is_within_its_bounds(attempts, jitter, base_s, most_s):
    wait_s = backoff_s(attempts, jitter=jitter, base_s=base_s, most_s=most_s)
    assert min(base_s, most_s) / 2 <= wait_s <= most_s
