"""Reads profiles: the ledgers of a few shoppers, folded at this moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import About
from preferences.errors import NotFoundError
from preferences.profile import Answer, ConsentEvent, Ledgers, Profile, SuppressionEntry, fold
from preferences.store.engine import Store
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    IdentityRow,
    ShopperRow,
    SuppressionRow,
)


async def read_profile(store: Store, shopper: str) -> Profile:
    """Give what may be used of one shopper now.

    :raises NotFoundError: there is no such shopper.
    :raises UnavailableError: the store is away; try again.
    """
    profiles = await read_profiles(store, [shopper])
    if shopper not in profiles:
        message = "There is no shopper of that id; take one that this shop was told before."
        raise NotFoundError(message)
    return profiles[shopper]


async def read_profiles(store: Store, shoppers: Collection[str]) -> dict[str, Profile]:
    """Give the profiles of those who exist, by id, in a fixed number of queries."""
    async with store.begin(readonly=True) as session:
        query = select(ShopperRow.id).where(col(ShopperRow.id).in_(shoppers))
        known = (await session.exec(query)).all()
        identities = await _of(session, IdentityRow, known)
        answers = await _of(session, AnswerRow, known)
        suppressions = await _of(session, SuppressionRow, known)
        # Last: a withdrawal that lands between two queries hides what was read before it.
        consents = await _of(session, ConsentEventRow, known)
    now = datetime.now(UTC)
    return {
        shopper: fold(
            shopper,
            Ledgers(
                _identities(identities[shopper]),
                map(_answer, answers[shopper]),
                map(_consent, consents[shopper]),
                map(_suppression, suppressions[shopper]),
            ),
            now,
        )
        for shopper in known
    }


async def _of[Row: (IdentityRow, AnswerRow, SuppressionRow, ConsentEventRow)](
    session: AsyncSession, table: type[Row], shoppers: Collection[str]
) -> defaultdict[str, list[Row]]:
    kept = defaultdict[str, list[Row]](list)
    for row in (await session.exec(select(table).where(col(table.shopper_id).in_(shoppers)))).all():
        kept[row.shopper_id].append(row)
    return kept


def _identities(rows: Iterable[IdentityRow]) -> list[tuple[str, str]]:
    linked = sorted(rows, key=lambda row: row.linked_at)
    return [(row.kind, row.value) for row in linked if row.unlinked_at is None]


def _answer(row: AnswerRow) -> Answer:
    return Answer(
        question=row.question_id,
        version=row.question_version,
        value=row.value,
        detail=row.detail,
        subject=row.subject,
        kind=row.kind,
        about=About(**row.about) if row.about else None,
        wording=row.wording,
        options=tuple(row.options),
        locale=row.locale,
        channel=row.channel,
        own_words=row.own_words,
        confidence=row.confidence,
        purpose=row.purpose,
        consent=row.consent_id,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
    )


def _consent(row: ConsentEventRow) -> ConsentEvent:
    return ConsentEvent(
        id=row.id,
        seq=row.seq,
        purpose=row.purpose,
        state=row.state,
        method=row.method,
        notice_version=row.notice_version,
        notice_sha256=row.notice_sha256,
        locale=row.locale,
        channel=row.channel,
        occurred_at=row.occurred_at,
    )


def _suppression(row: SuppressionRow) -> SuppressionEntry:
    return SuppressionEntry(
        scope=row.scope,
        target=row.target,
        source=row.source,
        reason=row.reason,
        since=row.created_at,
        until=row.expires_at,
        lifted_at=row.lifted_at,
    )
