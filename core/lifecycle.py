"""State machines: a table of arcs, one shared machine of `transitions` over it, asked and never bound."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from transitions import Machine

from core.errors import Conflict


@dataclass(slots=True)
class _Cursor:
    """What a machine moves: frozen records cannot be its model (design §8)."""

    status: Any


class Lifecycle:
    """One shared machine over a table of arcs."""

    def __init__(self, name: str, states: type[StrEnum], table: tuple[tuple[str, Any, Any], ...]) -> None:
        self.name = name
        self.states = states
        self.table = table
        self.machine = Machine(
            model=None,
            states=[state.value for state in states],
            transitions=[[event, source.value, target.value] for event, source, target in table],
            initial=None,
            auto_transitions=False,
            model_attribute="status",
        )
        # The machine's answer for each arc never changes, so it is asked once for each.
        self._targets = {(event, source.value): self._ask(event, source.value) for event, source, _ in table}

    def _ask(self, event: str, status: str) -> str:
        cursor = _Cursor(status)
        self.machine.events[event].trigger(cursor)
        return str(cursor.status)

    def allows(self, event: str, status: str) -> bool:
        """Say whether the event may happen in this state."""
        return (event, status) in self._targets

    def after(self, event: str, status: str) -> str:
        """Return the state after the event; raises Conflict where the table has no such arc."""
        try:
            return self._targets[event, status]
        except KeyError:
            raise Conflict(f"{self.name}: no {event} from {status}", code="bad_transition") from None
