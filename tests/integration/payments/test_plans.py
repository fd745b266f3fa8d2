"""A batch must not read every payment there is: the plans that SQLite makes without statistics."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import bulk
from core.db import metadata
from payments import store, views
from payments.tables import claims, credits_, payments

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
        (store._ON_HANDSETS, payments.c.msisdn, "ix_payments_msisdn_created_at (msisdn=?"),
        (store._TODAY, payments.c.msisdn, "ix_payments_msisdn_created_at (msisdn=?"),
        (store._OPEN_CLAIMS, claims.c.part_id, "ix_claims_part_id (part_id=?"),
        (store._UNRESOLVED, claims.c.part_id, "ix_claims_part_id (part_id=?"),
        (store._CREDITS, credits_.c.receipt, "sqlite_autoindex_credits_2 (account_id=? AND receipt=?"),
        (views._UNDER_WAY, payments.c.contact_msisdn, "ix_payments_contact_created_at (contact_msisdn=?"),
        (views._LATEST, payments.c.contact_msisdn, "ix_payments_contact_created_at (contact_msisdn=?"),
        (views._LATEST, payments.c.msisdn, "ix_payments_msisdn_created_at (msisdn=?"),
    ],
)
def test_sqlite_finds_payments_by_the_keys_that_are_wanted(sqlite, query, column, index):
    statement = bulk._keyed(query, column, "sqlite").params(wanted="[]", midnight=NOW, account_id="mtn")
    text = statement.compile(sqlite, compile_kwargs={"literal_binds": True})
    with sqlite.connect() as connection:
        plan = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert any(f"USING INDEX {index}" in step for step in plan), plan
    assert not any(step.startswith("SCAN ") and "VIRTUAL TABLE" not in step for step in plan), plan
