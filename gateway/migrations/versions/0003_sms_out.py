"""SMS: purpose, sender, reason, and the price in the aggregator's own words."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNDELIVERED = sa.text("status IN ('dead', 'failed')")


def upgrade() -> None:
    with op.batch_alter_table("sms_messages") as batch_op:
        batch_op.add_column(
            sa.Column(
                "purpose",
                sa.String(length=8),
                server_default="service",
                nullable=False,
                comment="service, reminder",
            )
        )
        batch_op.add_column(
            sa.Column("sender", sa.String(length=20), comment="the number that was texted; empty: the name")
        )
        batch_op.add_column(
            sa.Column("country", sa.String(length=2), comment="whose clock a reminder's quiet hours follow")
        )
        batch_op.add_column(
            sa.Column(
                "reason",
                sa.String(length=20),
                comment="why it is not there yet, or never will be: sms.reasons",
            )
        )
        batch_op.add_column(
            sa.Column(
                "cost_said",
                sa.String(length=24),
                comment="the aggregator's own words: it counts in smaller units",
            )
        )
        batch_op.create_index(
            "ix_sms_messages_undelivered",
            ["status", "reason"],
            postgresql_where=_UNDELIVERED,
            sqlite_where=_UNDELIVERED,
        )


def downgrade() -> None:
    with op.batch_alter_table("sms_messages") as batch_op:
        batch_op.drop_index("ix_sms_messages_undelivered")
        for name in ("cost_said", "reason", "country", "sender", "purpose"):
            batch_op.drop_column(name)
