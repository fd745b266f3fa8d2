"""What caretakers changed about who is on a tap: the history that UNDO takes back."""

import sqlalchemy as sa
from alembic import op

from core.db import Id, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenancy_changes",
        sa.Column("change_id", Id, nullable=False),
        sa.Column("by_msisdn", sa.String(length=16), nullable=False, comment="the caretaker's phone"),
        sa.Column("seq", sa.Integer(), nullable=False, comment="1, 2, 3 … for each caretaker"),
        sa.Column(
            "command_id", sa.String(length=120), nullable=False, comment="one word of one SMS, or one hop"
        ),
        sa.Column("kind", sa.String(length=10), nullable=False, comment="registered, moved, … undone"),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tenant_id", Id, nullable=True, comment="empty for a count"),
        sa.Column("before", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("after", sa.Text(), nullable=False, comment="JSON"),
        sa.Column(
            "there",
            sa.Integer(),
            nullable=False,
            comment="tenants of the tap then; for a count the people in them",
        ),
        sa.Column("undoes", Id, nullable=True, comment="the change that this one took back"),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_tenancy_changes")),
        sa.UniqueConstraint("by_msisdn", "seq", name=op.f("uq_tenancy_changes_by_msisdn_seq")),
        sa.UniqueConstraint("command_id", "by_msisdn", name=op.f("uq_tenancy_changes_command_id_by_msisdn")),
    )
    op.create_index("ix_tenancy_changes_tap_id", "tenancy_changes", ["tap_id"])


def downgrade() -> None:
    op.drop_index("ix_tenancy_changes_tap_id", table_name="tenancy_changes")
    op.drop_table("tenancy_changes")
