"""Zones' own gateway accounts, sealed; callback tokens in a table of their own.

The tokens of before are sealed by the next start of any process: a migration has no master key.
"""

import sqlalchemy as sa
from alembic import op
from core.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False, comment="stands in each envelope"),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False, comment="an envelope under a master key"),
        sa.Column("is_current", sa.Boolean(), nullable=False, comment="seals; the others only open"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_vault_keys")),
    )
    op.create_table(
        "vault_turns",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger(),
            nullable=False,
            comment="another one: look at what is sealed again",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_vault_turns")),
    )
    with op.batch_alter_table("gateway_accounts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "state",
                sa.String(length=8),
                nullable=False,
                server_default="enabled",
                comment="enabled, disabled or removed",
            )
        )
        batch_op.add_column(
            sa.Column(
                "credentials",
                sa.LargeBinary(),
                nullable=True,
                comment="sealed JSON; empty: from the settings of the installation",
            )
        )
        batch_op.add_column(
            sa.Column(
                "version",
                sa.Integer(),
                nullable=False,
                server_default="1",
                comment="the envelope is bound to it",
            )
        )
        batch_op.add_column(sa.Column("updated_at", UtcDateTime(), nullable=True))
        batch_op.alter_column("callback_token", existing_type=sa.String(length=22), nullable=True)
    op.execute("UPDATE gateway_accounts SET updated_at = created_at")
    with op.batch_alter_table("gateway_accounts", schema=None) as batch_op:
        batch_op.alter_column("updated_at", existing_type=UtcDateTime(), nullable=False)
        batch_op.alter_column("state", existing_type=sa.String(length=8), server_default=None)
        batch_op.alter_column("version", existing_type=sa.Integer(), server_default=None)

    op.create_table(
        "callback_tokens",
        sa.Column(
            "token_hash", sa.String(length=64), nullable=False, comment="SHA-256 of 128 random bits, in hex"
        ),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="the token itself, to show its addresses"
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="the envelope is bound to it"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column(
            "ends_at",
            UtcDateTime(),
            nullable=True,
            comment="empty: the newest; the others are taken until then",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["gateway_accounts.account_id"], name=op.f("fk_callback_tokens_account_id")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_callback_tokens")),
    )
    with op.batch_alter_table("callback_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callback_tokens_account_id"), ["account_id"], unique=False)


def downgrade() -> None:
    """Zones' own accounts are lost; default ones get new callback tokens at the next start."""
    op.drop_table("callback_tokens")
    op.execute("DELETE FROM gateway_accounts")
    with op.batch_alter_table("gateway_accounts", schema=None) as batch_op:
        batch_op.alter_column("callback_token", existing_type=sa.String(length=22), nullable=False)
        batch_op.drop_column("updated_at")
        batch_op.drop_column("version")
        batch_op.drop_column("credentials")
        batch_op.drop_column("state")
    op.drop_table("vault_turns")
    op.drop_table("vault_keys")
