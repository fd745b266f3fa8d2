"""The menu's state machine: one table, built from the screens' declarations, one shared Machine.

`transitions` accepts misspelt names in silence, so the table itself is tested; an event fires on a
throwaway cursor because a session is frozen.
"""

from dataclasses import dataclass

from transitions import Machine

from core.errors import Conflict
from ussd_menus.screens import ALL, SPECS
from ussd_menus.session import END, START

# Every screen can also be left to the main menu (99), be paged, or end after three wrong inputs.
_FOR_ALL = {"home": "main", "gave_up": END}
TABLE: tuple[tuple[str, str, str], ...] = tuple(
    (event, spec.name, target)
    for spec in ALL
    if spec.name != END
    for event, target in {**spec.arcs, **_FOR_ALL, "stay": spec.name}.items()
)


@dataclass(slots=True)
class _Cursor:
    state: str


MACHINE = Machine(
    model=None,
    states=list(SPECS),
    transitions=[list(arc) for arc in TABLE],
    initial=None,
    auto_transitions=False,
    model_attribute="state",
)


def _ask(event: str, state: str) -> str:
    cursor = _Cursor(state)
    MACHINE.events[event].trigger(cursor)
    return cursor.state


# A trigger costs 10 µs and its answer never changes, so the machine is asked once for each arc.
_TARGETS = {(event, source): _ask(event, source) for event, source, _ in TABLE}


def fire(state: str, event: str) -> str:
    """Return the screen that `event` leads to; raises Conflict where the table has no such arc."""
    try:
        return _TARGETS[event, state]
    except KeyError:
        raise Conflict(f"the screen {state!r} is not left by {event!r}", code="no_such_arc") from None


def mermaid() -> str:
    """Return the table as a Mermaid state diagram, without the arcs that every screen has."""
    common = {"stay", *_FOR_ALL}
    lines = [f"    {source} --> {target}: {event}" for event, source, target in TABLE if event not in common]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {START}", *lines, f"    {END} --> [*]", ""])
