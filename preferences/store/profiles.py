"""Reads profiles: the ledgers of a few shoppers, folded at this moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import About
from preferences.evidence import Answer, ConsentEvent, Ledgers, SuppressionEntry
from preferences.profile import Profile, fold
from preferences.store.engine import Store
from preferences.store.persons import head_of
from preferences.store.sealed import read_text
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    IdentityRow,
    OwnWordsRow,
    PromiseRow,
    ReferralCodeRow,
    ShopperRow,
    SuppressionRow,
)
from preferences.store.vault import Vault


async def read_profile(store: Store, shopper: str) -> Profile:
    """Give what may be used now of the person that a shopper is, under the person's id.

    :raises NotFoundError: there is no such shopper.
    :raises UnavailableError: the store is away; try again.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
    return (await read_profiles(store, [head]))[head]


async def read_profiles(
    store: Store, shoppers: Collection[str], at: datetime | None = None
) -> dict[str, Profile]:
    """Give the profiles of those who exist, by id, in a fixed number of queries.

    They are worked out as of this moment, or of `at`, from all that is known by now.

    One who was linked to somebody else has nothing left but whom: `linked_to`.
    """
    async with store.begin(readonly=True) as session:
        asked = select(ShopperRow.id, ShopperRow.head_id).where(col(ShopperRow.id).in_(shoppers))
        heads = dict((await session.exec(asked)).all())
        people = [shopper for shopper, head in heads.items() if shopper == head]
        member = select(ShopperRow.id, ShopperRow.head_id).where(
            col(ShopperRow.head_id).in_(people)
        )
        known = dict((await session.exec(member)).all())
        identities = await _of(session, IdentityRow, known)
        answers = await _of(session, AnswerRow, known)
        spoken = await _of(session, OwnWordsRow, known)
        suppressions = await _of(session, SuppressionRow, known)
        promised = await _of(session, PromiseRow, known)
        invited = await _of(session, ReferralCodeRow, known)
        # Last: a withdrawal that lands between two queries hides what was read before it.
        consents = await _of(session, ConsentEventRow, known)
    now = at or datetime.now(UTC)
    words = {
        row.answer_id: read_text(store.vault, row, "text")
        for rows in spoken.values()
        for row in rows
    }
    profiles = {
        person: _with_gives(
            promised[person],
            invited[person],
            fold(
                person,
                Ledgers(
                    _identities(store.vault, identities[person]),
                    [_answer(row, words.get(row.id)) for row in answers[person]],
                    map(_consent, consents[person]),
                    map(_suppression, suppressions[person]),
                ),
                now,
            ),
        )
        for person in people
    }
    return profiles | {
        shopper: Profile(shopper, {}, (), {}, (), erased=False, linked_to=head)
        for shopper, head in heads.items()
        if shopper != head
    }


async def _of[
    Row: (
        IdentityRow,
        AnswerRow,
        OwnWordsRow,
        SuppressionRow,
        ConsentEventRow,
        PromiseRow,
        ReferralCodeRow,
    )
](session: AsyncSession, table: type[Row], heads: Mapping[str, str]) -> defaultdict[str, list[Row]]:
    """Give the rows of all these shoppers by the person that each is."""
    kept = defaultdict[str, list[Row]](list)
    for row in (
        await session.exec(select(table).where(col(table.shopper_id).in_(list(heads))))
    ).all():
        kept[heads[row.shopper_id]].append(row)
    return kept


def _with_gives(
    promises: Iterable[PromiseRow], codes: Iterable[ReferralCodeRow], profile: Profile
) -> Profile:
    """Give a profile with what is promised; of who was erased nothing is left of it either."""
    in_order = sorted(promises, key=lambda row: (row.promised_at, row.id), reverse=True)
    newest = max(codes, key=lambda row: row.made_at, default=None)
    return replace(
        profile,
        promises=tuple(_promise(row) for row in in_order),
        referral=None if newest is None else _referral(newest),
    )


def _referral(row: ReferralCodeRow) -> dict[str, Any]:
    return {
        "invited_at": row.made_at.isoformat(),
        "replaces_next_promotion_until": row.replaces_until.isoformat(),
    }


def _promise(row: PromiseRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "give": row.give_id,
        "kind": row.kind,
        "value": row.value,
        "promised_at": row.promised_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "kept_at": row.kept_at and row.kept_at.isoformat(),
    }


def _identities(vault: Vault, rows: Iterable[IdentityRow]) -> list[tuple[str, str]]:
    linked = sorted(rows, key=lambda row: row.linked_at)
    return [
        (row.kind, read_text(vault, row, "value"))
        for row in linked
        if row.unlinked_at is None and row.sealed_value is not None
    ]


def _answer(row: AnswerRow, words: str | None) -> Answer:
    return Answer(
        id=row.id,
        question=row.question_id,
        version=row.question_version,
        value=row.value,
        detail=row.detail,
        subject=row.subject,
        kind=row.kind,
        source=row.source,
        about=About(**row.about) if row.about else None,
        wording=row.wording,
        options=tuple(row.options),
        locale=row.locale,
        channel=row.channel,
        own_words=words,
        confidence=row.confidence,
        purpose=row.purpose,
        consent=row.consent_id,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
        fresh_until=row.fresh_until,
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
        valid_until=row.valid_until,
        shopper=row.shopper_id,
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
