"""Keeps an order as it stands, whatever the sequence in which it and what happened to it are told.

An order is its newest report and every note of it. A report replaces all lines; a note stays. So
the same reports end in the same order, whichever of them comes first, late or twice.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.purchases import OVER, Line, Note, Purchase
from preferences.store.engine import vault_of
from preferences.store.ids import new_id
from preferences.store.shoppers import keep_out
from preferences.store.tables import CandidateRow, PurchaseLineRow, PurchaseNoteRow, PurchaseRow

_ORDER = "order"
_ADDRESS = "address"
_GIVEN_BACK = ("refund", "refunded")


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of an order: when it was delivered, if that is news, and when something came back."""

    delivered_at: datetime | None = None
    returned_at: datetime | None = None


async def hold_order(session: AsyncSession, source: str, external_id: str) -> PurchaseRow | None:
    """Have others who tell of the same order wait until the transaction ends; give what is kept."""
    await keep_out(session, [(_ORDER, f"{source}\n{external_id}")])
    query = select(PurchaseRow).where(
        PurchaseRow.source == source, PurchaseRow.external_id == external_id
    )
    return (await session.exec(query.execution_options(populate_existing=True))).first()


def digest_of(session: AsyncSession, purchase: Purchase) -> str:
    """Give the keyed hash of what a report says: of two of the same moment the larger one holds."""
    told = purchase.lines, purchase.name, purchase.address, purchase.placed_at, purchase.status
    marks = purchase.gift_wrap, purchase.gift_message, purchase.ships_elsewhere
    return vault_of(session).lookup(_ORDER, repr((told, marks)))


async def put_report(
    session: AsyncSession,
    held: PurchaseRow | None,
    shopper: str,
    purchase: Purchase,
    now: datetime,
    recipients: dict[tuple[str, str], str],
) -> PurchaseRow:
    """Keep a report in place of an older one, if there is one.

    `recipients` are the hashes of addresses that this transaction has looked for, by shopper.
    """
    row = held or PurchaseRow(
        id=new_id(),
        source=purchase.source,
        external_id=purchase.external_id,
        shopper_id=shopper,
        placed_at=purchase.placed_at,
        received_at=now,
        told_at=purchase.told_at,
    )
    row.shopper_id, row.placed_at = shopper, purchase.placed_at
    row.told_at, row.digest = purchase.told_at, digest_of(session, purchase)
    row.gift_wrap, row.gift_message = purchase.gift_wrap, purchase.gift_message
    row.ships_elsewhere = purchase.ships_elsewhere
    place = shopper, purchase.address
    if place not in recipients:
        recipients[place] = await _recipient(session, *place)
    row.recipient = recipients[place]
    session.add(row)
    await session.flush()
    if held is not None:
        await _remove_lines(session, row.id)
    session.add_all(_row(row.id, at, line) for at, line in enumerate(purchase.lines))
    await session.flush()
    return row


async def put_notes(
    session: AsyncSession, source: str, external_id: str, notes: Iterable[Note], now: datetime
) -> None:
    """Keep notes of an order, each once: the end that came last, the delivery that came first."""
    for note in notes:
        key = (source, external_id, note.id)
        held = await session.get(PurchaseNoteRow, key, populate_existing=True)
        if held is None:
            session.add(_note(source, external_id, note, now))
            await session.flush()
        elif note.kind == "delivered":
            held.at = min(held.at, note.at)
        else:
            held.at, held.quantity = max(held.at, note.at), max(held.quantity, note.quantity)
    await session.flush()


async def settle(
    session: AsyncSession,
    row: PurchaseRow,
    now: datetime,
    before: Sequence[str] = (),
    *,
    is_new: bool = False,
) -> Happened:
    """Bring what is kept of an order to what its notes say, and end questions that lost their reason.

    `before` names whose it was taken to be until now. A new one of which nothing was noted is what
    its report says.
    """
    query = select(PurchaseNoteRow).where(
        PurchaseNoteRow.source == row.source, PurchaseNoteRow.external_id == row.external_id
    )
    notes = (await session.exec(query)).all()
    if is_new and not notes:
        return Happened()
    was_delivered = row.delivered_at is not None
    ends = [(note.at, note.kind) for note in notes if note.kind in OVER and note.at >= row.told_at]
    row.delivered_at = min((note.at for note in notes if note.kind == "delivered"), default=None)
    if ends:
        row.status = max(ends)[1]
        await _remove_lines(session, row.id)
    else:
        await _refund(session, row.id, notes)
        row.status = "delivered" if row.delivered_at else "placed"
    skus = [sku for sku, _ in await lines_left(session, row.id)]
    if not skus and not ends:
        row.status = "refunded"
    await session.flush()
    await _end_questions(session, row, skus, {row.shopper_id, *before}, now)
    given_back = (note.at for note in notes if note.kind in _GIVEN_BACK)
    news = None if was_delivered else row.delivered_at
    return Happened(news, max(given_back, default=None))


async def lines_left(session: AsyncSession, purchase: str) -> Sequence[tuple[str, int]]:
    """Give the articles of an order and their pieces, as they are left."""
    query = (
        select(PurchaseLineRow.sku, PurchaseLineRow.quantity)
        .where(PurchaseLineRow.purchase_id == purchase)
        .order_by(col(PurchaseLineRow.position))
    )
    return (await session.exec(query)).all()


async def _refund(session: AsyncSession, purchase: str, notes: Sequence[PurchaseNoteRow]) -> None:
    refunded = Counter[str]()
    for note in notes:
        if note.kind == "refund":
            refunded[note.ref] += note.quantity
    lines = select(PurchaseLineRow).where(PurchaseLineRow.purchase_id == purchase)
    fresh = lines.execution_options(populate_existing=True)
    for line in (await session.exec(fresh)).all():
        line.quantity = line.ordered - (refunded[line.ref] if line.ref else 0)
        if line.quantity <= 0:
            await session.delete(line)
    await session.flush()


async def _end_questions(
    session: AsyncSession,
    row: PurchaseRow,
    skus: Sequence[str],
    shoppers: Collection[str],
    now: datetime,
) -> None:
    """Close what was worth asking of an article that is no purchase (any more), or not theirs."""
    about = col(CandidateRow.about)
    gone = about["sku"].as_string().not_in(skus) | (CandidateRow.shopper_id != row.shopper_id)
    of_order = about["purchase"].as_string() == row.external_id
    await session.exec(
        update(CandidateRow)
        .where(
            col(CandidateRow.shopper_id).in_(shoppers),
            of_order,
            gone,
            col(CandidateRow.closed_at).is_(None),
        )
        .values(closed_at=now)
        .execution_options(synchronize_session=False)
    )


async def _recipient(session: AsyncSession, shopper: str, address: str) -> str:
    """Give the keyed hash of an address: the one that it has already, if it was made with another key."""
    spelled = " ".join(address.casefold().split())
    if not spelled:
        return ""
    hashes = vault_of(session).lookups(_ADDRESS, spelled)
    query = select(PurchaseRow.recipient).where(
        PurchaseRow.shopper_id == shopper, col(PurchaseRow.recipient).in_(hashes)
    )
    return (await session.exec(query)).first() or hashes[0]


async def _remove_lines(session: AsyncSession, purchase: str) -> None:
    old = delete(PurchaseLineRow).where(col(PurchaseLineRow.purchase_id) == purchase)
    await session.exec(old.execution_options(synchronize_session="fetch"))


def _row(purchase: str, position: int, line: Line) -> PurchaseLineRow:
    return PurchaseLineRow(
        purchase_id=purchase,
        position=position,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        ordered=line.quantity,
        price=None if line.price is None else str(line.price),
        currency=line.currency,
        category=line.category,
        audience=line.audience,
        size=line.size,
        ref=line.ref,
    )


def _note(source: str, external_id: str, note: Note, now: datetime) -> PurchaseNoteRow:
    return PurchaseNoteRow(
        source=source,
        external_id=external_id,
        id=note.id,
        kind=note.kind,
        at=note.at,
        ref=note.ref,
        quantity=note.quantity,
        received_at=now,
    )
