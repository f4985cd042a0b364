"""The change feed, read while others write to it."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import col, delete, select

from preferences.errors import BadInputError
from preferences.store.changes import (
    KEPT,
    Change,
    GoneError,
    forget_changes,
    head_position,
    note,
    place,
    read_changes,
)
from preferences.store.engine import Store
from preferences.store.tables import ChangeFeedRow, ChangeRow
from tests.preferences.scenes import NOW

WRITERS, EACH = 6, 25


async def happened(store: Store, *shoppers: str, at_age: timedelta = timedelta()) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            note(session, shopper, "suppression.added", {"scope": "all"}, NOW - at_age)


async def all_after(store: Store, after: int, page: int = 100) -> list[Change]:
    found: list[Change] = []
    while changes := await read_changes(store, after, page):
        found += changes
        after = changes[-1].position
    return found


async def test_a_change_is_read_as_it_was_noted(store: Store) -> None:
    async with store.begin() as session:
        note(session, "anna", "consent.given", {"purpose": "p"}, NOW)

    [change] = await read_changes(store, 0, 10)

    assert (change.position, change.shopper, change.type) == (1, "anna", "consent.given")
    assert (change.detail, change.at) == ({"purpose": "p"}, NOW)


async def test_changes_of_one_transaction_keep_the_order_of_their_notes(store: Store) -> None:
    names = [f"shopper-{number}" for number in range(50)]
    await happened(store, *names)

    assert [change.shopper for change in await all_after(store, 0, page=7)] == names


async def test_a_change_that_is_not_committed_is_not_seen(store: Store) -> None:
    async with store.begin() as session:
        note(session, "anna", "consent.given", {}, NOW)
        await session.flush()
        await session.rollback()

    assert await read_changes(store, 0, 10) == []
    assert await head_position(store) == 0


async def test_no_change_is_missed_or_repeated_while_many_write(store: Store) -> None:
    """Writers commit in another order than they note, and several readers place and follow."""
    written: list[str] = []
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for number in range(EACH):
            names = [f"{writer}-{number}-{part}-{uuid4().hex}" for part in range(1 + number % 3)]
            async with store.begin() as session:
                for name in names:
                    note(session, name, "suppression.added", {}, NOW)
                await session.flush()
                await asyncio.sleep(0.002 * ((writer + number) % 3))
            written.extend(names)

    async def follow(page: int) -> list[Change]:
        seen: list[Change] = []
        while True:
            was_done = done.is_set()
            changes = await read_changes(store, seen[-1].position if seen else 0, page)
            seen += changes
            if was_done and not changes:
                return seen
            await asyncio.sleep(0)

    readers = [asyncio.create_task(follow(page)) for page in (1, 7, 500)]
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    done.set()
    seen = await asyncio.gather(*readers)

    for changes in seen:
        assert [change.position for change in changes] == list(range(1, len(written) + 1))
        assert sorted(change.shopper for change in changes) == sorted(written)
    assert seen[0] == seen[1] == seen[2]


async def test_two_who_place_at_once_give_each_position_once(store: Store) -> None:
    await happened(store, *(f"shopper-{number}" for number in range(20)))

    await asyncio.gather(*(place(store) for _ in range(5)))

    assert [change.position for change in await read_changes(store, 0, 100)] == list(range(1, 21))


async def test_a_position_is_never_given_again(store: Store) -> None:
    """An erasure removes changes, the newest too: who had read them must see what comes next."""
    await happened(store, "anna", "ben")
    assert await head_position(store) == 2
    async with store.begin() as session:
        await session.exec(delete(ChangeRow).where(col(ChangeRow.shopper_id) == "ben"))
        note(session, "ben", "shopper.erased", {}, NOW)

    [change] = await read_changes(store, 2, 10)

    assert (change.position, change.type) == (3, "shopper.erased")


async def test_a_position_from_the_future_is_refused(store: Store) -> None:
    await happened(store, "anna")

    with pytest.raises(BadInputError, match="full export") as refused:
        await read_changes(store, 2, 10)

    assert refused.value.field == "after"


async def test_old_changes_go_and_who_missed_them_is_told(store: Store) -> None:
    await happened(store, "anna", "ben", at_age=KEPT + timedelta(seconds=1))
    await happened(store, "cleo")
    await place(store)

    assert await forget_changes(store, NOW) == 2
    assert await forget_changes(store, NOW) == 0

    assert [change.shopper for change in await read_changes(store, 2, 10)] == ["cleo"]
    for missed in (0, 1):
        with pytest.raises(GoneError, match="full export"):
            await read_changes(store, missed, 10)


async def test_what_nobody_has_read_is_not_forgotten(store: Store) -> None:
    await happened(store, "anna", at_age=KEPT * 2)

    assert await forget_changes(store, NOW) == 0
    assert [change.shopper for change in await read_changes(store, 0, 10)] == ["anna"]


async def test_where_nothing_is_noted_nothing_is_written(store: Store) -> None:
    assert await read_changes(store, 0, 10) == []

    async with store.begin(readonly=True) as session:
        assert (await session.exec(select(ChangeFeedRow))).all() == []
