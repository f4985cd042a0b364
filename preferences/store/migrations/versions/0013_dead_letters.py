"""Messages that could not be answered are dead letters, and may be tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_DEAD = sa.text("dead_why IS NOT NULL")


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("message", sa.Column("dead_why", sa.String(), nullable=True))
    op.create_index("message_dead", "message", ["at"], sqlite_where=_DEAD, postgresql_where=_DEAD)


def downgrade() -> None:
    """Take it back; which messages were given up is forgotten."""
    op.drop_index("message_dead", "message")
    op.drop_column("message", "dead_why")
