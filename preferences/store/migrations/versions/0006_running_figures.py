"""Figures to which an order is added, and articles by which those who bought them are found."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema here; what was counted before is counted once more with the next order."""
    op.add_column("habit", sa.Column("last_placed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "habit", sa.Column("stale", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(
        "habit_stale",
        "habit",
        ["shopper_id"],
        sqlite_where=sa.text("stale"),
        postgresql_where=sa.text("stale"),
    )
    op.create_index("ix_purchase_line_sku", "purchase_line", ["sku"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_purchase_line_sku", "purchase_line")
    op.drop_index("habit_stale", "habit")
    for name in ("stale", "last_placed_at"):
        op.drop_column("habit", name)
