"""Unresolved flags of a phone by an index of their own: the one on states drew the plan away."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_flags_reported_by", table_name="flags")
    op.create_index("ix_flags_reported_by_state", "flags", ["reported_by", "state"])


def downgrade() -> None:
    op.drop_index("ix_flags_reported_by_state", table_name="flags")
    op.create_index("ix_flags_reported_by", "flags", ["reported_by"])
