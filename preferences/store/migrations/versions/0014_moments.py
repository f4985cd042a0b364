"""What brought a shopper, where they are if they permit it, and by what a question annoyed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TIME = sa.DateTime(timezone=True)
_TIMES = ("entered_at", "recalled_at")


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("ask", _word("annoyed"))
    op.add_column("conversation", _word("entry"))
    for name in _TIMES:
        op.add_column("conversation", sa.Column(name, _TIME, nullable=True))
    op.create_table(
        "surroundings",
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("weather", sa.String(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("conversation_id"),
    )
    op.create_index("ix_surroundings_shopper_id", "surroundings", ["shopper_id"])
    op.create_index("ix_surroundings_at", "surroundings", ["at"])


def downgrade() -> None:
    """Take it back; who came by what, where they are, and what annoyed, is forgotten."""
    op.drop_table("surroundings")
    op.drop_column("ask", "annoyed")
    for name in (*_TIMES, "entry"):
        op.drop_column("conversation", name)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, server_default="")
