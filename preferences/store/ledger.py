"""Appends to the consent ledger: each event chained to the one before, the current view beside it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import GOOD_MOMENT
from preferences.conversation import ConsentState
from preferences.store.ids import new_id
from preferences.store.persons import hold_person, of_person
from preferences.store.tables import (
    ConsentEventRow,
    ConsentRow,
    NoticeRow,
    ShopperRow,
    SurroundingsRow,
)

SCHEMA_VERSION = 1
CONSENT = "consent"
TAKING_BACK = "write “stop” in any chat, or ask the shop"
"""How a permission is withdrawn, as every event says."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The exact text that was shown, and when; `ask` names the ask that showed it."""

    key: str
    version: int
    locale: str
    text: str
    shown_at: datetime
    ask: str

    @property
    def sha256(self) -> str:
        """The name under which the text is kept."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a shopper, or of somebody for them, on one purpose.

    `words` are those that were said, of which only a hash is kept; `idempotency_key` names the act,
    so that the same act told twice is appended once. `requested` is no word of the shopper: it
    tells that the notice was shown, and changes nothing of what is in force.
    """

    purpose: str
    state: ConsentState
    method: str
    actor: str
    assurance: str
    locale: str
    channel: str
    idempotency_key: str
    occurred_at: datetime
    conversation: str = ""
    message_id: str = ""
    words: str | None = None
    notice: Notice | None = None
    recipients: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    disclosed_at: datetime | None = None
    valid_until: datetime | None = None


async def append_consent(session: AsyncSession, shopper: str, act: Act) -> str:
    """Append one act to a shopper's chain, and give the event's id; part of the caller's transaction.

    The act of a key that the chain holds already is that event: nothing is appended.
    """
    return (await append_new_consent(session, shopper, act))[0]


async def append_new_consent(session: AsyncSession, shopper: str, act: Act) -> tuple[str, bool]:
    """Do the same, and tell whether the event is new."""
    await session.flush()
    await hold_person(session, shopper)
    owner = await session.get_one(ShopperRow, shopper)
    known, held = await _so_far(session, shopper, act)
    if known is not None:
        return known, False
    if act.notice is not None:
        await _keep(session, act.notice)
    event = _event(owner, act, held.event_id if held else None)
    event.hash = digest(event)
    owner.ledger_seq, owner.ledger_hash = event.seq, event.hash
    session.add(event)
    await session.flush()
    if event.state != "requested":
        session.add(_view(held, event))
        await session.flush()
    if event.purpose == GOOD_MOMENT and event.state not in {"requested", "given"}:
        here = of_person(SurroundingsRow.shopper_id, owner.head_id)
        await session.exec(delete(SurroundingsRow).where(here))
    return event.id, True


async def _so_far(
    session: AsyncSession, shopper: str, act: Act
) -> tuple[str | None, ConsentRow | None]:
    """Give the event of this very act, if there is one, and the last word on its purpose.

    They are read after the lock was waited for, so that nothing of them is old.
    """
    same_act = (col(ConsentEventRow.shopper_id) == shopper) & (
        col(ConsentEventRow.idempotency_key) == act.idempotency_key
    )
    same_purpose = (col(ConsentRow.shopper_id) == shopper) & (
        col(ConsentRow.purpose) == act.purpose
    )
    query = (
        select(ConsentEventRow.id, ConsentRow)
        .select_from(ShopperRow)
        .outerjoin(ConsentEventRow, same_act)
        .outerjoin(ConsentRow, same_purpose)
        .where(ShopperRow.id == shopper)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).one()


def digest(event: ConsentEventRow) -> str:
    """Give the hash of an event: of everything in it but the hash itself."""
    held = event.model_dump(exclude={"hash"})
    times = {
        name: told.astimezone(UTC).isoformat()
        for name, told in held.items()
        if isinstance(told, datetime)
    }
    page = json.dumps(held | times, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(page.encode()).hexdigest()


def verify_chain(events: Iterable[ConsentEventRow], owner: ShopperRow) -> list[str]:
    """Tell what is wrong with a shopper's chain; nothing where all of it is as it was written."""
    chain = sorted(events, key=lambda event: event.seq)
    wrong = list(_broken(chain))
    last = chain[-1] if chain else None
    end = (last.seq, last.hash) if last else (0, "")
    if end[0] < owner.ledger_seq:
        wrong.append(f"events {end[0] + 1} to {owner.ledger_seq} are missing at the end")
    elif end != (owner.ledger_seq, owner.ledger_hash):
        wrong.append(f"the chain ends at event {end[0]}, and not as the shopper's row says")
    return wrong


def _broken(chain: Iterable[ConsentEventRow]) -> Iterator[str]:
    """Tell what is wrong from one event to the next."""
    seq, end = 0, ""
    for event in chain:
        if event.seq == seq:
            yield f"there are two events {seq}"
        elif event.seq != seq + 1:
            yield f"events {seq + 1} to {event.seq - 1} are missing"
        elif event.prev_hash != end:
            yield f"event {event.seq} does not follow event {seq}"
        if digest(event) != event.hash:
            yield f"event {event.seq} was altered"
        seq, end = event.seq, event.hash


def _event(owner: ShopperRow, act: Act, supersedes: str | None) -> ConsentEventRow:
    notice = act.notice
    return ConsentEventRow(
        id=new_id(),
        schema_version=SCHEMA_VERSION,
        shopper_id=owner.id,
        seq=owner.ledger_seq + 1,
        purpose=act.purpose,
        lawful_basis=CONSENT,
        data_categories=[*act.categories],
        recipients=[*act.recipients],
        state=act.state,
        method=act.method,
        actor=act.actor,
        assurance=act.assurance,
        notice_version=notice.version if notice else None,
        notice_sha256=notice.sha256 if notice else None,
        shown_at=notice.shown_at if notice else None,
        shown_ask=notice.ask if notice else None,
        disclosed_at=act.disclosed_at,
        locale=act.locale,
        channel=act.channel,
        conversation_id=act.conversation,
        message_id=act.message_id,
        evidence_sha256=None if act.words is None else sha256(act.words.encode()).hexdigest(),
        supersedes=None if act.state == "requested" else supersedes,
        idempotency_key=act.idempotency_key,
        withdrawal_method=TAKING_BACK,
        valid_until=act.valid_until,
        occurred_at=act.occurred_at,
        prev_hash=owner.ledger_hash,
        hash="",
    )


def _view(held: ConsentRow | None, event: ConsentEventRow) -> ConsentRow:
    """Give the row of the current view as it stands after an event.

    Its time never goes back, whatever the clock does: a person's shoppers are compared by it.
    """
    view = held or ConsentRow(
        shopper_id=event.shopper_id,
        purpose=event.purpose,
        state=event.state,
        event_id=event.id,
        seq=event.seq,
        occurred_at=event.occurred_at,
    )
    view.state, view.event_id, view.seq = event.state, event.id, event.seq
    view.valid_until = event.valid_until
    view.occurred_at = max(view.occurred_at, event.occurred_at)
    return view


async def _keep(session: AsyncSession, notice: Notice) -> None:
    """Keep the text once; somebody else may keep the same at this moment."""
    if await session.get(NoticeRow, notice.sha256) is not None:
        return
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    keeping = insert(NoticeRow).values(
        sha256=notice.sha256,
        key=notice.key,
        version=notice.version,
        locale=notice.locale,
        text=notice.text,
        first_shown_at=notice.shown_at,
    )
    await session.exec(keeping.on_conflict_do_nothing())
