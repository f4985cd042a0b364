"""A chat session that was ended opens nothing any more."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("conversation", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take it back: sessions that were ended open again."""
    op.drop_column("conversation", "ended_at")
