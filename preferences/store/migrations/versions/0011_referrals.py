"""Who was invited to bring a friend, and who came by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the schema here."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "referral_code",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("made_at", time, nullable=False),
        sa.Column("replaces_until", time, nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("ix_referral_code_shopper_id", "referral_code", ["shopper_id"])
    op.create_table(
        "referral",
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("shopper_id"),
    )
    op.create_index("ix_referral_code", "referral", ["code"])


def downgrade() -> None:
    """Take it back; who came by whom is forgotten."""
    op.drop_table("referral")
    op.drop_table("referral_code")
