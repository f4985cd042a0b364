"""Where a conversation of a channel is answered, and what becomes of each message to it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_DUE = sa.text("state IN ('waiting', 'sending', 'unknown')")
_HAS_ID, _IS_SENT = sa.text("provider_id IS NOT NULL"), sa.text("sent_at IS NOT NULL")


def upgrade() -> None:
    """Bring the schema here."""
    account = sa.Column("account", sa.String(), nullable=False, server_default=sa.text("''"))
    op.add_column("conversation", account)
    op.add_column("conversation", sa.Column("sealed_address", sa.String(), nullable=True))
    op.add_column("conversation", sa.Column("referral", JSON, nullable=True))
    op.create_table(
        "dispatch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("reply_to", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed_to", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("charged", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation_id", "reply_to"),
    )
    for name, columns, where in (
        ("dispatch_due", ["next_attempt_at"], _DUE),
        ("dispatch_provider", ["provider_id"], _HAS_ID),
        ("dispatch_sent", ["channel", "sent_at"], _IS_SENT),
    ):
        op.create_index(name, "dispatch", columns, sqlite_where=where, postgresql_where=where)
    op.create_index(op.f("ix_dispatch_created_at"), "dispatch", ["created_at"])


def downgrade() -> None:
    """Take it back; what was on its way is never sent."""
    op.drop_table("dispatch")
    for name in ("referral", "sealed_address", "account"):
        op.drop_column("conversation", name)
