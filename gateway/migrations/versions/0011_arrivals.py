"""Money without a payment, items that are resolved, and cash that is handed in."""

# ruff: noqa: S608 - the names of columns are ours

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.db import Id, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEPT = "payment_id, account_id, receipt, amount_minor, currency, proof, at"


def _columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("receipt", sa.String(length=40), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("proof", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )


def _constraints() -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("fk_credits_payment_id")),
        sa.UniqueConstraint("account_id", "receipt", name=op.f("uq_credits_account_id_receipt")),
    )


def upgrade() -> None:
    # A new primary key means a new table, and names of constraints can be taken once only.
    op.execute(f"CREATE TABLE credits_kept AS SELECT {_KEPT} FROM credits")
    op.drop_table("credits")
    op.create_table(
        "credits",
        sa.Column(
            "credit_id", Id, nullable=False, comment="its payment's id, unless it came before its payment"
        ),
        sa.Column("payment_id", Id, nullable=True),
        *_columns(),
        sa.Column(
            "account_reference", sa.String(40), nullable=True, comment="what the payer typed as the account"
        ),
        sa.Column("msisdn", sa.String(16), nullable=True, comment="the payer, where told in full"),
        sa.Column(
            "masked_msisdn", sa.String(20), nullable=True, comment="the payer, as told with parts hidden"
        ),
        sa.Column(
            "second_reference", sa.String(40), nullable=True, comment="a bank's own number beside the receipt"
        ),
        *_constraints(),
        sa.PrimaryKeyConstraint("credit_id", name=op.f("pk_credits")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_credits_payment_id")),
    )
    op.create_index("ix_credits_second_reference", "credits", ["account_id", "second_reference"])
    op.execute(f"INSERT INTO credits (credit_id, {_KEPT}) SELECT payment_id, {_KEPT} FROM credits_kept")
    op.execute("DROP TABLE credits_kept")

    op.create_table(
        "hand_ins",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="12 is H-000012"),
        sa.Column("agent", sa.String(length=60), nullable=False, comment="a user's name"),
        sa.Column("safe", sa.String(length=60), nullable=False, comment="where it lies now"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "left_minor", sa.BigInteger(), nullable=False, comment="still with the agent, as they were told"
        ),
        sa.Column("received_by", sa.String(length=60), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hand_ins")),
    )
    op.create_index("ix_hand_ins_agent_at", "hand_ins", ["agent", "at"])

    with op.batch_alter_table("suspense_items", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("credit_id", Id, nullable=True, comment="the money, where it never had a payment")
        )
        batch_op.add_column(
            sa.Column(
                "into_payment_id", Id, nullable=True, comment="the payment that the money was assigned to"
            )
        )
        batch_op.add_column(
            sa.Column(
                "resolved_by", sa.String(60), nullable=True, comment="who assigned, refunded or closed it"
            )
        )
        batch_op.add_column(sa.Column("resolved_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("note", sa.String(200), nullable=True))
        batch_op.create_index(batch_op.f("ix_suspense_items_credit_id"), ["credit_id"])
        batch_op.create_index(batch_op.f("ix_suspense_items_into_payment_id"), ["into_payment_id"])


def downgrade() -> None:
    with op.batch_alter_table("suspense_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_suspense_items_into_payment_id"))
        batch_op.drop_index(batch_op.f("ix_suspense_items_credit_id"))
        for name in ("note", "resolved_at", "resolved_by", "into_payment_id", "credit_id"):
            batch_op.drop_column(name)
    op.drop_table("hand_ins")
    op.execute(f"CREATE TABLE credits_kept AS SELECT {_KEPT} FROM credits WHERE payment_id IS NOT NULL")
    op.drop_table("credits")
    op.create_table(
        "credits",
        sa.Column("payment_id", Id, nullable=False),
        *_columns(),
        *_constraints(),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_credits")),
    )
    op.execute(f"INSERT INTO credits ({_KEPT}) SELECT {_KEPT} FROM credits_kept")
    op.execute("DROP TABLE credits_kept")
