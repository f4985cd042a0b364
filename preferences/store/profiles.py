"""Reads profiles: the ledgers of a few shoppers, folded at this moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select

from preferences.conversation import About
from preferences.evidence import Answer, ConsentEvent, Ledgers, SuppressionEntry
from preferences.profile import Profile, fold
from preferences.store.engine import Store
from preferences.store.given import among, as_texts
from preferences.store.holdings import table_of
from preferences.store.persons import unknown_shopper
from preferences.store.sealed import open_text
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


async def read_profile(store: Store, shopper: str, at: datetime | None = None) -> Profile:
    """Give what may be used now, or `at`, of the person that a shopper is, under the person's id.

    :raises NotFoundError: there is no such shopper.
    :raises UnavailableError: the store is away; try again.
    """
    profile = (await read_profiles(store, [shopper], at)).get(shopper)
    if profile is None:
        raise unknown_shopper()
    return (
        profile if profile.linked_to is None else await read_profile(store, profile.linked_to, at)
    )


async def read_profiles(
    store: Store, shoppers: Collection[str], at: datetime | None = None
) -> dict[str, Profile]:
    """Give the profiles of those who exist, by id, in a fixed number of queries.

    They are worked out as of this moment, or of `at`, from all that is known by now.

    One who was linked to somebody else has nothing left but whom: `linked_to`.
    """
    async with store.begin(readonly=True) as session:
        connection = await session.connection()
        asked = (await connection.execute(_WHO, {"of": as_texts(shoppers)})).all()
        persons = {member: person for person, head, member in asked if person == head}
        of = {"of": as_texts(persons)}
        identities = _by_person(persons, await connection.execute(_IDENTITIES, of))
        answers = _by_person(persons, await connection.execute(_ANSWERS, of))
        suppressions = _by_person(persons, await connection.execute(_SUPPRESSIONS, of))
        promises = _by_person(persons, await connection.execute(_PROMISES, of))
        codes = _by_person(persons, await connection.execute(_CODES, of))
        # Last: a withdrawal that lands between two queries hides what was read before it.
        consents = _by_person(persons, await connection.execute(_CONSENTS, of))
    now, vault = at or datetime.now(UTC), store.vault
    profiles = dict[str, Profile]()
    for person in dict.fromkeys(persons.values()):
        ledgers = Ledgers(
            [_identity(vault, row) for row in identities[person]],
            [_answer(vault, row) for row in answers[person]],
            map(_consent, consents[person]),
            map(_suppression, suppressions[person]),
        )
        profile = fold(person, ledgers, now)
        profiles[person] = _with_gives(promises[person], codes[person], profile)
    return profiles | {
        shopper: Profile(shopper, {}, (), {}, (), erased=False, linked_to=head)
        for shopper, head, _ in asked
        if shopper != head
    }


def _by_person(
    persons: Mapping[str, str], rows: Iterable[Row[Any]]
) -> defaultdict[str, list[Row[Any]]]:
    """Give rows, each of which begins with its shopper, by the person that each is."""
    kept = defaultdict[str, list[Row[Any]]](list)
    for row in rows:
        kept[persons[row[0]]].append(row)
    return kept


def _with_gives(
    promises: Sequence[Row[Any]], codes: Sequence[Row[Any]], profile: Profile
) -> Profile:
    """Give a profile with what is promised; of who was erased nothing is left of it either."""
    if not promises and not codes:
        return profile
    return replace(
        profile,
        promises=tuple(map(_promise, promises)),
        referral=_referral(codes[0]) if codes else None,
    )


def _referral(row: Row[Any]) -> dict[str, Any]:
    return {
        "invited_at": row.made_at.isoformat(),
        "replaces_next_promotion_until": row.replaces_until.isoformat(),
    }


def _promise(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "give": row.give_id,
        "kind": row.kind,
        "value": row.value,
        "promised_at": row.promised_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "kept_at": row.kept_at and row.kept_at.isoformat(),
    }


def _identity(vault: Vault, row: Row[Any]) -> tuple[str, str]:
    return row.kind, open_text(vault, IdentityRow, "value", row.id, row.sealed_value)


def _answer(vault: Vault, row: Row[Any]) -> Answer:
    words = row.sealed_text
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
        own_words=None if words is None else open_text(vault, OwnWordsRow, "text", row.id, words),
        confidence=row.confidence,
        purpose=row.purpose,
        consent=row.consent_id,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
        fresh_until=row.fresh_until,
    )


def _consent(row: Row[Any]) -> ConsentEvent:
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


def _suppression(row: Row[Any]) -> SuppressionEntry:
    return SuppressionEntry(
        scope=row.scope,
        target=row.target,
        source=row.source,
        reason=row.reason,
        since=row.created_at,
        until=row.expires_at,
        lifted_at=row.lifted_at,
    )


_PERSON, _MEMBER = table_of(ShopperRow).alias("person"), table_of(ShopperRow).alias("member")
_IDENTITY, _ANSWER, _WORDS = table_of(IdentityRow).c, table_of(AnswerRow).c, table_of(OwnWordsRow).c
_SUPPRESSION, _CONSENT = table_of(SuppressionRow).c, table_of(ConsentEventRow).c
_PROMISE, _CODE = table_of(PromiseRow).c, table_of(ReferralCodeRow).c


def _of(table: Any, *columns: Any) -> Select[Any]:
    """Give the query of what a table holds of some shoppers, the shopper before all."""
    return select(table.shopper_id, *columns).where(among(table.shopper_id, "of"))


_WHO = (
    select(_PERSON.c.id, _PERSON.c.head_id, _MEMBER.c.id)
    .outerjoin_from(_PERSON, _MEMBER, _MEMBER.c.head_id == _PERSON.c.id)
    .where(among(_PERSON.c.id, "of"))
)
_IDENTITIES = (
    _of(_IDENTITY, _IDENTITY.id, _IDENTITY.kind, _IDENTITY.sealed_value)
    .where(_IDENTITY.unlinked_at.is_(None), _IDENTITY.sealed_value.is_not(None))
    .order_by(_IDENTITY.linked_at)
)
_ANSWERS = _of(
    _ANSWER,
    _ANSWER.id,
    _ANSWER.question_id,
    _ANSWER.question_version,
    _ANSWER.value,
    _ANSWER.detail,
    _ANSWER.subject,
    _ANSWER.kind,
    _ANSWER.source,
    _ANSWER.about,
    _ANSWER.wording,
    _ANSWER.options,
    _ANSWER.locale,
    _ANSWER.channel,
    _ANSWER.confidence,
    _ANSWER.purpose,
    _ANSWER.consent_id,
    _ANSWER.asked_at,
    _ANSWER.answered_at,
    _ANSWER.fresh_until,
    _WORDS.sealed_text,
).outerjoin_from(table_of(AnswerRow), table_of(OwnWordsRow), _WORDS.answer_id == _ANSWER.id)
_SUPPRESSIONS = _of(
    _SUPPRESSION,
    _SUPPRESSION.scope,
    _SUPPRESSION.target,
    _SUPPRESSION.source,
    _SUPPRESSION.reason,
    _SUPPRESSION.created_at,
    _SUPPRESSION.expires_at,
    _SUPPRESSION.lifted_at,
)
_PROMISES = _of(
    _PROMISE,
    _PROMISE.id,
    _PROMISE.give_id,
    _PROMISE.kind,
    _PROMISE.value,
    _PROMISE.promised_at,
    _PROMISE.due_at,
    _PROMISE.kept_at,
).order_by(_PROMISE.promised_at.desc(), _PROMISE.id.desc())
_CODES = _of(_CODE, _CODE.made_at, _CODE.replaces_until).order_by(_CODE.made_at.desc())
_CONSENTS = _of(
    _CONSENT,
    _CONSENT.id,
    _CONSENT.seq,
    _CONSENT.purpose,
    _CONSENT.state,
    _CONSENT.method,
    _CONSENT.notice_version,
    _CONSENT.notice_sha256,
    _CONSENT.locale,
    _CONSENT.channel,
    _CONSENT.occurred_at,
    _CONSENT.valid_until,
)
