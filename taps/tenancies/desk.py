"""All that a batch of commands has loaded and decided so far; `taps.tenancies.store` fills and writes it.

Decisions read and change the desk only, so that they need no database, and the second command of a batch
sees what the first has done.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.ids import Ids
from taps.model import Tap
from taps.tenancies.commands import Command
from taps.tenancies.records import Change, Key, Kind, State, Step, Tally, Tenancy


@dataclass(slots=True)
class Desk:
    """Loaded records by key, and which of them are to be written."""

    now: datetime
    ids: Ids
    taps: dict[str, Tap] = field(default_factory=dict)  # those of the batch's caretakers
    kept: dict[str, list[Tap]] = field(default_factory=lambda: defaultdict(list))  # the same by caretaker
    others: set[str] = field(default_factory=set)  # TapIDs and tap numbers named that are somebody else's
    places: dict[str, dict[str, State]] = field(default_factory=lambda: defaultdict(dict))  # by tap, by key
    changes: dict[str, Change] = field(default_factory=dict)
    undoable: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # change_ids by phone
    by_command: dict[tuple[str, str], Change] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # each caretaker's last
    owed_minor: dict[str, int] = field(default_factory=dict)  # tenant_id -> what is open

    loaded: set[Key] = field(default_factory=set)  # tenants that have a row
    touched: set[Key] = field(default_factory=set)  # tenants whose row is to be written
    tallies: dict[tuple[str, datetime], Tally | None] = field(default_factory=dict)  # None: to be deleted
    created: set[str] = field(default_factory=set)  # change_id
    undone: set[str] = field(default_factory=set)  # change_id
    newcomers: set[str] = field(default_factory=set)  # phones that were put on a tap

    def keep(self, tap: Tap) -> None:
        """Put a tap on the desk, as its caretaker's."""
        self.taps[tap.tap_id] = tap
        if tap.caretaker_msisdn:
            self.kept[tap.caretaker_msisdn].append(tap)

    def state(self, key: Key) -> State | None:
        """Return what stands at a place."""
        return self.places[key[0]].get(key[1])

    def put(self, state: State) -> None:
        """Set what stands at a place, without a change: what was loaded."""
        self.places[state.key[0]][state.key[1]] = state

    def tenancy(self, tap_id: str, msisdn: str) -> Tenancy | None:
        """Return a phone's place on a tap, also one that its owner left."""
        state = self.state((tap_id, msisdn))
        return state if isinstance(state, Tenancy) else None

    def tally(self, tap_id: str) -> Tally | None:
        """Return a tap's last count."""
        state = self.state((tap_id, ""))
        return state if isinstance(state, Tally) else None

    def active(self, tap_id: str) -> list[Tenancy]:
        """Return who is on a tap now, by name."""
        there = [s for s in self.places[tap_id].values() if isinstance(s, Tenancy) and s.is_active]
        return sorted(there, key=lambda tenancy: (tenancy.name.casefold(), tenancy.msisdn))

    def last_change(self, by_msisdn: str) -> Change | None:
        """Return the caretaker's last change that UNDO may speak of."""
        for change_id in reversed(self.undoable[by_msisdn]):
            if self.changes[change_id].can_be_undone(self.now):
                return self.changes[change_id]
        return None

    def change(
        self, command: Command, kind: Kind, tap_id: str, steps: Sequence[Step], undoes: str | None = None
    ) -> Change:
        """Make a change true: its steps, and its row of the history."""
        for step in steps:
            self._apply(step)
        self.seqs[command.by_msisdn] += 1
        made = Change(
            change_id=self.ids.new(),
            by_msisdn=command.by_msisdn,
            seq=self.seqs[command.by_msisdn],
            command_id=command.command_id,
            kind=kind,
            at=self.now,
            tap_id=tap_id,
            steps=tuple(steps),
            there=self._there(tap_id, steps),
            undoes=undoes,
        )
        self.changes[made.change_id] = made
        self.undoable[made.by_msisdn].append(made.change_id)
        self.by_command[made.by_msisdn, made.command_id] = made
        self.created.add(made.change_id)
        return made

    def mark_undone(self, change: Change) -> None:
        """Note in the history that a change was taken back."""
        self.changes[change.change_id] = replace(change, undone_at=self.now)
        self.undone.add(change.change_id)

    def _apply(self, step: Step) -> None:
        tap_id, place = step.key
        if step.after is None:
            del self.places[tap_id][place]
        else:
            self.places[tap_id][place] = step.after
        if isinstance(step.after, Tenancy):
            self.touched.add(step.key)
            if step.after.is_active:
                self.newcomers.add(step.after.msisdn)
        else:
            self._count(step.before, step.after)

    def _count(self, before: State | None, after: Tally | None) -> None:
        """Every count has a row of its own; taking the last one back uncovers the one before it."""
        is_taken_back = isinstance(before, Tally) and (after is None or after.counted_at < before.counted_at)
        if isinstance(before, Tally) and is_taken_back:
            self.tallies[before.tap_id, before.counted_at] = None
        elif after is not None:
            self.tallies[after.tap_id, after.counted_at] = after

    def _there(self, tap_id: str, steps: Sequence[Step]) -> int:
        there = self.active(tap_id)
        is_count = any(isinstance(step.after or step.before, Tally) for step in steps)
        return sum(tenancy.occupants for tenancy in there) if is_count else len(there)
