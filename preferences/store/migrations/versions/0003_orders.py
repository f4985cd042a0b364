"""Orders that change, what happened to them, and what they tell of their shopper."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
EMPTY = sa.text("''")


def upgrade() -> None:
    """Bring the schema here; the figures of who bought before are made with their next order."""
    _extend()
    _create()


def _extend() -> None:
    time = sa.DateTime(timezone=True)
    with op.batch_alter_table("purchase") as batch_op:
        batch_op.add_column(sa.Column("told_at", time, nullable=True))
        batch_op.add_column(sa.Column("digest", sa.String(), nullable=False, server_default=EMPTY))
        batch_op.add_column(
            sa.Column("status", sa.String(), nullable=False, server_default=sa.text("'placed'"))
        )
        batch_op.add_column(sa.Column("delivered_at", time, nullable=True))
        for name in ("gift_wrap", "gift_message"):
            batch_op.add_column(
                sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
            )
        batch_op.add_column(sa.Column("ships_elsewhere", sa.Boolean(), nullable=True))
        batch_op.add_column(
            sa.Column("recipient", sa.String(), nullable=False, server_default=EMPTY)
        )
    op.execute("UPDATE purchase SET told_at = placed_at")
    with op.batch_alter_table("purchase") as batch_op:
        batch_op.alter_column("told_at", existing_type=time, nullable=False)

    with op.batch_alter_table("purchase_line") as batch_op:
        batch_op.add_column(
            sa.Column("ordered", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(sa.Column("price", sa.String(), nullable=True))
        for name in ("currency", "category", "audience", "size", "ref"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=EMPTY))
    op.execute("UPDATE purchase_line SET ordered = quantity")


def _create() -> None:
    op.create_table(
        "purchase_note",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id", "id"),
    )
    op.create_index("ix_purchase_note_received_at", "purchase_note", ["received_at"])
    op.create_table(
        "habit",
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("habit", JSON, nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("shopper_id"),
    )
    op.create_table(
        "privacy_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery_id"),
    )
    with op.batch_alter_table("privacy_request") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_privacy_request_shopper_id"), ["shopper_id"], unique=False
        )
    op.create_index("ix_privacy_request_received_at", "privacy_request", ["received_at"])


def downgrade() -> None:
    """Take away what this brought."""
    for name in ("privacy_request", "habit", "purchase_note"):
        op.drop_table(name)
    with op.batch_alter_table("purchase_line") as batch_op:
        for name in ("ordered", "price", "currency", "category", "audience", "size", "ref"):
            batch_op.drop_column(name)
    with op.batch_alter_table("purchase") as batch_op:
        for name in (
            "told_at",
            "digest",
            "status",
            "delivered_at",
            "gift_wrap",
            "gift_message",
            "ships_elsewhere",
            "recipient",
        ):
            batch_op.drop_column(name)
