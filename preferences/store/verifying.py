"""Checks what is held of a person against its own proof, and says what to do where it fails."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.store.engine import Store
from preferences.store.export import as_page
from preferences.store.holdings import HELD, Person, read_person, rows_of
from preferences.store.ledger import verify_chain
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    ConsentRow,
    NoticeRow,
    Row,
    ShopperRow,
    SuppressionRow,
)
from preferences.store.vault import SealError

_CHANGED = "Somebody changed the database past Askfirst: bring back its newest backup."


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit, and what to do about it."""

    what: str
    remedy: str = _CHANGED

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


async def verify(store: Store, shopper: str) -> list[Finding]:
    """Give what is wrong with a person's ledgers; nothing, where all of it is proved.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        person = await read_person(session, store.vault, shopper)
        shoppers = await _of(session, person, ShopperRow)
        events = sorted(await _of(session, person, ConsentEventRow), key=lambda row: row.seq)
        views = await _of(session, person, ConsentRow)
        answers = await _of(session, person, AnswerRow)
        notices = await _of(session, person, NoticeRow)
        suppressions = await _of(session, person, SuppressionRow)
        acts = [answer.consent_id for answer in answers]
        named = select(ConsentEventRow).where(col(ConsentEventRow.id).in_(acts))
        bases = (await session.exec(named)).all()  # of others, too, who were taken for this person
        sealed = [*await _sealed(store, session, person)]
    erased = {row.shopper_id for row in suppressions if row.reason == ERASED}
    chains = defaultdict[str, list[ConsentEventRow]](list)
    for event in events:
        chains[event.shopper_id].append(event)
    findings = [*sealed, *_notices(notices, events)]
    for owner in shoppers:
        wrong = verify_chain(chains[owner.id], owner)
        findings += [Finding(f"The consent ledger of {owner.id}: {what}.") for what in wrong]
        if owner.id not in erased:
            findings += await _anchored(store, owner.id, chains[owner.id])
    findings += _view(views, chains)
    findings += _bases(answers, bases)
    if not await asyncio.to_thread(store.journal.is_whole):
        findings.append(
            Finding(
                "The journal does not fit its own anchors: lines of it were changed or removed.",
                "Bring back the journal that fits, from where it is copied to.",
            )
        )
    return findings


async def _of[Held: Row](
    session: AsyncSession, person: Person, table: type[Held]
) -> Sequence[Held]:
    return (await session.exec(select(table).where(rows_of(person, table)))).all()


async def _sealed(store: Store, session: AsyncSession, person: Person) -> list[Finding]:
    """Open everything that is sealed."""
    findings = []
    for table in HELD:
        for row in await _of(session, person, table):
            try:
                as_page(store.vault, row)
            except SealError as error:
                findings.append(Finding(str(error), ""))
    return findings


async def _anchored(store: Store, shopper: str, events: Sequence[ConsentEventRow]) -> list[Finding]:
    """See that the ledger still holds the event that the journal anchored last."""
    end = await asyncio.to_thread(store.journal.end_of, shopper)
    if end is None or end[1:] == (0, "") or end[1:] in {(one.seq, one.hash) for one in events}:
        return []
    what = f"The consent ledger of {shopper} is not the one that the journal anchored."
    remedy = (
        "Acts were lost or changed: bring back the newest backup. Where an older one was brought "
        "back on purpose, it lacks what was said since, but for wishes, which were applied again."
    )
    return [Finding(what, remedy)]


def _view(
    views: Sequence[ConsentRow], chains: dict[str, list[ConsentEventRow]]
) -> Iterator[Finding]:
    """Fold the events once more."""
    folded = {
        (event.shopper_id, event.purpose): event
        for events in chains.values()
        for event in events
        if event.state != "requested"
    }
    shown = {(view.shopper_id, view.purpose): view for view in views}
    for shopper, purpose in sorted(folded.keys() | shown.keys()):
        event, view = folded.get((shopper, purpose)), shown.get((shopper, purpose))
        fits = event and view and (event.id, event.state) == (view.event_id, view.state)
        if not fits or (event and view and event.valid_until != view.valid_until):
            yield Finding(f"The consent in force on {purpose} is not the last of its events.")


def _bases(answers: Sequence[AnswerRow], events: Sequence[ConsentEventRow]) -> Iterator[Finding]:
    """See that every answer was given under a permission in force then, or names its source."""
    given = {event.id: event for event in events if event.state == "given"}
    for answer in answers:
        if answer.consent_id is None:
            if answer.kind == "declared" or not answer.source:
                yield Finding(f"Answer {answer.id} names no permission.")
            continue
        event = given.get(answer.consent_id)
        in_force = (
            event is not None
            and event.purpose == answer.purpose
            and event.occurred_at <= answer.answered_at
            and (event.valid_until is None or answer.answered_at < event.valid_until)
        )
        if not in_force:
            yield Finding(f"Answer {answer.id} was given under no permission in force.")


def _notices(notices: Sequence[NoticeRow], events: Sequence[ConsentEventRow]) -> Iterator[Finding]:
    """See that the texts are those that were shown."""
    for notice in notices:
        if sha256(notice.text.encode()).hexdigest() != notice.sha256:
            yield Finding(f"The notice {notice.key} is not the text that was shown.")
    missing = {event.notice_sha256 for event in events} - {None, *(one.sha256 for one in notices)}
    if missing:
        yield Finding("The text of a notice that was shown is missing.")
