"""The floor of applying: all that successes have written and changed, taken back and done again by hand.

A round's rows are read before and after. What is there only after was inserted; of what differs, only the
columns that differ are updated; to the ledger's balances each batch adds its own entries. Once it was done
again by hand the rows are read a third time, and must be the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.floor import How, Part, Raw, Rows, write

# ruff: noqa: S608 - statements are made of names written here
Key = tuple[Any, ...]

_PAYMENTS = "correlation_id LIKE '{tag}%'"
_OF_PAYMENT = f"payment_id IN (SELECT payment_id FROM payments WHERE {_PAYMENTS})"
_CLAIMED = f"part_id IN (SELECT part_id FROM claims WHERE {_OF_PAYMENT})"
_POSTED = f"ledger_id IN (SELECT ledger_id FROM ledger_transactions WHERE {_OF_PAYMENT})"


@dataclass(frozen=True, slots=True)
class Table:
    """Which rows of a table are a round's, its primary key, and the column that leads to their payment."""

    which: str
    keys: tuple[str, ...]
    owner: str = "payment_id"


# In the order in which foreign keys allow writing.
TABLES = {
    "payments": Table(_PAYMENTS, ("payment_id",)),
    "payment_orders": Table(_OF_PAYMENT, ("order_id",)),
    "claims": Table(_OF_PAYMENT, ("payment_id", "part_id")),
    "payment_transitions": Table(_OF_PAYMENT, ("payment_id", "seq")),
    "debt_parts": Table(_CLAIMED, ("part_id",), owner="part_id"),
    "credits": Table(_OF_PAYMENT, ("credit_id",)),
    "ledger_transactions": Table(_OF_PAYMENT, ("ledger_id",)),
    "ledger_entries": Table(_POSTED, ("ledger_id", "seq"), owner="ledger_id"),
    "suspense_items": Table(_OF_PAYMENT, ("item_id",)),
    "sms_messages": Table(_OF_PAYMENT, ("sms_id",)),
    "outbox": Table(_PAYMENTS, ("outbox_id",), owner="correlation_id"),
}
BALANCES = "ledger_balances"
_BALANCE_KEYS = ("ledger_account", "currency")
_EVERYTHING = TABLES | {BALANCES: Table("1 = 1", _BALANCE_KEYS)}


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of a table by key."""

    columns: tuple[str, ...]
    rows: Mapping[Key, Key]

    def column(self, name: str) -> dict[Key, Any]:
        """Return one column's values by key."""
        i = self.columns.index(name)
        return {key: row[i] for key, row in self.rows.items()}

    def only(self, columns: tuple[str, ...], keys: set[Key]) -> Rows:
        """Return some columns of some rows, in the order of the keys as they were read."""
        places = [self.columns.index(name) for name in columns]
        return [tuple(row[i] for i in places) for key, row in self.rows.items() if key in keys]


Snapshot = dict[str, Seen]


async def look(raw: Raw, tag: str) -> Snapshot:
    """Read every row that belongs to a round, and the balances."""
    return {name: await _seen(raw, name, table, tag) for name, table in _EVERYTHING.items()}


async def _seen(raw: Raw, name: str, table: Table, tag: str) -> Seen:
    order = ", ".join(table.keys)
    columns, rows = await raw.select(
        f"SELECT * FROM {name} WHERE {table.which.format(tag=tag)} ORDER BY {order}"
    )
    places = [columns.index(key) for key in table.keys] if rows else []
    return Seen(columns, {tuple(row[i] for i in places): row for row in rows})


def back(before: Snapshot, after: Snapshot) -> list[Part]:
    """Return what puts everything back as it was."""
    parts = []
    for name, table in reversed(_EVERYTHING.items()):
        new = set(after[name].rows) - set(before[name].rows)
        if new:
            parts.append(Part(name, table.keys, after[name].only(table.keys, new), How.DELETE, table.keys))
        parts += _update(name, table, after[name], before[name])
    return parts


def by_hand(before: Snapshot, after: Snapshot, together: int) -> list[list[Part]]:
    """Return what does it again, in batches of so many payments: a statement for each table."""
    places = _places(after)
    count = len(after["payments"].rows)
    batches: list[list[Part]] = [[] for _ in range(-(-count // together))]
    for name, table in TABLES.items():
        whole = [*_update(name, table, before[name], after[name]), *_insert(name, before[name], after[name])]
        owners = after[name].column(table.owner) if whole else {}
        for part in whole:
            i = [part.columns.index(key) for key in table.keys]
            for number, batch in enumerate(batches):
                mine = [
                    row
                    for row in part.rows
                    if places[str(owners[tuple(row[k] for k in i)])] // together == number
                ]
                batch.append(Part(name, part.columns, mine, part.how, part.keys))
    for batch in batches:
        batch.append(_added(batch))
    return batches


def _places(after: Snapshot) -> dict[str, int]:
    """Return the place of each payment in the order of creation, by all that other rows know it by."""
    payments = after["payments"]
    by_payment = {str(key[0]): place for place, key in enumerate(payments.rows)}
    by_call = {str(call): by_payment[str(key[0])] for key, call in payments.column("correlation_id").items()}
    by_part = {str(part): by_payment[str(payment)] for payment, part in after["claims"].rows}
    posted = after["ledger_transactions"].column("payment_id")
    by_posting = {str(key[0]): by_payment[str(payment)] for key, payment in posted.items()}
    return by_payment | by_call | by_part | by_posting


def _insert(name: str, before: Seen, after: Seen) -> Iterator[Part]:
    new = set(after.rows) - set(before.rows)
    if new:
        yield Part(name, after.columns, after.only(after.columns, new))


def _update(name: str, table: Table, before: Seen, after: Seen) -> Iterator[Part]:
    """Yield what makes of rows that were there before those that are there after."""
    changed = {key for key, row in after.rows.items() if key in before.rows and row != before.rows[key]}
    if changed:
        pairs = [(before.rows[key], after.rows[key]) for key in changed]
        differ = [c for i, c in enumerate(after.columns) if any(old[i] != new[i] for old, new in pairs)]
        columns = (*table.keys, *differ)
        yield Part(name, columns, after.only(columns, changed), How.UPDATE, table.keys)


def _added(batch: list[Part]) -> Part:
    """Return what the entries of a batch add to the balances."""
    entries = next(part for part in batch if part.table == "ledger_entries")
    places = [entries.columns.index(name) for name in (*_BALANCE_KEYS, "amount_minor")]
    sums: dict[Key, int] = defaultdict(int)
    for row in entries.rows:
        account, currency, amount_minor = (row[i] for i in places)
        sums[account, currency] += amount_minor
    rows = [(*key, total) for key, total in sorted(sums.items())]
    return Part(BALANCES, (*_BALANCE_KEYS, "balance_minor"), rows, How.ADD, _BALANCE_KEYS)


async def again(raw: Raw, tag: str, before: Snapshot, together: int) -> float:
    """Take back what a round has done since `before`, do it by hand, return the seconds that took."""
    after = await look(raw, tag)
    await write(raw, [back(before, after)])
    await raw.settle()
    took = await write(raw, by_hand(before, after, together))
    if await look(raw, tag) != after:
        raise SystemExit("by hand other rows were written")
    return took
