"""First answers by idempotency key: a repeat gets them byte for byte."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata

api_replies = sa.Table(
    "api_replies",
    metadata,
    sa.Column("idempotency_key", Id, primary_key=True),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("user_name", sa.String(60), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
