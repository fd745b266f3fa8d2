"""Tables of zones, taps, the people on them, tariffs, what is owed, and what is wrong at a tap."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata

TapId = sa.String(12)
Msisdn = sa.String(16)
Zone = sa.String(12)
Period = sa.String(7)
Seller = sa.String(60)
Currency = sa.String(3)

zones = sa.Table(
    "zones",
    metadata,
    sa.Column("zone", Zone, primary_key=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
)

taps = sa.Table(
    "taps",
    metadata,
    sa.Column("tap_id", TapId, primary_key=True),
    sa.Column("tap_number", sa.String(6), nullable=False, unique=True),
    sa.Column("zone", Zone, sa.ForeignKey("zones.zone"), nullable=False, index=True),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("caretaker_msisdn", Msisdn, index=True),
    sa.Column("households", sa.Integer),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# How a tap is billed, from a period on: the row with the latest `from_period` not after a period counts.
tap_billings = sa.Table(
    "tap_billings",
    metadata,
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), primary_key=True),
    sa.Column("from_period", Period, primary_key=True),
    sa.Column("billing", sa.String(14), nullable=False, comment="shared or individualized"),
)

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("tenant_id", Id, primary_key=True),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), nullable=False),
    sa.Column("msisdn", Msisdn, nullable=False, index=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("occupants", sa.Integer, nullable=False),
    sa.Column("removed_at", UtcDateTime, comment="set when the tenant left the tap; debts stay"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("tap_id", "msisdn"),
)

# A phone that Madzi has met; its language is chosen once and remembered.
customers = sa.Table(
    "customers",
    metadata,
    sa.Column("msisdn", Msisdn, primary_key=True),
    sa.Column("language", sa.String(3), comment="empty until the phone's owner chose one"),
    sa.Column("chosen_in", sa.String(130), comment="the USSD call in which it was chosen"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# Taps that a phone has paid for, beside those where it is a tenant's.
customer_taps = sa.Table(
    "customer_taps",
    metadata,
    sa.Column("msisdn", Msisdn, primary_key=True),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), primary_key=True),
    sa.Column("last_used_at", UtcDateTime, nullable=False),
)

sellers = sa.Table(
    "sellers",
    metadata,
    sa.Column("seller", Seller, primary_key=True, comment="the name, as payers see it"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

tariffs = sa.Table(
    "tariffs",
    metadata,
    sa.Column("zone", Zone, sa.ForeignKey("zones.zone"), primary_key=True),
    sa.Column("component", sa.String(8), primary_key=True, comment="water or refuse"),
    sa.Column("seller", Seller, sa.ForeignKey("sellers.seller"), primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("basis", sa.String(16), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
)

# Containers and sacks sold in a period; an empty msisdn means the tap as a whole.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), primary_key=True),
    sa.Column("tenant_msisdn", Msisdn, primary_key=True),
    sa.Column("component", sa.String(8), primary_key=True),
    sa.Column("period", Period, primary_key=True),
    sa.Column("quantity", sa.Integer, nullable=False),
)

# What a tap or one tenant owes for a period. `owner` is the tap_id or the tenant_id: it makes the debt of
# each owner and period unique on both databases (a NULL would not).
debts = sa.Table(
    "debts",
    metadata,
    sa.Column("debt_id", Id, primary_key=True),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), nullable=False),
    sa.Column("tenant_id", Id, sa.ForeignKey("tenants.tenant_id")),
    sa.Column("owner", sa.String(36), nullable=False),
    sa.Column("zone", Zone, nullable=False),
    sa.Column("period", Period, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("owner", "period"),
    sa.Index("ix_debts_tap_id_period", "tap_id", "period"),
    sa.Index("ix_debts_zone_period", "zone", "period"),
)

# One seller's part of a debt for one component: what payments claim and pay.
debt_parts = sa.Table(
    "debt_parts",
    metadata,
    sa.Column("part_id", Id, primary_key=True),
    sa.Column("debt_id", Id, sa.ForeignKey("debts.debt_id"), nullable=False, index=True),
    sa.Column("component", sa.String(8), nullable=False),
    sa.Column("seller", Seller, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("paid_minor", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("debt_id", "component", "seller"),
    sa.CheckConstraint("paid_minor >= 0 AND paid_minor <= amount_minor", name="paid_within_amount"),
)

# People with a role; a token is kept only as its SHA-256.
users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("role", sa.String(12), nullable=False),
    sa.Column("msisdn", Msisdn, index=True),
    sa.Column("token_hash", sa.String(64), unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# Where a user's role holds; a user without a row here has every zone.
user_zones = sa.Table(
    "user_zones",
    metadata,
    sa.Column("name", sa.String(60), sa.ForeignKey("users.name"), primary_key=True),
    sa.Column("zone", Zone, sa.ForeignKey("zones.zone"), primary_key=True),
)

# How many people use a tap, as its caretaker counted them; the latest count holds.
tap_counts = sa.Table(
    "tap_counts",
    metadata,
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), primary_key=True),
    sa.Column("counted_at", UtcDateTime, primary_key=True),
    sa.Column("occupants", sa.Integer, nullable=False),
    sa.Column("counted_by", Msisdn, nullable=False),
)

# What somebody reported, or a rule found, at a tap or at "another place" (no tap).
_UNRESOLVED = sa.text("rule IS NOT NULL AND state IN ('open', 'visited')")
flags = sa.Table(
    "flags",
    metadata,
    sa.Column("flag_id", Id, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True, comment="the reference F-0042 as a number"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id")),
    sa.Column("words", sa.String(160), nullable=False),
    sa.Column("reported_by", Msisdn, comment="empty where a rule found it"),
    sa.Column("source", sa.String(10), nullable=False, comment="resident, caretaker or detected"),
    sa.Column("rule", sa.String(16), comment="which rule found it"),
    sa.Column("owner", sa.String(60), sa.ForeignKey("users.name")),
    sa.Column("state", sa.String(10), nullable=False, comment="open, visited, confirmed, cleared"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_flags_tap_id_state", "tap_id", "state"),
    sa.Index("ix_flags_state_number", "state", "number"),
    sa.Index("ix_flags_reported_by_state", "reported_by", "state"),
    # A rule has at most one flag on a tap that nobody has resolved yet.
    sa.Index(
        "uq_flags_unresolved_rule",
        "tap_id",
        "rule",
        unique=True,
        sqlite_where=_UNRESOLVED,
        postgresql_where=_UNRESOLVED,
    ),
)

# The history of each flag, its opening and its owners included.
flag_transitions = sa.Table(
    "flag_transitions",
    metadata,
    sa.Column("transition_id", Id, primary_key=True),
    sa.Column("flag_id", Id, sa.ForeignKey("flags.flag_id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("event", sa.String(10), nullable=False, comment="open, assign, visit, confirm, clear"),
    sa.Column("from_state", sa.String(10), comment="empty at the opening"),
    sa.Column("to_state", sa.String(10), nullable=False),
    sa.Column("actor", sa.String(60), nullable=False, comment="a user, a phone, or the rule"),
    sa.Column("note", sa.String(160), nullable=False),
    sa.Index("ix_flag_transitions_flag_id_at", "flag_id", "at"),
)
