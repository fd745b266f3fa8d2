"""Signatures of callbacks, as they were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "callbacks",
        sa.Column(
            "signature", sa.String(length=1400), nullable=True, comment="as sent, where this provider signs"
        ),
    )


def downgrade() -> None:
    op.drop_column("callbacks", "signature")
