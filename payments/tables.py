"""Tables of checkouts, payments, their orders and claims, callbacks, the ledger, and what is left open."""

import sqlalchemy as sa

from core.db import Id, UtcDateTime, metadata
from taps.tables import Currency, Msisdn, Period, Seller, TapId, Zone

Status = sa.String(12)
AccountId = sa.String(40)

checkouts = sa.Table(
    "checkouts",
    metadata,
    sa.Column("checkout_id", Id, primary_key=True),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), nullable=False),
    sa.Column("tenant_id", Id),
    sa.Column("msisdn", Msisdn, nullable=False),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("payment_id", Id, primary_key=True),
    sa.Column("payment_request_id", Id, nullable=False, unique=True),
    sa.Column("request_hash", sa.String(64), nullable=False, comment="of the body the key came with first"),
    sa.Column("checkout_id", Id, sa.ForeignKey("checkouts.checkout_id"), nullable=False),
    sa.Column("user_id", sa.String(60), comment="the platform's user, if any"),
    sa.Column("msisdn", Msisdn, nullable=False, comment="whose wallet pays"),
    sa.Column("contact_msisdn", Msisdn, nullable=False, comment="who asked: is told"),
    sa.Column("tap_id", TapId, sa.ForeignKey("taps.tap_id"), nullable=False),
    sa.Column("tenant_id", Id),
    sa.Column("zone", Zone, nullable=False),
    sa.Column("period", Period, nullable=False, comment="the newest period it pays"),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("provider", sa.String(12), nullable=False),
    sa.Column("account_id", AccountId, nullable=False, comment="the gateway account"),
    sa.Column(
        "reference", Id, nullable=False, unique=True, comment="ours, for the rail; stored before sending"
    ),
    sa.Column("callback_key", sa.String(22), nullable=False, unique=True),
    sa.Column("provider_reference", sa.String(80)),
    sa.Column("receipt", sa.String(40)),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("correlation_id", sa.String(64), nullable=False, index=True),
    sa.Column("validation", sa.String(10), nullable=False, comment="proceed or reject"),
    sa.Column("status", Status, nullable=False),
    sa.Column("reason", sa.String(20)),
    sa.Column("is_final", sa.Boolean, nullable=False, comment="the provider has said its last word"),
    sa.Column(
        "push_state", sa.String(10), nullable=False, comment="none, started, accepted, unknown, refused"
    ),
    sa.Column("push_attempts", sa.Integer, nullable=False),
    sa.Column("push_after", UtcDateTime, nullable=False),
    sa.Column("pushed_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("checks", sa.Integer, nullable=False, comment="how often the provider was asked"),
    sa.Column("next_check_at", UtcDateTime, comment="empty: nobody need ask any more"),
    sa.Column("asked_at", UtcDateTime, comment="when the provider last gave any answer about it"),
    sa.Column("guided_at", UtcDateTime, comment="when the payer was told that it takes long"),
    sa.Column("moves", sa.Integer, nullable=False, comment="rows in payment_transitions"),
    sa.Column("routes", sa.Integer, nullable=False, server_default="1", comment="rows in payment_routes"),
    sa.Column(
        "waits",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="asked for when its rail is back",
    ),
    sa.Column("held_at", UtcDateTime, comment="when the payer was told that the rail is down"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("ix_payments_msisdn_created_at", "msisdn", "created_at"),
    sa.Index("ix_payments_contact_created_at", "contact_msisdn", "created_at"),
    sa.Index("ix_payments_tap_id_created_at", "tap_id", "created_at"),
    sa.Index("ix_payments_status_created_at", "status", "created_at"),
    sa.Index("ix_payments_created_at", "created_at", "payment_id"),
    sa.Index("ix_payments_zone_created_at", "zone", "created_at"),
    sa.Index("ix_payments_provider_reference", "provider_reference"),
    sa.Index("ix_payments_receipt", "receipt"),
)
_TO_CHECK = sa.text("next_check_at IS NOT NULL")
sa.Index(
    "ix_payments_next_check_at",
    payments.c.next_check_at,
    postgresql_where=_TO_CHECK,
    sqlite_where=_TO_CHECK,
)
# The status of payments that are found by another column. SQLite would rather read every payment of a status
# than those of each phone; being an expression, this one has no index.
status_of_found = payments.c.status.concat("")

payment_transitions = sa.Table(
    "payment_transitions",
    metadata,
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("from_status", Status),
    sa.Column("to_status", Status, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("cause", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(60), nullable=False),
    sa.Column("raw_id", Id, comment="the callback that caused it"),
    sa.Column("detail", sa.String(200)),
)

# By which rail a payment goes, and why: a row when it is accepted, and one for each move to another rail.
payment_routes = sa.Table(
    "payment_routes",
    metadata,
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("cause", sa.String(20), nullable=False, comment="accepted, rail_down, not_reached, refused"),
    sa.Column("provider", sa.String(12), nullable=False),
    sa.Column("account_id", AccountId, nullable=False),
    sa.Column("reference", Id, nullable=False, comment="ours, on this rail"),
    sa.Column(
        "reasons", sa.Text, nullable=False, comment="JSON: [provider, why] for each rail that was there"
    ),
)

payment_orders = sa.Table(
    "payment_orders",
    metadata,
    sa.Column("order_id", Id, primary_key=True),
    sa.Column("checkout_id", Id, sa.ForeignKey("checkouts.checkout_id"), nullable=False, index=True),
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), nullable=False, index=True),
    sa.Column("seller", Seller, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("status", Status, nullable=False),
    sa.Column("reason", sa.String(20)),
)

# What a payment will pay: one row for each debt part. The partial index is the guard of rule 1.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("part_id", Id, sa.ForeignKey("debt_parts.part_id"), primary_key=True),
    sa.Column("order_id", Id, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
)
_OPEN = sa.text("is_open")
sa.Index("uq_claims_open", claims.c.part_id, unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)
sa.Index("ix_claims_part_id", claims.c.part_id)

# Money that a provider has proven: exactly one row for each payment that succeeded, one for each receipt.
# Without a payment it is money that nobody asked for and nobody has placed yet: an item holds all of it.
credits_ = sa.Table(
    "credits",
    metadata,
    sa.Column(
        "credit_id", Id, primary_key=True, comment="its payment's id, unless it came before its payment"
    ),
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), unique=True),
    sa.Column("account_id", AccountId, nullable=False),
    sa.Column("receipt", sa.String(40)),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("proof", sa.String(20), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("account_reference", sa.String(40), comment="what the payer typed as the account"),
    sa.Column("msisdn", Msisdn, comment="the payer, where told in full"),
    sa.Column("masked_msisdn", sa.String(20), comment="the payer, as told with parts hidden"),
    sa.Column("second_reference", sa.String(40), comment="a bank's own number beside the receipt"),
    sa.UniqueConstraint("account_id", "receipt"),
    sa.Index("ix_credits_second_reference", "account_id", "second_reference"),
)

# What an agent wrote down: one row for each payment in cash.
cash_receipts = sa.Table(
    "cash_receipts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="4217 is C-004217"),
    sa.Column("payment_id", Id, sa.ForeignKey("payments.payment_id"), nullable=False, unique=True),
    sa.Column("agent", sa.String(60), nullable=False, comment="a user's name"),
    sa.Column("payer_msisdn", Msisdn, comment="whom the agent named; empty: nobody"),
    sa.Column("left_minor", sa.BigInteger, nullable=False, comment="open afterwards, as the agent was told"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_cash_receipts_agent_at", "agent", "at"),
)

# Cash that an agent has brought to a safe: one row for each time, posted as `hand_in:<number>`.
hand_ins = sa.Table(
    "hand_ins",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="12 is H-000012"),
    sa.Column("agent", sa.String(60), nullable=False, comment="a user's name"),
    sa.Column("safe", sa.String(60), nullable=False, comment="where it lies now"),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("left_minor", sa.BigInteger, nullable=False, comment="still with the agent, as they were told"),
    sa.Column("received_by", sa.String(60), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_hand_ins_agent_at", "agent", "at"),
)

callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("raw_id", Id, primary_key=True),
    sa.Column("account_id", AccountId, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("key", sa.String(22), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("source", sa.String(45), nullable=False, comment="the peer's address"),
    sa.Column("signature", sa.String(1400), comment="as sent, where this provider signs"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False, comment="new, confirmed, repeated, unmatched …"),
    sa.Column("payment_id", Id, index=True),
    sa.Index("ix_callbacks_received_at", "received_at"),
)

ledger_transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("ledger_id", Id, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("fact_key", sa.String(80), nullable=False, unique=True, comment="a fact is posted once"),
    sa.Column("payment_id", Id, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("ledger_id", Id, sa.ForeignKey("ledger_transactions.ledger_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("ledger_account", sa.String(100), nullable=False, index=True),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False, comment="debit above zero, credit below"),
)

ledger_balances = sa.Table(
    "ledger_balances",
    metadata,
    sa.Column("ledger_account", sa.String(100), primary_key=True),
    sa.Column("currency", Currency, primary_key=True),
    sa.Column("balance_minor", sa.BigInteger, nullable=False),
)

# Money or claims of money that a person must look at. `held_minor` is what the suspense account holds for it.
suspense_items = sa.Table(
    "suspense_items",
    metadata,
    sa.Column("item_id", Id, primary_key=True),
    sa.Column("fact_key", sa.String(100), nullable=False, unique=True, comment="a fact opens one item"),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("status", sa.String(10), nullable=False, comment="open, assigned, refunding, refunded, closed"),
    sa.Column("account_id", AccountId, nullable=False),
    sa.Column("payment_id", Id, index=True, comment="whose money it was, or whose outcome is in doubt"),
    sa.Column("credit_id", Id, index=True, comment="the money, where it never had a payment"),
    sa.Column("raw_id", Id),
    sa.Column("held_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", Currency, nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("into_payment_id", Id, index=True, comment="the payment that the money was assigned to"),
    sa.Column("resolved_by", sa.String(60), comment="who assigned, refunded or closed it"),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("note", sa.String(200)),
)
sa.Index("ix_suspense_items_status", suspense_items.c.status, suspense_items.c.created_at)
