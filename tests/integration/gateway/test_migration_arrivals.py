"""The migration of arrivals: credits get a key of their own, and all that was written before stays."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from core.db import Database, metadata
from gateway import all_tables, schema
from payments.tables import credits_

all_tables.load()

CHECKOUT = "01a1fcb0-af00-7103-8386-bbc4cd613e01"
PAYMENT = "01a1fcb0-af00-7103-8386-bbc4cd613e02"
ITEM = "01a1fcb0-af00-7103-8386-bbc4cd613e03"
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
BEFORE = {
    "zones": {"zone": "KNY", "name": "Kanyama", "country": "ZM", "currency": "ZMW"},
    "taps": {"tap_id": "KNY-0417-1", "tap_number": "241703", "zone": "KNY", "created_at": AT},
    "checkouts": {
        "checkout_id": CHECKOUT, "tap_id": "KNY-0417-1", "msisdn": "+260960000001", "channel": "ussd",
        "amount_minor": 3000, "currency": "ZMW", "created_at": AT,
    },
    "payments": {
        "payment_id": PAYMENT, "payment_request_id": PAYMENT, "request_hash": "h", "checkout_id": CHECKOUT,
        "msisdn": "+1", "contact_msisdn": "+1", "tap_id": "KNY-0417-1", "zone": "KNY", "period": "2026-11",
        "amount_minor": 3000, "currency": "ZMW", "provider": "mtn", "account_id": "mtn:default",
        "reference": PAYMENT, "callback_key": "k", "channel": "ussd", "correlation_id": "c",
        "validation": "proceed", "status": "success", "is_final": True, "push_state": "accepted",
        "push_attempts": 1, "push_after": AT, "expires_at": AT, "checks": 0, "moves": 3, "created_at": AT,
        "updated_at": AT, "version": 1,
    },
    "credits": {
        "payment_id": PAYMENT, "account_id": "mtn:default", "receipt": "R1", "amount_minor": 3000,
        "currency": "ZMW", "proof": "poll", "at": AT,
    },
    "suspense_items": {
        "item_id": ITEM, "fact_key": "f", "kind": "over_payment", "status": "open",
        "account_id": "mtn:default", "payment_id": PAYMENT, "held_minor": 0, "currency": "ZMW",
        "detail": "d", "created_at": AT,
    },
}  # fmt: skip


async def move(db, way, revision):
    def run(connection):
        settings = schema.config()
        settings.attributes["connection"] = connection
        way(settings, revision)

    async with db.write() as connection:
        await connection.run_sync(run)


def _old(name, row):
    """What writes a row as the table was: types are the newest schema's."""
    now = metadata.tables[name]
    return sa.insert(sa.table(name, *(sa.column(column, now.c[column].type) for column in row)))


@pytest.fixture
async def old(empty_db_url):
    db = Database(empty_db_url)
    await move(db, command.upgrade, "0010")
    async with db.write() as connection:
        for name, row in BEFORE.items():
            await connection.execute(_old(name, row), row)
    yield db
    await db.close()


async def _credits(db, columns):
    async with db.read() as connection:
        rows = await connection.execute(sa.text(f"SELECT {columns} FROM credits"))  # noqa: S608 - ours
        return [tuple(str(v) if v is not None else None for v in row) for row in rows]


async def test_credits_keep_their_money_and_go_by_their_payments_id(old):
    await move(old, command.upgrade, "0011")
    columns = "credit_id, payment_id, account_id, receipt, amount_minor, msisdn"
    assert await _credits(old, columns) == [(PAYMENT, PAYMENT, "mtn:default", "R1", "3000", None)]
    async with old.read() as connection:
        item = (await connection.execute(sa.text("SELECT status, credit_id FROM suspense_items"))).one()
    assert tuple(item) == ("open", None)


async def test_one_receipt_is_still_one_credit(old):
    await move(old, command.upgrade, "0011")
    again = {**BEFORE["credits"], "credit_id": CHECKOUT, "payment_id": None}
    with pytest.raises(sa.exc.IntegrityError):
        async with old.write() as connection:
            await connection.execute(sa.insert(credits_), again)


async def test_the_way_back_keeps_the_credits_of_payments(old):
    await move(old, command.upgrade, "0011")
    await move(old, command.downgrade, "0010")
    assert await _credits(old, "payment_id, receipt") == [(PAYMENT, "R1")]
    await move(old, command.upgrade, "head")
    assert await _credits(old, "credit_id, receipt") == [(PAYMENT, "R1")]


async def test_the_newest_schema_has_these_tables_as_the_code_says(old):
    await move(old, command.upgrade, "head")

    def differences(connection):
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        mine = ("credits", "hand_ins", "suspense_items")
        found = [d for d in found if "modify_comment" not in repr(d)]
        return [d for d in found if any(name in repr(d) for name in mine)]

    async with old.write() as connection:
        assert await connection.run_sync(differences) == []
