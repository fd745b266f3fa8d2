"""Plays the transcripts of `fixtures/transcripts`: given these facts, these keys lead to these screens.

A fellow in another language (`ny_…`, `bem_…`) names the English one in `as`: its facts and results are those.
"""

import dataclasses
import json
import types
import typing
from datetime import datetime
from enum import Enum
from importlib import resources

from ussd_menus import outcome as o
from ussd_menus.samples import CALLER, NOW, World
from ussd_menus.session import loads
from ussd_menus.step import begin, conclude, step
from ussd_menus.walk import answered

SETTINGS = o.MenuSettings()


def everyone():
    folder = resources.files("fixtures") / "transcripts"
    found = {file.name[:-5]: json.loads(file.read_text("utf-8")) for file in folder.iterdir()}
    return {name: fellow(found, one) if "as" in one else one for name, one in sorted(found.items())}


def fellow(found, said):
    """Give a transcript in another language the facts and results of the English one that it names."""
    english = found[said["as"]]
    results = [{"result": hop["result"]} if "result" in hop else {} for hop in english["hops"]]
    hops = [result | hop for result, hop in zip(results, said["hops"], strict=True)]
    return english | said | {"hops": hops}


def read(kind, data):
    """Build a frozen record from JSON: an object by name, a list by position, one of several by its type."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _one_of([one for one in typing.get_args(kind) if one is not type(None)], data)
    if typing.get_origin(kind) is tuple:
        return tuple(read(typing.get_args(kind)[0], one) for one in data)
    names = _names(kind)
    if names is not None:
        hints = typing.get_type_hints(kind)
        named = data if isinstance(data, dict) else dict(zip(names, data, strict=False))
        return kind(**{name: read(hints[name], value) for name, value in named.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return datetime.fromisoformat(data) if kind is datetime else data


def _one_of(kinds, data):
    if data is None or len(kinds) == 1:
        return None if data is None else read(kinds[0], data)
    if not isinstance(data, dict):
        return data
    name, given = next(iter(data.items()))
    return read(next(kind for kind in kinds if kind.__name__ == name), given)


def _names(kind):
    if hasattr(kind, "__struct_fields__"):
        return kind.__struct_fields__
    return [one.name for one in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else None


def spoken(given, language):
    """Return what is given, of a phone that chose `language` before; a new phone chooses by itself."""
    phone = dict(given.get("phone") or {})
    if language is None or "language" not in phone:
        return given
    if phone.get("dropped"):
        session = phone["dropped"]["session"] | {"language": language}
        phone["dropped"] = phone["dropped"] | {"session": session}
    return given | {"phone": phone | {"language": language}}


def played(transcript):
    """Yield every screen as `CON …` or `END …`; each session goes through the form in which it is kept."""
    given = spoken(transcript["given"], transcript.get("language"))
    world = read(World, given)
    start = spoken(transcript["given"] | transcript.get("given_at_start", {}), transcript.get("language"))
    at_start = read(World, start)
    history, result = transcript["dialled"], transcript.get("result")
    outcome = _answer(
        at_start, result, lambda facts: begin(CALLER, history, facts, NOW, SETTINGS, call="this call")
    )
    yield _as_wire(outcome)
    for hop in transcript["hops"]:
        session = loads(outcome.session.dumps())
        outcome = _answer(
            world,
            hop.get("result"),
            lambda facts, session=session, typed=hop["typed"]: step(session, typed, facts, NOW, SETTINGS),
        )
        yield _as_wire(outcome)


def _answer(world, result, take_step):
    got = answered(world, take_step)
    if isinstance(got, o.Intent):
        name, data = next(iter(result.items()))
        return conclude(got, read(getattr(o, name), data), SETTINGS)
    assert result is None, "a Yes was expected here"
    return got


def _as_wire(outcome):
    return f"{'END' if outcome.screen.is_end else 'CON'} {outcome.screen.text}"
