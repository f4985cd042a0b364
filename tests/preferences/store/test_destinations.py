from datetime import timedelta

from preferences.store.destinations import (
    Pause,
    pause,
    read_pause,
    read_standing,
    resume,
    succeed,
)
from preferences.store.engine import Store
from preferences.store.outbox import claim
from preferences.store.outcomes import bury, fail
from tests.preferences.store.test_outbox import NOW, SECOND, marked

MINUTE = timedelta(minutes=1)
STOP = Pause(NOW + MINUTE, "refused", "Wrong key.")


async def test_a_pause_is_seen_by_all_and_is_news_once(store: Store) -> None:
    assert await read_pause(store, "log", NOW) is None

    assert await pause(store, "log", STOP, NOW)
    assert not await pause(store, "log", STOP, NOW + SECOND)
    assert await pause(store, "log", Pause(NOW + MINUTE, "refused", "No."), NOW)

    assert await read_pause(store, "log", NOW) == Pause(NOW + MINUTE, "refused", "No.")
    assert await read_pause(store, "webhook", NOW) is None
    assert await read_pause(store, "log", NOW + MINUTE) is None


async def test_a_success_ends_a_refusal_and_says_so_once(store: Store) -> None:
    await pause(store, "log", STOP, NOW)

    assert await succeed(store, "log", NOW)
    assert not await succeed(store, "log", NOW + SECOND)

    assert await read_pause(store, "log", NOW) is None
    [standing] = await read_standing(store, ["log"], NOW)
    assert standing.last_success_at == NOW + SECOND


async def test_a_quota_lasts_until_its_end_whatever_succeeds(store: Store) -> None:
    stop = Pause(NOW + MINUTE, "quota", "Used up.")
    await pause(store, "log", stop, NOW)

    assert not await succeed(store, "log", NOW)
    assert await read_pause(store, "log", NOW) == stop
    assert await succeed(store, "log", NOW + MINUTE)


async def test_an_operator_ends_a_pause(store: Store) -> None:
    await pause(store, "log", STOP, NOW)

    await resume(store, "log")

    assert await read_pause(store, "log", NOW) is None


async def test_how_a_destination_stands_is_told_by_lane(store: Store) -> None:
    await marked(store, "buried", now=NOW - MINUTE)
    await bury(store, "log", dict.fromkeys(await claim(store, "log", 1, NOW), "no"), MINUTE, NOW)
    await marked(store, "failed", now=NOW - SECOND)
    await fail(store, "log", dict.fromkeys(await claim(store, "log", 1, NOW), "no"), MINUTE, NOW)
    await marked(store, "a")
    await marked(store, "b", urgent=True)
    await pause(store, "log", STOP, NOW)

    log, other = await read_standing(store, ["log", "other"], NOW)

    assert log.waiting == {"wish": 1, "news": 2, "backfill": 0}
    assert (log.failing, log.failing_wishes, log.dead) == (1, 0, 1)
    assert log.behind_since == NOW - SECOND
    assert log.pause == STOP
    assert (other.waiting["news"], other.behind_since, other.pause) == (0, None, None)
