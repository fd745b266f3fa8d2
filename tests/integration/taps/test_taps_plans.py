"""What many ask about few must not read everybody: the plans that SQLite makes without statistics."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import bulk
from core.db import metadata
from taps import behind, flags_detection, flags_store, recoveries, users
from taps import tables as t

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sqlite():
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "column", "index"),
    [
        (users._USERS, t.users.c.msisdn, "INDEX ix_users_msisdn (msisdn=?)"),
        (users._KEPT, t.taps.c.caretaker_msisdn, "INDEX ix_taps_caretaker_msisdn (caretaker_msisdn=?)"),
        (flags_store._UNRESOLVED, t.flags.c.tap_id, "INDEX ix_flags_tap_id_state (tap_id=? AND state=?)"),
        (
            flags_store._UNRESOLVED,
            t.flags.c.reported_by,
            "INDEX ix_flags_reported_by_state (reported_by=? AND state=?)",
        ),
        (flags_detection._REPORTS, t.flags.c.tap_id, "INDEX ix_flags_tap_id_state (tap_id=?"),
        (behind._PERIODS, t.debts.c.tap_id, "INDEX ix_debts_tap_id_period (tap_id=? AND period<?)"),
        (recoveries._MONEY, t.debts.c.zone, "INDEX ix_debts_zone_period (zone=?"),
        (recoveries._HEADS, t.taps.c.zone, "INDEX ix_taps_zone (zone=?)"),
    ],
)
def test_rows_are_found_by_the_keys_that_are_wanted(sqlite, query, column, index):
    given = {"wanted": "[]", "this_period": "2026-12", "older": "2026-10", "newer": "2026-11", "since": NOW}
    keyed = bulk._keyed(query, column, "sqlite")
    text = keyed.params(given).compile(sqlite, compile_kwargs={"literal_binds": True})
    with sqlite.connect() as connection:
        plan = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert any(index in step for step in plan), plan
