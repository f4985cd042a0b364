"""Until when a person of the shop who took the floor unasked keeps it; one who was called keeps it."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TIME = sa.DateTime(timezone=True)
_TALKS = sa.table(
    "conversation",
    sa.column("id", sa.String()),
    sa.column("account", sa.String()),
    sa.column("handed_off_at", _TIME),
    sa.column("handed_off_until", _TIME),
)
_AS_BEFORE = timedelta(hours=12)


def upgrade() -> None:
    """Bring the schema here; of who has the floor on a channel it is not known whether they were called."""
    op.add_column("conversation", sa.Column("handed_off_until", _TIME, nullable=True))
    connection, talks = op.get_bind(), _TALKS.c
    query = sa.select(talks.id, talks.handed_off_at).where(
        talks.handed_off_at.is_not(None), talks.account != ""
    )
    for name, since in connection.execute(query).all():
        until = (
            sa.update(_TALKS).where(talks.id == name).values(handed_off_until=since + _AS_BEFORE)
        )
        connection.execute(until)


def downgrade() -> None:
    """Take it back; everybody's floor ends as it did before."""
    op.drop_column("conversation", "handed_off_until")
