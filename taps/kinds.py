"""What each kind of file means: its columns, how a row is read against what is stored, how rows are written.

A row is a mapping of the kind's own fields; reading it knows the facts that were loaded for the whole file,
so that nothing is asked row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import BadInput
from core.ids import Ids
from taps.files import Record

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """Good rows that differ from what is stored: `new` ones, and `changed` ones as they shall be."""

    new: Sequence[Row]
    changed: Sequence[Row]

    @property
    def both(self) -> list[Row]:
        """New and changed rows."""
        return [*self.new, *self.changed]


class Facts(Protocol):
    """What was loaded for one file."""

    @property
    def stored(self) -> Mapping[Key, Row]:
        """The rows that exist, by key, in the form that `read` returns."""
        ...

    def read(self, cells: Cells) -> tuple[Key, Row]:
        """Return a row with its key; raises BadInput."""
        ...

    async def write(self, connection: AsyncConnection, changes: Changes, *, ids: Ids, now: datetime) -> None:
        """Write rows, set by set."""
        ...


class Load(Protocol):
    """Loads the facts for a file's records."""

    async def __call__(self, connection: AsyncConnection, records: Sequence[Record], now: datetime) -> Facts:
        """Return the facts."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file (contract §7)."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    load: Load
    geojson: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column."""
        return (*self.required, *self.optional)


def known(facts: Mapping[str, Any], key: str, what: str) -> Any:
    """Return what is known under a key; raises BadInput (unknown_zone, unknown_tap …)."""
    if key not in facts:
        raise BadInput(f"there is no {what} {key}", code=f"unknown_{what}")
    return facts[key]
