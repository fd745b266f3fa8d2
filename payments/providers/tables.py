"""Tables of gateway accounts."""

import sqlalchemy as sa

from core.db import UtcDateTime, metadata

gateway_accounts = sa.Table(
    "gateway_accounts",
    metadata,
    sa.Column("account_id", sa.String(40), primary_key=True, comment="provider:default, or provider:zone"),
    sa.Column("provider", sa.String(12), nullable=False),
    sa.Column("zone", sa.String(12), comment="empty: for zones without an account of their own"),
    sa.Column("state", sa.String(8), nullable=False, comment="enabled, disabled or removed"),
    sa.Column(
        "credentials", sa.LargeBinary, comment="sealed JSON; empty: from the settings of the installation"
    ),
    sa.Column("version", sa.Integer, nullable=False, comment="the envelope is bound to it"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    # Of versions before 0010: the next start seals it into the table below and empties it.
    sa.Column("callback_token", sa.String(22), unique=True, comment="always empty"),
)

callback_tokens = sa.Table(
    "callback_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 of 128 random bits, in hex"),
    sa.Column("account_id", sa.ForeignKey("gateway_accounts.account_id"), nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the token itself, to show its addresses"),
    sa.Column("version", sa.Integer, nullable=False, comment="the envelope is bound to it"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, comment="empty: the newest; the others are taken until then"),
)
