"""What a CRM holds by our doing, lanes, dead letters, and how each CRM fares; a commit rings."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

WAITING = sa.text("desired_version > synced_version")
_RING = """
CREATE FUNCTION ring_outbox() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('askfirst_outbox', ''); RETURN NULL; END $$
"""
_BELL = """
CREATE TRIGGER outbox_rings AFTER INSERT OR UPDATE OF desired_version ON outbox
FOR EACH STATEMENT EXECUTE FUNCTION ring_outbox()
"""


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "destination",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("backfill_after", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column(
        "outbox", sa.Column("backfill", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("outbox", sa.Column("held", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("remote_id", sa.String(), nullable=True))
    for name in ("dirty_since", "dead_at"):
        op.add_column("outbox", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE outbox SET held = '' WHERE synced_version > 0")
    op.execute("UPDATE outbox SET dirty_since = next_attempt_at")
    op.drop_index("outbox_due", table_name="outbox")
    op.create_index(
        "outbox_due",
        "outbox",
        ["destination", "urgent", "backfill", "next_attempt_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_RING)
        op.execute(_BELL)


def downgrade() -> None:
    """Take it back; what was refused is told again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER outbox_rings ON outbox")
        op.execute("DROP FUNCTION ring_outbox")
    op.execute("UPDATE outbox SET next_attempt_at = dead_at WHERE dead_at IS NOT NULL")
    op.drop_index("outbox_due", table_name="outbox")
    for name in ("dead_at", "dirty_since", "remote_id", "held", "backfill"):
        op.drop_column("outbox", name)
    op.create_index(
        "outbox_due",
        "outbox",
        ["destination", "next_attempt_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.drop_table("destination")
