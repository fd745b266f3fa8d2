"""`verify` must be able to fail: each invariant is shown to see the damage that it is there for."""

import pytest
import sqlalchemy as sa
from payments_city import cash, hand_in, paid, pay, settle

from payments import tables as t
from payments.commands import StartPush
from payments.verify import INVARIANTS, verify
from taps.tables import debt_parts

# (invariant, what a hand in the database did); `paid` succeeded, `open` is under way.
TAMPERED = [
    ("entries_balance", "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE seq = 0"),
    ("balances_match", "UPDATE ledger_balances SET balance_minor = balance_minor + 1"),
    ("balances_match", "DELETE FROM ledger_balances WHERE ledger_account = 'seller:KNY:CBE'"),
    ("balances_match", "INSERT INTO ledger_balances VALUES ('rail:nobody', 'ZMW', 5)"),
    ("success_is_credited_once", "DELETE FROM credits WHERE payment_id = :paid"),
    ("success_is_credited_once", "UPDATE credits SET amount_minor = 1 WHERE payment_id = :paid"),
    ("success_is_credited_once", "UPDATE payments SET status = 'failed' WHERE payment_id = :paid"),
    ("success_is_credited_once", "UPDATE payments SET status = 'success' WHERE payment_id = :open"),
    (
        "success_is_credited_once",
        "UPDATE ledger_transactions SET payment_id = :open WHERE payment_id = :paid",
    ),
    ("orders_add_up", "UPDATE payment_orders SET credited_minor = 1 WHERE payment_id = :paid"),
    ("orders_add_up", "UPDATE suspense_items SET held_minor = 0"),
    ("orders_make_payment", "UPDATE payments SET amount_minor = 1 WHERE payment_id = :open"),
    ("orders_make_payment", "DELETE FROM payment_orders WHERE payment_id = :open"),
    ("claims_add_up", "UPDATE claims SET credited_minor = credited_minor - 1 WHERE payment_id = :paid"),
    ("claims_add_up", "UPDATE claims SET amount_minor = 1 WHERE payment_id = :open"),
    ("claims_add_up", "DELETE FROM claims WHERE payment_id = :open"),
    ("sellers_get_theirs", "UPDATE ledger_entries SET ledger_account = 'seller:KNY:FRIEND' WHERE seq = 1"),
    ("sellers_get_theirs", "UPDATE payment_orders SET seller = 'FRIEND' WHERE payment_id = :paid"),
    ("agents_hold_cash", "UPDATE cash_receipts SET agent = 'grace'"),
    ("agents_hold_cash", "DELETE FROM cash_receipts"),
    (
        "agents_hold_cash",
        "UPDATE ledger_entries SET ledger_account = 'rail:mtn' WHERE ledger_account LIKE 'cash:%'",
    ),
    ("cash_has_receipts", "DELETE FROM cash_receipts"),
    ("cash_has_receipts", "UPDATE cash_receipts SET number = 2"),
    ("cash_has_receipts", "UPDATE cash_receipts SET payment_id = :paid"),
    ("cash_has_receipts", "UPDATE payments SET status = 'failed' WHERE provider = 'cash'"),
    ("orders_follow", "UPDATE payment_orders SET status = 'failed' WHERE payment_id = :paid"),
    ("orders_follow", "UPDATE payment_orders SET status = 'success' WHERE payment_id = :open"),
    ("orders_follow", "UPDATE payment_orders SET status = 'executing' WHERE payment_id = :paid"),
    ("debts_add_up", "UPDATE debt_parts SET paid_minor = paid_minor - 1 WHERE paid_minor > 0"),
    ("debts_add_up", "UPDATE debt_parts SET paid_minor = 1 WHERE paid_minor = 0"),
    ("claims_follow", "UPDATE claims SET is_open = false WHERE payment_id = :open"),
    ("claims_follow", "UPDATE claims SET is_open = true WHERE payment_id = :paid"),
    ("trail_complete", "DELETE FROM payment_transitions WHERE payment_id = :paid AND seq = 2"),
    ("trail_complete", "DELETE FROM payment_transitions WHERE payment_id = :open"),
    ("trail_complete", "UPDATE payments SET status = 'expired' WHERE payment_id = :paid"),
    ("trail_complete", "UPDATE payments SET moves = moves + 1 WHERE payment_id = :paid"),
    ("trail_legal", "UPDATE payment_transitions SET from_status = 'success' WHERE seq = 2"),
    ("trail_legal", "UPDATE payment_transitions SET to_status = 'refunded' WHERE seq = 2"),
    ("trail_legal", "UPDATE payment_transitions SET to_status = 'success' WHERE seq = 1"),
    ("trail_legal", "UPDATE payment_transitions SET from_status = NULL WHERE seq = 2"),
    ("orders_add_up", "UPDATE ledger_entries SET amount_minor = -1 WHERE ledger_account LIKE 'wallet:%'"),
    (
        "wallets_not_overdrawn",
        "UPDATE ledger_balances SET balance_minor = 1 WHERE ledger_account LIKE 'wallet:%'",
    ),
    ("wallets_pay_theirs", "UPDATE payments SET provider = 'mtn' WHERE provider = 'wallet'"),
    ("wallets_pay_theirs", "UPDATE payments SET msisdn = '+260960000099' WHERE provider = 'wallet'"),
    (
        "surplus_is_the_payers",
        "UPDATE ledger_entries SET ledger_account = 'wallet:+260960000099' WHERE amount_minor = -500",
    ),
    ("suspense_itemized", "UPDATE suspense_items SET held_minor = held_minor + 1"),
    ("suspense_itemized", "DELETE FROM suspense_items"),
    ("suspense_itemized", "DELETE FROM ledger_balances WHERE ledger_account LIKE 'suspense:%'"),
    ("arrivals_are_held", "UPDATE credits SET payment_id = NULL WHERE payment_id = :paid"),
    ("assigned_is_paid", "UPDATE suspense_items SET status = 'assigned'"),
    ("hand_ins_match", "UPDATE hand_ins SET amount_minor = 1"),
    ("hand_ins_match", "DELETE FROM hand_ins"),
    ("hand_ins_match", "UPDATE hand_ins SET safe = 'another'"),
    (
        "agents_not_overdrawn",
        "UPDATE ledger_balances SET balance_minor = -1 WHERE ledger_account LIKE 'cash:%'",
    ),
    ("assigned_is_paid", "UPDATE suspense_items SET into_payment_id = payment_id"),
]


@pytest.fixture
async def ids(city, open_service):
    """One payment that overpaid, one of what was kept, a misfit, one that fitted, one in cash, one open."""
    one = open_service()
    over = (await one.submit(pay(0, 1))).payment.payment_id
    await one.submit(paid(over, amount_minor=3500, receipt="R1"))
    await one.submit(pay(4, 1, amount_minor=300))
    misfit = (await one.submit(pay(5, 4))).payment.payment_id
    await one.submit(paid(misfit, msisdn="+260977777777"))
    await settle(one, pay(1, 2))
    await one.submit(cash(3))
    await one.submit(hand_in(1000))
    under_way = (await one.submit(pay(2, 3))).payment.payment_id
    await one.submit(StartPush(under_way))
    return {"paid": over, "open": under_way}


async def _broken(db):
    async with db.read() as connection:
        return {v.name for v in await verify(connection, INVARIANTS) if not v.holds}


async def test_all_holds_before_anybody_tampers(city, ids):
    assert await _broken(city) == set()


@pytest.mark.parametrize(("name", "statement"), TAMPERED)
async def test_the_invariant_sees_what_was_tampered_with(city, ids, name, statement):
    used = {key: value for key, value in ids.items() if f":{key}" in statement}
    typed = [sa.bindparam(key, type_=t.payments.c.payment_id.type) for key in used]
    async with city.write() as connection:
        await _without_foreign_keys(connection)
        await connection.execute(sa.text(statement).bindparams(*typed), used)
    assert name in await _broken(city)


async def test_two_open_claims_of_one_debt_are_seen(city, ids):
    async with city.write() as connection:
        await connection.execute(sa.text("DROP INDEX uq_claims_open"))
        mine = sa.select(t.claims.c.part_id).where(t.claims.c.payment_id == ids["open"]).limit(1)
        part_id = (await connection.execute(mine)).scalar_one()
        row = {"payment_id": ids["paid"], "part_id": part_id, "order_id": ids["paid"]}
        await connection.execute(
            sa.insert(t.claims).values(**row, amount_minor=0, credited_minor=0, is_open=True)
        )
    assert "one_claim" in await _broken(city)


async def test_a_debt_cannot_be_paid_above_its_amount_at_all(city, ids):
    with pytest.raises(sa.exc.IntegrityError):
        async with city.write() as connection:
            await connection.execute(sa.update(debt_parts).values(paid_minor=debt_parts.c.amount_minor + 1))


def test_every_invariant_is_shown_to_fail():
    assert {invariant.name for invariant in INVARIANTS} == {name for name, _ in TAMPERED} | {"one_claim"}


async def test_what_is_broken_names_the_rows_and_at_most_twenty(city, ids):
    async with city.write() as connection:
        await connection.execute(sa.update(debt_parts).values(paid_minor=1))
        found = {v.name: v for v in await verify(connection, INVARIANTS)}["debts_add_up"]
    assert not found.holds
    assert len(found.rows) == 20
    assert {"part_id", "paid_minor", "claims_minor"} == set(found.rows[0])


async def _without_foreign_keys(connection):
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
