"""Questions that are worth weighing later, the kind of goods that one was about, and its arm."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("candidate", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    category = sa.Column("category", sa.String(), nullable=False, server_default=sa.text("''"))
    op.add_column("ask", category)
    for table in ("ask", "decision"):
        arm = sa.Column("experiment", sa.String(), nullable=False, server_default=sa.text("''"))
        op.add_column(table, arm)


def downgrade() -> None:
    """Take it back; what was to be asked later is asked at once."""
    for table in ("decision", "ask"):
        op.drop_column(table, "experiment")
    op.drop_column("ask", "category")
    op.drop_column("candidate", "due_at")
