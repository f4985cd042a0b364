"""Up to which end everybody was told that time ended something, and an index of the ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "end_mark",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.create_index("answer_fresh_until", "answer", ["fresh_until", "id"])


def downgrade() -> None:
    """Take it back; after the next upgrade everything that ended is told once more."""
    op.drop_index("answer_fresh_until", "answer")
    op.drop_table("end_mark")
