"""Tables of SMS in both directions."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata

Msisdn = sa.String(16)
ProviderMessageId = sa.String(100)

sms_messages = sa.Table(
    "sms_messages",
    metadata,
    sa.Column("sms_id", Id, primary_key=True),
    sa.Column("fact_key", sa.String(120), nullable=False, unique=True, comment="one SMS a fact"),
    sa.Column("msisdn", Msisdn, nullable=False, index=True),
    sa.Column("template", sa.String(40), nullable=False, comment="catalogue key"),
    sa.Column("params", sa.Text, nullable=False, comment="JSON"),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("text", sa.Text, nullable=False, comment="rendered once: a second try sends the same words"),
    sa.Column("encoding", sa.String(4), nullable=False, comment="gsm7 or ucs2"),
    sa.Column("units", sa.Integer, nullable=False, comment="septets or UCS-2 code units"),
    sa.Column("segments", sa.Integer, nullable=False),
    sa.Column("purpose", sa.String(8), nullable=False, server_default="service", comment="service, reminder"),
    sa.Column("sender", sa.String(20), comment="the number that was texted; empty: the name"),
    sa.Column("country", sa.String(2), comment="whose clock a reminder's quiet hours follow"),
    sa.Column("status", sa.String(9), nullable=False, comment="sms.lifecycle"),
    sa.Column("reason", sa.String(20), comment="why it is not there yet, or never will be: sms.reasons"),
    sa.Column("attempts", sa.Integer, nullable=False, comment="hand-overs begun"),
    sa.Column("unknowns", sa.Integer, nullable=False, comment="hand-overs whose outcome nobody knows"),
    # Not unique: an aggregator that repeats an id must not keep a batch's results from being stored.
    sa.Column("provider_message_id", ProviderMessageId, index=True),
    sa.Column("provider_status", sa.String(60), comment="the aggregator's own last word"),
    sa.Column("cost_minor", sa.Integer),
    sa.Column("cost_currency", sa.String(3)),
    sa.Column("cost_said", sa.String(24), comment="the aggregator's own words: it counts in smaller units"),
    sa.Column("correlation_id", sa.String(64), nullable=False),
    sa.Column("payment_id", Id, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
_UNDELIVERED = sa.text("status IN ('dead', 'failed')")
sa.Index(
    "ix_sms_messages_undelivered",
    sms_messages.c.status,
    sms_messages.c.reason,
    postgresql_where=_UNDELIVERED,
    sqlite_where=_UNDELIVERED,
)

# Stored before it is believed; `sms_id` is empty until the SMS it speaks of is found.
sms_delivery_reports = sa.Table(
    "sms_delivery_reports",
    metadata,
    sa.Column("report_id", Id, primary_key=True),
    sa.Column("provider_message_id", ProviderMessageId, nullable=False, index=True),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("failure_reason", sa.String(60)),
    sa.Column("raw", sa.LargeBinary, nullable=False, comment="the form as it came, JSON"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("sms_id", Id),
)

sms_inbound = sa.Table(
    "sms_inbound",
    metadata,
    sa.Column("inbound_id", ProviderMessageId, primary_key=True, comment="the aggregator's id"),
    sa.Column("sender", sa.String(20), nullable=False, comment="from"),
    sa.Column("recipient", sa.String(20), nullable=False, comment="to"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False, comment="the form as it came, JSON"),
    # What came before anybody answered is left alone.
    sa.Column(
        "state", sa.String(8), nullable=False, server_default="old", comment="waiting, answered, ignored, old"
    ),
    sa.Column("answered_at", UtcDateTime),
)

# A person who has a row here gets no reminders, whatever the sender; see sms.optouts.
sms_opt_outs = sa.Table(
    "sms_opt_outs",
    metadata,
    sa.Column("msisdn", Msisdn, primary_key=True),
    sa.Column(
        "sender",
        sa.String(20),
        primary_key=True,
        comment="the sender id that is stopped; empty: asked by SMS",
    ),
    sa.Column("at", UtcDateTime, nullable=False),
)
