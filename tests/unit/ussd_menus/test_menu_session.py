import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from ussd_menus.session import Session, loads

FRESH = Session(msisdn="+260977123456")
SESSIONS = st.builds(
    Session,
    msisdn=st.just("+260977123456"),
    state=st.sampled_from(["start", "main", "confirm"]),
    language=st.none() | st.sampled_from(["en", "ny"]),
    options=st.lists(st.text(max_size=10), max_size=6).map(tuple),
    taps=st.lists(st.text(max_size=10), max_size=6).map(tuple),
    tap_id=st.none() | st.text(max_size=10),
    due_minor=st.integers(0, 10**12),
    stopped=st.none() | st.text(max_size=20),
)


@given(SESSIONS)
def test_what_is_kept_comes_back(session):
    assert loads(session.dumps()) == session


def test_a_fresh_session_is_kept_in_a_few_bytes():
    assert FRESH.dumps() == '{"msisdn":"+260977123456"}'


@pytest.mark.parametrize("broken", ["", "[]", "null", "{}", '{"msisdn":"+26","other":1}', '{"msisdn":', "7"])
def test_what_is_no_session_is_refused(broken):
    with pytest.raises(ValueError, match="not a kept session"):
        loads(broken)


@given(SESSIONS, st.integers(0, 9), st.text(max_size=5))
def test_but_is_replace(session, errors, state):
    assert session.but({"errors": errors, "state": state}) == replace(session, errors=errors, state=state)


def test_every_field_survives_but():
    session = replace(FRESH, **{field.name: f"{field.name}!" for field in fields(Session)})
    assert session.but({}) == session


def test_but_refuses_a_field_that_is_none():
    with pytest.raises(TypeError):
        FRESH.but({"stat": "main"})


def test_the_wallet_is_the_callers_until_another_is_named():
    assert FRESH.wallet == "+260977123456"
    assert replace(FRESH, payer="+260966123456").wallet == "+260966123456"


def test_english_is_spoken_until_a_language_is_chosen():
    assert (FRESH.spoken, replace(FRESH, language="ny").spoken) == ("en", "ny")
