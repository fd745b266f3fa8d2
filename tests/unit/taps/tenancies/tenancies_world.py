"""Caretakers' changes without a database: every batch gets a fresh desk, as the store would fill it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from core.clock import ManualClock
from core.ids import Ids
from taps.model import Tap
from taps.tenancies.decide import decide
from taps.tenancies.desk import Desk
from taps.tenancies.records import Change

NOW = datetime(2026, 11, 21, 6, 15, tzinfo=UTC)
RUTH, PETER = "+260966000001", "+260966000002"  # caretakers
KNY, KNY2, CHZ, NRB, ORPHAN = "KNY-0417-1", "KNY-0533-5", "CHZ-0417-8", "NRB-0001-7", "BLN-0001-0"
MARY, JOHN, ACHIENG = "+260977123456", "+260955000002", "+254712000003"


def tap(tap_id, number, caretaker, country="ZM"):
    currency = "ZMW" if country == "ZM" else "KES"
    return Tap(tap_id, number, tap_id[:3], "Zone", country, currency, caretaker, None, None, None, ())


TAPS = [
    tap(KNY, "241703", RUTH),
    tap(KNY2, "100008", RUTH),
    tap(NRB, "200006", RUTH, "KE"),
    tap(CHZ, "300004", PETER),
    tap(ORPHAN, "400002", None),
]


@dataclass
class World:
    """What the database would hold."""

    now: datetime = NOW
    taps: dict = field(default_factory=lambda: {t.tap_id: t for t in TAPS})
    tenancies: dict = field(default_factory=dict)
    tallies: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)
    owed: dict = field(default_factory=dict)  # tenant_id -> minor units

    def __post_init__(self):
        self.ids = Ids.seeded(7, ManualClock(NOW))
        self.numbers = count(1)

    def desk(self):
        desk = Desk(self.now, self.ids)
        for tap_id in sorted(self.taps):
            desk.keep(self.taps[tap_id])
        desk.others = set(self.taps) | {t.tap_number for t in self.taps.values()}
        for state in self.tenancies.values():
            desk.put(state)
            desk.loaded.add(state.key)
        for tallies in self.tallies.values():
            if tallies:
                desk.put(tallies[max(tallies)])
        for change in sorted(self.changes.values(), key=lambda c: c.seq):
            desk.changes[change.change_id] = change
            desk.by_command[change.by_msisdn, change.command_id] = change
            desk.seqs[change.by_msisdn] = change.seq
            desk.undoable[change.by_msisdn].append(change.change_id)
        desk.owed_minor = dict(self.owed)
        return desk

    def batch(self, *commands):
        desk = self.desk()
        answers = [decide(desk, command) for command in commands]
        for key in desk.touched:
            self.tenancies[key] = desk.tenancy(*key)
        for (tap_id, at), tally in desk.tallies.items():
            self.tallies.setdefault(tap_id, {}).pop(at, None)
            if tally:
                self.tallies[tap_id][at] = tally
        for change_id in desk.created | desk.undone:
            # Through its stored form, as the database would.
            self.changes[change_id] = Change.of(Row(desk.changes[change_id].row()))
        return answers

    def do(self, kind, by, *args, command_id=None, **named):
        """Do one command, with an id of its own unless it is given one."""
        return self.batch(self.command(kind, by, *args, command_id=command_id, **named))[0]

    def command(self, kind, by, *args, command_id=None, **named):
        return kind(by, *args, command_id=command_id or f"sms:{next(self.numbers)}:0", **named)

    def later(self, **delta):
        self.now += timedelta(**delta)

    def on(self, tap_id):
        """Who is on a tap: phone -> (name, occupants)."""
        return {
            t.msisdn: (t.name, t.occupants)
            for t in self.tenancies.values()
            if t.tap_id == tap_id and t.is_active
        }

    def everything(self):
        """Where phones are, and what was counted, as people see it: who left is no longer there."""
        active = {key: t for key, t in self.tenancies.items() if t.is_active}
        last = {tap_id: tallies[max(tallies)] for tap_id, tallies in self.tallies.items() if tallies}
        return active, last


class Row:
    """A stored row: columns as attributes."""

    def __init__(self, columns):
        self.__dict__.update(columns)
