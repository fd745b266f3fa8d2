import sqlite3

import pytest

from benchmarks.floor import How, Part, postgresql_statement, sqlite_statement
from benchmarks.floor_applied import BALANCES, TABLES, Seen, back, by_hand

KEYS = ("name", "currency")


@pytest.fixture
def db():
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE purse (name, currency, minor, PRIMARY KEY (name, currency))")
    made.execute("INSERT INTO purse VALUES ('mary', 'ZMW', 5)")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("how", "columns", "rows", "left"),
    [
        (How.INSERT, (*KEYS, "minor"), [("john", "KES", 1)], {("mary", "ZMW", 5), ("john", "KES", 1)}),
        (How.UPDATE, (*KEYS, "minor"), [("mary", "ZMW", 7)], {("mary", "ZMW", 7)}),
        (How.UPDATE, (*KEYS, "minor"), [("mary", "KES", 7)], {("mary", "ZMW", 5)}),
        (How.ADD, (*KEYS, "minor"), [("mary", "ZMW", 2)], {("mary", "ZMW", 7)}),
        (How.ADD, (*KEYS, "minor"), [("ann", "ZMW", 3)], {("mary", "ZMW", 5), ("ann", "ZMW", 3)}),
        (How.DELETE, KEYS, [("mary", "ZMW")], set()),
    ],
)  # fmt: skip
def test_a_part_does_what_it_says(db, how, columns, rows, left):
    db.executemany(sqlite_statement(Part("purse", columns, rows, how, KEYS)), rows)
    assert set(db.execute("SELECT name, currency, minor FROM purse")) == left


def test_postgresql_is_told_the_type_of_each_column():
    part = Part("purse", ("name", "minor"), [], How.UPDATE, ("name",))
    assert postgresql_statement(part, {"name": "text", "minor": "bigint", "other": "uuid"}) == (
        "UPDATE purse SET minor=v.minor FROM unnest($1::text[],$2::bigint[]) AS v(name,minor) "
        "WHERE purse.name=v.name"
    )


# What two successes do: payments a and b of 10 each, in batches of one


def seen(columns, *rows, keys=1):
    return Seen(tuple(columns.split()), {row[:keys]: row for row in rows})


def snapshot(**tables):
    empty = {name: Seen((), {}) for name in (*TABLES, BALANCES)}
    return empty | tables


BEFORE = snapshot(
    payments=seen(
        "payment_id status zone correlation_id", ("a", "pending", "K", "c1"), ("b", "pending", "K", "c2")
    ),
    claims=seen("payment_id part_id is_open", ("a", "p", 1), ("b", "q", 1), keys=2),
    debt_parts=seen("part_id paid_minor", ("p", 0), ("q", 0)),
    ledger_balances=seen("ledger_account currency balance_minor", ("rail", "ZMW", 100), keys=2),
)
AFTER = snapshot(
    payments=seen(
        "payment_id status zone correlation_id", ("a", "success", "K", "c1"), ("b", "success", "K", "c2")
    ),
    claims=seen("payment_id part_id is_open", ("a", "p", 0), ("b", "q", 0), keys=2),
    debt_parts=seen("part_id paid_minor", ("p", 10), ("q", 10)),
    ledger_transactions=seen("ledger_id payment_id", ("x", "a"), ("y", "b")),
    ledger_entries=seen(
        "ledger_id seq ledger_account currency amount_minor",
        ("x", 1, "rail", "ZMW", 10), ("x", 2, "seller", "ZMW", -10),
        ("y", 1, "rail", "ZMW", 10), ("y", 2, "seller", "ZMW", -10),
        keys=2,
    ),
    outbox=seen("outbox_id correlation_id", ("o", "c2")),
    ledger_balances=seen(
        "ledger_account currency balance_minor", ("rail", "ZMW", 120), ("seller", "ZMW", -20), keys=2
    ),
)  # fmt: skip


def test_by_hand_only_what_differs_is_changed_in_the_batch_of_its_payment():
    first, second = by_hand(BEFORE, AFTER, together=1)
    assert first[0] == Part(
        "payments", ("payment_id", "status"), [("a", "success")], How.UPDATE, ("payment_id",)
    )
    done = {(part.table, part.how): part.rows for part in second}
    assert done == {
        ("payments", How.UPDATE): [("b", "success")],
        ("claims", How.UPDATE): [("b", "q", 0)],
        ("debt_parts", How.UPDATE): [("q", 10)],
        ("ledger_transactions", How.INSERT): [("y", "b")],
        ("ledger_entries", How.INSERT): [("y", 1, "rail", "ZMW", 10), ("y", 2, "seller", "ZMW", -10)],
        ("outbox", How.INSERT): [("o", "c2")],
        (BALANCES, How.ADD): [("rail", "ZMW", 10), ("seller", "ZMW", -10)],
    }


def test_what_was_done_is_put_back_in_the_order_that_foreign_keys_allow():
    parts = back(BEFORE, AFTER)
    assert [(part.table, part.how) for part in parts] == [
        (BALANCES, How.DELETE),
        (BALANCES, How.UPDATE),
        ("outbox", How.DELETE),
        ("ledger_entries", How.DELETE),
        ("ledger_transactions", How.DELETE),
        ("debt_parts", How.UPDATE),
        ("claims", How.UPDATE),
        ("payments", How.UPDATE),
    ]
    assert parts[0].rows == [("seller", "ZMW")]
    assert parts[1].rows == [("rail", "ZMW", 100)]
