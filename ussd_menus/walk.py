"""Walks every path of the menu through made-up worlds, as people could: for lint and for tests."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ussd_menus.outcome import Intent, MenuSettings, Needs, Outcome, Screen
from ussd_menus.samples import CALLER, NOW, World
from ussd_menus.screens import SPECS
from ussd_menus.session import END, Session
from ussd_menus.step import MAX_ROUNDS, begin, conclude, step

_MOST_SCREENS = 5000


@dataclass(frozen=True, slots=True)
class Seen:
    """A screen that was met: where, and the keys that lead there from dialling."""

    world: str
    keys: tuple[str, ...]
    session: Session
    screen: Screen


def answered(
    world: World, take_step: Callable[[Mapping[Any, Any]], Outcome | Intent | Needs]
) -> Outcome | Intent:
    """Do as the shell does: load what is needed and call again; raises RuntimeError past the bound."""
    facts: dict[Any, Any] = {}
    for _ in range(MAX_ROUNDS + 1):
        result = take_step(facts)
        if not isinstance(result, Needs):
            return result
        facts |= {request: world.answer(request) for request in result.requests}
    raise RuntimeError("a step asked for facts without end")


def walk(name: str, world: World, settings: MenuSettings) -> Iterator[Seen]:
    """Yield every different screen of a world, breadth first."""
    first = answered(world, lambda facts: begin(CALLER, "", facts, NOW, settings))
    queue: list[tuple[tuple[str, ...], Outcome]] = [((), one) for one in _outcomes(first, world, settings)]
    met: set[tuple[str, str, str | None, int]] = set()
    for keys, outcome in queue:
        session, screen = outcome.session, outcome.screen
        mark = (session.state, screen.text, session.language, session.errors)
        if mark in met:
            continue
        met.add(mark)
        if len(met) > _MOST_SCREENS:
            raise RuntimeError(f"the world {name!r} has no end")
        yield Seen(name, keys, session, screen)
        for typed in _inputs(session, world):
            queue += [((*keys, typed), one) for one in press(session, typed, world, settings)]


def _inputs(session: Session, world: World) -> tuple[str, ...]:
    """Return what is worth trying; after an error only another one, for right keys lead where they did."""
    if session.state == END:
        return ("1",)
    if session.errors:
        return ("xyz", "")
    chosen = [str(n) for n in range(1, len(session.options) + 1)]
    typed = world.inputs if SPECS[session.state].read else ("7", world.inputs[0])
    return (*chosen, "0", "9", "99", *typed, "xyz", "")


def press(session: Session, typed: str, world: World, settings: MenuSettings) -> list[Outcome]:
    """Return every outcome that an input may have on a screen."""
    result = answered(world, lambda facts: step(session, typed, facts, NOW, settings))
    return _outcomes(result, world, settings)


def _outcomes(result: Outcome | Intent, world: World, settings: MenuSettings) -> list[Outcome]:
    if isinstance(result, Outcome):
        return [result]
    return [conclude(result, one, settings) for one in world.come_to(result.act)]
