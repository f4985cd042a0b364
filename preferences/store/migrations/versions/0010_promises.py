"""What shoppers were promised."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the schema here."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "promise",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("give_id", "kind", "value", "ask_id")
        ),
        sa.Column("promised_at", time, nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.Column("kept_at", time, nullable=True),
        sa.Column("kept_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_promise_shopper_id", "promise", ["shopper_id"])
    op.create_index("ix_promise_promised_at", "promise", ["promised_at"])


def downgrade() -> None:
    """Take it back; what was promised is forgotten."""
    op.drop_table("promise")
