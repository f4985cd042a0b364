"""Keeps orders and products as the shop reports them, and notices what does not fit.

The statistics of a shopper are worked out here, when an order arrives, never while anybody waits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import Order
from preferences.choosing.following import Occasion, follow_up
from preferences.misfit import is_fresh, misfit_in
from preferences.policy import Policy
from preferences.purchases import OVER, Note, Product, Purchase, customer_in
from preferences.store.bought import read_order
from preferences.store.buyers import Buyer
from preferences.store.engine import Store
from preferences.store.habits import hold_shoppers, outdate
from preferences.store.ids import new_id
from preferences.store.intake import Intake
from preferences.store.occasions import (
    add_candidate,
    add_welcome,
    be_silent_after_return,
)
from preferences.store.orders import (
    Happened,
    digest_of,
    hold_order,
    lines_left,
    put_notes,
    settle,
)
from preferences.store.outbox import mark
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import put_sealed
from preferences.store.shoppers import find_shopper
from preferences.store.tables import (
    ProductRow,
    PurchaseRow,
    QuarantineRow,
    SuppressionRow,
)
from preferences.store.vault import Vault

type Became = Literal["kept", "known", "nobody", "erased", "waiting"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a report, whose it is (the person's id), and whether it made a question.

    `known`: it said nothing new. `nobody`: it names no shopper, and nothing is kept. `erased`: they
    had everything deleted, and nothing is kept. `waiting`: the order itself is not known yet.
    """

    shopper: str
    candidate: bool
    became: Became = "kept"


async def keep_purchase(
    store: Store,
    purchase: Purchase,
    policy: Policy,
    now: datetime,
    destinations: Sequence[str] = (),
) -> Kept:
    """Keep an order as its newest report tells it, however often and in whatever sequence they come.

    Of a shopper who asked to be forgotten nothing is kept. `destinations` are the CRMs that hear
    of a silence after a return.
    """
    (kept,) = await keep_purchases(store, [purchase], policy, now, destinations)
    return kept


async def keep_purchases(
    store: Store,
    purchases: Sequence[Purchase],
    policy: Policy,
    now: datetime,
    destinations: Sequence[str] = (),
) -> list[Kept]:
    """Keep several orders, all of them or none: many in one go are kept much faster.

    :raises UnavailableError: the store is away, or somebody else tells of the same shoppers.
    """
    async with store.begin() as session:
        intake = Intake(session, policy, destinations, now)
        await intake.open(purchases)
        kept = [await _keep(intake, purchase) for purchase in purchases]
        await intake.close()
        return kept


async def keep_notes(
    store: Store,
    order: tuple[str, str],
    notes: Sequence[Note],
    policy: Policy,
    now: datetime,
    destinations: Sequence[str] = (),
) -> Kept:
    """Keep what happened to an order, told apart from it; it waits for an order not known yet.

    `order` is its source and its number there.
    """
    source, external_id = order
    async with store.begin() as session:
        held = await hold_order(session, order)
        if held is None:
            await put_notes(session, source, external_id, notes, now)
            return Kept("", candidate=False, became="waiting")
        intake = Intake(session, policy, destinations, now)
        head, _ = await _note(intake, held, notes)
        await intake.close()
        return Kept(head, candidate=False)


async def _keep(intake: Intake, purchase: Purchase) -> Kept:
    session, name = intake.session, purchase.name
    if name is None:
        return Kept("", candidate=False, became="nobody")
    held = intake.known(purchase)
    if held is None and purchase.status in OVER:
        return await _keep_end(intake, purchase, name)
    is_known = held is not None and (held.told_at, held.digest) >= (
        purchase.told_at,
        digest_of(session, purchase),
    )
    if held is not None and (is_known or purchase.status in OVER):
        return await _keep_happenings(intake, held, purchase)
    buyer = await intake.buyer(name, [held.shopper_id] if held else [])
    if buyer.erased:
        return Kept(buyer.head, candidate=False, became="erased")
    if held is not None:
        return await _keep_edit(intake, held, buyer, purchase)
    return await _keep_new(intake, buyer, purchase)


async def _keep_new(intake: Intake, buyer: Buyer, purchase: Purchase) -> Kept:
    """Keep an order that is told of for the first time: mostly nothing was noted of it yet."""
    row, order = await intake.add(buyer, purchase)
    if intake.has_notes(purchase):
        order = await _settle(intake, row, buyer, purchase)
    shopper = buyer.shopper
    if intake.policy.welcome.questions and await intake.is_first(shopper, row.id):
        add_welcome(intake.session, row, intake.policy, intake.now)
    candidate = await _weigh(intake, row, order, buyer.members)
    await intake.books.add(shopper, order)
    return Kept(buyer.head, candidate=candidate)


async def _keep_edit(intake: Intake, held: PurchaseRow, buyer: Buyer, purchase: Purchase) -> Kept:
    """Keep a newer report of an order in place of what is kept."""
    await intake.write()
    before, was = [held.shopper_id], await read_order(intake.session, held)
    await intake.replace(held, buyer, purchase)
    order = await _settle(intake, held, buyer, purchase, before)
    await _count_again(intake, held, before, was, order)
    return Kept(buyer.head, candidate=False)


async def _settle(
    intake: Intake,
    row: PurchaseRow,
    buyer: Buyer,
    purchase: Purchase,
    before: Sequence[str] = (),
) -> Order:
    """Bring an order to what is noted of it, with what its report tells beside the lines."""
    session, now = intake.session, intake.now
    await intake.write()
    await put_notes(session, row.source, row.external_id, purchase.all_notes, now)
    happened = await settle(session, row, now, before)
    order = await read_order(session, row)
    await _heed(intake, row, order, happened, buyer.head)
    return order


async def _count_again(
    intake: Intake, row: PurchaseRow, before: Sequence[str], was: Order, order: Order
) -> None:
    """Count an order that was told again: most reports of one change nothing that is counted."""
    if before == [row.shopper_id] and was == replace(order, told_at=was.told_at):
        await intake.books.hear(row.shopper_id, order)
        return
    for shopper in {row.shopper_id, *before}:
        intake.books.count_anew(shopper)


async def _keep_end(intake: Intake, purchase: Purchase, name: tuple[str, str]) -> Kept:
    """Keep that an order is over of which nothing is known: no shopper begins with it."""
    session = intake.session
    shopper = await find_shopper(session, *name)
    head = "" if shopper is None else await head_of(session, shopper)
    if head and await _is_erased(session, head):
        return Kept(head, candidate=False, became="erased")
    told = purchase.source, purchase.external_id
    await put_notes(session, *told, purchase.all_notes, intake.now)
    intake.note(purchase)
    return Kept(head, candidate=False, became="waiting")


async def _keep_happenings(intake: Intake, held: PurchaseRow, purchase: Purchase) -> Kept:
    """Keep what a report tells beside the lines, where it is no newer than what is kept."""
    head, changed = await _note(intake, held, purchase.all_notes)
    return Kept(head, candidate=False, became="kept" if changed else "known")


async def _note(intake: Intake, held: PurchaseRow, notes: Sequence[Note]) -> tuple[str, bool]:
    """Keep what happened to an order; give whose it is, and whether that says anything new."""
    session = intake.session
    await intake.write()
    _held = await hold_shoppers(session, [held.shopper_id])
    head = await head_of(session, held.shopper_id)
    was = held.status, held.delivered_at, await lines_left(session, held.id)
    await put_notes(session, held.source, held.external_id, notes, intake.now)
    happened = await settle(session, held, intake.now)
    now = held.status, held.delivered_at, await lines_left(session, held.id)
    if was[-1] != now[-1]:
        intake.books.count_anew(held.shopper_id)
    await _heed(intake, held, await read_order(session, held), happened, head)
    return head, was != now


async def _heed(
    intake: Intake, row: PurchaseRow, order: Order, happened: Happened, head: str
) -> None:
    """Let a delivery be an occasion for later, and a return one to be silent."""
    session, now = intake.session, intake.now
    if happened.delivered_at is not None:
        one = follow_up(order, happened.delivered_at, intake.policy.follow_up)
        if one is not None and one.expires_at > now:
            add_candidate(session, row.shopper_id, one, row.external_id, now)
    if await be_silent_after_return(session, head, happened, intake.policy, now):
        await session.flush()
        await mark(session, head, intake.destinations, now, urgent=True)


async def _weigh(intake: Intake, row: PurchaseRow, order: Order, members: Sequence[str]) -> bool:
    """Make the question whom it is for a candidate, if a new order does not fit its shopper."""
    if not order.lines or not is_fresh(row.placed_at, intake.now, intake.policy.misfit):
        return False
    habit = await intake.habit(members, row.id)
    misfit = misfit_in(order.basket, habit, intake.policy.misfit)
    if misfit is None:
        return False
    hours = timedelta(hours=intake.policy.misfit.fresh_hours)
    one = Occasion(
        "gift_or_self",
        misfit.reason,
        intake.now,
        row.placed_at + hours,
        order.lines[misfit.line],
    )
    add_candidate(intake.session, row.shopper_id, one, row.external_id, intake.now)
    return True


async def keep_product(store: Store, product: Product) -> None:
    """Keep what the feed says of a product; an older report never replaces a newer one."""
    async with store.begin() as session:
        known = await _held(session, product)
        if known.updated_at > product.updated_at:
            return
        was = known.category, known.audience
        await session.merge(ProductRow(**asdict(product)))
        if was != (product.category, product.audience):
            await outdate(session, product.sku)


async def _held(session: AsyncSession, product: Product) -> ProductRow:
    """Give the row of a product, locked; one that is new has neither category nor audience yet.

    Several reports of a new one may come at once: whoever is second waits for the first.
    """
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    fresh = insert(ProductRow).values(asdict(product) | {"category": "", "audience": ""})
    await session.exec(fresh.on_conflict_do_nothing())
    return await session.get_one(ProductRow, product.sku, with_for_update=True)


async def keep_aside(
    store: Store, *, source: str, topic: str, delivery: str, body: str, problem: str, now: datetime
) -> None:
    """Keep a signed report that could not be read, whole, until somebody mends and replays it."""
    async with store.begin() as session:
        query = select(QuarantineRow).where(QuarantineRow.delivery_id == delivery)
        if (await session.exec(query)).first() is None:
            kept = QuarantineRow(
                id=new_id(),
                source=source,
                topic=topic,
                delivery_id=delivery,
                lookup=_customer(store.vault, body),
                sealed_body="",
                problem=problem,
                received_at=now,
            )
            put_sealed(store.vault, kept, "body", body)
            session.add(kept)


def _customer(vault: Vault, body: str) -> str | None:
    """Give the keyed hash of the customer that a report names: an erasure finds it by that."""
    number = customer_in(body)
    return vault.lookup("customer", number) if number else None


async def _is_erased(session: AsyncSession, head: str) -> bool:
    query = select(SuppressionRow.id).where(
        of_person(SuppressionRow.shopper_id, head),
        SuppressionRow.reason == "shopper_erased",
        col(SuppressionRow.lifted_at).is_(None),
    )
    return (await session.exec(query)).first() is not None
