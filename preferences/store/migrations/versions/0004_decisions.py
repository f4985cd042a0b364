"""Decisions that can be made again, questions that pause, and the time where a shopper is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
EMPTY = sa.text("''")
_WORDS = ("channel", "locale", "give", "policy_sha256")


def upgrade() -> None:
    """Bring the schema here. Columns are added in place: the ledger's triggers stay as they are."""
    op.create_table(
        "paused_question",
        sa.Column("question_id", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("declined", sa.Integer(), nullable=False),
        sa.Column("opted_out", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("question_id"),
    )
    op.add_column(
        "conversation", sa.Column("zone", sa.String(), nullable=False, server_default=EMPTY)
    )
    for name in _WORDS:
        op.add_column(
            "decision", sa.Column(name, sa.String(), nullable=False, server_default=EMPTY)
        )
    arm = sa.Column("arm", sa.String(), nullable=False, server_default=sa.text("'on'"))
    op.add_column("decision", arm)
    op.add_column("decision", sa.Column("candidate_id", sa.String(), nullable=True))
    op.add_column("decision", sa.Column("question_version", sa.Integer(), nullable=True))
    op.add_column("decision", sa.Column("weighed", JSON, nullable=True))
    op.add_column("decision", sa.Column("inputs", JSON, nullable=True))


def downgrade() -> None:
    """Take it back; what decisions were made by is lost."""
    for name in ("inputs", "weighed", "question_version", "candidate_id", "arm", *_WORDS):
        op.drop_column("decision", name)
    op.drop_column("conversation", "zone")
    op.drop_table("paused_question")
