"""USSD calls: ids that come again, replies without their prefix; the call in which a language was chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("chosen_in", sa.String(length=130), nullable=True))
    with op.batch_alter_table("ussd_sessions") as batch_op:
        batch_op.add_column(sa.Column("turn", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_index("ix_ussd_sessions_external_id")
        batch_op.create_index("ix_ussd_sessions_external_id", ["external_id", "channel", "turn"], unique=True)
    with op.batch_alter_table("ussd_sessions") as batch_op:
        batch_op.alter_column("turn", server_default=None)
    # A reply was kept as `CON …` or `END …`; which of both it is stands in is_end.
    op.execute("UPDATE ussd_hops SET reply = substr(reply, 5) WHERE reply LIKE 'CON %' OR reply LIKE 'END %'")


def downgrade() -> None:
    op.execute("UPDATE ussd_hops SET reply = (CASE WHEN is_end THEN 'END ' ELSE 'CON ' END) || reply")
    op.execute(
        "DELETE FROM ussd_hops WHERE session_id IN (SELECT session_id FROM ussd_sessions WHERE turn > 1)"
    )
    op.execute("DELETE FROM ussd_sessions WHERE turn > 1")
    with op.batch_alter_table("ussd_sessions") as batch_op:
        batch_op.drop_index("ix_ussd_sessions_external_id")
        batch_op.create_index("ix_ussd_sessions_external_id", ["external_id", "channel"], unique=True)
        batch_op.drop_column("turn")
    op.drop_column("customers", "chosen_in")
