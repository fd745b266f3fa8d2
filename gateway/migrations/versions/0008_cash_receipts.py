"""Receipts of the cash that agents take."""

import sqlalchemy as sa
from alembic import op

from core.db import Id, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cash_receipts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="4217 is C-004217"),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("agent", sa.String(length=60), nullable=False, comment="a user's name"),
        sa.Column(
            "payer_msisdn", sa.String(length=16), nullable=True, comment="whom the agent named; empty: nobody"
        ),
        sa.Column(
            "left_minor", sa.BigInteger(), nullable=False, comment="open afterwards, as the agent was told"
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payment_id"], name=op.f("fk_cash_receipts_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cash_receipts")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_cash_receipts_payment_id")),
    )
    op.create_index("ix_cash_receipts_agent_at", "cash_receipts", ["agent", "at"])


def downgrade() -> None:
    op.drop_table("cash_receipts")
