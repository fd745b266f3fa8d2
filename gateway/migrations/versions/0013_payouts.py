"""Payouts: money that goes back to people, where it came from, every move."""

import sqlalchemy as sa
from alembic import op
from core.db import Id
from core.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payouts",
        sa.Column("payout_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False, comment="reversal, refund, transfer"),
        sa.Column("reason", sa.String(length=10), nullable=False, comment="payment, wallet, suspense"),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("item_id", Id, nullable=True, comment="of suspense, where one item is given back"),
        sa.Column("msisdn", sa.String(length=16), nullable=False, comment="who gets it"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column(
            "account_id", sa.String(length=40), nullable=False, comment="the gateway account that pays"
        ),
        sa.Column("agent", sa.String(length=60), nullable=True, comment="whose cash it is given from"),
        sa.Column("reference", Id, nullable=False, comment="ours, for the rail; a UUIDv4"),
        sa.Column("callback_key", sa.String(length=22), nullable=False, comment="begins with p."),
        sa.Column("provider_reference", sa.String(length=80), nullable=True),
        sa.Column("receipt", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("failure", sa.String(length=20), nullable=True, comment="why it failed or was rejected"),
        sa.Column(
            "send_state",
            sa.String(length=10),
            nullable=False,
            comment="none, started, accepted, unknown, refused",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was handed to the rail"),
        sa.Column("checks", sa.Integer(), nullable=False, comment="how often the rail was asked"),
        sa.Column("next_check_at", UtcDateTime(), nullable=True, comment="empty: nobody need ask any more"),
        sa.Column("is_final", sa.Boolean(), nullable=False, comment="it ended; only staff can contradict"),
        sa.Column("requested_by", sa.String(length=60), nullable=False),
        sa.Column(
            "approved_by", sa.String(length=60), nullable=True, comment="the second person, above the limit"
        ),
        sa.Column("note", sa.String(length=160), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True, comment="when the rail took it, or may have"),
        sa.Column("moves", sa.Integer(), nullable=False, comment="rows in payout_transitions"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payouts_payout_is_something")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("fk_payouts_payment_id")),
        sa.PrimaryKeyConstraint("payout_id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("callback_key", name=op.f("uq_payouts_callback_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_payouts_reference")),
    )
    with op.batch_alter_table("payouts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payouts_item_id"), ["item_id"], unique=False)
        batch_op.create_index("ix_payouts_msisdn", ["msisdn"], unique=False)
        batch_op.create_index(
            "ix_payouts_next_check_at",
            ["next_check_at"],
            unique=False,
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_payouts_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index("ix_payouts_provider_reference", ["provider_reference"], unique=False)
        batch_op.create_index("ix_payouts_status_created_at", ["status", "created_at"], unique=False)

    op.create_table(
        "payout_sources",
        sa.Column("payout_id", Id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ledger_account", sa.String(length=100), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_id", Id, nullable=True, comment="where it had paid a debt: the order"),
        sa.Column("part_id", Id, nullable=True, comment="where it had paid a debt: the debt's part"),
        sa.Column("item_id", Id, nullable=True, comment="where it lay in suspense: the item"),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.payout_id"], name=op.f("fk_payout_sources_payout_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", "seq", name=op.f("pk_payout_sources")),
    )
    op.create_table(
        "payout_transitions",
        sa.Column("payout_id", Id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("raw_id", Id, nullable=True, comment="the notice that caused it"),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.payout_id"], name=op.f("fk_payout_transitions_payout_id")
        ),
        sa.PrimaryKeyConstraint("payout_id", "seq", name=op.f("pk_payout_transitions")),
    )


def downgrade() -> None:
    op.drop_table("payout_transitions")
    op.drop_table("payout_sources")
    with op.batch_alter_table("payouts", schema=None) as batch_op:
        batch_op.drop_index("ix_payouts_status_created_at")
        batch_op.drop_index("ix_payouts_provider_reference")
        batch_op.drop_index(batch_op.f("ix_payouts_payment_id"))
        batch_op.drop_index(
            "ix_payouts_next_check_at",
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_payouts_msisdn")
        batch_op.drop_index(batch_op.f("ix_payouts_item_id"))

    op.drop_table("payouts")
