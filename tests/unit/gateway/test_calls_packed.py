"""A call as Redis keeps it: read back as it was, in order of its versions, harmless where it is broken."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.hop import Hop, Reply
from gateway.sessions.calls import Call, call_id
from gateway.sessions.redis import pack, unpack
from ussd_menus.session import Session

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of hypothesis have no zone
replies = st.builds(Reply, texts, st.booleans(), texts)
sessions = st.builds(
    Session, msisdn=texts, state=texts, options=st.tuples(texts, texts), amount_minor=st.integers(0, 2**53)
)
calls = st.builds(
    Call,
    session_id=texts, key=st.tuples(texts, texts), msisdn=texts, session=sessions, mark=texts, reply=replies,
    at=moments, hop_no=st.integers(1, 999_999), turn=st.integers(1, 999_999),
    replies=st.dictionaries(texts, replies, max_size=40),
)  # fmt: skip


@given(calls)
def test_a_call_is_read_back_as_it_was(call):
    assert unpack(pack(call)) == call


@given(calls, calls)
def test_what_stands_first_orders_calls_by_their_versions(one, other):
    assert (pack(one)[:12] < pack(other)[:12]) == (one.version < other.version)
    assert pack(one)[:12].isdigit()


CALLER = "+260961234567"


def call(**changes):
    kept = {
        "session_id": "s", "key": ("africastalking", "x"), "msisdn": CALLER,
        "session": Session(msisdn=CALLER), "mark": "",
        "reply": Reply("Madzi", is_end=False, screen="main"),
        "at": datetime(2026, 11, 21, tzinfo=UTC),
    }  # fmt: skip
    return Call(**kept | changes)


def test_of_a_very_long_call_the_latest_replies_are_kept():
    many = {str(n): Reply(f"screen {n}", is_end=False, screen="main") for n in range(100)}
    kept = unpack(pack(call(replies=many))).replies
    assert list(kept) == [str(n) for n in range(60, 100)]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"000001000001",
        b"000001000001\xc1",
        b"000001000001" + msgspec.msgpack.encode(["s"]),
        b"000001000001" + msgspec.msgpack.encode({"session_id": "s"}),
        pack(call())[:-1],
        pack(call()).replace(b"main", b"\xff\xff\xff\xff"),
        pack(call()).replace(b"msisdn", b"nsisdn"),  # a field that no session has
        b"somebody else's value",
    ],
)
def test_what_is_no_call_counts_as_none(value):
    assert unpack(value) is None


def test_nothing_is_none():
    assert unpack(None) is None


# Session ids that must come again.


def hop(**changes):
    return Hop(**{"channel": "africastalking", "external_id": "x", "msisdn": CALLER, "text": "1*1"} | changes)


def test_a_hop_that_carries_its_history_finds_its_session_id_again():
    assert call_id(hop(), 1) == call_id(hop(text="1*1*2"), 1)


def test_another_call_has_another_session_id():
    ids = {
        call_id(hop(), 1),
        call_id(hop(), 2),
        call_id(hop(external_id="y"), 1),
        call_id(hop(msisdn="+260967654321"), 1),
        call_id(hop(channel="other"), 1),
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("is_first", "sequence", "comes_again"),
    [(True, "1", True), (True, "", False), (False, "7", False), (False, "", False), (None, "", False)],
)
def test_of_bare_inputs_only_a_numbered_first_one_finds_it_again(is_first, sequence, comes_again):
    found = call_id(hop(channel="hubtel", is_latest=True, is_first=is_first, sequence=sequence), 1)
    assert (found is not None) == comes_again
