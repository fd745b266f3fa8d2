"""Tables of payouts: money that goes out to people, where it came from in the books, and every move."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata
from payments.tables import AccountId, Status
from taps.tables import Currency, Msisdn

payouts = sa.Table(
    "payouts",
    metadata,
    sa.Column("payout_id", Id, primary_key=True),
    sa.Column("kind", sa.String(10), nullable=False, comment="reversal, refund, transfer"),
    sa.Column("reason", sa.String(10), nullable=False, comment="payment, wallet, suspense"),
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), index=True),
    sa.Column("item_id", Id, index=True, comment="of suspense, where one item is given back"),
    sa.Column("msisdn", Msisdn, nullable=False, comment="who gets it"),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("provider", sa.String(12), nullable=False),
    sa.Column("account_id", AccountId, nullable=False, comment="the gateway account that pays"),
    sa.Column("agent", sa.String(60), comment="whose cash it is given from"),
    sa.Column("reference", Id, nullable=False, unique=True, comment="ours, for the rail; a UUIDv4"),
    sa.Column("callback_key", sa.String(22), nullable=False, unique=True, comment="begins with p."),
    sa.Column("provider_reference", sa.String(80)),
    sa.Column("receipt", sa.String(40)),
    sa.Column("status", Status, nullable=False),
    sa.Column("failure", sa.String(20), comment="why it failed or was rejected"),
    sa.Column(
        "send_state", sa.String(10), nullable=False, comment="none, started, accepted, unknown, refused"
    ),
    sa.Column("attempts", sa.Integer, nullable=False, comment="how often it was handed to the rail"),
    sa.Column("checks", sa.Integer, nullable=False, comment="how often the rail was asked"),
    sa.Column("next_check_at", UtcDateTime, comment="empty: nobody need ask any more"),
    sa.Column("is_final", sa.Boolean, nullable=False, comment="it ended; only staff can contradict"),
    sa.Column("requested_by", sa.String(60), nullable=False),
    sa.Column("approved_by", sa.String(60), comment="the second person, above the limit"),
    sa.Column("note", sa.String(160), nullable=False),
    sa.Column("correlation_id", sa.String(64), nullable=False),
    sa.Column("sent_at", UtcDateTime, comment="when the rail took it, or may have"),
    sa.Column("moves", sa.Integer, nullable=False, comment="rows in payout_transitions"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("amount_minor > 0", name="payout_is_something"),
    sa.Index("ix_payouts_status_created_at", "status", "created_at"),
    sa.Index("ix_payouts_msisdn", "msisdn"),
    sa.Index("ix_payouts_provider_reference", "provider_reference"),
)
_TO_CHECK = sa.text("next_check_at IS NOT NULL")
sa.Index(
    "ix_payouts_next_check_at",
    payouts.c.next_check_at,
    postgresql_where=_TO_CHECK,
    sqlite_where=_TO_CHECK,
)

payout_transitions = sa.Table(
    "payout_transitions",
    metadata,
    sa.Column("payout_id", Id, sa.ForeignKey("payouts.payout_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("from_status", Status),
    sa.Column("to_status", Status, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("cause", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(60), nullable=False),
    sa.Column("raw_id", Id, comment="the notice that caused it"),
    sa.Column("detail", sa.String(200)),
)

# Where the money of a payout lay in the books before it was held; written once, when it is held.
payout_sources = sa.Table(
    "payout_sources",
    metadata,
    sa.Column("payout_id", Id, sa.ForeignKey("payouts.payout_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("ledger_account", sa.String(100), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("order_id", Id, comment="where it had paid a debt: the order"),
    sa.Column("part_id", Id, comment="where it had paid a debt: the debt's part"),
    sa.Column("item_id", Id, comment="where it lay in suspense: the item"),
)
