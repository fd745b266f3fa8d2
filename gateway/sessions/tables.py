"""Tables of USSD calls. A hop is written once, never changed; the last one holds where the caller stands."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata
from taps.tables import Msisdn

ussd_sessions = sa.Table(
    "ussd_sessions",
    metadata,
    sa.Column("session_id", Id, primary_key=True),
    sa.Column("channel", sa.String(20), nullable=False),
    sa.Column("external_id", sa.String(100), nullable=False, comment="the aggregator's session id"),
    sa.Column("turn", sa.Integer, nullable=False, comment="1, 2, …: some aggregators use an id again"),
    sa.Column("msisdn", Msisdn, nullable=False),
    sa.Column("network_code", sa.String(10), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    # Unique, so that a first hop sent twice to two processes at the same moment is one call.
    sa.Index("ix_ussd_sessions_external_id", "external_id", "channel", "turn", unique=True),
    sa.Index("ix_ussd_sessions_msisdn", "msisdn", "started_at"),
)

ussd_hops = sa.Table(
    "ussd_hops",
    metadata,
    sa.Column("session_id", Id, sa.ForeignKey("ussd_sessions.session_id"), primary_key=True),
    sa.Column("hop_no", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False, comment="the whole history, or the latest input (Hop.mark)"),
    sa.Column(
        "reply", sa.String(400), nullable=False, comment="the screen's words, given again to a repeated hop"
    ),
    sa.Column("screen", sa.String(40), nullable=False),
    sa.Column("is_end", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="the session after this hop, JSON"),
    sa.Column("at", UtcDateTime, nullable=False),
)

# What the aggregator says at the end of a call.
ussd_end_events = sa.Table(
    "ussd_end_events",
    metadata,
    sa.Column("event_id", Id, primary_key=True),
    sa.Column("channel", sa.String(20), nullable=False),
    sa.Column("external_id", sa.String(100), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("hops_metadata", sa.String(400), nullable=False),
    sa.Column("duration_ms", sa.Integer),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("channel", "external_id"),
)
