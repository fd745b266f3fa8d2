"""What stands in the database about who is on a tap, and every change of it, as frozen values."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.clock import rfc3339
from taps.tenancies.results import Person

UNDO_WITHIN = timedelta(hours=24)
Key = tuple[str, str]


class Kind(StrEnum):
    """What a change did."""

    REGISTERED = "registered"
    UPDATED = "updated"
    MOVED = "moved"
    REMOVED = "removed"
    COUNTED = "counted"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A row of `tenants`: a phone's place on a tap, also once its owner left; `created_at` is since when."""

    tenant_id: str
    tap_id: str
    msisdn: str
    name: str
    occupants: int
    removed_at: datetime | None
    created_at: datetime

    @property
    def key(self) -> Key:
        """What there is one of."""
        return self.tap_id, self.msisdn

    @property
    def is_active(self) -> bool:
        """Whether the tenant is on the tap now."""
        return self.removed_at is None

    @property
    def person(self) -> Person:
        """The tenant, as results name them."""
        return Person(self.msisdn, self.name, self.occupants)

    def ended(self, at: datetime) -> "Tenancy":
        """Return it as it is once the tenant left."""
        return replace(self, removed_at=at)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many people were counted at a tap, last."""

    tap_id: str
    counted_at: datetime
    occupants: int
    counted_by: str

    @property
    def key(self) -> Key:
        """What there is one of: a tap has one last count."""
        return self.tap_id, ""


State = Tenancy | Tally


@dataclass(frozen=True, slots=True)
class Step:
    """What stood at one place before a change and stands there after it; None is nothing."""

    before: State | None
    after: State | None

    @property
    def key(self) -> Key:
        """Which place."""
        known = self.after or self.before
        if known is None:
            raise ValueError("a step from nothing to nothing")
        return known.key

    def back(self, at: datetime) -> "Step":
        """Return the step that takes this one back.

        A tenant who was never there before has then left: debts and this history may speak of the row.
        """
        if self.before is None and isinstance(self.after, Tenancy):
            return Step(self.after, self.after.ended(at))
        return Step(self.after, self.before)


@dataclass(frozen=True, slots=True)
class Change:
    """One row of `tenancy_changes`; `seq` orders a caretaker's changes."""

    change_id: str
    by_msisdn: str
    seq: int
    command_id: str
    kind: Kind
    at: datetime
    tap_id: str
    steps: tuple[Step, ...]
    there: int
    undoes: str | None = None
    undone_at: datetime | None = None

    @property
    def undo_until(self) -> datetime:
        """Before when it can be taken back."""
        return self.at + UNDO_WITHIN

    @property
    def tap_ids(self) -> set[str]:
        """Every tap that it changed something on."""
        return {step.key[0] for step in self.steps}

    def can_be_undone(self, now: datetime) -> bool:
        """Say whether UNDO may speak of this change."""
        return self.kind is not Kind.UNDONE and self.undone_at is None and now < self.undo_until

    def row(self) -> dict[str, Any]:
        """Return it as it is stored."""
        on_tap = next(step for step in self.steps if step.key[0] == self.tap_id)
        known = on_tap.after or on_tap.before
        return {
            "change_id": self.change_id,
            "by_msisdn": self.by_msisdn,
            "seq": self.seq,
            "command_id": self.command_id,
            "kind": self.kind.value,
            "at": self.at,
            "tap_id": self.tap_id,
            "tenant_id": known.tenant_id if isinstance(known, Tenancy) else None,
            "before": _written(step.before for step in self.steps),
            "after": _written(step.after for step in self.steps),
            "there": self.there,
            "undoes": self.undoes,
            "undone_at": self.undone_at,
        }

    @classmethod
    def of(cls, row: Any) -> "Change":
        """Read a stored row."""
        steps = zip(_read(row.before), _read(row.after), strict=True)
        return cls(
            change_id=row.change_id,
            by_msisdn=row.by_msisdn,
            seq=row.seq,
            command_id=row.command_id,
            kind=Kind(row.kind),
            at=row.at,
            tap_id=row.tap_id,
            steps=tuple(Step(before, after) for before, after in steps),
            there=row.there,
            undoes=row.undoes,
            undone_at=row.undone_at,
        )


def _written(states: Iterable[State | None]) -> str:
    known = [None if state is None else asdict(state) for state in states]
    return json.dumps(known, default=rfc3339, ensure_ascii=False)


def _read(text: str) -> list[State | None]:
    return [None if fields is None else _state(fields) for fields in json.loads(text)]


def _state(fields: dict[str, Any]) -> State:
    moments = {
        name: datetime.fromisoformat(fields[name])
        for name in ("removed_at", "created_at", "counted_at")
        if fields.get(name)
    }
    kind = Tally if "counted_at" in fields else Tenancy
    return kind(**{**fields, **moments})
