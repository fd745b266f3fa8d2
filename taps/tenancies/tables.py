"""What caretakers changed: rows are added only, and marked once when they are undone."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata
from taps.tables import Msisdn, TapId

tenancy_changes = sa.Table(
    "tenancy_changes",
    metadata,
    sa.Column("change_id", Id, primary_key=True),
    sa.Column("by_msisdn", Msisdn, nullable=False, comment="the caretaker's phone"),
    sa.Column("seq", sa.Integer, nullable=False, comment="1, 2, 3 … for each caretaker"),
    sa.Column("command_id", sa.String(120), nullable=False, comment="one word of one SMS, or one hop"),
    sa.Column("kind", sa.String(10), nullable=False, comment="registered, moved, … undone"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("tap_id", TapId, nullable=False, index=True),
    sa.Column("tenant_id", Id, comment="empty for a count"),
    # Each a list of what stood and stands at one place, in the same order: a tenant's row or a tap's count.
    sa.Column("before", sa.Text, nullable=False, comment="JSON"),
    sa.Column("after", sa.Text, nullable=False, comment="JSON"),
    sa.Column(
        "there", sa.Integer, nullable=False, comment="tenants of the tap then; for a count the people in them"
    ),
    sa.Column("undoes", Id, comment="the change that this one took back"),
    sa.Column("undone_at", UtcDateTime),
    sa.UniqueConstraint("by_msisdn", "seq"),
    sa.UniqueConstraint("command_id", "by_msisdn"),
)
