"""The table of breakers: one row for each gateway account that was ever called."""

import sqlalchemy as sa

from core.db import UtcDateTime, metadata
from payments.tables import AccountId

gateway_health = sa.Table(
    "gateway_health",
    metadata,
    sa.Column("account_id", AccountId, primary_key=True),
    sa.Column("state", sa.String(10), nullable=False, comment="closed, open, half_open"),
    sa.Column("half_since", UtcDateTime, comment="when the current half of the window began"),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("bad", sa.Integer, nullable=False),
    sa.Column("good_before", sa.Integer, nullable=False, comment="in the half before"),
    sa.Column("bad_before", sa.Integer, nullable=False),
    sa.Column("opened", sa.Integer, nullable=False, comment="times in a row"),
    sa.Column("probe_at", UtcDateTime, comment="while open: when one call may try"),
    sa.Column("probe_id", sa.String(36), comment="who tries"),
    sa.Column("probe_until", UtcDateTime, comment="when that one's place is free again"),
    sa.Column("changed_at", UtcDateTime, comment="of the state"),
    sa.Column("version", sa.Integer, nullable=False),
)
