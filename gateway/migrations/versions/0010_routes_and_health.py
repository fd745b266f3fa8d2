"""By which rail a payment goes and why, and how the gateway accounts do."""

import sqlalchemy as sa
from alembic import op

from core.db import Id, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_health",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="closed, open, half_open"),
        sa.Column(
            "half_since", UtcDateTime(), nullable=True, comment="when the current half of the window began"
        ),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("good_before", sa.Integer(), nullable=False, comment="in the half before"),
        sa.Column("bad_before", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False, comment="times in a row"),
        sa.Column("probe_at", UtcDateTime(), nullable=True, comment="while open: when one call may try"),
        sa.Column("probe_id", sa.String(length=36), nullable=True, comment="who tries"),
        sa.Column("probe_until", UtcDateTime(), nullable=True, comment="when that one's place is free again"),
        sa.Column("changed_at", UtcDateTime(), nullable=True, comment="of the state"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_gateway_health")),
    )
    op.create_table(
        "payment_routes",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "cause",
            sa.String(length=20),
            nullable=False,
            comment="accepted, rail_down, not_reached, refused",
        ),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("reference", Id, nullable=False, comment="ours, on this rail"),
        sa.Column(
            "reasons", sa.Text(), nullable=False, comment="JSON: [provider, why] for each rail that was there"
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payment_id"], name=op.f("fk_payment_routes_payment_id")
        ),
        sa.PrimaryKeyConstraint("payment_id", "seq", name=op.f("pk_payment_routes")),
    )
    op.add_column(
        "payments",
        sa.Column(
            "routes", sa.Integer(), server_default="1", nullable=False, comment="rows in payment_routes"
        ),
    )
    op.add_column(
        "payments",
        sa.Column(
            "waits",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="asked for when its rail is back",
        ),
    )
    op.add_column(
        "payments",
        sa.Column(
            "held_at", UtcDateTime(), nullable=True, comment="when the payer was told that the rail is down"
        ),
    )


def downgrade() -> None:
    op.drop_column("payments", "held_at")
    op.drop_column("payments", "waits")
    op.drop_column("payments", "routes")
    op.drop_table("payment_routes")
    op.drop_table("gateway_health")
