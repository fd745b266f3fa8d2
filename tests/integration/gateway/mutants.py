"""Recorded notices, made to speak of payments that are open here, and then spoilt."""

import json
from copy import deepcopy
from importlib import resources

from hypothesis import strategies as st

FILES = {
    "mtn": "mtn",
    "mtn_out": "mtn",
    "daraja": "daraja",
    "daraja_c2b": "daraja",
    "daraja_out": "daraja",
    "kcb": "kcb",
    "airtel": "airtel",
    "airtel_out": "airtel",
    "stripe": "stripe",
    "kcb_multi": "kcb_multi",
}
KINDS = (
    "",
    "/stk",
    "/ipn",
    "/callback",
    "/c2b_confirmation",
    "/c2b_validation",
    "/b2c_result",
    "/b2c_timeout",
)
# Values of other types and shapes than any that were recorded.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.sampled_from(
        ["", "0", "-1", "1e309", "30.005", "NaN", "ZMW", "KES", "XXX", "+260977000111", "\x00", "☃" * 50]
    ),
    st.just([]),
    st.just({}),
    st.just([[{}]]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def recorded():
    """Return (provider, name, body) of every recorded notice that is JSON."""
    found = []
    for file, provider in FILES.items():
        text = resources.files("fixtures").joinpath("wire", f"{file}.json").read_text()
        for vector in json.loads(text)["vectors"]:
            request = vector["request"]
            if vector["direction"] != "in":
                continue
            body = request.get("body")
            if body is None:
                body = json.loads(request.get("body_text", "null"))
            if body is not None:
                found.append((provider, vector["name"], body))
    return found


def places(value, at=()):
    """Return the way to every value inside a JSON document, the document's own left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, below in inner:
        found += [(*at, key), *places(below, (*at, key))]
    return found


def changed(document, place, change):
    """Return a copy with what stands at a place dropped (`change` None) or replaced by `change()`."""
    document = deepcopy(document)
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    if change is None:
        del inside[place[-1]]
    else:
        inside[place[-1]] = change()
    return document


def renamed(document, names):
    """Return a copy in which the values of these keys, wherever they stand, are ours."""
    if isinstance(document, dict):
        named = {key: names.get(key, renamed(value, names)) for key, value in document.items()}
        if named.get("Name") in names:
            named["Value"] = names[named["Name"]]
        return named
    return [renamed(each, names) for each in document] if isinstance(document, list) else document


@st.composite
def spoilt(draw, document):
    """Draw a document with a few places dropped or replaced."""
    for _ in range(draw(st.integers(0, 3))):
        where = places(document)
        if not where:
            break
        odd = draw(st.none() | ODD.map(lambda value: lambda: value))
        document = changed(document, draw(st.sampled_from(where)), odd)
    return document


@st.composite
def bodies(draw, document):
    """Draw the bytes of a notice: as JSON, cut off, in another encoding, or no JSON at all."""
    raw = json.dumps(draw(spoilt(document)), allow_nan=True).encode()
    how = draw(st.sampled_from(("whole", "whole", "whole", "cut", "utf-16", "latin", "bytes", "twice")))
    match how:
        case "cut":
            return raw[: draw(st.integers(0, len(raw)))]
        case "utf-16":
            return raw.decode().encode("utf-16")
        case "latin":
            return raw[:-1] + b'"\xff\xfe'
        case "bytes":
            return draw(st.binary(max_size=200))
        case "twice":
            return raw + raw
        case _:
            return raw
