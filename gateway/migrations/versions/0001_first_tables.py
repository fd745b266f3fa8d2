"""The first tables."""

import sqlalchemy as sa
from alembic import op
from core.db import Id
from core.db import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_replies",
        sa.Column("idempotency_key", Id, nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("user_name", sa.String(length=60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idempotency_key", name=op.f("pk_api_replies")),
    )
    op.create_table(
        "callbacks",
        sa.Column("raw_id", Id, nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=22), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=45), nullable=False, comment="the peer's address"),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column(
            "verdict", sa.String(length=16), nullable=False, comment="new, confirmed, repeated, unmatched …"
        ),
        sa.Column("payment_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("raw_id", name=op.f("pk_callbacks")),
    )
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callbacks_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index("ix_callbacks_received_at", ["received_at"], unique=False)

    op.create_table(
        "customers",
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column(
            "language", sa.String(length=3), nullable=True, comment="empty until the phone's owner chose one"
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", name=op.f("pk_customers")),
    )
    op.create_table(
        "gateway_accounts",
        sa.Column(
            "account_id", sa.String(length=40), nullable=False, comment="provider:default, or provider:zone"
        ),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column(
            "zone",
            sa.String(length=12),
            nullable=True,
            comment="empty: for zones without an account of their own",
        ),
        sa.Column("callback_token", sa.String(length=22), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_gateway_accounts")),
        sa.UniqueConstraint("callback_token", name=op.f("uq_gateway_accounts_callback_token")),
    )
    op.create_table(
        "ledger_balances",
        sa.Column("ledger_account", sa.String(length=100), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ledger_account", "currency", name=op.f("pk_ledger_balances")),
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("ledger_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("fact_key", sa.String(length=80), nullable=False, comment="a fact is posted once"),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("ledger_id", name=op.f("pk_ledger_transactions")),
        sa.UniqueConstraint("fact_key", name=op.f("uq_ledger_transactions_fact_key")),
    )
    with op.batch_alter_table("ledger_transactions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_transactions_payment_id"), ["payment_id"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("outbox_id", Id, nullable=False),
        sa.Column(
            "kind", sa.String(length=20), nullable=False, comment="push, callback, sms …: who handles it"
        ),
        sa.Column("key", sa.String(length=64), nullable=False, comment="what it is about, to wake it by"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False, comment="waiting, done, dead"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("available_at", UtcDateTime(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_key", ["key"], unique=False)
        batch_op.create_index(
            "ix_outbox_waiting",
            ["kind", "available_at"],
            unique=False,
            postgresql_where=sa.text("status = 'waiting'"),
            sqlite_where=sa.text("status = 'waiting'"),
        )

    op.create_table(
        "sellers",
        sa.Column("seller", sa.String(length=60), nullable=False, comment="the name, as payers see it"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seller", name=op.f("pk_sellers")),
    )
    op.create_table(
        "sms_delivery_reports",
        sa.Column("report_id", Id, nullable=False),
        sa.Column("provider_message_id", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("failure_reason", sa.String(length=60), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the form as it came, JSON"),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("sms_id", Id, nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_sms_delivery_reports")),
    )
    with op.batch_alter_table("sms_delivery_reports", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sms_delivery_reports_provider_message_id"), ["provider_message_id"], unique=False
        )

    op.create_table(
        "sms_inbound",
        sa.Column("inbound_id", sa.String(length=100), nullable=False, comment="the aggregator's id"),
        sa.Column("sender", sa.String(length=20), nullable=False, comment="from"),
        sa.Column("recipient", sa.String(length=20), nullable=False, comment="to"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the form as it came, JSON"),
        sa.PrimaryKeyConstraint("inbound_id", name=op.f("pk_sms_inbound")),
    )
    op.create_table(
        "sms_messages",
        sa.Column("sms_id", Id, nullable=False),
        sa.Column("fact_key", sa.String(length=120), nullable=False, comment="one SMS a fact"),
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False, comment="catalogue key"),
        sa.Column("params", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="rendered once: a second try sends the same words"
        ),
        sa.Column("encoding", sa.String(length=4), nullable=False, comment="gsm7 or ucs2"),
        sa.Column("units", sa.Integer(), nullable=False, comment="septets or UCS-2 code units"),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False, comment="sms.lifecycle"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="hand-overs begun"),
        sa.Column("unknowns", sa.Integer(), nullable=False, comment="hand-overs whose outcome nobody knows"),
        sa.Column("provider_message_id", sa.String(length=100), nullable=True),
        sa.Column(
            "provider_status", sa.String(length=60), nullable=True, comment="the aggregator's own last word"
        ),
        sa.Column("cost_minor", sa.Integer(), nullable=True),
        sa.Column("cost_currency", sa.String(length=3), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sms_id", name=op.f("pk_sms_messages")),
        sa.UniqueConstraint("fact_key", name=op.f("uq_sms_messages_fact_key")),
    )
    with op.batch_alter_table("sms_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sms_messages_msisdn"), ["msisdn"], unique=False)
        batch_op.create_index(batch_op.f("ix_sms_messages_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sms_messages_provider_message_id"), ["provider_message_id"], unique=False
        )

    op.create_table(
        "sms_opt_outs",
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.String(length=20), nullable=False, comment="the sender id that is stopped"),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", "sender", name=op.f("pk_sms_opt_outs")),
    )
    op.create_table(
        "suspense_items",
        sa.Column("item_id", Id, nullable=False),
        sa.Column("fact_key", sa.String(length=100), nullable=False, comment="a fact opens one item"),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False, comment="open, assigned, refunded"),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("raw_id", Id, nullable=True),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_suspense_items")),
        sa.UniqueConstraint("fact_key", name=op.f("uq_suspense_items_fact_key")),
    )
    with op.batch_alter_table("suspense_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_suspense_items_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index("ix_suspense_items_status", ["status", "created_at"], unique=False)

    op.create_table(
        "users",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("zone", sa.String(length=12), nullable=True, comment="empty: every zone"),
        sa.Column("msisdn", sa.String(length=16), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_users")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_users_token_hash")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_users_msisdn"), ["msisdn"], unique=False)

    op.create_table(
        "ussd_end_events",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("hops_metadata", sa.String(length=400), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_ussd_end_events")),
        sa.UniqueConstraint("channel", "external_id", name=op.f("uq_ussd_end_events_channel_external_id")),
    )
    op.create_table(
        "ussd_sessions",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column(
            "external_id", sa.String(length=100), nullable=False, comment="the aggregator's session id"
        ),
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("network_code", sa.String(length=10), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_ussd_sessions")),
    )
    with op.batch_alter_table("ussd_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_ussd_sessions_external_id", ["external_id", "channel"], unique=True)
        batch_op.create_index("ix_ussd_sessions_msisdn", ["msisdn", "started_at"], unique=False)

    op.create_table(
        "zones",
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("zone", name=op.f("pk_zones")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("ledger_id", Id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ledger_account", sa.String(length=100), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="debit above zero, credit below"),
        sa.ForeignKeyConstraint(
            ["ledger_id"], ["ledger_transactions.ledger_id"], name=op.f("fk_ledger_entries_ledger_id")
        ),
        sa.PrimaryKeyConstraint("ledger_id", "seq", name=op.f("pk_ledger_entries")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ledger_entries_ledger_account"), ["ledger_account"], unique=False
        )

    op.create_table(
        "taps",
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tap_number", sa.String(length=6), nullable=False),
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("caretaker_msisdn", sa.String(length=16), nullable=True),
        sa.Column("households", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.zone"], name=op.f("fk_taps_zone")),
        sa.PrimaryKeyConstraint("tap_id", name=op.f("pk_taps")),
        sa.UniqueConstraint("tap_number", name=op.f("uq_taps_tap_number")),
    )
    with op.batch_alter_table("taps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_taps_caretaker_msisdn"), ["caretaker_msisdn"], unique=False)
        batch_op.create_index(batch_op.f("ix_taps_zone"), ["zone"], unique=False)

    op.create_table(
        "tariffs",
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("component", sa.String(length=8), nullable=False, comment="water or refuse"),
        sa.Column("seller", sa.String(length=60), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["seller"], ["sellers.seller"], name=op.f("fk_tariffs_seller")),
        sa.ForeignKeyConstraint(["zone"], ["zones.zone"], name=op.f("fk_tariffs_zone")),
        sa.PrimaryKeyConstraint("zone", "component", "seller", "valid_from", name=op.f("pk_tariffs")),
    )
    op.create_table(
        "ussd_hops",
        sa.Column("session_id", Id, nullable=False),
        sa.Column("hop_no", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="the whole history, as the aggregator sent it"),
        sa.Column(
            "reply",
            sa.String(length=400),
            nullable=False,
            comment="given again, byte for byte, to a repeated hop",
        ),
        sa.Column("screen", sa.String(length=40), nullable=False),
        sa.Column("is_end", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="the session after this hop, JSON"),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["ussd_sessions.session_id"], name=op.f("fk_ussd_hops_session_id")
        ),
        sa.PrimaryKeyConstraint("session_id", "hop_no", name=op.f("pk_ussd_hops")),
    )
    op.create_table(
        "checkouts",
        sa.Column("checkout_id", Id, nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tenant_id", Id, nullable=True),
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_checkouts_tap_id")),
        sa.PrimaryKeyConstraint("checkout_id", name=op.f("pk_checkouts")),
    )
    op.create_table(
        "customer_taps",
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_customer_taps_tap_id")),
        sa.PrimaryKeyConstraint("msisdn", "tap_id", name=op.f("pk_customer_taps")),
    )
    op.create_table(
        "tap_billings",
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("from_period", sa.String(length=7), nullable=False),
        sa.Column("billing", sa.String(length=14), nullable=False, comment="shared or individualized"),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_tap_billings_tap_id")),
        sa.PrimaryKeyConstraint("tap_id", "from_period", name=op.f("pk_tap_billings")),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant_id", Id, nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("msisdn", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("occupants", sa.Integer(), nullable=False),
        sa.Column(
            "removed_at", UtcDateTime(), nullable=True, comment="set when the tenant left the tap; debts stay"
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_tenants_tap_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("tap_id", "msisdn", name=op.f("uq_tenants_tap_id_msisdn")),
    )
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tenants_msisdn"), ["msisdn"], unique=False)

    op.create_table(
        "usage",
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tenant_msisdn", sa.String(length=16), nullable=False),
        sa.Column("component", sa.String(length=8), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_usage_tap_id")),
        sa.PrimaryKeyConstraint("tap_id", "tenant_msisdn", "component", "period", name=op.f("pk_usage")),
    )
    op.create_table(
        "debts",
        sa.Column("debt_id", Id, nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tenant_id", Id, nullable=True),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_debts_tap_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_debts_tenant_id")),
        sa.PrimaryKeyConstraint("debt_id", name=op.f("pk_debts")),
        sa.UniqueConstraint("owner", "period", name=op.f("uq_debts_owner_period")),
    )
    with op.batch_alter_table("debts", schema=None) as batch_op:
        batch_op.create_index("ix_debts_tap_id_period", ["tap_id", "period"], unique=False)
        batch_op.create_index("ix_debts_zone_period", ["zone", "period"], unique=False)

    op.create_table(
        "payments",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("payment_request_id", Id, nullable=False),
        sa.Column(
            "request_hash",
            sa.String(length=64),
            nullable=False,
            comment="of the body the key came with first",
        ),
        sa.Column("checkout_id", Id, nullable=False),
        sa.Column("user_id", sa.String(length=60), nullable=True, comment="the platform's user, if any"),
        sa.Column("msisdn", sa.String(length=16), nullable=False, comment="whose wallet pays"),
        sa.Column("contact_msisdn", sa.String(length=16), nullable=False, comment="who asked: is told"),
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("tenant_id", Id, nullable=True),
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False, comment="the newest period it pays"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False, comment="the gateway account"),
        sa.Column("reference", Id, nullable=False, comment="ours, for the rail; stored before sending"),
        sa.Column("callback_key", sa.String(length=22), nullable=False),
        sa.Column("provider_reference", sa.String(length=80), nullable=True),
        sa.Column("receipt", sa.String(length=40), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("validation", sa.String(length=10), nullable=False, comment="proceed or reject"),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("is_final", sa.Boolean(), nullable=False, comment="the provider has said its last word"),
        sa.Column(
            "push_state",
            sa.String(length=10),
            nullable=False,
            comment="none, started, accepted, unknown, refused",
        ),
        sa.Column("push_attempts", sa.Integer(), nullable=False),
        sa.Column("push_after", UtcDateTime(), nullable=False),
        sa.Column("pushed_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False, comment="how often the provider was asked"),
        sa.Column("next_check_at", UtcDateTime(), nullable=True, comment="empty: nobody need ask any more"),
        sa.Column(
            "asked_at",
            UtcDateTime(),
            nullable=True,
            comment="when the provider last gave any answer about it",
        ),
        sa.Column(
            "guided_at", UtcDateTime(), nullable=True, comment="when the payer was told that it takes long"
        ),
        sa.Column("moves", sa.Integer(), nullable=False, comment="rows in payment_transitions"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkout_id"], ["checkouts.checkout_id"], name=op.f("fk_payments_checkout_id")
        ),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_payments_tap_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payments")),
        sa.UniqueConstraint("callback_key", name=op.f("uq_payments_callback_key")),
        sa.UniqueConstraint("payment_request_id", name=op.f("uq_payments_payment_request_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_payments_reference")),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payments_contact_created_at", ["contact_msisdn", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_payments_correlation_id"), ["correlation_id"], unique=False)
        batch_op.create_index("ix_payments_created_at", ["created_at", "payment_id"], unique=False)
        batch_op.create_index("ix_payments_msisdn_created_at", ["msisdn", "created_at"], unique=False)
        batch_op.create_index(
            "ix_payments_next_check_at",
            ["next_check_at"],
            unique=False,
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
        )
        batch_op.create_index("ix_payments_provider_reference", ["provider_reference"], unique=False)
        batch_op.create_index("ix_payments_receipt", ["receipt"], unique=False)
        batch_op.create_index("ix_payments_status_created_at", ["status", "created_at"], unique=False)
        batch_op.create_index("ix_payments_tap_id_created_at", ["tap_id", "created_at"], unique=False)
        batch_op.create_index("ix_payments_zone_created_at", ["zone", "created_at"], unique=False)

    op.create_table(
        "credits",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("receipt", sa.String(length=40), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("proof", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("fk_credits_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_credits")),
        sa.UniqueConstraint("account_id", "receipt", name=op.f("uq_credits_account_id_receipt")),
    )
    op.create_table(
        "debt_parts",
        sa.Column("part_id", Id, nullable=False),
        sa.Column("debt_id", Id, nullable=False),
        sa.Column("component", sa.String(length=8), nullable=False),
        sa.Column("seller", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "paid_minor >= 0 AND paid_minor <= amount_minor", name=op.f("ck_debt_parts_paid_within_amount")
        ),
        sa.ForeignKeyConstraint(["debt_id"], ["debts.debt_id"], name=op.f("fk_debt_parts_debt_id")),
        sa.PrimaryKeyConstraint("part_id", name=op.f("pk_debt_parts")),
        sa.UniqueConstraint(
            "debt_id", "component", "seller", name=op.f("uq_debt_parts_debt_id_component_seller")
        ),
    )
    with op.batch_alter_table("debt_parts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_debt_parts_debt_id"), ["debt_id"], unique=False)

    op.create_table(
        "payment_orders",
        sa.Column("order_id", Id, nullable=False),
        sa.Column("checkout_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("seller", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkout_id"], ["checkouts.checkout_id"], name=op.f("fk_payment_orders_checkout_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payment_id"], name=op.f("fk_payment_orders_payment_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_payment_orders")),
    )
    with op.batch_alter_table("payment_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_orders_checkout_id"), ["checkout_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_orders_payment_id"), ["payment_id"], unique=False)

    op.create_table(
        "payment_transitions",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("raw_id", Id, nullable=True, comment="the callback that caused it"),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payment_id"], name=op.f("fk_payment_transitions_payment_id")
        ),
        sa.PrimaryKeyConstraint("payment_id", "seq", name=op.f("pk_payment_transitions")),
    )
    op.create_table(
        "claims",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("part_id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["debt_parts.part_id"], name=op.f("fk_claims_part_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("fk_claims_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", "part_id", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index("ix_claims_part_id", ["part_id"], unique=False)
        batch_op.create_index(
            "uq_claims_open",
            ["part_id"],
            unique=True,
            postgresql_where=sa.text("is_open"),
            sqlite_where=sa.text("is_open"),
        )


def downgrade() -> None:
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_claims_open", postgresql_where=sa.text("is_open"), sqlite_where=sa.text("is_open")
        )
        batch_op.drop_index("ix_claims_part_id")

    op.drop_table("claims")
    op.drop_table("payment_transitions")
    with op.batch_alter_table("payment_orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_orders_payment_id"))
        batch_op.drop_index(batch_op.f("ix_payment_orders_checkout_id"))

    op.drop_table("payment_orders")
    with op.batch_alter_table("debt_parts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_debt_parts_debt_id"))

    op.drop_table("debt_parts")
    op.drop_table("credits")
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index("ix_payments_zone_created_at")
        batch_op.drop_index("ix_payments_tap_id_created_at")
        batch_op.drop_index("ix_payments_status_created_at")
        batch_op.drop_index("ix_payments_receipt")
        batch_op.drop_index("ix_payments_provider_reference")
        batch_op.drop_index(
            "ix_payments_next_check_at",
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_payments_msisdn_created_at")
        batch_op.drop_index("ix_payments_created_at")
        batch_op.drop_index(batch_op.f("ix_payments_correlation_id"))
        batch_op.drop_index("ix_payments_contact_created_at")

    op.drop_table("payments")
    with op.batch_alter_table("debts", schema=None) as batch_op:
        batch_op.drop_index("ix_debts_zone_period")
        batch_op.drop_index("ix_debts_tap_id_period")

    op.drop_table("debts")
    op.drop_table("usage")
    with op.batch_alter_table("tenants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tenants_msisdn"))

    op.drop_table("tenants")
    op.drop_table("tap_billings")
    op.drop_table("customer_taps")
    op.drop_table("checkouts")
    op.drop_table("ussd_hops")
    op.drop_table("tariffs")
    with op.batch_alter_table("taps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_taps_zone"))
        batch_op.drop_index(batch_op.f("ix_taps_caretaker_msisdn"))

    op.drop_table("taps")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_ledger_account"))

    op.drop_table("ledger_entries")
    op.drop_table("zones")
    with op.batch_alter_table("ussd_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_ussd_sessions_msisdn")
        batch_op.drop_index("ix_ussd_sessions_external_id")

    op.drop_table("ussd_sessions")
    op.drop_table("ussd_end_events")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_users_msisdn"))

    op.drop_table("users")
    with op.batch_alter_table("suspense_items", schema=None) as batch_op:
        batch_op.drop_index("ix_suspense_items_status")
        batch_op.drop_index(batch_op.f("ix_suspense_items_payment_id"))

    op.drop_table("suspense_items")
    op.drop_table("sms_opt_outs")
    with op.batch_alter_table("sms_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sms_messages_provider_message_id"))
        batch_op.drop_index(batch_op.f("ix_sms_messages_payment_id"))
        batch_op.drop_index(batch_op.f("ix_sms_messages_msisdn"))

    op.drop_table("sms_messages")
    op.drop_table("sms_inbound")
    with op.batch_alter_table("sms_delivery_reports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sms_delivery_reports_provider_message_id"))

    op.drop_table("sms_delivery_reports")
    op.drop_table("sellers")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_waiting",
            postgresql_where=sa.text("status = 'waiting'"),
            sqlite_where=sa.text("status = 'waiting'"),
        )
        batch_op.drop_index("ix_outbox_key")

    op.drop_table("outbox")
    with op.batch_alter_table("ledger_transactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_transactions_payment_id"))

    op.drop_table("ledger_transactions")
    op.drop_table("ledger_balances")
    op.drop_table("gateway_accounts")
    op.drop_table("customers")
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.drop_index("ix_callbacks_received_at")
        batch_op.drop_index(batch_op.f("ix_callbacks_payment_id"))

    op.drop_table("callbacks")
    op.drop_table("api_replies")
