"""Deletes what is held of a person: everything but the wish to be left alone, and its proof."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, null, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.store.changes import note
from preferences.store.engine import Store, vault_of, wipe_after
from preferences.store.holdings import Person, read_person, rows_of
from preferences.store.ids import new_id
from preferences.store.journal import Entry
from preferences.store.outbox import mark
from preferences.store.persons import hold_person
from preferences.store.remembering import remember
from preferences.store.strangers import open_ledgers
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
    RemovalRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
)

_GOES = (  # in an order that no reference forbids
    TrackerRow,
    DispatchRow,
    SurroundingsRow,
    QuarantineRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    HabitRow,
    PrivacyRequestRow,
    OwnWordsRow,
    AnswerRow,
    AskRow,
    ConsentRow,
    ConsentEventRow,
    DecisionRow,
    LinkRow,
    SuppressionRow,
    CandidateRow,
    PromiseRow,
    ReferralCodeRow,
    ReferralRow,
    ChangeRow,
    WebhookDeliveryRow,
    IdempotencyRow,
)


_EMPTIED = {
    "open_ask_id": null(),
    "claimable_id": null(),
    "unclear": 0,
    "disclosed_at": null(),
    "sealed_address": null(),
    "referral": null(),
    "entry": "",
    "entered_at": null(),
    "recalled_at": null(),
}


async def erase_shopper(
    store: Store, shopper: str, destinations: Sequence[str], now: datetime
) -> None:
    """Delete what is held of a person, and have every destination do the same.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin() as session:
        await erase(session, shopper, now, destinations=destinations)


async def erase(
    session: AsyncSession,
    shopper: str,
    now: datetime,
    *,
    keep: str = "",
    destinations: Sequence[str] = (),
) -> None:
    """Delete what is held of a person, in the caller's transaction.

    `keep` names the message that asked for it: it stays, without its words, so that its turn is
    known to be done. What has no answer yet stays too, and gets one. The hashes of names stay:
    they are what keeps the wish in force. Every destination that was told of the person before is
    told of this, and those of `destinations`.
    """
    await session.flush()
    await _hold(session, await read_person(session, vault_of(session), shopper))
    person = await read_person(session, vault_of(session), shopper)  # as it stands once it is held
    remember(session, Entry("erased", now, shopper, names=person.names))
    await _empty_messages(session, person, keep)
    await _drop_leaning(session, person)
    session.add_all(RemovalRow(shopper_id=member) for member in person.members)
    await session.flush()
    for table in _GOES:
        await session.exec(delete(table).where(rows_of(person, table)))
    await session.exec(delete(RemovalRow).where(col(RemovalRow.shopper_id).in_(person.members)))
    await _blank(session, person)
    await _tell(session, person, destinations, now)
    wipe_after(session)


async def _hold(session: AsyncSession, person: Person) -> None:
    """Wait for whoever is writing of the person, and have others wait: nothing comes in behind."""
    talks = select(ConversationRow.id).where(rows_of(person, ConversationRow))
    await session.exec(talks.order_by(col(ConversationRow.id)).with_for_update())
    await hold_person(session, person.head)
    members = select(ShopperRow.id).where(rows_of(person, ShopperRow))
    await session.exec(members.order_by(col(ShopperRow.id)).with_for_update())


async def _empty_messages(session: AsyncSession, person: Person, keep: str) -> None:
    here = rows_of(person, MessageRow)
    asked_for_it = col(MessageRow.message_id) == keep
    await session.exec(update(MessageRow).where(here, asked_for_it).values(sealed_text="", body={}))
    kept = col(MessageRow.message_id).is_not_distinct_from(keep)
    waits = col(MessageRow.message_id).is_not(None) & col(MessageRow.answered_at).is_(None)
    await session.exec(delete(MessageRow).where(here, ~kept, ~waits))


async def _drop_leaning(session: AsyncSession, person: Person) -> None:
    """Delete what others, who were taken for this person once, said under a permission that goes.

    It could not be used since they were told apart: the permission was not theirs.
    """
    acts = select(ConsentEventRow.id).where(rows_of(person, ConsentEventRow))
    leaning = col(AnswerRow.consent_id).in_(acts) & ~rows_of(person, AnswerRow)
    owners = (await session.exec(select(AnswerRow.shopper_id).where(leaning).distinct())).all()
    async with open_ledgers(session, owners):
        answers = select(AnswerRow.id).where(leaning)
        await session.exec(delete(OwnWordsRow).where(col(OwnWordsRow.answer_id).in_(answers)))
        await session.exec(delete(AnswerRow).where(leaning))


async def _blank(session: AsyncSession, person: Person) -> None:
    """Empty the rows that stay: ids without content, and hashes of the names in force."""
    given_up = col(IdentityRow.unlinked_at).is_not(None)
    await session.exec(delete(IdentityRow).where(rows_of(person, IdentityRow), given_up))
    emptied: tuple[tuple[type[Row], dict[str, Any]], ...] = (
        (IdentityRow, {"sealed_value": null()}),
        (ConversationRow, _EMPTIED),
        (ShopperRow, {"ledger_seq": 0, "ledger_hash": ""}),
        (OutboxRow, {"payload_hash": null(), "last_error": null()}),
    )
    for table, values in emptied:
        blanking = update(table).where(rows_of(person, table)).values(**values)
        await session.exec(blanking.execution_options(synchronize_session="fetch"))


async def _tell(
    session: AsyncSession, person: Person, destinations: Sequence[str], now: datetime
) -> None:
    """Leave the wish with every shopper that the person is, even if they are told apart again."""
    told = select(OutboxRow.destination).where(rows_of(person, OutboxRow)).distinct()
    everywhere = {*destinations, *(await session.exec(told)).all()}
    for member in person.members:
        note(session, member, "shopper.erased", {}, now)
        await mark(session, member, sorted(everywhere), now, urgent=True)
        session.add(
            SuppressionRow(
                id=new_id(),
                shopper_id=member,
                scope="all",
                target="",
                source="shopper",
                reason=ERASED,
                created_at=now,
            )
        )
    await session.flush()
