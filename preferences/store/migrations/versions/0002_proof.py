"""Proof and rights: sealed names and words, chained consent, changes, webhooks."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from preferences.store.guards import guard_ledgers
from preferences.store.migrations.carrying import carry_over
from preferences.store.vault import Vault

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the schema here."""
    _create()
    _extend()
    _fill(context.config.attributes["vault"])
    _tighten()
    _index()
    guard_ledgers(op.get_bind())


def _create() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("change") as batch_op:
        batch_op.create_index("change_position", ["position"], unique=True)
        batch_op.create_index(
            "change_unplaced",
            ["id"],
            unique=False,
            sqlite_where=sa.text("position IS NULL"),
            postgresql_where=sa.text("position IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_change_shopper_id"), ["shopper_id"], unique=False)

    op.create_table(
        "change_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kept_after", sa.BigInteger(), nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "idempotency",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("sealed_body", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "key"),
    )
    with op.batch_alter_table("idempotency") as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_shopper_id"), ["shopper_id"], unique=False)

    op.create_table(
        "journal_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "notice",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("first_shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "removal",
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("shopper_id"),
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("types", JSON, nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("sealed_old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "link",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("head_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["head_id"], ["shopper.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("link") as batch_op:
        batch_op.create_index(batch_op.f("ix_link_head_id"), ["head_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_link_shopper_id"), ["shopper_id"], unique=False)

    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("change_id", sa.String(), nullable=False),
        sa.Column("replay", sa.Integer(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoint.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint_id", "change_id", "replay"),
    )
    with op.batch_alter_table("webhook_delivery") as batch_op:
        batch_op.create_index(
            "webhook_delivery_log", ["endpoint_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_webhook_delivery_shopper_id"), ["shopper_id"], unique=False
        )
        batch_op.create_index(
            "webhook_delivery_due",
            ["endpoint_id", "next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(
            "webhook_delivery_turn",
            ["endpoint_id", "lane", "position"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(
            "webhook_delivery_before",
            ["endpoint_id", "shopper_id", "position", "attempts"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "consent",
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["consent_event.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("shopper_id", "purpose"),
    )
    with op.batch_alter_table("consent") as batch_op:
        batch_op.create_index(
            "consent_given",
            ["valid_until"],
            unique=False,
            sqlite_where=sa.text("state = 'given'"),
            postgresql_where=sa.text("state = 'given'"),
        )

    op.create_table(
        "own_words",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("shopper_id", sa.String(), nullable=False),
        sa.Column("sealed_text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"]),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"]),
        sa.PrimaryKeyConstraint("answer_id"),
    )
    with op.batch_alter_table("own_words") as batch_op:
        batch_op.create_index(batch_op.f("ix_own_words_shopper_id"), ["shopper_id"], unique=False)


def _extend() -> None:
    with op.batch_alter_table("answer") as batch_op:
        batch_op.add_column(
            sa.Column("source", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("fresh_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.alter_column("ask_id", existing_type=sa.VARCHAR(), nullable=True)
        batch_op.alter_column("consent_id", existing_type=sa.VARCHAR(), nullable=True)
        batch_op.alter_column("asked_at", existing_type=sa.DATETIME(), nullable=True)

    with op.batch_alter_table("ask") as batch_op:
        batch_op.add_column(sa.Column("sealed_pending", sa.String(), nullable=True))

    with op.batch_alter_table("consent_event") as batch_op:
        batch_op.add_column(
            sa.Column("schema_version", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("lawful_basis", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("data_categories", JSON, nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(
            sa.Column("recipients", JSON, nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(
            sa.Column("actor", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("assurance", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("shown_ask", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("evidence_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("supersedes", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("idempotency_key", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column(
                "withdrawal_method", sa.String(), nullable=False, server_default=sa.text("''")
            )
        )
        batch_op.add_column(sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("prev_hash", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("hash", sa.String(), nullable=False, server_default=sa.text("''"))
        )

    with op.batch_alter_table("conversation") as batch_op:
        batch_op.add_column(
            sa.Column("assurance", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("claimable_id", sa.String(), nullable=True))

    with op.batch_alter_table("identity") as batch_op:
        batch_op.add_column(
            sa.Column("lookup", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("sealed_value", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("proof", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column(
                "seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
            )
        )
        batch_op.add_column(sa.Column("unlinked_why", sa.String(), nullable=True))

    with op.batch_alter_table("message") as batch_op:
        batch_op.add_column(
            sa.Column("sealed_text", sa.String(), nullable=False, server_default=sa.text("''"))
        )

    with op.batch_alter_table("quarantine") as batch_op:
        batch_op.add_column(sa.Column("lookup", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("sealed_body", sa.String(), nullable=False, server_default=sa.text("''"))
        )

    with op.batch_alter_table("shopper") as batch_op:
        batch_op.add_column(
            sa.Column("head_id", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(
            sa.Column("ledger_seq", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        batch_op.add_column(
            sa.Column("ledger_hash", sa.String(), nullable=False, server_default=sa.text("''"))
        )

    with op.batch_alter_table("suppression") as batch_op:
        batch_op.add_column(
            sa.Column("message_id", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        batch_op.add_column(sa.Column("lifted_by", sa.String(), nullable=True))


def _fill(vault: Vault) -> None:
    carry_over(op.get_bind(), vault)


def _tighten() -> None:
    with op.batch_alter_table("answer") as batch_op:
        batch_op.drop_column("own_words")
        batch_op.create_check_constraint(
            "answer_kind", "kind IN ('declared', 'observed', 'inferred', 'imported')"
        )
        batch_op.create_check_constraint(
            "answer_declared",
            "kind <> 'declared' OR "
            "(source = 'shopper' AND message_id <> '' AND consent_id IS NOT NULL)",
        )

    with op.batch_alter_table("ask") as batch_op:
        batch_op.drop_column("pending")

    with op.batch_alter_table("consent_event") as batch_op:
        batch_op.create_unique_constraint(
            "consent_event_idempotency", ["shopper_id", "idempotency_key"]
        )
        batch_op.create_foreign_key("consent_event_notice", "notice", ["notice_sha256"], ["sha256"])
        batch_op.drop_column("notice_text")

    with op.batch_alter_table("conversation") as batch_op:
        batch_op.drop_column("verified")

    with op.batch_alter_table("identity") as batch_op:
        batch_op.drop_index(
            batch_op.f("identity_in_force"), sqlite_where=sa.text("unlinked_at IS NULL")
        )
        batch_op.create_index(
            "identity_in_force",
            ["kind", "lookup"],
            unique=True,
            sqlite_where=sa.text("unlinked_at IS NULL"),
            postgresql_where=sa.text("unlinked_at IS NULL"),
        )
        batch_op.drop_column("value")

    with op.batch_alter_table("message") as batch_op:
        batch_op.drop_column("text")

    with op.batch_alter_table("quarantine") as batch_op:
        batch_op.create_index(batch_op.f("ix_quarantine_lookup"), ["lookup"], unique=False)
        batch_op.drop_column("body")

    with op.batch_alter_table("shopper") as batch_op:
        batch_op.create_index(batch_op.f("ix_shopper_head_id"), ["head_id"], unique=False)
        batch_op.create_foreign_key("shopper_head", "shopper", ["head_id"], ["id"])


def _index() -> None:
    """Have what retention looks for, and what refers to a ledger, found without a search."""
    for table, column in (
        ("answer", "answered_at"),
        ("answer", "consent_id"),
        ("ask", "asked_at"),
        ("candidate", "expires_at"),
        ("consent", "event_id"),
        ("decision", "at"),
        ("idempotency", "at"),
        ("message", "at"),
        ("own_words", "at"),
        ("purchase", "placed_at"),
        ("tracker", "updated_at"),
        ("webhook_delivery", "created_at"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    op.drop_index("ix_ask_begun_by", "ask")
    for name, table, column, where in (
        ("ask_chain", "ask", "begun_by", "begun_by IS NOT NULL"),
        ("candidate_closed", "candidate", "closed_at", "closed_at IS NOT NULL"),
        ("identity_given_up", "identity", "unlinked_at", "unlinked_at IS NOT NULL"),
        ("suppression_expiring", "suppression", "expires_at", "expires_at IS NOT NULL"),
        ("suppression_lifted", "suppression", "lifted_at", "lifted_at IS NOT NULL"),
        ("suppression_of_erased", "suppression", "shopper_id", "reason = 'shopper_erased'"),
    ):
        in_part = sa.text(where)
        op.create_index(name, table, [column], sqlite_where=in_part, postgresql_where=in_part)


def downgrade() -> None:
    """Refuse: what was sealed and proved would have to be laid open and thrown away."""
    message = "There is no way back from 0002; restore the backup that was made before it."
    raise RuntimeError(message)
