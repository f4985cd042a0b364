"""Says of every table whose rows it holds: what an export shows and an erasure reaches.

A table that is in neither list fails the test that walks the schema.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Table, tuple_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.persons import head_of, members_of
from preferences.store.sealed import read_sealed
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ChangeRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    DecisionRow,
    DispatchRow,
    HabitRow,
    IdempotencyRow,
    IdentityRow,
    LinkRow,
    MessageRow,
    NoticeRow,
    OutboxRow,
    OwnWordsRow,
    PrivacyRequestRow,
    PromiseRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
    ReferralCodeRow,
    ReferralRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
)
from preferences.store.vault import Vault

CUSTOMER = "customer"
"""The kind of name by which a shop's own reports call a shopper."""

BY_SHOPPER = (
    IdentityRow,
    LinkRow,
    ConversationRow,
    SurroundingsRow,
    AskRow,
    ConsentEventRow,
    ConsentRow,
    AnswerRow,
    OwnWordsRow,
    DecisionRow,
    SuppressionRow,
    PurchaseRow,
    HabitRow,
    PrivacyRequestRow,
    CandidateRow,
    PromiseRow,
    ReferralCodeRow,
    ReferralRow,
    OutboxRow,
    ChangeRow,
    WebhookDeliveryRow,
    IdempotencyRow,
)
"""Tables whose rows name their shopper in `shopper_id`."""

HELD = (
    ShopperRow,
    *BY_SHOPPER,
    MessageRow,
    DispatchRow,
    TrackerRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    QuarantineRow,
    NoticeRow,
)
"""Every table that may hold something of a person."""

OF_NOBODY = {
    "product": "what the shop sells",
    "destination": "how a CRM fares, and how far a backfill has come",
    "paused_question": "how a question fared with everybody, in numbers",
    "removal": "open ledgers: empty whenever a transaction is over",
    "change_feed": "one number for all",
    "end_mark": "the last end of each kind that was told",
    "webhook_endpoint": "an address of the shop's own programs",
    "journal_mark": "one number for all",
    "api_key": "a key of the shop's own programs",
}
"""Tables that hold nothing of any person, each with what it holds instead."""

STAYS = {
    "shopper": "a random id, to which the wish below is tied",
    "identity": "the keyed hash of a name, by which the wish is known again; no name",
    "conversation": "a random id, for the goodbye, until retention takes it",
    "dispatch": "where the goodbye goes, until it is there",
    "message": "the goodbye, and what was said after it, until retention takes them",
    "suppression": "the wish itself",
    "outbox": "which CRM has been told of it",
    "change": "one line that tells whoever mirrors the store",
    "notice": "a text of the shop's, the same for everybody",
}
"""What an erasure leaves, each with why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose rows are looked for: every shopper that a person is, and the names they go by.

    `names` are kinds and keyed hashes, under every key that there is.
    """

    head: str
    members: Sequence[str]
    names: Sequence[tuple[str, str]] = field(repr=False)


async def read_person(session: AsyncSession, vault: Vault, shopper: str) -> Person:
    """Find everybody that a shopper is.

    :raises NotFoundError: there is no such shopper.
    """
    head = await head_of(session, shopper)
    members = await members_of(session, head)
    return Person(head, members, await names_of(session, vault, shopper))


async def names_of(session: AsyncSession, vault: Vault, shopper: str) -> list[tuple[str, str]]:
    """Give the names in force of the person that a shopper is; nobody has none."""
    head = select(ShopperRow.head_id).where(ShopperRow.id == shopper).scalar_subquery()
    members = select(ShopperRow.id).where(ShopperRow.head_id == head)
    named = select(IdentityRow).where(
        col(IdentityRow.shopper_id).in_(members), col(IdentityRow.unlinked_at).is_(None)
    )
    names = set[tuple[str, str]]()
    for row in (await session.exec(named)).all():
        name = read_sealed(vault, row, "value")
        lookups = {row.lookup, *(vault.lookups(row.kind, name) if name else ())}
        names |= {(row.kind, lookup) for lookup in lookups}
    return sorted(names)


def rows_of(person: Person, table: type[Row]) -> ColumnElement[bool]:
    """Give the condition that a row of a table is the person's."""
    if table in BY_SHOPPER:
        return _owned(person, table)
    talks = select(ConversationRow.id).where(_owned(person, ConversationRow))
    orders = select(PurchaseRow.id).where(_owned(person, PurchaseRow))
    told = select(PurchaseRow.source, PurchaseRow.external_id).where(_owned(person, PurchaseRow))
    numbers = [lookup for kind, lookup in person.names if kind == CUSTOMER]
    shown = select(ConsentEventRow.notice_sha256).where(_owned(person, ConsentEventRow))
    special: dict[type[Row], ColumnElement[bool]] = {
        ShopperRow: col(ShopperRow.id).in_(person.members),
        MessageRow: col(MessageRow.conversation_id).in_(talks),
        DispatchRow: col(DispatchRow.conversation_id).in_(talks),
        TrackerRow: col(TrackerRow.sender_id).in_(talks),
        PurchaseLineRow: col(PurchaseLineRow.purchase_id).in_(orders),
        PurchaseNoteRow: tuple_(col(PurchaseNoteRow.source), col(PurchaseNoteRow.external_id)).in_(
            told
        ),
        QuarantineRow: col(QuarantineRow.lookup).in_(numbers),
        NoticeRow: col(NoticeRow.sha256).in_(shown),
    }
    return special[table]


def table_of(row: type[Row]) -> Table:
    """Give a table with its columns."""
    return SQLModel.metadata.tables[row.__tablename__]


def _owned(person: Person, table: type[Row]) -> ColumnElement[bool]:
    return table_of(table).c.shopper_id.in_(person.members)
