"""Tables of gateway accounts."""

import sqlalchemy as sa

from core.db import UtcDateTime, metadata

gateway_accounts = sa.Table(
    "gateway_accounts",
    metadata,
    sa.Column("account_id", sa.String(40), primary_key=True, comment="provider:default, or provider:zone"),
    sa.Column("provider", sa.String(12), nullable=False),
    sa.Column("zone", sa.String(12), comment="empty: for zones without an account of their own"),
    sa.Column("callback_token", sa.String(22), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
