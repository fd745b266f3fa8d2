"""SMS in: what became of each one."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sms_inbound") as batch:
        batch.add_column(
            sa.Column(
                "state",
                sa.String(8),
                nullable=False,
                server_default="old",
                comment="waiting, answered, ignored, old",
            )
        )
        batch.add_column(sa.Column("answered_at", UtcDateTime()))


def downgrade() -> None:
    with op.batch_alter_table("sms_inbound") as batch:
        batch.drop_column("answered_at")
        batch.drop_column("state")
