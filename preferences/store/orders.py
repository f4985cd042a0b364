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

type Place = tuple[str, str]
"""Where an order is found: its source, and its number there."""

_ORDER = "order"
_ADDRESS = "address"
_GIVEN_BACK = ("refund", "refunded")


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of an order: when it was delivered, if that is news, and when something came back."""

    delivered_at: datetime | None = None
    returned_at: datetime | None = None


async def hold_order(session: AsyncSession, place: Place) -> PurchaseRow | None:
    """Have others who tell of the same order wait until the transaction ends; give what is kept."""
    return (await hold_orders(session, [place]))[place]


async def hold_orders(
    session: AsyncSession, places: Collection[Place]
) -> dict[Place, PurchaseRow | None]:
    """Do so with several orders, which are all there, known or not."""
    await _keep_out(session, places)
    query = select(PurchaseRow).where(
        col(PurchaseRow.source).in_({source for source, _ in places}),
        col(PurchaseRow.external_id).in_([number for _, number in places]),
    )
    rows = (await session.exec(query.execution_options(populate_existing=True))).all()
    found = {(row.source, row.external_id): row for row in rows}
    return {place: found.get(place) for place in places}


async def hold_known(session: AsyncSession, purchases: Collection[str]) -> None:
    """Have others who tell of these purchases, given by their ids, wait until the transaction ends."""
    query = select(PurchaseRow.source, PurchaseRow.external_id)
    places = (await session.exec(query.where(col(PurchaseRow.id).in_(purchases)))).all()
    await _keep_out(session, places)


async def find_noted(session: AsyncSession, places: Collection[Place]) -> set[Place]:
    """Tell of which of these orders something was noted before they were known."""
    query = select(PurchaseNoteRow.source, PurchaseNoteRow.external_id).where(
        col(PurchaseNoteRow.source).in_({source for source, _ in places}),
        col(PurchaseNoteRow.external_id).in_([number for _, number in places]),
    )
    return {*(await session.exec(query)).all()} & {*places}


def digest_of(session: AsyncSession, purchase: Purchase) -> str:
    """Give the keyed hash of what a report says: of two of the same moment the larger one holds."""
    told = purchase.lines, purchase.name, purchase.address, purchase.placed_at, purchase.status
    marks = purchase.gift_wrap, purchase.gift_message, purchase.ships_elsewhere
    return vault_of(session).lookup(_ORDER, repr((told, marks)))


def new_order(purchase: Purchase, shopper: str, now: datetime) -> PurchaseRow:
    """Make the row of an order that nobody told of before."""
    return PurchaseRow(
        id=new_id(),
        source=purchase.source,
        external_id=purchase.external_id,
        shopper_id=shopper,
        placed_at=purchase.placed_at,
        received_at=now,
        told_at=purchase.told_at,
    )


def put_report(
    session: AsyncSession, row: PurchaseRow, shopper: str, purchase: Purchase, recipient: str
) -> list[PurchaseLineRow]:
    """Put what a report tells of an order into its row, and make the rows of its lines."""
    row.shopper_id, row.placed_at = shopper, purchase.placed_at
    row.told_at, row.digest = purchase.told_at, digest_of(session, purchase)
    row.gift_wrap, row.gift_message = purchase.gift_wrap, purchase.gift_message
    row.ships_elsewhere, row.recipient = purchase.ships_elsewhere, recipient
    return [_row(row.id, at, line) for at, line in enumerate(purchase.lines)]


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
) -> Happened:
    """Bring what is kept of an order to what its notes say, and end questions that lost their reason.

    `before` names whose it was taken to be until now.
    """
    query = select(PurchaseNoteRow).where(
        PurchaseNoteRow.source == row.source, PurchaseNoteRow.external_id == row.external_id
    )
    notes = (await session.exec(query)).all()
    was_delivered = row.delivered_at is not None
    ends = [(note.at, note.kind) for note in notes if note.kind in OVER and note.at >= row.told_at]
    row.delivered_at = min((note.at for note in notes if note.kind == "delivered"), default=None)
    if ends:
        row.status = max(ends)[1]
        await remove_lines(session, row.id)
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


async def find_recipients(
    session: AsyncSession, addresses: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Give the keyed hashes of addresses, each of a shopper, which an address of theirs has already.

    It may have been made with another key than the newest.
    """
    vault = vault_of(session)
    hashes = {
        (shopper, address): vault.lookups(_ADDRESS, spelled)
        for shopper, address in addresses
        if (spelled := " ".join(address.casefold().split()))
    }
    query = select(PurchaseRow.shopper_id, PurchaseRow.recipient).where(
        col(PurchaseRow.shopper_id).in_({shopper for shopper, _ in hashes}),
        col(PurchaseRow.recipient).in_({one for some in hashes.values() for one in some}),
    )
    held = {*(await session.exec(query.distinct())).all()} if hashes else set()
    found = dict.fromkeys(addresses, "")
    for (shopper, address), known in hashes.items():
        theirs = (one for one in known if (shopper, one) in held)
        found[shopper, address] = next(theirs, known[0])
    return found


async def remove_lines(session: AsyncSession, purchase: str) -> None:
    """Remove all lines of an order."""
    old = delete(PurchaseLineRow).where(col(PurchaseLineRow.purchase_id) == purchase)
    await session.exec(old.execution_options(synchronize_session="fetch"))


async def _keep_out(session: AsyncSession, places: Collection[Place]) -> None:
    await keep_out(session, [(_ORDER, f"{source}\n{number}") for source, number in places])


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
