"""Roles, users' zones, the audit log, counts and flags."""

import sqlalchemy as sa
from alembic import op
from core.db import Id
from core.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

users = sa.table("users", sa.column("name"), sa.column("zone"))


def upgrade() -> None:
    users_now = "SELECT name, zone FROM users WHERE zone IS NOT NULL"
    held = [{"name": name, "zone": zone} for name, zone in op.get_bind().execute(sa.text(users_now))]
    # Before anything refers to users: SQLite makes the table anew.
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("zone")
    op.execute("UPDATE users SET role = 'operator' WHERE role = 'staff'")

    op.create_table(
        "audit_log",
        sa.Column("audit_id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False, comment="a user's name, or a phone"),
        sa.Column("role", sa.String(length=12), nullable=False, comment="empty where the actor has none"),
        sa.Column("channel", sa.String(length=8), nullable=False, comment="ussd, sms, cli, api, console"),
        sa.Column("source", sa.String(length=80), nullable=False, comment="address, session, or SMS id"),
        sa.Column("action", sa.String(length=40), nullable=False, comment="tenant.register, flag.assign …"),
        sa.Column(
            "subject", sa.String(length=60), nullable=False, comment="a TapID, a reference, a user's name"
        ),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON without secrets"),
        sa.Column("result", sa.String(length=40), nullable=False, comment="done, or the code of the error"),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_actor_at", ["actor", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_log_at"), ["at"], unique=False)
        batch_op.create_index("ix_audit_log_subject_at", ["subject", "at"], unique=False)

    user_zones = op.create_table(
        "user_zones",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["users.name"], name=op.f("fk_user_zones_name")),
        sa.ForeignKeyConstraint(["zone"], ["zones.zone"], name=op.f("fk_user_zones_zone")),
        sa.PrimaryKeyConstraint("name", "zone", name=op.f("pk_user_zones")),
    )
    op.create_table(
        "flags",
        sa.Column("flag_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="the reference F-0042 as a number"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("tap_id", sa.String(length=12), nullable=True),
        sa.Column("words", sa.String(length=160), nullable=False),
        sa.Column("reported_by", sa.String(length=16), nullable=True, comment="empty where a rule found it"),
        sa.Column("source", sa.String(length=10), nullable=False, comment="resident, caretaker or detected"),
        sa.Column("rule", sa.String(length=16), nullable=True, comment="which rule found it"),
        sa.Column("owner", sa.String(length=60), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False, comment="open, visited, confirmed, cleared"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["users.name"], name=op.f("fk_flags_owner")),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_flags_tap_id")),
        sa.PrimaryKeyConstraint("flag_id", name=op.f("pk_flags")),
        sa.UniqueConstraint("number", name=op.f("uq_flags_number")),
    )
    with op.batch_alter_table("flags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_flags_reported_by"), ["reported_by"], unique=False)
        batch_op.create_index("ix_flags_state_number", ["state", "number"], unique=False)
        batch_op.create_index("ix_flags_tap_id_state", ["tap_id", "state"], unique=False)
        batch_op.create_index(
            "uq_flags_unresolved_rule",
            ["tap_id", "rule"],
            unique=True,
            sqlite_where=sa.text("rule IS NOT NULL AND state IN ('open', 'visited')"),
            postgresql_where=sa.text("rule IS NOT NULL AND state IN ('open', 'visited')"),
        )

    op.create_table(
        "tap_counts",
        sa.Column("tap_id", sa.String(length=12), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.Column("occupants", sa.Integer(), nullable=False),
        sa.Column("counted_by", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["tap_id"], ["taps.tap_id"], name=op.f("fk_tap_counts_tap_id")),
        sa.PrimaryKeyConstraint("tap_id", "counted_at", name=op.f("pk_tap_counts")),
    )
    op.create_table(
        "flag_transitions",
        sa.Column("transition_id", Id, nullable=False),
        sa.Column("flag_id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "event", sa.String(length=10), nullable=False, comment="open, assign, visit, confirm, clear"
        ),
        sa.Column("from_state", sa.String(length=10), nullable=True, comment="empty at the opening"),
        sa.Column("to_state", sa.String(length=10), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False, comment="a user, a phone, or the rule"),
        sa.Column("note", sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(["flag_id"], ["flags.flag_id"], name=op.f("fk_flag_transitions_flag_id")),
        sa.PrimaryKeyConstraint("transition_id", name=op.f("pk_flag_transitions")),
    )
    with op.batch_alter_table("flag_transitions", schema=None) as batch_op:
        batch_op.create_index("ix_flag_transitions_flag_id_at", ["flag_id", "at"], unique=False)

    if held:
        op.bulk_insert(user_zones, held)


def downgrade() -> None:
    rows = op.get_bind().execute(sa.text("SELECT name, min(zone) AS zone FROM user_zones GROUP BY name"))
    held = {row.name: row.zone for row in rows}
    with op.batch_alter_table("flag_transitions", schema=None) as batch_op:
        batch_op.drop_index("ix_flag_transitions_flag_id_at")

    op.drop_table("flag_transitions")
    op.drop_table("tap_counts")
    with op.batch_alter_table("flags", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_flags_unresolved_rule",
            sqlite_where=sa.text("rule IS NOT NULL AND state IN ('open', 'visited')"),
            postgresql_where=sa.text("rule IS NOT NULL AND state IN ('open', 'visited')"),
        )
        batch_op.drop_index("ix_flags_tap_id_state")
        batch_op.drop_index("ix_flags_state_number")
        batch_op.drop_index(batch_op.f("ix_flags_reported_by"))

    op.drop_table("flags")
    op.drop_table("user_zones")
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_log_subject_at")
        batch_op.drop_index(batch_op.f("ix_audit_log_at"))
        batch_op.drop_index("ix_audit_log_actor_at")

    op.drop_table("audit_log")
    # Where a user had several zones only one can be kept; roles stay as they are.
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("zone", sa.String(length=12), nullable=True))
    for name, zone in held.items():
        op.execute(sa.update(users).where(users.c.name == name).values(zone=zone))
