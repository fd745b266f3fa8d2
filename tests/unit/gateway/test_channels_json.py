"""Hubtel, Nalo, Arkesel and Infobip: the tables of `fixtures/wire/ussd_*.json`, request by request."""

import json
from importlib.resources import files
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from gateway.channels import json_fields
from gateway.channels.ends import Ended
from gateway.channels.hop import Hop, Reply
from gateway.channels.routes import ADAPTERS

CODE = "*384*7#"


def table(channel):
    text = files("fixtures").joinpath("wire", f"ussd_{channel}.json").read_text("utf-8")
    return json.loads(text)["vectors"]


def rows(wanted):
    return [
        pytest.param(channel, vector, id=f"{channel}-{vector['name']}")
        for channel in ADAPTERS
        for vector in table(channel)
        if wanted in vector["meaning"]
    ]


def body_of(vector):
    request = vector["request"]
    text = request["body_text"] if "body_text" in request else json.dumps(request["body"])
    return text.encode()


def path_of(vector):
    _, _, session = vector["request"]["path"].partition("/session/")
    session_id, _, method = unquote(session).partition("/")
    return {"session_id": session_id, "method": method} if session else {}


def read(channel, vector):
    return ADAPTERS[channel].read(path_of(vector), json_fields.parse(body_of(vector)), CODE)


@pytest.mark.parametrize(("channel", "vector"), rows("hop"))
def test_a_request_becomes_this_hop(channel, vector):
    assert msgspec.structs.asdict(read(channel, vector)) == vector["meaning"]["hop"]


@pytest.mark.parametrize(("channel", "vector"), rows("answer"))
def test_a_screen_becomes_this_answer(channel, vector):
    fields = json_fields.parse(body_of(vector))
    status, content_type, body = ADAPTERS[channel].write(fields, Reply(**vector["meaning"]["answer"]))
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == vector["reply"]["body"]


@pytest.mark.parametrize(("channel", "vector"), rows("ended"))
def test_the_end_of_a_call_is_told_apart_from_a_hop(channel, vector):
    told = read(channel, vector)
    assert told == Ended(**vector["meaning"]["ended"])
    _, _, body = ADAPTERS[channel].write_ended(json_fields.parse(body_of(vector)))
    assert json.loads(body) == vector["reply"]["body"]


@pytest.mark.parametrize(("channel", "vector"), rows("refused"))
def test_what_cannot_be_a_hop_is_refused_with_a_code(channel, vector):
    with pytest.raises(BadInput) as error:
        read(channel, vector)
    assert error.value.reason == vector["meaning"]["refused"]


@pytest.mark.parametrize("channel", ADAPTERS)
def test_each_table_has_every_kind_of_row(channel):
    kinds = {kind for vector in table(channel) for kind in vector["meaning"]}
    assert {"hop", "answer", "refused"} <= kinds
    assert ("ended" in kinds) == (channel in ("hubtel", "infobip"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe{}",
        b"{" * 60_000,
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"1" * 60_000,
        b'{"SessionId": NaN',
        b"null",
        b'"{}"',
        b"{'a': 1}",
    ],
)
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(BadInput) as error:
        json_fields.parse(body)
    assert error.value.reason == "bad_json"


def test_numbers_stay_as_they_were_written():
    fields = json_fields.parse(b'{"a": 12.50, "b": 0, "c": 1e400, "d": NaN, "E": 99999999999999999999}')
    assert fields == {"a": "12.50", "b": "0", "c": "1e400", "d": "NaN", "e": "99999999999999999999"}


def test_bytes_in_another_encoding_do_not_end_the_call():
    body = b'{"SessionId": "s", "Mobile": "260961234567", "Type": "Response", "Message": "\xa3"}'
    assert ADAPTERS["hubtel"].read({}, json_fields.parse(body), CODE).text == "\ufffd"


def test_of_two_names_that_differ_in_case_the_first_counts():
    assert json_fields.parse(b'{"Message": "1", "message": "2"}') == {"message": "1"}


@pytest.mark.parametrize(
    ("typed", "codes", "history"),
    [
        ("", [CODE], ""),
        ("*384*7#", [CODE], ""),
        ("*384*7", [CODE], ""),
        ("384*7#", [CODE], ""),
        (" *384*7# ", [CODE], ""),
        ("#", [CODE], ""),
        ("*", [CODE], ""),
        ("*384#", [CODE], ""),
        ("*384*7*1#", [CODE], "1"),
        ("384*7*1", [CODE], "1"),
        ("*384*7*1*KNY-0417-1*30#", [CODE], "1*KNY-0417-1*30"),
        ("*384*7**#", [CODE], "*"),
        ("*384*71#", [CODE], ""),
        ("*483*22*1#", [CODE, "*483*22#"], "1"),
        ("*483*22*1#", [CODE, "483*22"], "1"),
        ("*483*22*1#", [CODE], ""),
        ("*384*7*1#", ["*384#", CODE], "1"),
        ("*384*7*1#", [CODE, "384"], "1"),
        ("1", [CODE], "1"),
        ("1*2", [CODE], "1*2"),
        ("38", [CODE], "38"),
        ("1", ["", "#"], "1"),
        ("*1#", [""], ""),
    ],
)
def test_a_first_hop_says_what_was_dialled_beyond_the_code(typed, codes, history):
    assert json_fields.history(typed, *codes) == history


@given(keys=st.lists(st.from_regex(r"[0-9A-Z-]{1,12}", fullmatch=True), max_size=6))
def test_every_deep_dial_arrives_as_its_keys(keys):
    dialled = "*".join(["*384*7", *keys]) + "#"
    assert json_fields.history(dialled, CODE, "384") == "*".join(keys)


@pytest.mark.parametrize(
    ("written", "flag"),
    [
        ("true", True),
        ('"TRUE"', True),
        ('" true "', True),
        ("1", True),
        ('"1"', True),
        ("false", False),
        ('"False"', False),
        ("0", False),
        ("null", None),
        ('""', None),
    ],
)
def test_a_flag_may_be_written_in_any_usual_way(written, flag):
    fields = json_fields.parse(f'{{"MSGTYPE": {written}}}'.encode())
    assert json_fields.flag(fields, "MSGTYPE") is flag


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = {
    "hubtel": [
        "SessionId",
        "Mobile",
        "ServiceCode",
        "Operator",
        "Type",
        "Message",
        "ClientState",
        "Sequence",
    ],
    "nalo": ["USERID", "MSISDN", "USERDATA", "MSGTYPE", "NETWORK", "SESSIONID"],
    "arkesel": ["sessionID", "userID", "newSession", "msisdn", "userData", "network"],
    "infobip": ["msisdn", "text", "shortCode", "exitCode", "reason"],
}


@pytest.mark.parametrize("channel", ADAPTERS)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused(channel, data):
    usual = {"Type": "Response", "MSISDN": "260961234567", "Mobile": "260961234567", "SessionId": "s"}
    names = st.sampled_from(NAMES[channel])
    fields = json_fields.parse(json.dumps(usual | data.draw(st.dictionaries(names, JSON))).encode())
    path = {
        "session_id": data.draw(st.text(max_size=5)),
        "method": data.draw(st.sampled_from(["start", "end"])),
    }
    adapter = ADAPTERS[channel]
    try:
        told = adapter.read(path, fields, CODE)
    except BadInput:
        return
    assert isinstance(told, Hop | Ended)
    assert "\x00" not in told.external_id
    told.external_id.encode()
    if isinstance(told, Hop):
        told.text.encode()
        json.loads(adapter.write(fields, Reply(text="a", is_end=False, screen="b"))[2])
