from datetime import datetime, timedelta

from preferences.store.engine import Store
from preferences.store.letters import DeadLetter, Letters, dead_letters, dead_reasons, replay
from preferences.store.outbox import Pending, claim, pending, retry
from preferences.store.outcomes import bury, give_back
from tests.preferences.store.test_outbox import NOW, SECOND, claimed, marked, row

HOUR = timedelta(hours=1)


async def buried(store: Store, shopper: str, reason: str, at: datetime = NOW) -> None:
    await marked(store, shopper, now=at)
    due = await claim(store, "log", 10, at)
    await bury(store, "log", dict.fromkeys(due, reason), HOUR, at)


async def test_what_is_refused_is_buried_with_its_reason_and_left_alone(store: Store) -> None:
    await buried(store, "a", "No such option.")

    await retry(store, "log", NOW + HOUR)

    assert await claimed(store, NOW + timedelta(days=3650)) == []
    assert await dead_letters(store, "log", Letters(), 10) == [
        DeadLetter("a", "No such option.", NOW)
    ]
    assert await pending(store) == {"log": Pending(1, 1, 1)}


async def test_a_newer_state_is_told_though_the_older_is_buried(store: Store) -> None:
    await buried(store, "a", "no")

    await marked(store, "a", now=NOW + SECOND)

    assert await claimed(store, NOW + SECOND) == ["a"]
    assert await dead_letters(store, "log", Letters(), 10) == []


async def test_what_changed_while_it_was_refused_is_not_buried(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)
    await marked(store, "a")

    await bury(store, "log", dict.fromkeys(due, "no"), HOUR, NOW)

    assert await claimed(store, NOW) == ["a"]


async def test_a_wish_is_never_given_up(store: Store) -> None:
    await marked(store, "a", urgent=True)
    due = await claim(store, "log", 10, NOW)

    await bury(store, "log", dict.fromkeys(due, "no"), HOUR, NOW)

    assert await dead_letters(store, "log", Letters(), 10) == []
    assert await claimed(store, NOW + HOUR - SECOND) == []
    assert await claimed(store, NOW + HOUR) == ["a"]


async def test_letters_are_replayed_by_reason_and_by_time(store: Store) -> None:
    await buried(store, "a", "100% wrong")
    await buried(store, "b", "100 wrong", NOW + HOUR)
    await buried(store, "c", "other", NOW + 2 * HOUR)
    later = NOW + 9 * HOUR

    assert await dead_reasons(store, "log") == {"100 wrong": 1, "100% wrong": 1, "other": 1}
    assert await replay(store, "log", Letters("100%"), later) == 1
    assert await claimed(store, later) == ["a"]
    assert await replay(store, "log", Letters(until=NOW + 2 * HOUR), later) == 1
    assert await claimed(store, later) == ["b"]
    assert await replay(store, "other", Letters(), later) == 0
    assert await replay(store, "log", Letters(since=NOW + 3 * HOUR), later) == 0
    assert await replay(store, "log", Letters(since=NOW + 2 * HOUR), later) == 1
    assert (await row(store, "c")).dead_at is None


async def test_what_is_given_back_is_due_and_no_attempt_is_counted(store: Store) -> None:
    await marked(store, "a")
    due = await claim(store, "log", 10, NOW)

    await give_back(store, "log", due, NOW)

    assert (await row(store)).attempts == 0
    assert await claimed(store) == ["a"]
