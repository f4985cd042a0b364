from datetime import timedelta

import pytest

import preferences.store.backfilling
from preferences.store.backfilling import begin_backfill, everybody, mark_some
from preferences.store.destinations import read_standing
from preferences.store.engine import Store
from preferences.store.outbox import claim
from preferences.store.outcomes import Told, acknowledge
from preferences.store.tables import ShopperRow
from tests.preferences.store.test_outbox import NOW, claimed, marked, row

LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences.store.backfilling, "_CHUNK", 2)


async def crowd(store: Store, *shoppers: str) -> None:
    async with store.begin() as session:
        session.add_all(ShopperRow(id=one, head_id=one, created_at=NOW) for one in shoppers)


async def all_marked(store: Store, *, whole: bool = False) -> list[int]:
    counts = list[int]()
    while count := await mark_some(store, "log", LATER, whole=whole):
        counts.append(count)
    return counts


async def test_everybody_is_marked_by_and_by_after_all_others(store: Store) -> None:
    await crowd(store, "a", "b", "c")
    async with store.begin() as session:
        session.add(ShopperRow(id="d", head_id="a", created_at=NOW))
    await marked(store, "news", now=LATER)

    assert await everybody(store) == 4
    assert not await begin_backfill(store, "log", again=False)
    assert await all_marked(store) == [2, 2]

    [standing] = await read_standing(store, ["log"], LATER)
    assert standing.waiting == {"wish": 0, "news": 1, "backfill": 3}
    assert await claimed(store, LATER) == ["news"]
    assert [one.lane for one in await claim(store, "log", 9, LATER)] == ["backfill"] * 3


async def test_one_that_was_interrupted_goes_on_where_it_was(store: Store) -> None:
    await crowd(store, "a", "b", "c")
    await begin_backfill(store, "log", again=False)
    await mark_some(store, "log", LATER, whole=False)

    assert await begin_backfill(store, "log", again=False)
    assert await all_marked(store) == [1]
    assert not await begin_backfill(store, "log", again=False)
    await mark_some(store, "log", LATER, whole=False)
    assert not await begin_backfill(store, "log", again=True)
    assert await all_marked(store) == [2, 1]
    assert (await row(store, "a")).desired_version == 3


async def test_who_was_put_off_or_buried_is_told_and_a_wish_stays_one(store: Store) -> None:
    await marked(store, "a", now=LATER + timedelta(days=1), urgent=True)
    await begin_backfill(store, "log", again=False)

    await all_marked(store)

    assert [one.lane for one in await claim(store, "log", 9, LATER)] == ["wish"]


@pytest.mark.parametrize(("whole", "known"), [(False, "hash"), (True, None)])
async def test_who_is_told_already_is_told_again_only_as_a_whole(
    store: Store, *, whole: bool, known: str | None
) -> None:
    await marked(store, "a")
    await acknowledge(store, "log", [Told("a", 1, "hash")], NOW)
    await begin_backfill(store, "log", again=False)

    await all_marked(store, whole=whole)

    [due] = await claim(store, "log", 9, LATER)
    assert (due.payload_hash, due.lane) == (known, "backfill")


async def test_without_anybody_there_is_nothing_to_mark(store: Store) -> None:
    await begin_backfill(store, "log", again=False)

    assert await all_marked(store) == []
