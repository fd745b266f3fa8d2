"""Short links of ours to the pages on which payments are paid."""

import sqlalchemy as sa
from alembic import op
from core.db import Id, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pay_links",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("token", sa.String(length=22), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False, comment="the provider's page"),
        sa.Column("until", UtcDateTime(), nullable=False, comment="when the page closes"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_pay_links")),
        sa.UniqueConstraint("token", name=op.f("uq_pay_links_token")),
    )


def downgrade() -> None:
    op.drop_table("pay_links")
